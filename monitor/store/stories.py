"""Stories: entries, their places, the developments, and what of them has been announced."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Row, Text, bindparam, cast, delete, func, select, update

from monitor.model import (
    Decision,
    Development,
    Entry,
    Evidence,
    History,
    Judgement,
    Link,
    Match,
    Placement,
    Storyline,
    StoryState,
)  # fmt: skip
from monitor.store import Prepared, batches, begins, fields, keeping, upsert
from monitor.store.schema import (
    ENTRIES,
    alerts,
    developments,
    entries,
    feedback,
    meta,
    on_storyline,
    reports,
    seen,
    storylines,
)

FOREVER = datetime.max.replace(tzinfo=UTC)
_BACKGROUND = 20_000
_BATCH = 2_000
_ACTIVITY = 5_000
"""Reports that tell how lively a storyline is, at most."""
_MORE = Prepared(
    lambda _engine: (
        update(meta)
        .where(meta.c.name == bindparam("of"))
        .values(value=cast(cast(meta.c.value, BigInteger) + bindparam("more", type_=BigInteger), Text))
    ),
    ("of", "more"),
)
_ENTRY = tuple(entries.c[name] for name in Entry.__dataclass_fields__)
_of_entry = attrgetter(*Entry.__dataclass_fields__)
_KEEP_ENTRIES = keeping(entries, (*Entry.__dataclass_fields__, "seen_at"))
_KEEP_KEYS = keeping(seen, ("feed", "key", "last_seen_at"))
_DEVELOPMENT = tuple(developments.c[name] for name in Development.__dataclass_fields__)


def sync(tx: Connection, configured: Sequence[Storyline], now: datetime) -> None:
    """Follow exactly the `configured` storylines; those that are left out keep their history."""
    tx.execute(update(storylines).values(followed=False))
    rows = [{"id": s.id, "title": s.title, "question": s.question, "followed": True} for s in configured]
    upsert(tx, storylines, [row | {"followed_since": now} for row in rows], keep=True)
    upsert_titles = update(storylines).where(storylines.c.id == bindparam("ours"))
    changed = upsert_titles.values(title=bindparam("title"), question=bindparam("question"), followed=True)
    if rows:
        tx.execute(changed, [{"ours": row["id"], "title": row["title"], "question": row["question"]} for row in rows])


def save(
    tx: Connection,
    fresh: Sequence[Entry],
    placements: Sequence[Placement],
    grown: Sequence[Development],
    now: datetime,
) -> None:
    """Keep entries with their keys, their places, and the developments that are new or have grown."""
    _note_count(tx, _KEEP_ENTRIES.run(tx, [(*_of_entry(entry), now) for entry in fresh]))
    _KEEP_KEYS.run(tx, [(entry.feed, key, now) for entry in fresh for key in entry.keys])
    upsert(tx, developments, [fields(development) for development in grown])
    links = [{"storyline": s, "development": d.id} for d in grown for s in d.storylines]
    upsert(tx, on_storyline, links, keep=True)
    upsert(tx, reports, [to_json(placed) | {"published": placed.entry.published} for placed in placements])


def count(tx: Connection) -> int:
    """How many entries are kept: noted as they come and go, since millions take long to count."""
    return int(tx.execute(select(meta.c.value).where(meta.c.name == ENTRIES)).scalar_one())


def _note_count(tx: Connection, more: int) -> None:
    if more:
        _MORE.run(tx, [(ENTRIES, more)])


def unannounced(tx: Connection) -> list[tuple[str, list[Development]]]:
    """Followed storylines whose state has not been told yet, each with its developments, oldest first."""
    query = (
        select(storylines.c.id)
        .where(storylines.c.followed, storylines.c.announced_at.is_(None))
        .order_by(storylines.c.id)
    )
    return [(storyline, of_storyline(tx, storyline)) for storyline in tx.execute(query).scalars().all()]


def of_storyline(tx: Connection, storyline: str) -> list[Development]:
    """The developments of a storyline, oldest first."""
    query = select(*_DEVELOPMENT).join(on_storyline, on_storyline.c.development == developments.c.id)
    query = query.where(on_storyline.c.storyline == storyline).order_by(developments.c.started_at, developments.c.id)
    return [_development(row) for row in tx.execute(query)]


def standing(tx: Connection, storyline: str) -> tuple[StoryState, datetime] | None:
    """The state of a storyline and since when, if it has been looked at."""
    row = tx.execute(select(storylines.c.state, storylines.c.state_since).where(storylines.c.id == storyline)).first()
    return (StoryState(row.state), row.state_since) if row and row.state else None


def stand(tx: Connection, storyline: str, state: StoryState, since: datetime) -> None:
    """Remember a storyline's state."""
    tx.execute(update(storylines).where(storylines.c.id == storyline).values(state=state, state_since=since))


