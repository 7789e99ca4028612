"""Score the program and simple methods on labelled stories, and show what it gets wrong.

    python -m benchmarks.quality.evaluate [STORY...] [--pictures DIR]

Prints the table of each story (all where none is named) with bootstrap intervals over developments, and its worst mistakes with
the program's own explanations; draws the story's timeline. Needs `pip install .[bench]` and the labelled data (MONITOR_SHARED).
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean

from benchmarks.quality.baselines import BASELINES
from benchmarks.quality.labelled import Story, recorded, replayed, stories
from benchmarks.quality.timeline import draw
from monitor.replay import Outcome
from monitor.replay.score import DOUBTFUL, UNRELATED, Decided, Scores, f1, is_key, score

DRAWS = 1_000
SHOWN = 20


def interval(decided: Sequence[Decided], labels: dict[str, str]) -> tuple[float, float]:
    """The middle 95 % of the alert F1 when developments are drawn anew, with replacement; noise stays as it is."""
    alerted = [labels.get(d.entry, UNRELATED) for d in decided if d.alert and labels.get(d.entry) != DOUBTFUL]
    counts = Counter(label for label in alerted if is_key(label))
    noise = len(alerted) - counts.total()

    def of(sample: Sequence[str]) -> float:
        hits, sent = sum(counts[key] > 0 for key in sample), sum(counts[key] for key in sample) + noise
        return f1(hits / sent if sent else 0.0, hits / len(sample))

    return _middle(sorted({label for label in labels.values() if is_key(label)}), of)


def on_story_interval(decided: Sequence[Decided], labels: dict[str, str]) -> tuple[float, float]:
    """The same for the on-story F1: with each development drawn, its reports are."""
    sizes = Counter(label for label in labels.values() if is_key(label))
    matched = Counter(labels.get(d.entry, UNRELATED) for d in decided)
    found = {key: matched[key] for key in sizes}
    rest, wrong = matched["~"], matched[UNRELATED]
    coverage = sum(label == "~" for label in labels.values())

    def of(sample: Sequence[str]) -> float:
        hit = sum(found[key] for key in sample) + rest
        return f1(hit / (hit + wrong), hit / (sum(sizes[key] for key in sample) + coverage))

    return _middle(sorted(sizes), of)


def _middle(keys: Sequence[str], value: Callable[[Sequence[str]], float]) -> tuple[float, float]:
    draw_lots = random.Random(1)
    drawn = sorted(value(draw_lots.choices(keys, k=len(keys))) for _ in range(DRAWS))
    return drawn[int(0.025 * DRAWS)], drawn[int(0.975 * DRAWS)]


def simple(story: Story) -> dict[str, tuple[Scores, tuple[float, float]]]:
    """What the simple methods reach on a story's entries, which are given to them."""
    entries = [e for e in recorded(story.recording) if story.labels.get(e.id, UNRELATED) not in (UNRELATED, DOUBTFUL)]
    times = {entry.id: entry.published for entry in entries}
    reached = {}
    for name, method in BASELINES.items():
        alerted = method(entries)
        decided = [Decided(e.id, e.published, e.id, e.id in alerted) for e in entries]
        reached[name] = score(decided, times, story.labels), interval(decided, story.labels)
    return reached


def mistakes(story: Story, outcome: Outcome) -> list[str]:
    """What weighs most first: developments never told, by how many reported them; then alerts that told nothing new."""
    titles = {entry.id: f"{entry.outlet}: {entry.title}" for entry in recorded(story.recording)}
    why = {decision.entry: decision.why for decision in outcome.decided}
    told: set[str] = set()
    wrong: list[str] = []
    for decision in outcome.decided:
        label = story.labels.get(decision.entry, UNRELATED)
        if not decision.alert or label == DOUBTFUL:
            continue
        if label in told or not is_key(label):
            kind = "again" if label in told else "noise"
            wrong.append(f"{kind:6} {titles[decision.entry][:110]}\n         {decision.why[:200]}")
        told |= {label} if is_key(label) else set()
    sizes = Counter(label for label in story.labels.values() if is_key(label))
    first = {label: entry for entry, label in reversed(story.labels.items())}
    missed = [
        f"missed {titles.get(first[key], key)[:110]} ({size} reports)\n         {why.get(first[key], 'It matches no storyline.')[:200]}"
        for key, size in sizes.most_common()
        if key not in told
    ]
    return missed + wrong


def report(story: Story, outcome: Outcome) -> Scores:
    """Print a story's table and its worst mistakes."""
    scores = outcome.scores(story.labels)
    bounds, on_story = interval(outcome.decided, story.labels), on_story_interval(outcome.decided, story.labels)
    print(f"\n## {story.name}\n")
    print(f"On-story F1 {scores.on_story_f1:.3f} ({on_story[0]:.2f}-{on_story[1]:.2f}), pair F1 {scores.pair_f1:.3f}; "
          f"delay {scores.delay_median_minutes:.0f} min (median), {scores.delay_90th_minutes:.0f} min (90th percentile); "
          f"{scores.alerts_a_day:.1f} alerts a day, {scores.alerts_a_matched_entry:.0%} of what matched\n")  # fmt: skip
    print("| decides 'new' by | alerts | hits | redundant | noise | alert F1 (95 %) |\n|---|---|---|---|---|---|")
    for name, (reached, (low, high)) in {**simple(story), "this program (whole task)": (scores, bounds)}.items():
        counts = f"{reached.alerts} | {reached.hits} of {reached.developments} | {reached.redundant} | {reached.noise}"
        print(f"| {name} | {counts} | {reached.alert_f1:.2f} ({low:.2f}-{high:.2f}) |")
    print()
    for line in mistakes(story, outcome)[:SHOWN]:
        print("  ", line)
    return scores


def main() -> None:
    """Everything, for the stories that are named."""
    arguments = argparse.ArgumentParser(prog="benchmarks.quality.evaluate")
    arguments.add_argument("stories", nargs="*", metavar="STORY")
    arguments.add_argument("--pictures", type=Path, default=Path("var"), metavar="DIR")
    asked = arguments.parse_args()
    known = stories(asked.stories)
    outcomes = replayed(known)
    reached = {story.name: report(story, outcomes[story.name]) for story in known}
    for story in known:
        print(f"{draw(story, outcomes[story.name], asked.pictures)} is drawn.")
    if len(reached) > 1:
        print(f"\nMean over {len(reached)} stories: alert F1 {mean(s.alert_f1 for s in reached.values()):.3f}, "
              f"on-story F1 {mean(s.on_story_f1 for s in reached.values()):.3f}, pair F1 {mean(s.pair_f1 for s in reached.values()):.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
