"""A feed with a slow rhythm of its own is polled as often as it may be while a story that it carries moves."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.desk import CARRIES, Desk
from monitor.feeds import rhythm
from monitor.model import Document, Feed, FeedState, Item, Poll, Response, StoryState
from monitor.store import Store, feeds, stories
from tests.store.conftest import FEED
from tests.test_desk import DAM, NOON, rules

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SLOW = Feed(url=FEED, every=timedelta(minutes=10))


@pytest.fixture
def desk(store: Store) -> Desk:
    """A desk, and a feed that has brought one entry a day for a month."""
    state = rhythm.noted(FeedState(url=FEED, next_poll_at=NOON, succeeded_at=NOON), 0, NOON - 30 * DAY)
    for day in range(30):
        state = rhythm.noted(state, 1, NOON - (29 - day) * DAY)
    store.write(lambda tx: feeds.sync(tx, [SLOW], NOON))
    store.write(lambda tx: feeds.save(tx, state))
    store.write(lambda tx: stories.sync(tx, [DAM], NOON))
    return Desk(store, rules(replace(DAM, states=tuple(StoryState))))


def known(store: Store) -> FeedState:
    with store.read() as tx:
        state = feeds.one(tx, FEED)
    assert state is not None
    return state


def poll(store: Store, desk: Desk, at: datetime, *titles: str) -> timedelta:
    """How long the feed rests after a poll that brings these."""
    items = tuple(Item(keys=(t,), url="", title=t, summary="", published=at, language="en", outlet="H") for t in titles)
    response = Response(url=FEED, status=200, headers={}, body=b"x")
    desk.settle(
        Poll(feed=SLOW, state=known(store), at=at, response=response, document=Document(title="H", items=items))
    )
    return known(store).next_poll_at - at


def rests(found: timedelta, minutes: int) -> bool:
    return timedelta(minutes=minutes) <= found <= timedelta(minutes=minutes * 1.1)


def test_a_slow_feed_rests_longer_until_it_carries_a_story_that_moves(store: Store, desk: Desk) -> None:
    assert rests(poll(store, desk, NOON, "Ferry fares rise"), 40)
    assert rests(poll(store, desk, NOON + HOUR, "Orla dam closed after crack is found"), 10)
    assert rests(poll(store, desk, NOON + 2 * HOUR), 40)
    desk.watch(NOON + 2.1 * HOUR)
    assert rests(poll(store, desk, NOON + 3 * HOUR), 10)


def test_a_story_that_begins_to_move_brings_the_feeds_that_carry_it_forward(store: Store, desk: Desk) -> None:
    poll(store, desk, NOON, "Orla dam closed after crack is found")
    assert rests(poll(store, desk, NOON + HOUR), 40)
    desk.watch(NOON + 1.05 * HOUR)
    state = known(store)
    assert state.next_poll_at == state.not_before
    assert rests(state.next_poll_at - (NOON + HOUR), 10)


def test_a_wish_of_the_server_and_a_failure_are_heeded_all_the_same(store: Store, desk: Desk) -> None:
    poll(store, desk, NOON, "Orla dam closed after crack is found")
    asked = replace(known(store), next_poll_at=NOON + 9 * HOUR, not_before=NOON + 8 * HOUR)
    store.write(lambda tx: feeds.save(tx, asked))
    store.write(lambda tx: feeds.hasten(tx, "dam", NOON - CARRIES))
    assert known(store).next_poll_at == NOON + 8 * HOUR
    ill = replace(asked, failures=2)
    store.write(lambda tx: feeds.save(tx, ill))
    store.write(lambda tx: feeds.hasten(tx, "dam", NOON - CARRIES))
    assert known(store) == ill


def test_what_a_feed_carried_long_ago_counts_no_more(store: Store, desk: Desk) -> None:
    poll(store, desk, NOON, "Orla dam closed after crack is found")
    desk.watch(NOON + HOUR)
    with store.read() as tx:
        assert feeds.carries_lively(tx, FEED, NOON)
        assert not feeds.carries_lively(tx, FEED, NOON + timedelta(seconds=1))
        assert not feeds.carries_lively(tx, "https://other.example", NOON)
