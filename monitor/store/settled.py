"""What desks decided last, in their order, by which each of them follows what the others did."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select

from monitor.model import Entry, Placement, Settled
from monitor.store import Prepared, batches, replacing, stories
from monitor.store.schema import FEEDBACK, SETTLED, meta

KEPT = 1_000
"""So many are kept; a desk that is further behind reads the whole past again."""
_NUMBERS = Prepared(
    lambda _engine: select(meta.c.name, meta.c.value).where(meta.c.name.in_([bindparam("said"), bindparam("done")])),
    ("said", "done"),
)
_KEEP = replacing(meta, ("name", "value"))


class Revisions(NamedTuple):
    """As of what somebody knows the stories: how often persons had judged, and how often desks had decided."""

    feedback: int
    settled: int


def revisions(tx: Connection) -> Revisions:
    """As of now."""
    known = dict(map(tuple, _NUMBERS.rows(tx, (FEEDBACK, SETTLED))))
    return Revisions(int(known.get(FEEDBACK, 0)), int(known.get(SETTLED, 0)))


def note(tx: Connection, known: Revisions, entries: Sequence[Entry], at: datetime, *, baseline: bool) -> Revisions:
    """Note what was decided by a desk that knows all until now, which is `known`; returns what it knows with it."""
    number = known.settled + 1
    ids = [entry.id for entry in entries]
    told = json.dumps({"number": number, "at": at.isoformat(), "baseline": baseline, "entries": ids})
    _KEEP.run(tx, [(SETTLED, str(number)), (_place(number), told)])
    return known._replace(settled=number)


def between(tx: Connection, known: Revisions, now: Revisions) -> list[Settled] | None:
    """What was decided after `known` and until `now`, in its order; None where that is not there any more."""
    numbers = range(known.settled + 1, now.settled + 1)
    if not 0 < len(numbers) <= KEPT:
        return None
    noted = {told["number"]: told for told in _noted(tx, numbers)}
    found = stories.with_places(tx, [name for told in noted.values() for name in told["entries"]])
    try:
        return [_settled(noted[number], found) for number in numbers]
    except KeyError:  # overwritten, or of entries that were forgotten
        return None


def _noted(tx: Connection, numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
    """What stands where these numbers have their place."""
    for some in batches([_place(number) for number in numbers]):
        yield from map(json.loads, tx.execute(select(meta.c.value).where(meta.c.name.in_(some))).scalars())


def _settled(told: Mapping[str, Any], found: Mapping[str, tuple[Entry, Placement | None]]) -> Settled:
    ours = [found[name] for name in told["entries"]]
    return Settled(
        at=datetime.fromisoformat(told["at"]),
        baseline=told["baseline"],
        entries=tuple(entry for entry, _ in ours),
        placements={entry.id: placement for entry, placement in ours if placement},
    )


def _place(number: int) -> str:
    """The name in meta of what was decided under that number, until as many more were as are kept."""
    return f"{SETTLED} {number % KEPT}"
