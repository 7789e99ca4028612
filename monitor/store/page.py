"""What the page shows of stories: read-only, as plain values. Nothing here grows with the length of a story's past."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, Text, and_, bindparam, cast, extract, func, or_, select, tuple_

from monitor.model import Entry, Judgement
from monitor.store import batches, views
from monitor.store import feedback as persons
from monitor.store.schema import (
    alerts,
    deliveries,
    developments,
    entries,
    feedback,
    mutes,
    on_storyline,
    reports,
    storylines,
)
from monitor.store.views import View

WEEK = timedelta(days=7)
"""How far back a storyline's small picture reaches."""
LONGEST = timedelta(days=400)
"""How far back a story's timeline reaches."""
REPORTS = 20
"""Reports that are listed under a development; the others have a page of their own."""
MARKED = 400
"""Developments that a timeline marks."""
_OPEN_FOR = timedelta(days=3)
_OPEN = 3
_TAKEN_OFF = 30
_WAITING = "waiting"
"""The reason code of a report that is told when other outlets tell the same."""
_HOUR = 3_600
_ENTRY = tuple(entries.c[name] for name in Entry.__dataclass_fields__)
_DEVELOPMENT = tuple(
    developments.c[name]
    for name in ("id", "title", "storylines", "started_at", "last_report_at", "outlets", "reports", "alerted")
)
_SAID = select(func.min(feedback.c.judgement)).where(feedback.c.entry == entries.c.id).scalar_subquery().label("said")
_REPORTED = select(
    *_ENTRY,
    reports.c.development,
    reports.c.matches,
    reports.c.decision,
    reports.c.reason,
    reports.c.explanation,
    _SAID,
).join(reports, reports.c.entry == entries.c.id)
_IN_TIME = (reports.c.published, reports.c.entry)

Hours = dict[int, int]
"""Hours since 1970 -> reports published in them; hours without any are left out."""
Place = tuple[datetime, str]
"""When a development began, and its id: by both they are ordered."""


def followed(tx: Connection) -> list[View]:
    """Followed storylines, each with its state and `last_at`, when its last development began that people know of."""
    began = select(on_storyline.c.storyline, func.max(developments.c.started_at)).select_from(on_storyline)
    began = began.join(developments, developments.c.id == on_storyline.c.development).where(developments.c.alerted)
    last_at = {storyline: at for storyline, at in tx.execute(began.group_by(on_storyline.c.storyline))}  # noqa: C416 - rows are no pairs
    shown = ("id", "title", "question", "state", "state_since")
    rows = tx.execute(select(*(storylines.c[name] for name in shown)).where(storylines.c.followed))
    return [dict(row._mapping) | {"last_at": last_at.get(row.id)} for row in rows]


def cards(tx: Connection, chosen: Sequence[View], now: datetime) -> list[View]:
    """These storylines, each with its `coverage` by the hour, its `last` development, what is still `open`, and who is `muted`."""
    ids = [view["id"] for view in chosen]
    covered, open_ones = coverage(tx, ids, now - WEEK), waiting(tx, ids, now)
    latest = last(tx, {view["id"]: view["last_at"] for view in chosen if view["last_at"]})
    silent = views.muted(tx, now)
    return [
        view
        | {"coverage": covered[view["id"]], "last": latest.get(view["id"]), "open": open_ones[view["id"]]}
        | {"muted": silent.get(view["id"], [])}
        for view in chosen
    ]


def story(tx: Connection, storyline: str) -> View | None:
    """A storyline, followed or not, with its counts; None when there never was one of that id."""
    row = tx.execute(select(storylines).where(storylines.c.id == storyline)).first()
    if row is None:
        return None
    counts = _of(storyline, func.count(), func.coalesce(func.sum(developments.c.reports), 0)).select_from(developments)
    told, total = tx.execute(counts).one()
    shown = ("id", "title", "question", "followed", "followed_since", "state", "state_since")
    return {name: row._mapping[name] for name in shown} | {"developments": told, "reports": int(total)}


