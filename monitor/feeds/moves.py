"""Feeds that move for good: a permanent redirect is believed when it has held for a while and leads to the same feed (H10). Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

from monitor.model import FeedState, Poll

TIMES, OVER = 3, timedelta(hours=24)
"""So many polls in a row, over so long a time, must find a feed at its new address; a server that is being mended says much."""


def heeded(state: FeedState, poll: Poll) -> FeedState:
    """`state` after a poll that succeeded: nearer to the new address, or at it, where its server says that the feed has moved."""
    target = poll.response.moved_to if poll.response else ""
    if not target or not _may_go(poll, target) or is_another(poll):
        return replace(state, moving_to="", moving_since=None, moves=0) if state.moves or state.moving_to else state
    if target != state.moving_to or state.moving_since is None:
        begun = poll.document is not None  # without one, nobody knows what was found there
        return replace(state, moving_to=target, moving_since=poll.at, moves=1) if begun else state
    if state.moves + 1 < TIMES or poll.at - state.moving_since < OVER:
        return replace(state, moves=state.moves + 1)
    return replace(state, address=target, moving_to="", moving_since=None, moves=0)


def undone(state: FeedState) -> FeedState:
    """`state` after a poll that failed: the configured address is asked again."""
    return replace(state, address="", moving_to="", moving_since=None, moves=0)


def is_another(poll: Poll) -> bool:
    """Whether a permanent redirect led to a feed that is not the one that was known, such as a parked domain's."""
    if poll.document is None or poll.response is None or not poll.response.moved_to:
        return False
    return poll.state.title not in ("", poll.document.title)


def _may_go(poll: Poll, target: str) -> bool:
    """A login and headers of the user's own are for one server, and go to no other (H13)."""
    here, there = urlsplit(poll.feed.url), urlsplit(target)
    return here.hostname == there.hostname or not (poll.feed.headers or here.username)
