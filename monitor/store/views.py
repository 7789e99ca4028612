"""What tables and pages show: read-only, as plain JSON values."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, case, func, select

from monitor.store import mutes, outbox, subscriptions
from monitor.store.feeds import brought, everything
from monitor.store.schema import alerts, deliveries, developments, entries, on_storyline, reports, storylines
from monitor.store.schema import feeds as feeds_table
from monitor.store.stories import count as count_entries

View = dict[str, Any]


def feeds(tx: Connection, now: datetime) -> list[View]:
    """Followed feeds with their health, the ailing first; entries and reports of the last day."""
    counts = brought(tx, now - timedelta(days=1))
    told_until = subscriptions.told_until(tx, now)
    shown = ("url", "title", "polled_at", "succeeded_at", "next_poll_at", "failures", "error", "gone")
    told = []
    for state in sorted(everything(tx), key=lambda state: (-state.failures, state.url)):
        entries_a_day, reports_a_day = counts.get(state.url, (0, 0))
        told.append(
            {
                **{name: _plain(getattr(state, name)) for name in shown},
                "health": str(state.health),
                "entries_a_day": entries_a_day,
                "reports_a_day": reports_a_day,
                "quarantined": state.is_quarantined,
                "moved_to": state.address or None,
                "pushed_until": _plain(told_until.get(state.url)),
            }
        )
    return told


def stories(tx: Connection, now: datetime) -> list[View]:
    """Followed storylines with their last development, their state, and who hears nothing of them."""
    silent = muted(tx, now)
    followed = _views(
        tx,
        select(storylines).where(storylines.c.followed).order_by(storylines.c.id),
        ("id", "title", "question", "followed_since", "state", "state_since"),
    )
    return [view | _summary(tx, view["id"]) | {"muted": silent.get(view["id"], [])} for view in followed]


def muted(tx: Connection, now: datetime) -> dict[str, list[View]]:
    """Storyline -> who hears nothing of it, by which channel, and until when."""
    found: dict[str, list[View]] = {}
    for mute in mutes.standing(tx, now):
        wish = {"channel": mute.channel, "target": mute.target, "until": _plain(mute.until)}
        found.setdefault(mute.storyline, []).append(wish)
    return found


def story(tx: Connection, storyline: str) -> View:
    """What a storyline is called and asks, and how lively it is; its id for a name where it is not known."""
    shown = ("id", "title", "question", "state", "state_since")
    known = _views(tx, select(storylines).where(storylines.c.id == storyline), shown)
    return known[0] if known else dict.fromkeys(shown, "") | {"id": storyline, "state_since": None}


def _summary(tx: Connection, storyline: str) -> View:
    ours = (
        select(developments)
        .join(on_storyline, on_storyline.c.development == developments.c.id)
        .where(on_storyline.c.storyline == storyline)
    )
    last = tx.execute(ours.where(developments.c.alerted).order_by(developments.c.started_at.desc()).limit(1)).first()
    counts = ours.with_only_columns(func.count(), func.coalesce(func.sum(developments.c.reports), 0))
    told, total = tx.execute(counts).one()
    return {
        "developments": told, "reports": int(total),
        "last_development": last.title if last else None, "last_development_at": _plain(last.started_at) if last else None,
    }  # fmt: skip


def timeline(tx: Connection, storyline: str, limit: int = 50) -> list[View]:
    """A storyline's last developments, oldest first, each with its reports."""
    query = select(developments).join(on_storyline, on_storyline.c.development == developments.c.id)
    query = (
        query.where(on_storyline.c.storyline == storyline)
        .order_by(developments.c.started_at.desc(), developments.c.id)
        .limit(limit)
    )
    shown = ("id", "title", "started_at", "last_report_at", "outlets", "alerted")
    return [view | {"reports": _reports(tx, view["id"])} for view in reversed(_views(tx, query, shown))]


def _reports(tx: Connection, development: str) -> list[View]:
    query = select(entries, reports.c.decision, reports.c.reason, reports.c.explanation, reports.c.similarity)
    query = query.join(reports, reports.c.entry == entries.c.id).where(reports.c.development == development)
    shown = ("id", "outlet", "title", "url", "published", "language", "decision", "reason", "explanation", "similarity")
    return _views(tx, query.order_by(entries.c.published, entries.c.id), shown)


def listed(tx: Connection, limit: int = 50, state: str | None = None, channel: str | None = None) -> list[View]:
    """The last deliveries, latest first; those in one state or by one channel, if it is given."""
    query = (
        select(deliveries, alerts.c.content)
        .join(alerts, alerts.c.id == deliveries.c.alert)
        .order_by(deliveries.c.number.desc())
        .limit(limit)
    )
    query = query if state is None else query.where(deliveries.c.state == state)
    query = query if channel is None else query.where(deliveries.c.channel == channel)
    shown = (
        "id",
        "channel",
        "target",
        "state",
        "attempts",
        "created_at",
        "due_at",
        "sent_at",
        "error",
        "hold",
        "told_by",
    )
    return [
        _view(row, shown) | {"title": row.content["title"], "kind": row.content["kind"]} for row in tx.execute(query)
    ]


def status(tx: Connection, now: datetime) -> View:
    """The whole at a glance."""
    table = feeds_table.c
    followed, failing, gone = (
        func.coalesce(func.sum(case((kind, 1), else_=0)), 0)
        for kind in (table.followed, table.followed & (table.failures > 0), table.followed & table.gone)
    )
    counted = tx.execute(select(followed, failing, gone, func.max(table.polled_at))).one()
    channels = outbox.backlog(tx, now)
    return {
        "feeds": counted[0],
        "feeds_failing": counted[1],
        "feeds_gone": counted[2],
        "last_poll_at": _plain(counted[3]),
        "storylines": tx.execute(
            select(func.count()).select_from(storylines).where(storylines.c.followed)
        ).scalar_one(),
        "entries": count_entries(tx),
        "reports": tx.execute(select(func.count()).select_from(reports)).scalar_one(),
        "developments": tx.execute(select(func.count()).select_from(developments)).scalar_one(),
        "alerts": tx.execute(select(func.count()).select_from(alerts)).scalar_one(),
        "waiting": {
            name: {
                "pending": c.pending,
                "oldest_at": _plain(c.oldest_at),
                "dead": c.dead,
                "paused": c.paused,
                "held": c.held,
            }
            for name, c in sorted(channels.items())
        },
        tx.dialect.name: ".".join(map(str, tx.dialect.server_version_info or ())),
    }


def last_poll(tx: Connection) -> str | None:
    """When a feed was last polled; None when none ever was."""
    moment: str | None = _plain(tx.execute(select(func.max(feeds_table.c.polled_at))).scalar())
    return moment


def _views(tx: Connection, query: Select[Any], shown: Iterable[str]) -> list[View]:
    return [_view(row, shown) for row in tx.execute(query)]


def _view(row: Row[Any], shown: Iterable[str]) -> View:
    return {name: _plain(row._mapping[name]) for name in shown}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
