"""What persons said of entries, and the developments as they stand after a person moved a report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Integer, Row, Text, bindparam, cast, delete, insert, select, update

from monitor.model import Decision, Development, Entry, Feedback, Judgement, Placement
from monitor.store import Prepared, stories, upsert
from monitor.store.schema import FEEDBACK, developments, feedback, meta, on_storyline, reports

_NOW = Prepared(lambda _engine: select(meta.c.value).where(meta.c.name == bindparam("of")), ("of",))


def revision(tx: Connection) -> int:
    """A number that grows with every judgement: what was read at one is in force until the next."""
    return next((int(value) for (value,) in _NOW.rows(tx, (FEEDBACK,))), 0)


def given(tx: Connection) -> tuple[Feedback, ...]:
    """All that persons said."""
    return tuple(_feedback(tx, row) for row in tx.execute(_ordered()))


def of_entry(tx: Connection, entry: str) -> tuple[Feedback, ...]:
    """What a person said of one entry: one judgement, or `wrong` on several storylines."""
    return tuple(_feedback(tx, row) for row in tx.execute(_ordered().where(feedback.c.entry == entry)))


def undecided(tx: Connection, entry: Entry) -> Placement | None:
    """Where the entry was placed before anybody judged it; None when it matched nothing."""
    rows = tx.execute(select(feedback.c.was).where(feedback.c.entry == entry.id)).all()
    if not rows:
        return stories.placement(tx, entry.id)
    return stories.from_json(entry, rows[0].was) if rows[0].was else None


def replace(tx: Connection, entry: Entry, said: Sequence[Feedback]) -> None:
    """Put `said`, or nothing, in the place of all that was said of the entry before. Nobody's reading of an earlier revision holds any more."""
    before = undecided(tx, entry)
    was = stories.to_json(before) if before else None
    columns = ("entry", "storyline", "judgement", "score", "development", "given_at")
    tx.execute(delete(feedback).where(feedback.c.entry == entry.id))
    if said:
        tx.execute(insert(feedback), [{name: getattr(one, name) for name in columns} | {"was": was} for one in said])
    upsert(tx, meta, [{"name": FEEDBACK, "value": "0"}], keep=True)
    grown = cast(cast(meta.c.value, Integer) + 1, Text)
    tx.execute(update(meta).where(meta.c.name == FEEDBACK).values(value=grown))


def move(tx: Connection, entry: Entry, placement: Placement | None, now: datetime, *, known: bool = False) -> None:
    """Give an entry another place, or none, and count anew the developments that it leaves and joins.

    With `known`, people know of the development it joins, so that its rewrites are not told; so do they of one that
    is made here.
    """
    left = tx.execute(select(reports.c.development).where(reports.c.entry == entry.id)).scalar()
    if placement is None:
        tx.execute(delete(reports).where(reports.c.entry == entry.id))
    else:
        stories.save(tx, (), [placement], (), now)
        _count(tx, placement.development, now, known=known)
    if left is not None and (placement is None or left != placement.development):
        _count(tx, left, now)


def _count(tx: Connection, identifier: str, now: datetime, *, known: bool = False) -> None:
    """Make a development agree with its reports; without any it goes."""
    members = stories.reports_of(tx, identifier)
    if not members:
        tx.execute(delete(developments).where(developments.c.id == identifier))
        return
    counted = _development(identifier, members, stories.development(tx, identifier), known=known)
    stories.save(tx, (), (), [counted], now)
    links = delete(on_storyline).where(on_storyline.c.development == identifier)
    tx.execute(links.where(on_storyline.c.storyline.not_in(counted.storylines)))


def _development(
    identifier: str, members: Sequence[Placement], before: Development | None, *, known: bool
) -> Development:
    """A development as its reports make it, in order of time; titled, as in the ledger, by the last that was new."""
    on = dict.fromkeys(storyline for member in members for storyline in member.storylines)
    first = [storyline for storyline in before.storylines if storyline in on] if before else []
    titles = [member.entry.title for member in members if member.decision is Decision.NEW]
    return Development(
        id=identifier,
        title=titles[-1] if titles else members[0].entry.title,
        storylines=tuple(dict.fromkeys([*first, *on])),
        first_report=members[0].entry.id,
        started_at=members[0].entry.published,
        last_report_at=members[-1].entry.published,
        outlets=tuple(dict.fromkeys(member.entry.outlet for member in members)),
        reports=len(members),
        alerted=known or before is None or before.alerted,
    )


def _ordered() -> Any:
    return select(feedback).order_by(feedback.c.entry, feedback.c.storyline)


def _feedback(tx: Connection, row: Row[Any]) -> Feedback:
    beside: tuple[str, ...] = ()
    if row.judgement == Judgement.SAME_AS:
        others = select(reports.c.entry).where(reports.c.development == row.development, reports.c.entry != row.entry)
        beside = tuple(tx.execute(others.order_by(reports.c.entry)).scalars())
    return Feedback(
        entry=row.entry, storyline=row.storyline, judgement=Judgement(row.judgement), score=row.score,
        development=row.development, beside=beside, given_at=row.given_at,
    )  # fmt: skip