def coverage(tx: Connection, ids: Collection[str], since: datetime) -> dict[str, Hours]:
    """How many reports on each of these storylines were published in which hour since then.

    A row for each storyline, since to fetch a row takes longer than to count it.
    """
    hour = (cast(extract("epoch", reports.c.published), BigInteger) // _HOUR).label("hour")
    query = select(on_storyline.c.storyline, hour, func.count().label("number"))
    query = query.join(reports, reports.c.development == on_storyline.c.development)
    query = query.where(on_storyline.c.storyline.in_(ids), reports.c.published >= since)
    counted = query.group_by(on_storyline.c.storyline, hour).subquery().c
    each = cast(counted.hour, Text) + ":" + cast(counted.number, Text)
    told = select(counted.storyline, func.aggregate_strings(each, " ")).group_by(counted.storyline)
    found: dict[str, Hours] = defaultdict(dict)
    for storyline, hours in tx.execute(told):
        pairs = (pair.split(":") for pair in hours.split())
        found[storyline] = {int(at): int(number) for at, number in pairs}
    return found


def last(tx: Connection, began: Mapping[str, datetime]) -> dict[str, View]:
    """Of each of these storylines the development that people know of and that began then."""
    then = tuple_(on_storyline.c.storyline, developments.c.started_at).in_(list(began.items()))
    query = select(on_storyline.c.storyline, *_DEVELOPMENT).select_from(on_storyline)
    query = query.join(developments, developments.c.id == on_storyline.c.development)
    query = query.where(on_storyline.c.storyline.in_(list(began)), then, developments.c.alerted)
    rows = tx.execute(query.order_by(developments.c.id.desc()))
    return {row.storyline: _development(row) for row in rows}  # the first by its id, of several


def waiting(tx: Connection, ids: Collection[str], now: datetime) -> dict[str, list[View]]:
    """Of each of these storylines, developments of the last days that are told when other outlets report the same."""
    told = select(reports.c.entry).where(reports.c.development == developments.c.id, reports.c.reason == _WAITING)
    query = select(on_storyline.c.storyline, *_DEVELOPMENT).select_from(developments)
    query = query.join(on_storyline, on_storyline.c.development == developments.c.id)
    query = query.where(developments.c.last_report_at > now - _OPEN_FOR, ~developments.c.alerted, told.exists())
    found: dict[str, list[View]] = {identifier: [] for identifier in ids}
    for row in tx.execute(
        query.where(on_storyline.c.storyline.in_(ids)).order_by(developments.c.last_report_at.desc())
    ):
        if len(found[row.storyline]) < _OPEN:
            found[row.storyline].append(_development(row))
    return found


def marks(tx: Connection, storyline: str, since: datetime) -> list[View]:
    """The last developments since then that people know of, in order of time, each with its `alerts`."""
    return _with_alerts(tx, [_development(row) for row in tx.execute(_marked(storyline, since, *_DEVELOPMENT))][::-1])


def numbers(tx: Connection, storyline: str, since: datetime) -> dict[str, int]:
    """The ids of those, each with its number, in order of time."""
    ids = tx.execute(_marked(storyline, since, developments.c.id)).scalars().all()
    return {identifier: number for number, identifier in enumerate(reversed(ids), 1)}


def _marked(storyline: str, since: datetime, *columns: Any) -> Select[Any]:
    query = _of(storyline, *columns).where(developments.c.alerted, developments.c.started_at >= since)
    return query.order_by(developments.c.started_at.desc(), developments.c.id.desc()).limit(MARKED)


def timeline(tx: Connection, storyline: str, limit: int, before: Place | None = None) -> list[View]:
    """A storyline's developments before that place, the latest first, each with its `alerts` and first `entries`."""
    query = _of(storyline, *_DEVELOPMENT)
    if before is not None:
        at, identifier = before
        same = and_(developments.c.started_at == at, developments.c.id < identifier)
        query = query.where(or_(developments.c.started_at < at, same))
    rows = tx.execute(query.order_by(developments.c.started_at.desc(), developments.c.id.desc()).limit(limit))
    found = _with_alerts(tx, [_development(row) for row in rows])
    told = first_reports(tx, [view["id"] for view in found], REPORTS)
    return [view | {"entries": told.get(view["id"], [])} for view in found]


def development(tx: Connection, identifier: str) -> View | None:
    """A development with its storylines and its `alerts`."""
    row = tx.execute(select(*_DEVELOPMENT).where(developments.c.id == identifier)).first()
    return _with_alerts(tx, [_development(row)])[0] if row else None


def reported(tx: Connection, identifier: str, limit: int, offset: int = 0) -> list[View]:
    """Reports of a development in order of time: the `entry`, how it was decided, and what a person `said` of it."""
    query = _REPORTED.where(reports.c.development == identifier).order_by(*_IN_TIME)
    return [_report(row) for row in tx.execute(query.limit(limit).offset(offset))]


def first_reports(tx: Connection, ids: Sequence[str], limit: int) -> dict[str, list[View]]:
    """The first so many reports of each of these developments, as `reported` has them."""
    place = func.row_number().over(partition_by=reports.c.development, order_by=_IN_TIME).label("place")
    placed = select(reports.c.entry, place).where(reports.c.development.in_(ids)).subquery()
    query = _REPORTED.join(placed, placed.c.entry == reports.c.entry).where(placed.c.place <= limit)
    found: dict[str, list[View]] = defaultdict(list)
    for row in tx.execute(query.order_by(*_IN_TIME)):
        found[row.development].append(_report(row))
    return found


def taken_off(tx: Connection, storyline: str) -> list[View]:
    """The last entries that persons judged wrong for a storyline."""
    query = select(*_ENTRY, feedback.c.given_at).join(feedback, feedback.c.entry == entries.c.id)
    query = query.where(feedback.c.storyline == storyline, feedback.c.judgement == Judgement.WRONG)
    rows = tx.execute(query.order_by(feedback.c.given_at.desc()).limit(_TAKEN_OFF))
    return [{"entry": _entry(row), "given_at": row.given_at} for row in rows]


def titles(tx: Connection, storyline_ids: Iterable[str], limit: int) -> list[View]:
    """The last developments on any of these storylines, for a person to choose from."""
    on = select(on_storyline.c.development).where(on_storyline.c.storyline.in_(list(storyline_ids)))
    query = select(developments.c.id, developments.c.title, developments.c.started_at).where(developments.c.id.in_(on))
    rows = tx.execute(query.order_by(developments.c.started_at.desc(), developments.c.id).limit(limit))
    return [dict(row._mapping) for row in rows]


def revision(tx: Connection) -> str:
    """Something that changes whenever a story does: reports, alerts, states, and what persons said or want to hear."""
    return "/".join(map(str, tx.execute(_REVISION).one())) + f"/{persons.revision(tx)}"


_REVISION = select(
    *(
        part.scalar_subquery()
        for part in (
            select(func.count()).select_from(reports),
            select(func.max(developments.c.last_report_at)),
            select(func.max(alerts.c.created_at)),
            select(func.max(storylines.c.state_since)),
            select(func.count()).select_from(mutes),
            select(func.max(mutes.c.until)),
        )
    )
)


# --- rows and values


def _development(row: Any) -> View:
    return {column.name: row._mapping[column] for column in _DEVELOPMENT}


def _report(row: Any) -> View:
    return {
        "entry": _entry(row), "decision": row.decision, "reason": row.reason, "explanation": row.explanation, "said": row.said,
        "scores": {match["storyline"]: match["score"] for match in row.matches},
    }  # fmt: skip


def _entry(row: Any) -> Entry:
    read = {name: row._mapping[name] for name in Entry.__dataclass_fields__}
    return Entry(**read | {"keys": tuple(read["keys"])})


def _with_alerts(tx: Connection, found: Sequence[View]) -> list[View]:
    """Each development with the alerts that told of it, in order of time, and to which channels they went."""
    since = min((view["started_at"] for view in found), default=None)
    told: dict[str, list[View]] = defaultdict(list)
    for some in batches([view["id"] for view in found]):
        content = (alerts.c.content["kind"].as_string(), alerts.c.content["severity"].as_string())
        query = select(alerts.c.id, alerts.c.development, alerts.c.created_at, *content)
        query = query.where(alerts.c.development.in_(some), alerts.c.created_at >= since).order_by(alerts.c.created_at)
        for identifier, development, at, kind, severity in tx.execute(query):
            told[development].append({"id": identifier, "at": at, "kind": kind, "severity": severity or "normal"})
    sent = _channels(tx, [alert["id"] for some_alerts in told.values() for alert in some_alerts])
    return [
        view | {"alerts": [alert | {"channels": sent[alert["id"]]} for alert in told[view["id"]]]} for view in found
    ]


def _channels(tx: Connection, ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """Alert -> channel -> the state of its delivery there; where there are several recipients, the worst."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for some in batches(ids[-MARKED:]):
        for alert, channel, state in tx.execute(_SENT_OF, {"alerts": some}):
            before = found[alert].get(channel, state)
            found[alert][channel] = max(before, state, key=_WORSE.index)
    return found


_SENT_OF = select(deliveries.c.alert, deliveries.c.channel, deliveries.c.state).join(
    alerts,  # an index knows ids, which begin with the alert's; none knows alerts
    (deliveries.c.id > alerts.c.id + "-") & (deliveries.c.id < alerts.c.id + ".") & (deliveries.c.alert == alerts.c.id),
)
_SENT_OF = _SENT_OF.where(alerts.c.id.in_(bindparam("alerts", expanding=True)))
_WORSE = ("sent", "folded", "held", "pending", "failed", "dead")


def _of(storyline: str, *columns: Any) -> Select[Any]:
    query = select(*columns).join(on_storyline, on_storyline.c.development == developments.c.id)
    return query.where(on_storyline.c.storyline == storyline)
