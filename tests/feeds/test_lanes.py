"""The threads that polls go on."""

from __future__ import annotations

import gc
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing
from functools import partial

import pytest

from monitor.feeds.lanes import Lanes, await_bytes, step_aside
from monitor.feeds.settings import FetchSettings
from monitor.model import FeedState
from tests.feeds.conftest import NOON

WELL = FeedState(url="https://well.example/", next_poll_at=NOON, succeeded_at=NOON)
ILL = FeedState(url="https://ill.example/", next_poll_at=NOON, failures=1)


class Work:
    """Work that waits for somebody, as whoever gave it may see."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self._lock = threading.Lock()
        self.begun: list[str] = []
        self.most = self._now = 0

    def wait(self, name: str, before: Callable[[], None] = step_aside) -> None:
        before()
        with self._lock:
            self.begun.append(name)
            self._now += 1
            self.most = max(self.most, self._now)
        self.gate.wait(20)
        with self._lock:
            self._now -= 1

    def wait_for(self, begun: int) -> None:
        until = time.monotonic() + 20
        while len(self.begun) < begun:
            assert time.monotonic() < until
            time.sleep(0.002)


@pytest.fixture
def work() -> Iterator[Work]:
    made = Work()
    yield made
    made.gate.set()


def lanes_of(workers: int) -> Lanes:
    return Lanes(FetchSettings(workers=workers))


def done(lanes: Lanes, state: FeedState = WELL, work: Callable[[], object] = threading.get_ident) -> Future[object]:
    """What becomes of work that is begun."""
    future: Future[object] = Future()
    lanes.begin(state, lambda: future.set_result(work()))
    return future


def test_work_that_waits_for_nobody_is_all_done_by_one_thread_in_its_order() -> None:
    lanes, order = lanes_of(8), list[int]()

    def note(number: int) -> int:
        order.append(number)
        time.sleep(0.001)  # long enough for others to come, if they did
        return threading.get_ident()

    threads = [done(lanes, work=partial(note, number)) for number in range(40)]
    assert len({future.result(20) for future in threads}) == 1
    assert order == list(range(40))


def test_before_a_thread_waits_it_has_another_go_on_and_no_more_of_them_wait_than_may(work: Work) -> None:
    lanes = lanes_of(3)
    for number in range(6):
        lanes.begin(WELL, partial(work.wait, str(number)))
    work.wait_for(3)
    time.sleep(0.05)
    assert work.begun == ["0", "1", "2"]
    work.gate.set()
    work.wait_for(6)
    assert work.most <= 3
    assert done(lanes).result(20)


def test_slow_work_on_doubtful_feeds_holds_up_no_other(work: Work) -> None:
    """H2."""
    lanes = lanes_of(1)
    for number in range(4):
        lanes.begin(ILL, partial(work.wait, str(number)))
    work.wait_for(3)
    assert done(lanes).result(20)
    assert len(work.begun) == 3, "three doubtful feeds for each that was well"


def test_what_is_given_while_the_last_of_it_is_done_is_not_forgotten() -> None:
    """By many threads, so that some of it comes as the one that leads goes."""
    lanes, rounds = lanes_of(2), 300
    results: list[Future[object]] = []

    def give() -> None:
        for _ in range(rounds):
            given = done(lanes, work=step_aside)
            given.result(20)
            results.append(given)

    givers = [threading.Thread(target=give) for _ in range(4)]
    for giver in givers:
        giver.start()
    for giver in givers:
        giver.join(60)
    assert len(results) == 4 * rounds


def test_work_that_fails_after_all_keeps_nobody_from_going_on() -> None:
    lanes = lanes_of(1)
    for before in (lambda: None, step_aside):

        def fail(before: Callable[[], None] = before) -> None:
            before()
            raise ZeroDivisionError

        lanes.begin(WELL, fail)
        assert done(lanes).result(20)


def test_who_reads_what_has_come_goes_on_and_who_would_wait_for_it_has_another_go_on(work: Work) -> None:
    near, far = socket.socketpair()
    with closing(near), closing(far):
        lanes = lanes_of(2)
        far.sendall(b"here")
        lanes.begin(WELL, partial(work.wait, "has come", lambda: await_bytes(near.fileno())))
        later = done(lanes)
        work.wait_for(1)
        time.sleep(0.05)
        assert not later.done(), "it leads on"
        work.gate.set()
        later.result(20)

        near.recv(4)
        work.gate.clear()
        lanes.begin(WELL, partial(work.wait, "has not", lambda: await_bytes(near.fileno())))
        assert done(lanes).result(20)
        work.wait_for(2)


def test_other_settings_leave_what_was_begun_where_it_is_and_its_threads_go_with_it(work: Work) -> None:
    """C14."""
    before = threading.active_count()
    lanes = with_first_and_second(work)
    lanes.adopt(FetchSettings(workers=2))
    lanes.begin(WELL, partial(work.wait, "third"))
    work.wait_for(2)
    assert work.begun == ["first", "third"]
    work.gate.set()
    work.wait_for(3)
    del lanes
    wait_until_at_most(before)


def test_when_they_are_closed_nothing_is_begun_and_their_threads_go(work: Work) -> None:
    before = threading.active_count()
    lanes = with_first_and_second(work)
    lanes.close()
    lanes.begin(WELL, partial(work.wait, "third"))
    work.gate.set()
    wait_until_at_most(before)
    assert work.begun == ["first"]


def with_first_and_second(work: Work) -> Lanes:
    """Lanes on whose only thread the first work waits, and the second behind it."""
    lanes = lanes_of(1)
    for name in ("first", "second"):
        lanes.begin(WELL, partial(work.wait, name))
    work.wait_for(1)
    return lanes


def wait_until_at_most(threads: int) -> None:
    until = time.monotonic() + 20
    while threading.active_count() > threads and time.monotonic() < until:
        gc.collect()
        time.sleep(0.01)
    assert threading.active_count() <= threads


def test_a_thread_that_leads_no_lane_has_nothing_to_hand_over() -> None:
    near, far = socket.socketpair()
    with closing(near), closing(far):
        begun = time.monotonic()
        step_aside()
        await_bytes(near.fileno())
        assert time.monotonic() - begun < 1
