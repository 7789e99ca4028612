"""Where hubs tell of changes: they verify that we asked, and then bring what is new."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from flask import Blueprint, Response, abort, request

from monitor.feeds import websub
from monitor.model import Push
from monitor.secret import mask
from monitor.store import Connection, Store, subscriptions

log = logging.getLogger(__name__)

LARGEST = 5 * 1024 * 1024
"""Bytes that a hub may bring at once."""


def blueprint(store: Store, pushed: Callable[[Push], bool], now: Callable[[], datetime]) -> Blueprint:
    """The routes under /websub; `pushed` takes what a hub brings, or says that there is too much of it just now."""
    routes = Blueprint("websub", __name__)

    @routes.get("/websub/<token>")
    def verify(token: str) -> Response:
        asked = request.args.to_dict()
        said = store.write(lambda tx: _verified(tx, token, asked, now()))
        if said is None:
            abort(404)
        return Response(said, mimetype="text/plain")

    @routes.post("/websub/<token>")
    def take(token: str) -> Response:
        request.max_content_length = LARGEST
        with store.read() as tx:
            subscription = subscriptions.one(tx, token)
        if subscription is None or subscription.lease_until is None or subscription.lease_until < now():
            abort(410)
        body = request.get_data()
        push = Push(feed=subscription.feed)
        if subscription.secret:
            if not websub.is_signed(subscription, request.headers.get("X-Hub-Signature", ""), body):
                log.warning("websub feed=%s error=what was brought is not signed by its hub", mask(subscription.feed))
                return Response(status=202)  # section 8: ignored here, without telling who tries
            push = Push(feed=subscription.feed, body=body, content_type=request.content_type or "")
        return Response(status=202 if pushed(push) else 503)

    return routes


def _verified(tx: Connection, token: str, asked: dict[str, str], now: datetime) -> str | None:
    """What answers a hub that verifies, whose subscription then holds; None where we did not ask."""
    subscription = subscriptions.one(tx, token)
    if subscription is None:
        return None
    if asked.get("hub.mode") == "denied" and asked.get("hub.topic") == subscription.topic:
        subscriptions.save(tx, replace(subscription, asked_at=None, lease_until=None, error="The hub refuses."))
        return ""
    said = websub.challenge(subscription, asked, now)
    if said is not None:
        lasts = websub.lease(asked.get("hub.lease_seconds", ""))
        subscriptions.save(
            tx,
            replace(subscription, asked_at=None, lease_until=now + lasts, ask_at=now + lasts * 0.75, tries=0, error=""),
        )
    return said
