"""Why a feed is polled when it is, in words. Pure."""

from __future__ import annotations

from datetime import timedelta

from monitor.feeds import rhythm
from monitor.model import Feed, FeedState

_ABOUT = 1.15
"""A wait that is this much longer than another one is another: up to a tenth is added so that feeds do not march in step."""


def pause(state: FeedState) -> timedelta | None:
    """How long the feed rests between its last poll and the next; None before the first."""
    return state.next_poll_at - state.polled_at if state.polled_at else None


def why(feed: Feed, state: FeedState) -> str:
    """Why it rests as long as that; the end of a sentence."""
    wait = pause(state)
    if wait is None or state.polled_at is None:
        return "its first poll is due"
    if state.gone:
        return "polled no more: its server says that it is gone for good"
    if state.is_quarantined:
        return "once a day, since reading it does harm"
    if state.failures:
        return (
            f"longer after each failure, of which there were {state.failures}"
            if state.failures > 1
            else "after a failure"
        )
    if state.not_before and state.not_before >= state.next_poll_at and wait > feed.every * _ABOUT:
        return "its server asks for it"
    if wait > feed.every * _ABOUT:
        return f"it brings {_number(rhythm.pace(state, state.polled_at))} new entries a day"
    if rhythm.rest(feed, state, state.polled_at) > feed.every * _ABOUT:
        return "it carries a story that moves"
    unknown = state.known_since is None or state.polled_at - state.known_since < rhythm.KNOWN_AFTER
    return "as configured, until its own rhythm is known" if unknown else "as configured"


def _number(pace: float) -> str:
    return f"about {pace:.0f}" if pace >= 1 else "less than one"
