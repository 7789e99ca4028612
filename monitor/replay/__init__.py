"""Recorded entries through the same line as the daemon's, on a virtual clock: what would have been alerted, and how well."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from monitor.desk import MEMORY, Rules, decide
from monitor.model import Changes, Entry, Placement
from monitor.replay.recorded import entries
from monitor.replay.score import Decided, Scores, score
from monitor.stories.ledger import Ledger

_FORGET_EVERY = 1_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a replay saw: entries read, matched, and the decision on each match, in order of time."""

    entries: int
    decided: tuple[Decided, ...]
    reasons: dict[str, int]
    published: Mapping[str, datetime]
    """When each entry appeared."""

    @property
    def alerts(self) -> int:
        """How many alerts would have been sent."""
        return sum(decision.alert for decision in self.decided)

    def scores(self, labels: Mapping[str, str]) -> Scores:
        """How well the decisions agree with a person's labels; see score.py."""
        return score(self.decided, self.published, labels)


def run(
    paths: Iterable[Path],
    rules: Rules,
    *,
    decisions: TextIO | None = None,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Outcome:
    """Replay the recordings in `paths`; write one JSON line a matched entry to `decisions`.

    Raises ReplayError for a file that cannot be read, naming it and the line.
    """
    recorded = sorted(entries(paths), key=lambda entry: (entry.published, entry.id))
    decided: list[Decided] = []
    reasons: Counter[str] = Counter()
    for placement, changes in _places(recorded, rules, progress):
        line = decision_line(placement, changes)
        decided.append(
            Decided(placement.entry.id, placement.entry.published, placement.development, bool(changes.alerts))
        )
        reasons[placement.reason] += 1
        if decisions is not None:
            decisions.write(json.dumps(line, ensure_ascii=False) + "\n")
    published = {entry.id: entry.published for entry in recorded}
    return Outcome(len(recorded), tuple(decided), dict(reasons.most_common()), published)


def _places(
    recorded: list[Entry], rules: Rules, progress: Callable[[int, int], None]
) -> Iterator[tuple[Placement, Changes]]:
    ledger = Ledger()
    seen: set[str] = set()
    for number, entry in enumerate(recorded, 1):
        if entry.id not in seen:
            seen.add(entry.id)
            changes = decide([entry], ledger, rules, entry.published)
            yield from ((placement, changes) for placement in changes.placements)
        if number % _FORGET_EVERY == 0:
            ledger.forget_before(entry.published - MEMORY)
            progress(number, len(recorded))
    progress(len(recorded), len(recorded))


def decision_line(placement: Placement, changes: Changes) -> dict[str, Any]:
    """One line of the decisions file, as outsiders read it."""
    return {
        "entry": placement.entry.id,
        "storylines": list(placement.storylines),
        "score": placement.matches[0].score,
        "decision": placement.decision.value,
        "development": placement.development,
        "alert": bool(changes.alerts),
        "reason": placement.reason,
        "nearest": placement.nearest,
    }
