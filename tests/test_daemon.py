"""The daemon's parts at work in this process: real threads, a real store, feeds on loopback."""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from wsgiref.types import WSGIApplication

import pytest

from monitor.alerts.channels import ConsoleSettings
from monitor.alerts.route import deliveries_for, sample_alert
from monitor.config import Config, Retention
from monitor.daemon import Daemon
from monitor.desk import Desk
from monitor.errors import MonitorError
from monitor.feeds.settings import FetchSettings
from monitor.model import Changes, Feed, FeedState, Poll, Storyline, Terms
from monitor.once import once
from monitor.process import Pulse
from monitor.store import Connection, Store, feeds, outbox, stories
from tests.end_to_end.world import FeedServer, feed_server
from tests.store.conftest import busy, in_a_file

FERRY = Storyline(id="ferry", title="The Tarn ferry", terms=Terms(any=("Tarn ferry",)), channels=("console",))
Start = Callable[..., Daemon]
Page = Callable[[Daemon], WSGIApplication]


class Clock:
    """A clock the test sets."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def web() -> Iterator[FeedServer]:
    with feed_server() as served:
        yield served


@pytest.fixture
def config(tmp_path: Path, url: str, web: FeedServer) -> Config:
    return Config(
        source=tmp_path / "monitor.yaml",
        store=url,
        feeds=(Feed(url=web.url("herald"), name="herald"),),
        storylines=(FERRY,),
        channels={"console": ConsoleSettings(type="console")},
        fetch=FetchSettings(allow_networks=("127.0.0.0/8",), timeout=timedelta(seconds=5)),
    )


@pytest.fixture
def store(config: Config) -> Iterator[Store]:
    opened = Store.open(config.store)
    yield opened
    opened.close()


@pytest.fixture
def start(config: Config, store: Store) -> Iterator[Start]:
    """Starts daemons that are stopped at the end, if the test has not done it."""
    made: list[Daemon] = []

    def starting(
        config: Config = config, *, pulse: Pulse | None = None, run: bool = True, page: Page | None = None
    ) -> Daemon:
        daemon = Daemon(config, store, pulse=pulse, page=page)
        made.append(daemon)
        if run:
            daemon.start()
        return daemon

    yield starting
    for daemon in made:
        daemon.stop()


def wait_for(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def state_of(store: Store, url: str) -> FeedState:
    with store.read() as tx:
        return next(state for state in feeds.everything(tx) if state.url == url)


def make_due(store: Store) -> None:
    store.write(lambda tx: feeds.make_due(tx, store.now()))


@contextmanager
def full_disk(store: Store) -> Iterator[None]:
    """No file of this process can grow: what a full disk does to the database."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    store.write(lambda tx: feeds.make_due(tx, store.now()))
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# --- polling


def test_the_first_tick_hands_out_every_feed(start: Start, web: FeedServer, store: Store) -> None:
    web.publish("herald", "Union calls strike at Tarn ferry")
    daemon = start()
    wait_for(lambda: daemon.ticked)
    wait_for(lambda: state_of(store, web.url("herald")).succeeded_at)
    daemon.check()
    assert len(web.requests) == 1


def test_a_feed_that_another_process_made_due_is_polled_within_two_seconds(
    start: Start, web: FeedServer, store: Store, url: str
) -> None:
    """Also when the daemon has waited for so long that it asks the store no more."""
    daemon = start()
    wait_for(lambda: daemon._announced and daemon._status)
    for _ in range(2):
        polled = len(web.requests)
        time.sleep(2.2)
        assert len(web.requests) == polled
        with closing(Store.open(url)) as other:
            make_due(other)
        asked = time.monotonic()
        wait_for(lambda: len(web.requests) > polled)  # noqa: B023 - it is called at once
        assert time.monotonic() - asked < 2
        wait_for(lambda: not daemon.polls.under_way)


def test_a_delivery_that_another_process_queued_is_sent_while_the_daemon_waits(
    start: Start, store: Store, url: str
) -> None:
    daemon = start()
    wait_for(lambda: daemon._announced and daemon._status)
    time.sleep(2.2)
    now = datetime.now(UTC)
    alert = sample_alert(now)
    with closing(Store.open(url)) as other:
        other.write(lambda tx: outbox.add(tx, [alert], deliveries_for(alert, "console", ("",), now)))
    asked = time.monotonic()
    wait_for(lambda: not pending(store))
    assert time.monotonic() - asked < 5


def pending(store: Store) -> int:
    with store.read() as tx:
        return outbox.pending(tx)


def test_a_daemon_that_waits_stops_at_once(start: Start) -> None:
    daemon = start()
    wait_for(lambda: daemon._announced)
    begun = time.monotonic()
    daemon.stop()
    assert time.monotonic() - begun < 2


