"""Which hubs were asked to tell of a feed's changes, and which of them do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from monitor.model import Subscription
from monitor.store import fields, upsert
from monitor.store.schema import feeds, subscriptions

_SUBSCRIPTION = tuple(subscriptions.c[name] for name in Subscription.__dataclass_fields__)


def wanted(tx: Connection) -> Sequence[tuple[str, str, str]]:
    """Followed feeds that name a hub: feed, hub, topic."""
    query = select(feeds.c.url, feeds.c.hub, feeds.c.topic).where(feeds.c.followed, feeds.c.hub != "")
    return [(row.url, row.hub, row.topic) for row in tx.execute(query.order_by(feeds.c.url))]


def everything(tx: Connection) -> dict[str, Subscription]:
    """Feed -> its subscription."""
    return {row.feed: Subscription(**row._mapping) for row in tx.execute(select(*_SUBSCRIPTION))}


def one(tx: Connection, token: str) -> Subscription | None:
    """The subscription of an address of ours, while its feed is followed."""
    query = select(*_SUBSCRIPTION).join(feeds, feeds.c.url == subscriptions.c.feed)
    row = tx.execute(query.where(subscriptions.c.token == token, feeds.c.followed)).first()
    return Subscription(**row._mapping) if row else None


def save(tx: Connection, subscription: Subscription) -> None:
    """Remember what came of it."""
    upsert(tx, subscriptions, [fields(subscription)])


def told_until(tx: Connection, now: datetime) -> dict[str, datetime]:
    """Feed -> until when its hub tells of changes."""
    query = select(subscriptions.c.feed, subscriptions.c.lease_until).where(subscriptions.c.lease_until > now)
    return {row.feed: row.lease_until for row in tx.execute(query)}
