"""Recorded entries through the same line as the daemon's, on a virtual clock: what would have been alerted, and how well."""

from __future__ import annotations

import gc
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
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
    recorded = in_order(entries(paths))
    replay = Replay(rules)
    with _left_alone():
        for number, entry in enumerate(recorded, 1):
            for line in replay.take(entry):
                if decisions is not None:
                    decisions.write(json.dumps(line, ensure_ascii=False) + "\n")
            if number % _FORGET_EVERY == 0:
                progress(number, len(recorded))
    progress(len(recorded), len(recorded))
    return replay.outcome()


@contextmanager
def _left_alone() -> Iterator[None]:
    """Keep the garbage collector from walking through the whole recording, which stays, again and again."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def in_order(recorded: Iterable[Entry]) -> list[Entry]:
    """Recorded entries in order of time, as they are replayed."""
    return sorted(recorded, key=lambda entry: (entry.published, entry.id))


class Replay:
    """One configuration's rules at work on recorded entries, taken one by one in order of time."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._ledger = Ledger(rules.matcher.storylines)
        self._published: dict[str, datetime] = {}
        self._taken = 0
        self._decided: list[Decided] = []
        self._reasons: Counter[str] = Counter()

    def take(self, entry: Entry) -> list[dict[str, Any]]:
        """Decide on `entry`, at the time it was published; returns a line of the decisions file if it matched."""
        self._taken += 1
        if self._taken % _FORGET_EVERY == 0:
            self._ledger.forget_before(entry.published - MEMORY)
        if entry.id in self._published:
            return []
        self._published[entry.id] = entry.published
        changes = decide([entry], self._ledger, self._rules, entry.published)
        for placement in changes.placements:
            alert, why = bool(changes.alerts), placement.explanation
            self._decided.append(Decided(entry.id, entry.published, placement.development, alert, why))
            self._reasons[placement.reason] += 1
        return [decision_line(placement, changes) for placement in changes.placements]

    def outcome(self) -> Outcome:
        """What was seen so far."""
        return Outcome(self._taken, tuple(self._decided), dict(self._reasons.most_common()), self._published)


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
