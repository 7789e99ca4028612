"""How often a feed brings something new, learned as it does, and how long it may rest by that. Pure.

The pace is a rate whose past fades: each new entry adds 1 / MEMORY, and all of it fades with the time constant MEMORY. What is read is
corrected for the time that was observed, as Adam corrects its moments (Kingma and Ba, 2015, section 3), so that a young rhythm is not slow.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.model import Feed, FeedState

MEMORY = timedelta(days=7)
"""How far back a rhythm reaches: a week, since weekends are quiet."""
KNOWN_AFTER = timedelta(days=3)
"""How long a feed is observed before it is left alone for longer than `every`."""
SHARE = 4
"""How many times a feed is polled in one of its usual pauses: what it brings is seen an eighth of a pause late on average."""
UNOBSERVED = timedelta(days=2)
"""Polls that lie further apart than any wait: in between, the monitor was off."""
_DAY = timedelta(days=1)


def noted(state: FeedState, news: int, at: datetime) -> FeedState:
    """The state after a poll that brought so many new entries.

    Those of the first poll are no measure, since they gathered before; nor are those after a time when nobody looked, or a clock that
    was set.
    """
    unseen = state.polled_at is not None and at - state.polled_at > UNOBSERVED
    if state.known_since is None or unseen:
        return replace(state, known_since=at, arrived=0, arrived_at=None, pace=0.0)
    if not news:
        return state
    pace = _faded(state, at) + news / (MEMORY / _DAY)
    return replace(state, pace=pace, arrived=state.arrived + news, arrived_at=at)


def pace(state: FeedState, at: datetime) -> float:
    """New entries a day, of late; 0 where none came."""
    observed = at - state.known_since if state.known_since else timedelta(0)
    return _faded(state, at) / -math.expm1(-(observed / MEMORY)) if observed > timedelta(0) else 0.0


def _faded(state: FeedState, at: datetime) -> float:
    since = max(timedelta(0), at - (state.arrived_at or at))
    return state.pace * math.exp(-(since / MEMORY))


def rest(feed: Feed, state: FeedState, at: datetime) -> timedelta:
    """How long the feed may rest by its rhythm: between `every` and the slowest that is allowed."""
    if state.known_since is None or at - state.known_since < KNOWN_AFTER:
        return feed.every
    slowest = max(feed.every, feed.slowest or 4 * feed.every)
    usual = pace(state, at)
    return min(max(feed.every, _DAY / usual / SHARE), slowest) if usual * (slowest / _DAY) > 1 / SHARE else slowest
