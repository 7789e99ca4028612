"""Why a feed is polled when it is: the reason that decided, in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.feeds.pauses import pause, why
from monitor.feeds.schedule import after
from monitor.model import Feed, FeedState, Poll, Response

NOW = datetime(2025, 6, 2, 8, tzinfo=UTC)
FEED = Feed(url="https://herald.example/feed", every=timedelta(minutes=15))
KNOWN = FeedState(url=FEED.url, next_poll_at=NOW, polled_at=NOW - timedelta(hours=1), succeeded_at=NOW - timedelta(hours=1), known_since=NOW - timedelta(days=9))  # fmt: skip
BUSY = replace(KNOWN, arrived=900, arrived_at=NOW, pace=100.0)
SLOW = replace(KNOWN, arrived=9, arrived_at=NOW, pace=3.0)


def polled(state: FeedState, *, lively: bool = False, cache: str = "") -> FeedState:
    response = Response(url=FEED.url, status=304, headers={"cache-control": cache} if cache else {}, not_modified=True)
    return after(Poll(feed=FEED, state=state, at=NOW, response=response), lively=lively)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (FeedState(url=FEED.url, next_poll_at=NOW), "its first poll is due"),
        (polled(BUSY), "as configured"),
        (polled(replace(BUSY, known_since=NOW - timedelta(days=1))), "as configured, until its own rhythm is known"),
        (polled(SLOW), "it brings about 4 new entries a day"),
        (polled(SLOW, lively=True), "it carries a story that moves"),
        (polled(BUSY, cache="max-age=7200"), "its server asks for it"),
        (polled(replace(BUSY, ttl=90)), "its server asks for it"),
        (replace(polled(BUSY), failures=1), "after a failure"),
        (replace(polled(BUSY), failures=3), "longer after each failure, of which there were 3"),
        (replace(polled(BUSY), offences=2, failures=2), "once a day, since reading it does harm"),
        (replace(polled(BUSY), gone=True, failures=1), "polled no more: its server says that it is gone for good"),
    ],
)  # fmt: skip
def test_the_reason_is_the_one_that_decided(state: FeedState, said: str) -> None:
    assert why(FEED, state) == said


def test_a_pause_lasts_from_the_last_poll_to_the_next() -> None:
    assert pause(FeedState(url=FEED.url, next_poll_at=NOW)) is None
    assert timedelta(minutes=15) <= (pause(polled(BUSY)) or timedelta()) <= timedelta(minutes=16.5)
