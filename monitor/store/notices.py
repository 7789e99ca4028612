"""What the operator was told of, and what there is to tell: feeds and channels that do not do what they did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, case, delete, exists, func, literal_column, or_, select

from monitor.store import Prepared, upsert
from monitor.store.feeds import is_conspicuous
from monitor.store.schema import deliveries, feeds, notices, pauses


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
    retrying, given_up = _in_vain(given_up_since)
    query = select(
        d.channel, func.count(case((retrying, 1))), func.min(case((retrying, d.created_at))), func.count(case((given_up, 1))),
        func.max(d.error),
    )  # fmt: skip
    return [
        Failing(*row) for row in tx.execute(query.where(retrying | given_up).group_by(d.channel).order_by(d.channel))
    ]


def _in_vain(given_up_since: datetime | ColumnElement[datetime]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """The conditions for deliveries that were tried in vain, and that were given up."""
    d = deliveries.c
    given_up = d.state.in_([literal_column("'dead'"), literal_column("'failed'")])
    return (d.state == literal_column("'pending'")) & (d.error != literal_column("''")), given_up & (
        d.due_at > given_up_since
    )


ANY_TROUBLE = Prepared(
    lambda _engine: select(literal_column("1")).where(
        exists(select(notices.c.subject))
        | exists(select(pauses.c.channel))
        | exists(select(deliveries.c.number).where(or_(*_in_vain(bindparam("given_up_since")))))
        | exists(select(feeds.c.url).where(is_conspicuous(*map(bindparam, ("renamed", "arrived", "quiet_since")))))
    ),
    ("given_up_since", "renamed", "arrived", "quiet_since"),
)
"""Finds a row unless all of this is empty: what stands, what rests, what failed, which feeds are conspicuous."""
