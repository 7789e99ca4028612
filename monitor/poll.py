"""One poll of one feed: what it brings, and what is told of it once that is settled."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime

from monitor import metrics
from monitor.errors import FeedError
from monitor.feeds.fetch import Gate
from monitor.feeds.lanes import step_aside
from monitor.feeds.parse import Parser
from monitor.model import Changes, Feed, FeedState, Poll, Response
from monitor.secret import mask

log = logging.getLogger(__name__)


def ask(feed: Feed, state: FeedState, now: datetime, gate: Gate, parser: Parser) -> Poll:
    """Fetch and parse. A feed's error is an outcome, not an exception: it is settled like any other."""
    try:
        response, document = gate.fetch(feed, state), None
        if not response.not_modified and response.digest != state.body_hash:  # H16: same bytes, no work
            step_aside()
            document = parser.parse(response)
    except FeedError as error:
        if gate.closed:  # cut by our own end: no failure of the feed's, which stays due (P1)
            raise
        log.warning(
            "poll feed=%s failures=%d reason=%s error=%s",
            feed.name or feed.url,
            state.failures + 1,
            error.reason,
            error,
        )
        # or all that was at hand where it was raised, such as the answer, would stay for as long as the error does
        error.__traceback__ = error.__context__ = error.__cause__ = None
        return Poll(feed=feed, state=state, at=now, error=error)
    if document and document.left_out:
        log.warning("poll feed=%s left_out=%d older entries", feed.name or feed.url, document.left_out)
    if response.body:  # it is not needed any more, and dozens of polls may wait for the writer
        response = replace(response, body=b"")
    return Poll(feed=feed, state=state, at=now, response=response, document=document)


def pushed(feed: Feed, state: FeedState, now: datetime, push: tuple[bytes, str], parser: Parser) -> Poll | None:
    """What a hub brought, body and content type, as a poll; None where it cannot be read, which is left to the next poll."""
    body, content_type = push
    url = state.address or feed.url
    response = Response(url=url, status=200, headers={"content-type": content_type}, body=body)
    try:
        document = parser.parse(response)
    except FeedError as error:
        log.warning("push feed=%s error=%s", feed.name or feed.url, error)
        return None
    return Poll(feed=feed, state=state, at=now, response=response, document=document, pushed=True)


def tell(poll: Poll, changes: Changes, seconds: float) -> None:
    """Log and count a poll, and what it changed, which is committed; to settle it took so many seconds."""
    metrics.settled(poll, changes, seconds)
    name = poll.feed.name or poll.feed.url
    if not poll.pushed and changes.state and changes.state.address != poll.state.address:
        log.info("poll feed=%s moved=%s", name, mask(changes.state.address) or "back")
    if changes.entries:
        log.info(
            "poll feed=%s entries=%d reports=%d alerts=%d",
            name,
            len(changes.entries),
            len(changes.placements),
            len(changes.alerts),
        )