def activity(tx: Connection, storyline: str, since: datetime) -> tuple[list[datetime], datetime | None]:
    """When the reports on a storyline since then were published, the newest first, and when its last development began."""
    ours = on_storyline.c.storyline == storyline
    times = select(entries.c.published).join(reports, reports.c.entry == entries.c.id)
    times = times.join(on_storyline, on_storyline.c.development == reports.c.development)
    times = times.join(developments, developments.c.id == reports.c.development)
    lately = (
        developments.c.last_report_at >= since,
        entries.c.published >= since,
    )  # the first, so that few are looked at
    times = times.where(ours, *lately).order_by(entries.c.published.desc()).limit(_ACTIVITY)
    begun = select(func.max(developments.c.started_at)).where(developments.c.alerted, ours)
    begun = begun.join(on_storyline, on_storyline.c.development == developments.c.id)
    return list(tx.execute(times).scalars()), tx.execute(begun).scalar()


def last_told(tx: Connection, storyline: str, limit: int = 3) -> list[Link]:
    """How the last developments began that people know of, the latest first."""
    query = select(*_DEVELOPMENT).join(on_storyline, on_storyline.c.development == developments.c.id)
    query = query.where(on_storyline.c.storyline == storyline, developments.c.alerted)
    rows = tx.execute(query.order_by(developments.c.started_at.desc(), developments.c.id).limit(limit))
    return [Link.to_start_of(_development(row)) for row in rows]


def mark_announced(tx: Connection, told: Sequence[str], now: datetime) -> None:
    """Remember that the state of these storylines was told."""
    if told:
        tx.execute(update(storylines).where(storylines.c.id.in_(told)).values(announced_at=now))


def history(tx: Connection, since: datetime, until: datetime = FOREVER, on: Collection[str] | None = None) -> History:
    """What a ledger is made from: the developments and reports of that time, and the newest entries of any kind.

    With `on`, only the developments of these storylines, with their reports.
    """
    lately = [developments.c.last_report_at >= since, developments.c.started_at <= until]
    if on is not None:
        ours = select(on_storyline.c.development).where(on_storyline.c.storyline.in_(on))
        lately.append(developments.c.id.in_(ours))
    known = select(*_DEVELOPMENT).where(*lately).order_by(developments.c.started_at, developments.c.id)
    placements = _placed_in(tx, lately, since, until)
    newest = select(*_ENTRY).where(entries.c.published.between(since, until))
    newest = newest.order_by(entries.c.published.desc(), entries.c.id.desc()).limit(_BACKGROUND)
    read = {row.id: _entry(row) for row in tx.execute(newest)}
    read |= {placement.entry.id: placement.entry for placement in placements}
    return History(
        developments=tuple(map(_development, tx.execute(known))),
        placements=placements,
        entries=tuple(sorted(read.values(), key=_moment)),
        refused=tuple(_refused(tx, since)),
        first_alerts=_first_alerts(tx, since),
    )


def _placed_in(
    tx: Connection, lately: Collection[ColumnElement[bool]], since: datetime, until: datetime
) -> tuple[Placement, ...]:
    """The reports of that time in these developments, in order of time.

    They are come to by their developments: by their time, all that was read since would be looked at for the few that are reports.
    """
    placed = select(*_ENTRY, *_PLACEMENT).join(reports, reports.c.entry == entries.c.id)
    placed = placed.where(reports.c.development.in_(select(developments.c.id).where(*lately)))
    found = (row for row in tx.execute(placed) if since <= row.published <= until)
    return tuple(sorted(map(_placement, found), key=lambda placement: _moment(placement.entry)))


