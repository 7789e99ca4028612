"""How well decisions agree with a person's labels: on-story F1, alert F1, pair F1 of the grouping, and the delay.

A label is a development's key (the entry reports it), `~` (part of the story, nothing new), `?` (doubtful: left out) or
`-` (not part of the story; also everything without a label).
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

COVERAGE, DOUBTFUL, UNRELATED = "~", "?", "-"


@dataclass(frozen=True, slots=True)
class Decided:
    """The decision on one matched entry."""

    entry: str
    at: datetime
    development: str
    alert: bool
    why: str = ""
    """The decision in one sentence."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Shares are 0..1, delays in minutes."""

    on_story_f1: float
    on_story_precision: float
    on_story_recall: float
    alert_f1: float
    alert_precision: float
    alert_recall: float
    alerts: int
    hits: int
    redundant: int
    noise: int
    developments: int
    pair_f1: float
    delay_median_minutes: float
    delay_90th_minutes: float
    alerts_a_day: float
    alerts_a_matched_entry: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON and tables, rounded to what can be meant."""
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(self).items()}


def score(decided: Sequence[Decided], published: Mapping[str, datetime], labels: Mapping[str, str]) -> Scores:
    """Score `decided`, in order of time, against `labels`; `published` tells when each labelled entry appeared."""
    on_precision, on_recall = _on_story({decision.entry for decision in decided}, labels)
    hits, redundant, noise = walk_alerts(decided, labels)
    keys = {label for label in labels.values() if is_key(label)}
    precision, recall = _ratio(len(hits), len(hits) + redundant + noise), _ratio(len(hits), len(keys))
    delays = sorted(_delays(hits, published, labels))
    times = [decision.at for decision in decided]
    days = max(1.0, (max(times) - min(times)) / timedelta(days=1)) if times else 1.0
    alerts = sum(decision.alert for decision in decided)
    return Scores(
        on_story_f1=f1(on_precision, on_recall), on_story_precision=on_precision, on_story_recall=on_recall,
        alert_f1=f1(precision, recall), alert_precision=precision, alert_recall=recall,
        alerts=alerts, hits=len(hits), redundant=redundant, noise=noise, developments=len(keys),
        pair_f1=_pair_f1(decided, labels),
        delay_median_minutes=statistics.median(delays) if delays else 0.0,
        delay_90th_minutes=delays[min(len(delays) - 1, int(0.9 * len(delays)))] if delays else 0.0,
        alerts_a_day=alerts / days, alerts_a_matched_entry=_ratio(alerts, len(decided)),
    )  # fmt: skip


def is_key(label: str) -> bool:
    """Whether a label names a development."""
    return label not in (COVERAGE, DOUBTFUL, UNRELATED)


def walk_alerts(decided: Iterable[Decided], labels: Mapping[str, str]) -> tuple[dict[str, datetime], int, int]:
    """(development key -> time of its first alert, redundant alerts, noise), walking the alerts in order of time."""
    hits: dict[str, datetime] = {}
    redundant = noise = 0
    for decision in decided:
        label = labels.get(decision.entry, UNRELATED)
        if not decision.alert or label == DOUBTFUL:
            continue
        if not is_key(label):
            noise += 1
        elif label in hits:
            redundant += 1
        else:
            hits[label] = decision.at
    return hits, redundant, noise


def f1(precision: float, recall: float) -> float:
    """The harmonic mean."""
    return _ratio(2 * precision * recall, precision + recall)


def _on_story(predicted: set[str], labels: Mapping[str, str]) -> tuple[float, float]:
    counted = {entry for entry in predicted if labels.get(entry) != DOUBTFUL}
    gold = {entry for entry, label in labels.items() if label not in (DOUBTFUL, UNRELATED)}
    hit = len(counted & gold)
    return _ratio(hit, len(counted)), _ratio(hit, len(gold))


def _delays(hits: Mapping[str, datetime], published: Mapping[str, datetime], labels: Mapping[str, str]) -> list[float]:
    """Minutes from each alerted development's first report to its alert."""
    first: dict[str, datetime] = {}
    for entry, label in labels.items():
        if is_key(label) and entry in published:
            first[label] = min(first.get(label, published[entry]), published[entry])
    return [(at - first[key]) / timedelta(minutes=1) for key, at in hits.items() if key in first]


def _pair_f1(decided: Iterable[Decided], labels: Mapping[str, str]) -> float:
    """Whether two labelled reports share a development, over all pairs of reports that were matched."""
    both = [(labels[d.entry], d.development) for d in decided if is_key(labels.get(d.entry, UNRELATED))]
    agreed = _pairs(Counter(both).values())
    gold = _pairs(Counter(key for key, _ in both).values())
    ours = _pairs(Counter(development for _, development in both).values())
    return f1(_ratio(agreed, ours), _ratio(agreed, gold))


def _pairs(sizes: Iterable[int]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
