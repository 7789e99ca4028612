"""What is due next is remembered, and asked for again as soon as anybody has written, and only then."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.model import Feed, FeedState
from monitor.store import Connection, Prepared, Store, feeds, outbox
from monitor.store.due import Due
from tests.store.conftest import FEED, NOON, alert, delivery, in_a_file

HOUR = timedelta(hours=1)


class Counted(Store):
    """A store that counts how often it is asked."""

    looks = 0

    def glance(self, statement: Prepared, *values: object) -> Sequence[object]:
        self.looks += 1
        return super().glance(statement, *values)


@pytest.fixture
def store(url: str) -> Iterator[Counted]:
    with closing(Counted.open(url)) as opened:
        assert isinstance(opened, Counted)
        opened.write(lambda tx: feeds.sync(tx, [Feed(url=FEED)], NOON))
        yield opened


def set_for(at: datetime, **learned: object) -> FeedState:
    return replace(FeedState(url=FEED, next_poll_at=at, polled_at=NOON), **learned)  # type: ignore[arg-type]


def settled(store: Counted) -> None:
    """Wait until the journal is old enough to be trusted."""
    until = time.monotonic() + 10
    while store.stamp() is None:
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("doubtful", [False, True])
def test_a_feed_is_due_from_its_time_on(store: Counted, doubtful: bool) -> None:
    due = Due(store, feeds.FIRST_DUE)
    failures = 1 if doubtful else 0
    store.write(lambda tx: feeds.save(tx, set_for(NOON + HOUR, failures=failures)))
    assert not due.is_any(NOON + HOUR - timedelta(microseconds=1))
    assert due.is_any(NOON + HOUR)
    store.write(lambda tx: feeds.save(tx, set_for(NOON + HOUR, gone=True)))
    assert not due.is_any(NOON + HOUR)
    store.write(lambda tx: feeds.sync(tx, [], NOON))
    assert not due.is_any(NOON + 9 * HOUR)


def test_a_delivery_is_due_for_its_own_channel(store: Counted) -> None:
    one = replace(delivery("one"), due_at=NOON + HOUR)
    store.write(lambda tx: outbox.add(tx, [alert()], [one]))
    ours, others = Due(store, outbox.FIRST_DUE, one.channel), Due(store, outbox.FIRST_DUE, "another")
    assert not ours.is_any(NOON)
    assert ours.is_any(NOON + HOUR)
    assert not others.is_any(NOON + HOUR)


@in_a_file
def test_a_store_that_nobody_writes_to_is_not_asked(store: Counted) -> None:
    due = Due(store, feeds.FIRST_DUE)
    store.write(lambda tx: feeds.save(tx, set_for(NOON + HOUR)))
    settled(store)
    answers = [due.is_any(NOON + minutes * timedelta(minutes=1)) for minutes in range(0, 120, 20)]
    assert answers == [False, False, False, True, True, True]
    assert store.looks == 1


def test_what_another_process_writes_is_seen_at_the_next_look(store: Counted, url: str) -> None:
    """Time and again, right after a look and a while after it."""
    due = Due(store, feeds.FIRST_DUE)
    with closing(Store.open(url)) as other:
        for wait in (0.0, 0.0, 0.0, 0.15, 0.15, 0.0):
            store.write(lambda tx: feeds.save(tx, set_for(NOON + HOUR)))
            time.sleep(wait)
            assert not due.is_any(NOON)
            other.write(lambda tx: feeds.make_due(tx, NOON))
            assert due.is_any(NOON)


@in_a_file
def test_where_files_have_whole_seconds_a_young_journal_is_not_trusted(store: Counted, url: str) -> None:
    journal = url.removeprefix("sqlite:///") + "-wal"
    now = int(time.time())
    os.utime(journal, (now - 1, now - 1))
    assert store.stamp() is None
    os.utime(journal, (now - 5, now - 5))
    assert store.stamp() is not None
    os.utime(journal, (now + 3600, now + 3600))
    assert store.stamp() is None, "the clock was set back"


@in_a_file
def test_without_a_journal_the_store_is_asked(store: Counted, url: str) -> None:
    os.rename(url.removeprefix("sqlite:///") + "-wal", url.removeprefix("sqlite:///") + "-moved")  # noqa: PTH104
    assert store.stamp() is None


def test_a_write_that_fails_midway_leaves_what_is_due(store: Counted) -> None:
    due = Due(store, feeds.FIRST_DUE)
    store.write(lambda tx: feeds.save(tx, set_for(NOON + HOUR)))

    def broken(tx: Connection) -> None:
        feeds.make_due(tx, NOON)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.write(broken)
    assert not due.is_any(NOON)