def _moment(entry: Entry) -> tuple[datetime, str]:
    """By what entries are in order."""
    return entry.published, entry.id


def _refused(tx: Connection, since: datetime) -> list[Placement]:
    """Entries since then that are no reports any more, since a person judged them wrong: as they were before."""
    query = select(*_ENTRY, feedback.c.was).join(feedback, feedback.c.entry == entries.c.id)
    query = query.outerjoin(reports, reports.c.entry == entries.c.id)
    judged = query.where(
        feedback.c.judgement == Judgement.WRONG, entries.c.published >= since, reports.c.entry.is_(None)
    )
    rows = tx.execute(judged.order_by(entries.c.published, entries.c.id))
    found = {row.id: from_json(_entry(row), row.was) for row in rows if row.was}
    return list(found.values())


def _first_alerts(tx: Connection, since: datetime) -> dict[str, str]:
    """Development -> id of its first alert since then."""
    query = select(alerts.c.development, alerts.c.id).where(alerts.c.created_at >= since)
    newest = query.order_by(alerts.c.created_at.desc(), alerts.c.id.desc())
    return {row.development: row.id for row in tx.execute(newest)}  # the first, read last, holds


def entry(tx: Connection, name: str) -> Entry | None:
    """The entry with that id; else the newest with that URL, or whose id begins so."""
    if not name:
        return None
    for said in (entries.c.id == name, entries.c.url == name, begins(entries.c.id, name)):
        row = tx.execute(select(*_ENTRY).where(said).order_by(entries.c.published.desc()).limit(1)).first()
        if row:
            return _entry(row)
    return None


def count_since(tx: Connection, since: datetime) -> int:
    """How many entries were published since then."""
    return tx.execute(select(func.count()).where(entries.c.published > since)).scalar_one()


def entries_after(tx: Connection, after: tuple[datetime, str], limit: int = _BATCH) -> list[Entry]:
    """The next entries in order of time and id, behind that time and id."""
    at, identifier = after
    behind = (entries.c.published > at) | ((entries.c.published == at) & (entries.c.id > identifier))
    query = select(*_ENTRY).where(entries.c.published >= at, behind).order_by(entries.c.published, entries.c.id)
    return [_entry(row) for row in tx.execute(query.limit(limit))]


def named(tx: Connection, name: str, limit: int = 3) -> list[Entry]:
    """The entry with that id; else that with this URL, a report before others, the newest first; else those whose id begins so."""
    placed = select(*_ENTRY).outerjoin(reports, reports.c.entry == entries.c.id)
    by_url = placed.where(entries.c.url == name).order_by(reports.c.entry.is_(None), entries.c.published.desc())
    by_id = select(*_ENTRY).where(begins(entries.c.id, name)).order_by(entries.c.id)
    for query in (select(*_ENTRY).where(entries.c.id == name), by_url.limit(1), by_id.limit(limit)):
        if found := [_entry(row) for row in tx.execute(query)]:
            return found
    return []


def placement(tx: Connection, entry_id: str) -> Placement | None:
    """Where an entry was placed; None when it matched nothing."""
    query = select(*_ENTRY, *_PLACEMENT).join(reports, reports.c.entry == entries.c.id).where(entries.c.id == entry_id)
    row = tx.execute(query).first()
    return _placement(row) if row else None


def with_places(tx: Connection, ids: Sequence[str]) -> dict[str, tuple[Entry, Placement | None]]:
    """Of the entries with these ids, those that there are: each with its place, if it matched."""
    query = select(*_ENTRY, *_PLACEMENT).outerjoin(reports, reports.c.entry == entries.c.id)
    return {
        row.id: (_entry(row), _placement(row) if row.development else None)
        for some in batches(ids)
        for row in tx.execute(query.where(entries.c.id.in_(some)))
    }


def reports_of(tx: Connection, development: str) -> list[Placement]:
    """The reports of a development, in order of time."""
    query = select(*_ENTRY, *_PLACEMENT).join(reports, reports.c.entry == entries.c.id)
    query = query.where(reports.c.development == development).order_by(entries.c.published, entries.c.id)
    return [_placement(row) for row in tx.execute(query)]


