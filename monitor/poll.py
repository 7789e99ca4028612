"""One poll of one feed, top to bottom."""

from __future__ import annotations

import logging
from datetime import datetime

from monitor import metrics
from monitor.desk import Desk
from monitor.errors import FeedError
from monitor.feeds.fetch import Gate
from monitor.feeds.parse import Parser
from monitor.model import Changes, Feed, FeedState, Poll, Response
from monitor.secret import mask

log = logging.getLogger(__name__)


@metrics.POLL_SECONDS.time()
def poll(feed: Feed, state: FeedState, now: datetime, gate: Gate, parser: Parser, desk: Desk) -> Changes:
    """Fetch, parse, settle. A feed's error is an outcome, not an exception: it is settled like any other."""
    try:
        response = gate.fetch(feed, state)
        changed = not response.not_modified and response.digest != state.body_hash  # H16: same bytes, no work
        outcome = Poll(
            feed=feed, state=state, at=now, response=response, document=parser.parse(response) if changed else None
        )
    except FeedError as error:
        if gate.closed:  # cut by our own end: no failure of the feed's, which stays due (P1)
            raise
        outcome = Poll(feed=feed, state=state, at=now, error=error)
        log.warning(
            "poll feed=%s failures=%d reason=%s error=%s",
            feed.name or feed.url,
            state.failures + 1,
            error.reason,
            error,
        )
    if outcome.document and outcome.document.left_out:
        log.warning("poll feed=%s left_out=%d older entries", feed.name or feed.url, outcome.document.left_out)
    changes = metrics.settled(outcome, desk.settle)
    if changes.state and changes.state.address != state.address:
        log.info("poll feed=%s moved=%s", feed.name or feed.url, mask(changes.state.address) or "back")
    _tell(feed, changes)
    return changes


def take(feed: Feed, state: FeedState, push: tuple[bytes, str], now: datetime, parser: Parser, desk: Desk) -> Changes:
    """Settle what a hub brought, body and content type, like a poll; what cannot be read is left to the next poll."""
    body, content_type = push
    url = state.address or feed.url
    response = Response(url=url, status=200, headers={"content-type": content_type}, body=body)
    try:
        document = parser.parse(response)
    except FeedError as error:
        log.warning("push feed=%s error=%s", feed.name or feed.url, error)
        return Changes()
    outcome = Poll(feed=feed, state=state, at=now, response=response, document=document, pushed=True)
    changes = metrics.settled(outcome, desk.settle)
    _tell(feed, changes)
    return changes


def _tell(feed: Feed, changes: Changes) -> None:
    if changes.entries:
        log.info(
            "poll feed=%s entries=%d reports=%d alerts=%d",
            feed.name or feed.url,
            len(changes.entries),
            len(changes.placements),
            len(changes.alerts),
        )
