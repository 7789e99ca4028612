"""What other terms would have done: a storyline as it is and as it might be, both over the same entries, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from monitor.desk import Rules
from monitor.model import Entry
from monitor.replay import Replay

SHOWN = 100
"""Entries of a kind that are named; all are counted."""
_TELL_EVERY = 500


@dataclass(slots=True)
class Side:
    """What one set of terms would have done."""

    reports: int = 0
    developments: set[str] = field(default_factory=set)
    """Their ids."""
    alerted: int = 0
    alerts: list[Entry] = field(default_factory=list)
    """The first entries that would have been alerted."""


@dataclass(slots=True)
class Preview:
    """Both sides, and the entries on which they differ: at most SHOWN of each are kept, all of them are counted."""

    entries: int = 0
    now: Side = field(default_factory=Side)
    then: Side = field(default_factory=Side)
    gained: list[Entry] = field(default_factory=list)
    """Only the new terms match these."""
    lost: list[Entry] = field(default_factory=list)
    """Only the old terms match these."""
    gains: int = 0
    losses: int = 0


class Stopped(Exception):  # noqa: N818 - reads as what happened
    """Nobody waits for the outcome any more."""


def preview(
    entries: Iterable[Entry],
    now: Rules,
    then: Rules,
    progress: Callable[[int], bool] = lambda _done: True,
) -> Preview:
    """Replay `entries`, in order of time, by the rules as they are and as they might be.

    `progress` is told how many entries were taken, and says whether to go on; Stopped is raised where it does not.
    """
    outcome = Preview()
    sides = ((outcome.now, Replay(now)), (outcome.then, Replay(then)))
    for entry in entries:
        outcome.entries += 1
        matched = [_note(side, entry, replay) for side, replay in sides]
        if matched == [False, True]:
            outcome.gains += 1
            outcome.gained += [entry][: SHOWN - len(outcome.gained)]
        elif matched == [True, False]:
            outcome.losses += 1
            outcome.lost += [entry][: SHOWN - len(outcome.lost)]
        if outcome.entries % _TELL_EVERY == 0 and not progress(outcome.entries):
            raise Stopped
    return outcome


def _note(side: Side, entry: Entry, replay: Replay) -> bool:
    lines = replay.take(entry)
    for line in lines:
        side.reports += 1
        side.developments.add(line["development"])
        side.alerted += line["alert"]
        side.alerts += [entry][: SHOWN - len(side.alerts)] if line["alert"] else []
    return bool(lines)
