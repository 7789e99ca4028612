"""Asks hubs to tell of changes, and asks again before a lease is over; polling goes on all the same."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from monitor.feeds.fetch import GateError
from monitor.feeds.websub import PENDING, request
from monitor.model import Reply, Subscription
from monitor.secret import mask
from monitor.store import Connection, Store, subscriptions

log = logging.getLogger(__name__)

Post = Callable[[str, bytes, Mapping[str, str]], Reply]
AT_ONCE = 20
"""Hubs that are asked in one go."""
_SLOWEST = timedelta(days=1)
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def subscribe(store: Store, post: Post, base_url: str, now: Callable[[], datetime]) -> int:
    """Ask the hubs of the followed feeds that are to be asked now, a few of them; returns how many were asked."""
    with store.read() as tx:
        due = list(_due(tx, now()))[:AT_ONCE]
    for subscription in due:
        wait = min(PENDING * 2 ** min(subscription.tries, 8), _SLOWEST)
        asked = replace(subscription, asked_at=now(), ask_at=now() + wait, tries=subscription.tries + 1, error="")
        store.write(partial(_save, asked))  # before the hub is: it may verify while it is being asked
        if error := _ask(asked, post, base_url):
            log.warning("subscribe feed=%s hub=%s error=%s", mask(asked.feed), mask(asked.hub), error)
            store.write(partial(_refused, asked.token, error))
    return len(due)


def _due(tx: Connection, now: datetime) -> Iterator[Subscription]:
    known = subscriptions.everything(tx)
    for feed, hub, topic in subscriptions.wanted(tx):
        subscription = known.get(feed)
        if subscription is None or (subscription.hub, subscription.topic) != (hub, topic):
            secret = secrets.token_hex(32) if hub.startswith("https://") else ""  # told in private, or not at all
            yield Subscription(
                feed=feed, hub=hub, topic=topic, token=secrets.token_urlsafe(24), secret=secret, ask_at=now
            )
        elif subscription.ask_at <= now:
            yield subscription


def _ask(subscription: Subscription, post: Post, base_url: str) -> str:
    """Why the hub was not asked in the end; empty where it was."""
    try:
        reply = post(subscription.hub, request(subscription, base_url), _FORM)
    except GateError as error:
        return str(error)
    return "" if 200 <= reply.status < 300 else f"The hub answered with {reply.status}."  # noqa: PLR2004


def _save(subscription: Subscription, tx: Connection) -> None:
    subscriptions.save(tx, subscription)


def _refused(token: str, error: str, tx: Connection) -> None:
    subscription = subscriptions.one(tx, token)
    if subscription is not None:
        subscriptions.save(tx, replace(subscription, error=error))
