"""What the page shows of stories: read-only, as plain values. Nothing here grows with the length of a story's past."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, and_, bindparam, cast, extract, func, or_, select

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
    covered = coverage(tx, [view["id"] for view in chosen], now - WEEK)
    silent = views.muted(tx, now)
    return [
        view
        | {"coverage": covered[view["id"]], "last": last(tx, view["id"]), "open": waiting(tx, view["id"], now)}
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
    """How many reports on each of these storylines were published in which hour since then."""
    hour = (cast(extract("epoch", entries.c.published), BigInteger) // _HOUR).label("hour")
    query = select(on_storyline.c.storyline, hour, func.count()).select_from(entries)
    query = query.join(reports, reports.c.entry == entries.c.id)
    query = query.join(on_storyline, on_storyline.c.development == reports.c.development)
    query = query.where(on_storyline.c.storyline.in_(ids), entries.c.published >= since)
    found: dict[str, Hours] = defaultdict(dict)
    for storyline, at, count in tx.execute(query.group_by(on_storyline.c.storyline, hour)):
        found[storyline][int(at)] = count
    return found


def last(tx: Connection, storyline: str) -> View | None:
    """The last development that people know of."""
    query = _of(storyline, developments).where(developments.c.alerted)
    row = tx.execute(query.order_by(developments.c.started_at.desc(), developments.c.id).limit(1)).first()
    return _development(row) if row else None


def waiting(tx: Connection, storyline: str, now: datetime) -> list[View]:
    """Developments of the last days that are told when other outlets report the same."""
    told = select(reports.c.entry).where(reports.c.development == developments.c.id, reports.c.reason == _WAITING)
    query = _of(storyline, developments).where(~developments.c.alerted, developments.c.last_report_at > now - _OPEN_FOR)
    rows = tx.execute(query.where(told.exists()).order_by(developments.c.last_report_at.desc()).limit(_OPEN))
    return [_development(row) for row in rows]


def marks(tx: Connection, storyline: str, since: datetime) -> list[View]:
    """The last developments since then that people know of, in order of time, each with its `alerts`."""
    query = _of(storyline, developments).where(developments.c.alerted, developments.c.started_at >= since)
    rows = tx.execute(query.order_by(developments.c.started_at.desc(), developments.c.id.desc()).limit(MARKED))
    return _with_alerts(tx, [_development(row) for row in rows][::-1])


def timeline(tx: Connection, storyline: str, limit: int, before: Place | None = None) -> list[View]:
    """A storyline's developments before that place, the latest first, each with its `alerts` and first `entries`."""
    query = _of(storyline, developments)
    if before is not None:
        at, identifier = before
        same = and_(developments.c.started_at == at, developments.c.id < identifier)
        query = query.where(or_(developments.c.started_at < at, same))
    rows = tx.execute(query.order_by(developments.c.started_at.desc(), developments.c.id.desc()).limit(limit))
    found = _with_alerts(tx, [_development(row) for row in rows])
    return [view | {"entries": reported(tx, view["id"], REPORTS)} for view in found]


def development(tx: Connection, identifier: str) -> View | None:
    """A development with its storylines and its `alerts`."""
    row = tx.execute(select(developments).where(developments.c.id == identifier)).first()
    return _with_alerts(tx, [_development(row)])[0] if row else None


def reported(tx: Connection, identifier: str, limit: int, offset: int = 0) -> list[View]:
    """Reports of a development in order of time: the `entry`, how it was decided, and what a person `said` of it."""
    placed = (reports.c.matches, reports.c.decision, reports.c.reason, reports.c.explanation)
    said = select(func.min(feedback.c.judgement)).where(feedback.c.entry == entries.c.id).scalar_subquery()
    query = select(*_ENTRY, *placed, said.label("said")).join(reports, reports.c.entry == entries.c.id)
    query = query.where(reports.c.development == identifier).order_by(entries.c.published, entries.c.id)
    rows = tx.execute(query.limit(limit).offset(offset))
    return [
        {
            "entry": _entry(row), "decision": row.decision, "reason": row.reason, "explanation": row.explanation, "said": row.said,
            "scores": {match["storyline"]: match["score"] for match in row.matches},
        }
        for row in rows
    ]  # fmt: skip


def taken_off(tx: Connection, storyline: str) -> list[View]:
    """The last entries that persons judged wrong for a storyline."""
    query = select(*_ENTRY, feedback.c.given_at).join(feedback, feedback.c.entry == entries.c.id)
    query = query.where(feedback.c.storyline == storyline, feedback.c.judgement == Judgement.WRONG)
    rows = tx.execute(query.order_by(feedback.c.given_at.desc()).limit(_TAKEN_OFF))
    return [{"entry": _entry(row), "given_at": row.given_at} for row in rows]


def titles(tx: Connection, storyline_ids: Iterable[str], limit: int) -> list[View]:
    """The last developments on any of these storylines, for a person to choose from."""
    on = select(on_storyline.c.development).where(on_storyline.c.storyline.in_(list(storyline_ids)))
    query = select(developments).where(developments.c.id.in_(on))
    rows = tx.execute(query.order_by(developments.c.started_at.desc(), developments.c.id).limit(limit))
    return [_development(row) for row in rows]


def revision(tx: Connection) -> str:
    """Something that changes whenever a story does: reports, alerts, states, and what persons said or want to hear."""
    parts = (
        select(func.count()).select_from(reports),
        select(func.max(developments.c.last_report_at)),
        select(func.max(alerts.c.created_at)),
        select(func.max(storylines.c.state_since)),
        select(func.count()).select_from(mutes),
        select(func.max(mutes.c.until)),
    )
    return "/".join(str(tx.execute(part).scalar()) for part in parts) + f"/{persons.revision(tx)}"


# --- rows and values


def _development(row: Any) -> View:
    shown = ("id", "title", "storylines", "started_at", "last_report_at", "outlets", "reports", "alerted")
    return {name: row._mapping[name] for name in shown}


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
