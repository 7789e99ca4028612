"""Score the program on every labelled story, with a bootstrap interval over developments, and show its worst mistakes.

    python -m benchmarks.quality.evaluate

Needs the labelled data (MONITOR_SHARED).
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from benchmarks.quality.labelled import Story, stories
from monitor.replay import Outcome, run
from monitor.replay.score import Decided, f1, is_key

DRAWS = 1_000
SHOWN = 20


def interval(decided: Sequence[Decided], labels: dict[str, str]) -> tuple[float, float]:
    """The middle 95 % of the alert F1 when developments are drawn anew, with replacement; noise stays as it is."""
    alerted = [labels.get(d.entry, "-") for d in decided if d.alert and labels.get(d.entry) != "?"]
    keys = sorted({label for label in labels.values() if is_key(label)})
    noise = sum(not is_key(label) for label in alerted)
    counts = {key: alerted.count(key) for key in keys}
    draw = random.Random(1)
    drawn = []
    for _ in range(DRAWS):
        sample = draw.choices(keys, k=len(keys))
        hits, sent = sum(counts[key] > 0 for key in sample), sum(counts[key] for key in sample) + noise
        drawn.append(f1(hits / sent if sent else 0.0, hits / len(sample)))
    drawn.sort()
    return drawn[int(0.025 * DRAWS)], drawn[int(0.975 * DRAWS)]


def mistakes(story: Story, outcome: Outcome) -> list[str]:
    """Alerts that told nothing new, and developments never told."""
    titles = {entry.id: f"{entry.outlet}: {entry.title}" for entry in story.entries}
    told: set[str] = set()
    wrong: list[str] = []
    for decision in outcome.decided:
        label = story.labels.get(decision.entry, "-")
        if decision.alert and label != "?":
            if label in told or not is_key(label):
                wrong.append(f"{'again' if label in told else 'noise':7} {titles[decision.entry][:120]}")
            told |= {label} if is_key(label) else set()
    missed = {
        label: entry for entry, label in reversed(list(story.labels.items())) if is_key(label) and label not in told
    }
    return wrong + [f"missed  {titles.get(entry, entry)[:120]}" for entry in missed.values()]


def main() -> None:
    """Print the table and, for each story, the mistakes."""
    for story in stories():
        outcome = run([story.stream], story.rules)
        scores = outcome.scores(story.labels)
        low, high = interval(outcome.decided, story.labels)
        print(
            f"\n{story.name}: on-story F1 {scores.on_story_f1:.3f}, alert F1 {scores.alert_f1:.3f} ({low:.2f}-{high:.2f}), "
            f"pair F1 {scores.pair_f1:.3f}; {scores.alerts} alerts, {scores.hits} of {scores.developments} developments, "
            f"{scores.redundant} redundant, {scores.noise} noise; delay {scores.delay_median_minutes:.0f} min (median), "
            f"{scores.delay_90th_minutes:.0f} min (90th percentile)"
        )
        for line in mistakes(story, outcome)[:SHOWN]:
            print("  ", line)


if __name__ == "__main__":
    main()