def test_a_host_gets_no_more_polls_at_a_time_than_it_may_and_the_next_as_soon_as_one_ends(
    start: Start, config: Config, store: Store
) -> None:
    """Each feed once, and none waits for the next tick."""
    with stalling_server() as (port, release):
        urls = [f"http://127.0.0.1:{port}/{number}" for number in range(5)]
        daemon = start(replace(config, feeds=tuple(Feed(url=url) for url in urls)), run=False)
        first = daemon.hand_out()
        assert len(first) == config.fetch.per_host == 2
        assert daemon.hand_out() == []
        release.set()
        wait_for(lambda: all(state_of(store, url).polled_at for url in urls) and not daemon.polls.under_way)
    assert {state_of(store, url).failures for url in urls} == {1}


class Poisoned(Desk):
    """A desk on which one feed's entries stumble over a fault of ours, on their way to the writer or there."""

    is_early = False

    def take(self, poll: Poll, *, waits: bool = True) -> Future[Changes]:
        if poll.feed.name != "herald":
            return super().take(poll, waits=waits)
        if self.is_early:
            raise ZeroDivisionError
        return self._store.write_together(self._stumble)

    def _stumble(self, _tx: Connection) -> Changes:
        raise ZeroDivisionError


@pytest.mark.parametrize("is_early", [True, False])
def test_a_feed_that_ends_the_daemon_is_in_quarantine_after_the_second_time(
    start: Start, config: Config, web: FeedServer, store: Store, monkeypatch: pytest.MonkeyPatch, *, is_early: bool
) -> None:
    """P5, P14: no endless loop of restarts, and the other feeds go on."""
    monkeypatch.setattr(Poisoned, "is_early", is_early)
    both = replace(config, feeds=(*config.feeds, Feed(url=web.url("gazette"), name="gazette")))
    for crashes in (1, 2):
        make_due(store)
        daemon = start(both, run=False)
        daemon.polls._desk = Poisoned(store, config.rules())
        for future in daemon.hand_out():
            future.exception(20)
        with pytest.raises(MonitorError, match="ZeroDivisionError"):
            daemon.check()
        assert state_of(store, web.url("herald")).offences == crashes
        assert state_of(store, web.url("gazette")).failures == 0
    assert state_of(store, web.url("herald")).next_poll_at > datetime.now(UTC) + timedelta(hours=23)
    assert "ended the monitor" in state_of(store, web.url("herald")).error
    assert start(both, run=False).hand_out() == []


def test_a_feed_that_is_configured_no_more_is_not_polled(start: Start, config: Config, web: FeedServer) -> None:
    daemon = start(run=False)
    daemon.reload(replace(config, feeds=(Feed(url=web.url("gazette")),)))
    for future in daemon.hand_out():
        future.result(20)
    assert [feed for feed, _ in web.requests] == ["gazette"]


def test_a_reload_takes_up_storylines_and_workers_while_feeds_are_polled(
    start: Start, config: Config, web: FeedServer, store: Store
) -> None:
    """C14."""
    daemon = start(replace(config, fetch=replace(config.fetch, workers=1)))
    wait_for(lambda: state_of(store, web.url("herald")).succeeded_at)
    bridge = replace(FERRY, id="bridge", title="The Tarn bridge", terms=Terms(any=("Tarn bridge",)))
    for _ in range(5):
        make_due(store)
        daemon.reload(replace(config, storylines=(FERRY, bridge)))
        daemon.check()
    web.publish("herald", "Police close the Tarn bridge after crash")
    wait_for(lambda: not daemon.polls.under_way)
    make_due(store)
    wait_for(lambda: alerts(store) == ["Police close the Tarn bridge after crash"])


def alerts(store: Store) -> list[str]:
    with store.read() as tx:
        return [d.title for d in stories.of_storyline(tx, "ferry") + stories.of_storyline(tx, "bridge") if d.alerted]


