"""What a digest tells of storylines beside its alerts: how much was reported when, what is in doubt, what was folded away."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from monitor.model import Alert, AlertKind, Chapter, Decision, Development, Link
from monitor.store.alert import from_json
from monitor.store.schema import alerts, developments, entries, on_storyline, reports, storylines
from monitor.store.stories import developments_with

PARTS = 24
"""Into how many parts of equal length a digest's time is divided for its picture of the coverage."""
_OPEN = 5
_WAITING = "waiting"
"""The reason code of a report that is told when other outlets tell the same."""


def background(tx: Connection, ids: Collection[str], since: datetime, until: datetime) -> dict[str, Chapter]:
    """A chapter without alerts for each of these storylines, of what was seen from `since` until `until`."""
    rows = tx.execute(select(storylines).where(storylines.c.id.in_(ids))).all()
    return {
        row.id: Chapter(
            storyline=row.id, title=row.title, question=row.question, state=row.state,
            coverage=_coverage(tx, row.id, since, until), open=_open(tx, row.id, since),
            folded=tx.execute(_seen(row.id, since, func.count()).where(reports.c.decision == Decision.COVERAGE)).scalar_one(),
        )
        for row in rows
    }  # fmt: skip


def known(tx: Connection, told: Collection[Alert]) -> dict[str, Development]:
    """What the developments that were told have grown to."""
    return {d.id: d for d in developments_with(tx, {alert.development for alert in told if alert.development})}


def alerts_since(tx: Connection, since: datetime) -> list[Alert]:
    """Every alert since then that told something of a story, in order of time."""
    query = select(alerts.c.content).where(alerts.c.created_at >= since).order_by(alerts.c.created_at, alerts.c.id)
    found = [from_json(content) for content in tx.execute(query).scalars()]
    return [alert for alert in found if alert.kind in (AlertKind.NEW, AlertKind.UPDATE, AlertKind.STATE)]


def _coverage(tx: Connection, storyline: str, since: datetime, until: datetime) -> tuple[int, ...]:
    parts = [0] * PARTS
    span = max((until - since).total_seconds(), 1.0)
    for seen_at in tx.execute(_seen(storyline, since, entries.c.seen_at)).scalars():
        parts[min(PARTS - 1, max(0, int((seen_at - since).total_seconds() / span * PARTS)))] += 1
    return tuple(parts)


def _open(tx: Connection, storyline: str, since: datetime) -> tuple[Link, ...]:
    columns = (entries.c.outlet, entries.c.title, entries.c.url, entries.c.published)
    query = _seen(storyline, since, *columns).where(reports.c.reason == _WAITING, ~developments.c.alerted)
    rows = tx.execute(query.order_by(entries.c.published.desc(), entries.c.id).limit(_OPEN))
    return tuple(Link(outlet=r.outlet, title=r.title, url=r.url, published=r.published) for r in rows)


def _seen(storyline: str, since: datetime, *columns: Any) -> Select[Any]:
    """Of the reports on a storyline that were seen since then."""
    query = select(*columns).select_from(entries).join(reports, reports.c.entry == entries.c.id)
    query = query.join(developments, developments.c.id == reports.c.development)
    query = query.join(on_storyline, on_storyline.c.development == developments.c.id)
    return query.where(on_storyline.c.storyline == storyline, entries.c.seen_at >= since)
