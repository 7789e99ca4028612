"""What the operator was told of, and what there is to tell: feeds and channels that do not do what they did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, case, delete, func, select

from monitor.model import DeliveryState
from monitor.store import upsert
from monitor.store.schema import deliveries, notices


@dataclass(frozen=True, slots=True)
class Failing:
    """What a channel could not deliver."""

    channel: str
    retrying: int
    """Deliveries that were tried in vain and are tried again."""
    since: datetime | None
    """When the oldest of those was queued."""
    given_up: int
    """Deliveries that are dead, or were refused for good."""
    error: str
    """What a receiver said."""


def standing(tx: Connection) -> dict[str, str]:
    """What the operator was told of and is not over: subject -> title."""
    return {row.subject: row.title for row in tx.execute(select(notices).order_by(notices.c.subject))}


def note(tx: Connection, subject: str, title: str, now: datetime) -> None:
    """The operator was told of it."""
    upsert(tx, notices, [{"subject": subject, "title": title, "raised_at": now}], keep=True)


def forget(tx: Connection, subject: str) -> None:
    """It is over."""
    tx.execute(delete(notices).where(notices.c.subject == subject))


def failing(tx: Connection, given_up_since: datetime) -> list[Failing]:
    """Channels with deliveries that were tried in vain, or given up since then."""
    d = deliveries.c
    retrying = (d.state == DeliveryState.PENDING) & (d.error != "")
    given_up = d.state.in_([DeliveryState.DEAD, DeliveryState.FAILED]) & (d.due_at > given_up_since)
    query = select(
        d.channel, func.count(case((retrying, 1))), func.min(case((retrying, d.created_at))), func.count(case((given_up, 1))),
        func.max(d.error),
    )  # fmt: skip
    return [
        Failing(*row) for row in tx.execute(query.where(retrying | given_up).group_by(d.channel).order_by(d.channel))
    ]
