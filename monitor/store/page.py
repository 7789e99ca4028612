"""What the page shows of stories: read-only, as plain JSON values. Nothing here grows with the length of a story's past."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, cast, extract, func, select

from monitor.store import views
from monitor.store.schema import developments, entries, on_storyline, reports
from monitor.store.views import View

WEEK = timedelta(days=7)
"""How far back a storyline's picture reaches."""
_OPEN_FOR = timedelta(days=3)
_OPEN = 3
_WAITING = "waiting"
"""The reason code of a report that is told when other outlets tell the same."""
_HOUR = 3_600

Hours = dict[int, int]
"""Hours since 1970 -> reports published in them; hours without any are left out."""


def stories(tx: Connection, now: datetime) -> list[View]:
    """Followed storylines as `views.stories` has them, each with `coverage` by the hour, `last` and what is still `open`."""
    followed = views.stories(tx, now)
    covered = coverage(tx, [view["id"] for view in followed], now - WEEK)
    return [
        view | {"coverage": covered[view["id"]], "last": last(tx, view["id"]), "open": waiting(tx, view["id"], now)}
        for view in followed
    ]


def coverage(tx: Connection, ids: Collection[str], since: datetime) -> dict[str, Hours]:
    """How many reports on each of these storylines were published in which hour since then."""
    hour = (cast(extract("epoch", entries.c.published), BigInteger) // _HOUR).label("hour")
    query = _on(select(on_storyline.c.storyline, hour, func.count()).select_from(entries))
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


def _development(row: Any) -> View:
    return {
        "id": row.id, "title": row.title, "started_at": row.started_at, "last_report_at": row.last_report_at,
        "outlets": row.outlets, "reports": row.reports, "alerted": row.alerted,
    }  # fmt: skip


def _of(storyline: str, *columns: Any) -> Select[Any]:
    query = select(*columns).join(on_storyline, on_storyline.c.development == developments.c.id)
    return query.where(on_storyline.c.storyline == storyline)


def _on(query: Select[Any]) -> Select[Any]:
    """Entries with the storylines that they are on."""
    query = query.join(reports, reports.c.entry == entries.c.id)
    return query.join(on_storyline, on_storyline.c.development == reports.c.development)
