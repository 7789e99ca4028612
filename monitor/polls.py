"""The polls of this process: which feeds go now, and what comes of each."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import NamedTuple

from monitor import metrics
from monitor.desk import Desk
from monitor.errors import FeedError, StoreError, passes
from monitor.feeds import schedule
from monitor.feeds.lanes import Lanes
from monitor.feeds.parse import Parser
from monitor.feeds.shares import Shares
from monitor.feeds.traffic import Traffic
from monitor.model import Changes, Feed, FeedState, Poll, Push, Wanted, host, share_of
from monitor.parts import Parts
from monitor.poll import ask, pushed, tell
from monitor.process import give_back
from monitor.store import Store, feeds
from monitor.store.due import Due

log = logging.getLogger(__name__)

_PARSERS = 2
_REST_AFTER_REFUSAL = 30.0
"""Seconds without new polls after the store refused one, unless it has taken something since: a full disk must not turn into a
storm of requests (S3)."""


class _Poll(NamedTuple):
    """A poll that is under way."""

    parts: Parts
    feed: Feed
    state: FeedState
    over: Future[Changes]


class Polls:
    """Polls on threads of this process, by the `parts` that are in force.

    `settled` hears what each poll changed, `failed` what nobody understands (P5).
    """

    def __init__(
        self,
        store: Store,
        desk: Desk,
        parts: Parts,
        now: Callable[[], datetime],
        settled: Callable[[Changes], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._store, self._desk, self._parts, self._now = store, desk, parts, now
        self._tell_settled, self._tell_failed = settled, failed
        self._due = Due(store, feeds.FIRST_DUE)
        self._parser = Parser(_PARSERS)
        self._traffic, self._lanes = Traffic(parts.config.fetch), Lanes(parts.config.fetch)
        self._lock = threading.RLock()
        self._stopping = False
        self._rest_until = 0.0
        self.shares: Shares | None = None
        """Those of all hosts that are polled here, where other processes poll others; None where all are."""
        self.under_way: dict[str, float] = {}
        """URL -> since when, by the monotonic clock."""

    def adopt(self, parts: Parts) -> None:
        """Go on by other parts; what is under way ends by those it began with."""
        with self._lock:
            self._parts = parts
            self._traffic.adopt(parts.config.fetch)
            self._lanes.adopt(parts.config.fetch)
            if self.shares is not None:
                self.shares.pause = parts.config.fetch.spacing.total_seconds()

    @property
    def is_resting(self) -> bool:
        """Whether nothing is polled for a while, since the store refused to keep what a poll brought."""
        return time.monotonic() < self._rest_until

    def go_on(self) -> None:
        """The store has just taken something: what it refused before is no reason to rest any longer."""
        self._rest_until = 0.0

    def hand_out(self, of: str = "") -> list[Future[Changes]]:
        """Start a poll of every due feed that may go now, of all hosts or `of` one."""
        with self._lock:  # held while reading: a state read earlier might be older than a poll that has ended since
            if self._stopping or self.is_resting or not (of or self._due.is_any(self._now())):
                return []
            parts = self._parts
            shares = None if self.shares is None else self.shares.ready()
            if shares is not None and not shares:
                return []
            with self._store.read() as tx:

                def look(wanted: Wanted) -> Iterator[FeedState]:
                    wanted = replace(wanted, shares=shares or ())
                    return (state for state in feeds.due(tx, self._now(), wanted) if state.url in parts.feeds)

                return [self._begin(parts, state) for state in self._traffic.pick(look, time.monotonic(), of)]

    def _begin(self, parts: Parts, state: FeedState) -> Future[Changes]:
        self.under_way[state.url] = time.monotonic()
        this = _Poll(parts, parts.feeds[state.url], state, Future())
        this.over.add_done_callback(partial(self._release, state))
        self._lanes.begin(state, partial(self._ask, this))
        return this.over

    def _release(self, state: FeedState, _future: Future[Changes]) -> None:
        with self._lock:
            del self.under_way[state.url]
            at_once = self._traffic.end(state)
        if at_once is None:
            return
        try:
            self.hand_out(at_once)
        except BaseException as error:
            if not passes(error):
                self._tell_failed(error)
                raise

    def is_busy(self, share: int) -> bool:
        """Whether a feed in this share of all hosts is being polled."""
        return any(share_of(host(url)) == share for url in list(self.under_way))

    def _ask(self, this: _Poll) -> None:
        """The first part of a poll: what the feed says goes to the desk, and this thread to the next feed."""
        with self._part_of(this):
            if self._stopping or not self._may_still(this.state):
                this.over.set_result(Changes())  # it stays due
                return
            began = time.monotonic()
            brought = ask(this.feed, this.state, self._now(), this.parts.gate, self._parser)
            has_it_at = time.monotonic()

            def settled(settling: Future[Changes]) -> None:
                self._lanes.begin(this.state, partial(self._end, this, brought, began, has_it_at, settling))

            self._desk.take(brought).add_done_callback(settled)

    def _may_still(self, state: FeedState) -> bool:
        """Whether its host is ours to poll, as it was when the feed was handed out; else it is due for others."""
        return self.shares is None or share_of(host(state.url)) in self.shares.ready()

    def _end(self, this: _Poll, brought: Poll, began: float, has_it_at: float, settling: Future[Changes]) -> None:
        """The second part: it is committed, or refused."""
        with self._part_of(this):
            changes = settling.result()
            tell(brought, changes, time.monotonic() - has_it_at)
            self._tell_settled(changes)
            metrics.POLL_SECONDS.observe(time.monotonic() - began)
            this.over.set_result(changes)

    @contextmanager
    def _part_of(self, this: _Poll) -> Iterator[None]:
        """What is raised inside ends the poll; what nobody understands ends the daemon (P5)."""
        try:
            yield
        except BaseException as error:  # noqa: BLE001 - whoever waits for the poll has it
            if self._stopping or isinstance(error, FeedError):  # cut by our own end: it stays due
                this.over.set_result(Changes())
            elif passes(error):  # it stays due, and is polled again when the store takes writes
                log.error("poll feed=%s error=%s", this.feed.name or this.feed.url, error)  # noqa: TRY400
                self._rest_until = time.monotonic() + _REST_AFTER_REFUSAL
                this.over.set_result(Changes())
            else:
                self._blame(this.feed, this.state)
                self._tell_failed(error)
                this.over.set_exception(error)

    def _blame(self, feed: Feed, state: FeedState) -> None:
        """Note that the poll of this feed ends the daemon, so that it cannot do so at every start (P14)."""
        crash = FeedError("crash", "Something in this feed ended the monitor; its log says where.")
        after = schedule.after(Poll(feed=feed, state=state, at=self._now(), error=crash))
        with suppress(StoreError):
            self._store.write(lambda tx: feeds.save_after(tx, after, state))

    def push(self, push: Push) -> bool:
        """Take what a hub brought, before it is told so; False where it is to bring it again later."""
        feed = self._parts.feeds.get(push.feed)
        if feed is None or self._stopping:
            return True
        with self._store.read() as tx:
            state = feeds.one(tx, feed.url)
        if state is not None and not state.is_new:  # the first poll comes before anything is news
            this = _Poll(self._parts, feed, state, Future())
            with self._part_of(this):
                self._take(this, push)
            this.over.result()
        return not self.is_resting

    def _take(self, this: _Poll, push: Push) -> None:
        now, changes = self._now(), Changes()
        if push.body is None:
            self._store.write(lambda tx: feeds.nudge(tx, push.feed, now))
        elif brought := pushed(this.feed, this.state, now, (push.body, push.content_type), self._parser):
            has_it_at = time.monotonic()
            changes = self._desk.settle(brought)
            tell(brought, changes, time.monotonic() - has_it_at)
        self._tell_settled(changes)
        this.over.set_result(changes)

    def forgive(self) -> None:
        """The whole process stood still: no poll took that long (P9)."""
        with self._lock:
            self.under_way = dict.fromkeys(self.under_way, time.monotonic())

    def rest(self) -> None:
        """Let go of what is not needed while nothing is to be parsed."""
        if self._parser.rest():
            with suppress(StoreError):  # who writes next hears of it
                self._store.rest()
            give_back()

    def stop(self) -> None:
        """Begin nothing more; what is under way goes on."""
        with self._lock:
            self._stopping = True

    def cut(self) -> None:
        """End what parses."""
        self._parser.close()

    def close(self) -> None:
        """Let go of the threads; what is under way has had its time."""
        self._lanes.close()