def reports_before(tx: Connection, storylines: Collection[str], until: datetime, limit: int) -> list[Placement]:
    """The last reports on any of these storylines up to that moment, the latest first."""
    on = select(on_storyline.c.development).where(on_storyline.c.storyline.in_(storylines))
    query = select(*_ENTRY, *_PLACEMENT).join(reports, reports.c.entry == entries.c.id)
    query = query.where(reports.c.development.in_(on), entries.c.published <= until)
    rows = tx.execute(query.order_by(entries.c.published.desc(), entries.c.id.desc()).limit(limit))
    return [_placement(row) for row in rows]


def development(tx: Connection, identifier: str) -> Development | None:
    """The development with that id."""
    row = tx.execute(select(*_DEVELOPMENT).where(developments.c.id == identifier)).first()
    return _development(row) if row else None


def developments_with(tx: Connection, ids: Collection[str]) -> list[Development]:
    """The developments with these ids."""
    return [
        _development(row)
        for some in batches(sorted(ids))
        for row in tx.execute(select(*_DEVELOPMENT).where(developments.c.id.in_(some)))
    ]


def developments_named(tx: Connection, name: str, limit: int = 3) -> list[Development]:
    """The development with that id; else those whose id begins so."""
    for said in (developments.c.id == name, begins(developments.c.id, name)):
        query = select(*_DEVELOPMENT).where(said).order_by(developments.c.id).limit(limit)
        if found := [_development(row) for row in tx.execute(query)]:
            return found
    return []


def prune(tx: Connection, entries_before: datetime, seen_before: datetime) -> int:
    """Forget one batch of old entries and old keys; returns how many rows went, 0 when there is nothing left to forget.

    A key outlives its entry, so that an old item that comes back is still not new (S15, X16).
    """
    old = select(entries.c.id).where(entries.c.seen_at < entries_before).limit(_BATCH).scalar_subquery()
    gone = tx.execute(delete(entries).where(entries.c.id.in_(old))).rowcount
    _note_count(tx, -gone)
    keys = tx.execute(select(seen.c.feed, seen.c.key).where(seen.c.last_seen_at < seen_before).limit(_BATCH)).all()
    if keys:
        by_key = delete(seen).where(seen.c.feed == bindparam("of"), seen.c.key == bindparam("k"))
        tx.execute(by_key, [{"of": feed, "k": key} for feed, key in keys])
    return gone + len(keys)


# --- rows and values

_PLACEMENT = (
    reports.c.matches, reports.c.decision, reports.c.development, reports.c.reason, reports.c.explanation, reports.c.nearest,
    reports.c.similarity,
)  # fmt: skip


def _entry(row: Any) -> Entry:
    known = row._mapping
    read = {name: known[name] for name in Entry.__dataclass_fields__}
    return Entry(**read | {"keys": tuple(read["keys"])})


def _development(row: Row[Any]) -> Development:
    read = dict(row._mapping)
    return Development(**read | {"storylines": tuple(read["storylines"]), "outlets": tuple(read["outlets"])})


def to_json(placement: Placement) -> dict[str, Any]:
    """A placement as JSON values: a row of reports, but for when the entry was published."""
    return {
        "entry": placement.entry.id, "development": placement.development, "matches": [asdict(m) for m in placement.matches],
        "decision": placement.decision.value, "reason": placement.reason, "explanation": placement.explanation,
        "nearest": placement.nearest, "similarity": placement.similarity,
    }  # fmt: skip


def _placement(row: Any) -> Placement:
    return from_json(_entry(row), dict(row._mapping))


def from_json(entry: Entry, content: Mapping[str, Any]) -> Placement:
    """The placement of `entry` that `to_json` wrote."""
    matches = tuple(
        Match(**m | {"evidence": tuple(Evidence(**e) for e in m["evidence"]), "familiar": tuple(m.get("familiar", ()))})
        for m in content["matches"]
    )
    rest = {name: content[name] for name in ("development", "reason", "explanation", "nearest", "similarity")}
    return Placement(entry=entry, matches=matches, decision=Decision(content["decision"]), **rest)