def test_a_job_that_hangs_is_named(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """P4: what looks after feeds and stories hangs, and the watchdog is fed no more."""
    monkeypatch.setattr("monitor.daemon._POLL_ALLOWED", 0.05)
    daemon, free = start(run=True), threading.Event()
    wait_for(lambda: not daemon.polls.under_way and daemon.ticked)

    def look() -> None:
        free.wait(20)

    hanging = threading.Thread(target=daemon._guarded, args=(look,))
    hanging.start()
    wait_for(lambda: "look" in daemon._working)
    time.sleep(0.1)
    with pytest.raises(MonitorError, match="the job look"):
        daemon.check()
    free.set()
    hanging.join()
    daemon.check()


# --- the end


def test_a_poll_cut_by_the_end_is_no_failure_of_its_feed_and_the_feed_stays_due(
    start: Start, config: Config, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P1."""
    monkeypatch.setattr("monitor.daemon.STOP_WITHIN", 1.0)
    with stalling_server() as (port, _):
        url = f"http://127.0.0.1:{port}/slow"
        daemon = start(
            replace(config, feeds=(Feed(url=url),), fetch=replace(config.fetch, timeout=timedelta(minutes=1)))
        )
        wait_for(lambda: daemon.polls.under_way)
        daemon.stop()
        state = state_of(store, url)
    assert (state.failures, state.polled_at) == (0, None)
    assert state.next_poll_at <= datetime.now(UTC)


def test_what_a_dead_process_had_claimed_is_due_at_once_for_the_next(start: Start, store: Store) -> None:
    """S1, D29."""
    now = datetime.now(UTC)
    alert = sample_alert(now)
    store.write(lambda tx: outbox.add(tx, [alert], deliveries_for(alert, "console", ("",), now)))
    claimed = store.write(lambda tx: outbox.claim(tx, "console", now, timedelta(hours=1)))
    assert claimed is not None
    daemon = start(run=False)
    daemon.deliver_due()
    with store.read() as tx:
        assert outbox.pending(tx) == 0


def test_what_waits_for_its_next_try_is_not_hurried_by_a_restart(start: Start, store: Store) -> None:
    now = datetime.now(UTC)
    alert = sample_alert(now)
    store.write(lambda tx: outbox.add(tx, [alert], deliveries_for(alert, "console", ("",), now)))
    claimed = store.write(lambda tx: outbox.claim(tx, "console", now, timedelta(hours=1)))
    assert claimed is not None
    failed = replace(claimed[0], error="The server is busy.", due_at=now + timedelta(minutes=5))
    store.write(lambda tx: outbox.record(tx, failed))
    start(run=False).deliver_due()
    with store.read() as tx:
        assert outbox.pending(tx) == 1


# --- parts that die, hang or lose their clock


def test_a_thread_that_dies_is_noticed_and_named(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """P5."""
    noted: list[object] = []
    monkeypatch.setattr(threading, "excepthook", noted.append)

    class Fatal(Pulse):
        def beat(self, part: str) -> None:
            if part == "deliver-console":
                raise MemoryError
            super().beat(part)

    daemon = start(pulse=Fatal())
    wait_for(lambda: not daemon._deliverer.threads[0].is_alive())
    with pytest.raises(MonitorError, match="deliver-console"):
        daemon.check()
    assert len(noted) == 1


@pytest.mark.parametrize("death", [ZeroDivisionError, MemoryError, SystemExit])
def test_a_poll_that_fails_in_a_way_nobody_foresaw_ends_the_daemon(
    death: type[BaseException], start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """P5."""

    def fatal(*_: object) -> None:
        raise death

    daemon = start(run=False)
    monkeypatch.setattr(daemon.desk, "take", fatal)
    daemon.start()
    wait_for(lambda: daemon.failure)
    with pytest.raises(MonitorError, match=death.__name__):
        daemon.check()
    assert any(record.exc_info and record.exc_info[0] is death for record in caplog.records), "the log says where"


def test_a_scheduler_that_died_silently_is_noticed(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Faults 0.8: `running` stays true."""
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    monkeypatch.setattr("monitor.daemon._PROVE_EVERY", 1)
    daemon = start()
    wait_for(lambda: daemon.ticked)

    def locked(_: object) -> None:
        raise OSError("database is locked")

    monkeypatch.setattr(daemon._scheduler._jobstores["default"], "update_job", locked)
    wait_for(lambda: not daemon._scheduler._thread.is_alive())
    assert daemon._scheduler.running
    with pytest.raises(MonitorError, match="scheduler"):
        daemon.check()


def test_a_desk_that_hangs_is_noticed_and_the_parts_that_work_are_not_blamed(start: Start, store: Store) -> None:
    """P4."""
    clock = Clock()
    daemon = start(pulse=Pulse(clock))
    wait_for(lambda: daemon.ticked and "desk" in daemon._pulse._beats)  # a part that was never heard of counts from now
    with busy(store):
        clock.now += 61
        wait_for(lambda: daemon._pulse.age("tick") == 0)
        with pytest.raises(MonitorError, match=r"^No sign of life from desk\.$"):
            daemon.check()


def test_the_clock_set_back_an_hour_stops_neither_the_tick_nor_the_feeds(
    start: Start, web: FeedServer, store: Store
) -> None:
    """S13, faults 0.8: what the scheduler and the store hold then lies an hour ahead."""
    clock = Clock()
    daemon = start(pulse=Pulse(clock))
    wait_for(lambda: daemon._announced)
    ahead = datetime.now(UTC) + timedelta(hours=1)
    for job in daemon._scheduler.get_jobs():
        job.modify(next_run_time=ahead)
    state = state_of(store, web.url("herald"))
    store.write(lambda tx: feeds.save(tx, replace(state, polled_at=ahead, next_poll_at=ahead + timedelta(minutes=15))))
    polled = len(web.requests)
    clock.now += 11
    daemon.check()
    wait_for(lambda: len(web.requests) > polled)
    wait_for(lambda: daemon._pulse.age("tick") == 0)
    daemon.check()
    assert len(web.requests) == polled + 1


def test_the_ticks_go_on_while_the_scheduler_waits_for_the_clock(start: Start) -> None:
    """S13: a round ends when the next begins, and not by the time of day."""
    daemon = start()
    wait_for(lambda: daemon.ticked)
    daemon._scheduler.pause()
    time.sleep(3)
    assert daemon._pulse.age("tick") < 2.5
    daemon._scheduler.get_job("tick").modify(next_run_time=datetime.now(UTC))
    daemon._scheduler.resume()
    time.sleep(3)
    assert daemon._pulse.age("tick") < 2.5, "the next round has taken over"
    daemon.check()


def test_a_process_that_stood_still_blames_nobody(start: Start) -> None:
    """P9."""
    clock = Clock()
    daemon = start(pulse=Pulse(clock))
    wait_for(lambda: daemon.ticked)
    daemon._scheduler.pause()
    clock.now += 28_800
    daemon.forgive()
    daemon.check()


def test_a_daemon_that_cannot_keep_up_says_how_many_feeds_are_late(
    start: Start, web: FeedServer, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """P17."""
    daemon = start(run=False)
    state = state_of(store, web.url("herald"))
    store.write(lambda tx: feeds.save(tx, replace(state, next_poll_at=datetime.now(UTC) - timedelta(seconds=30))))
    daemon._prove()
    assert daemon.status == "1 feeds, 0 being polled, 0 deliveries waiting"
    store.write(lambda tx: feeds.save(tx, replace(state, next_poll_at=datetime.now(UTC) - timedelta(seconds=90))))
    daemon._prove()
    assert daemon.status.endswith("; 1 of the feeds should have been polled more than a minute ago")
    assert "late feeds=1" in caplog.text
    for future in daemon.hand_out():
        future.result(20)
    daemon._prove()
    assert daemon.status == "1 feeds, 0 being polled, 0 deliveries waiting"


# --- a store that refuses


@in_a_file
def test_a_full_disk_stops_the_polling_and_the_daemon_recovers_by_itself(
    start: Start, web: FeedServer, store: Store
) -> None:
    """S3: nothing is lost, the feed is not polled again and again, and the daemon does not die of it."""
    daemon = start(run=False)
    for future in daemon.hand_out():
        future.result(20)
    web.publish("herald", "Union calls strike at Tarn ferry", "All crews stay ashore.")
    with full_disk(store):
        for future in daemon.hand_out():
            assert future.result(20).entries == ()
        assert daemon.hand_out() == [], "it rests"
        daemon._guarded(daemon._prove)
        daemon._guarded(daemon._tick)
    assert daemon.failure is None
    assert "refused" in daemon.status
    daemon._prove()  # it rests no longer than until the store takes something again
    for future in daemon.hand_out():
        assert len(future.result(20).alerts) == 1
    daemon._prove()
    assert daemon.status == "1 feeds, 0 being polled, 1 deliveries waiting"


@in_a_file
def test_one_round_ends_also_when_nothing_can_be_written(config: Config, store: Store, web: FeedServer) -> None:
    once(config)
    with full_disk(store), pytest.raises(MonitorError, match="refused"):
        once(config, everything=True)
    assert once(config, everything=True)["entries"] == 0


# --- housekeeping


def test_old_entries_are_forgotten_and_are_still_not_new_when_they_come_back(
    start: Start, config: Config, web: FeedServer, store: Store
) -> None:
    """S15, X16."""
    web.publish("herald", "Union calls strike at Tarn ferry")
    once(config)
    daemon = start(replace(config, retention=Retention(entries=timedelta(0), seen=timedelta(days=1))), run=False)
    daemon._tidy()
    with store.read() as tx:
        assert stories.history(tx, datetime.now(UTC) - timedelta(days=30)).entries == ()
    web.publish("herald", "Weather")
    make_due(store)
    (polled,) = [future.result(20) for future in daemon.hand_out()]
    assert [entry.title for entry in polled.entries] == ["Weather"]


@contextmanager
def stalling_server() -> Iterator[tuple[int, threading.Event]]:
    """A server that takes every request, and answers none before it is released."""
    import socketserver

    release = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65_536)
            release.wait(30)
            self.request.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server.server_address[1], release
        release.set()
        server.shutdown()
        thread.join()
