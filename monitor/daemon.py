"""The daemon: wires the parts, keeps them going, and ends the process when one of them dies.

Threads: the scheduler ticks, a pool polls, the store's writer settles, one deliverer a channel sends; the main thread
watches over them all and alone touches signals and systemd.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType

from apscheduler.executors.pool import ThreadPoolExecutor as JobExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from monitor import systemd
from monitor.alerts.channels import open_channel
from monitor.config import Config, load
from monitor.deliver import Deliverer, deliver
from monitor.desk import Desk
from monitor.errors import ConfigError, MonitorError, StoreError
from monitor.feeds import schedule
from monitor.feeds.fetch import Gate
from monitor.feeds.parse import Parser
from monitor.model import Changes, Feed, FeedState
from monitor.poll import poll
from monitor.store import Connection, Store, feeds, outbox, stories, views

log = logging.getLogger(__name__)

STALE = 30.0
"""Seconds without a sign of life after which a part counts as dead."""
STOP_WITHIN = 8.0
"""Seconds in which the daemon ends, with what is under way finished or safely abandoned (P1)."""
_BASELINE_WITHIN = timedelta(minutes=2)
_PARSERS = 2


class Daemon:
    """Everything that runs, for one configuration at a time."""

    def __init__(self, config: Config, store: Store, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self.store = store
        self._beats: dict[str, float] = {}
        self._busy: Counter[str] = Counter()
        self._in_flight: set[str] = set()
        self._lock = threading.Lock()
        self._failure: BaseException | None = None
        self._announced = False
        self._parser = Parser(_PARSERS)
        self._started_at = now()
        self._stopping = False
        self._adopt(config)
        self.desk = Desk(store, config.rules())
        self._pool = ThreadPoolExecutor(config.fetch.workers, thread_name_prefix="poll")
        self._scheduler = BackgroundScheduler(
            executors={"default": JobExecutor(2)}, job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1}, timezone=UTC
        )

    # --- configuration

    def _adopt(self, config: Config) -> None:
        """Take up a configuration: all that can fail happens before anything of the old one is given up."""
        gate = Gate(config.fetch)
        channels = {name: open_channel(settings, gate.post) for name, settings in config.channels.items()}
        now = self._now()

        def sync(tx: Connection) -> None:
            feeds.sync(tx, config.feeds, now)
            stories.sync(tx, config.storylines, now)
            outbox.drop_channel(tx, list(channels))

        self.store.write(sync)
        self.config = config
        self._feeds: dict[str, Feed] = {feed.url: feed for feed in config.feeds}
        self._gate = gate
        self._channels = channels
        self._deliverer = Deliverer(self.store, channels, beat=self._beat, now=self._now)

    def reload(self, config: Config) -> None:
        """Go on by another configuration, without losing a poll or a delivery."""
        old_gate, old_deliverer = self._gate, self._deliverer
        old_deliverer.stop(STOP_WITHIN)
        for thread in old_deliverer.threads:
            self._beats.pop(thread.name, None)
        self._adopt(config)
        self.desk.adopt(config.rules())
        self._deliverer.start()
        self._announced = False
        retire = threading.Timer(config.fetch.timeout.total_seconds(), old_gate.close)  # polls under way still use it
        retire.daemon = True
        retire.start()

    # --- running

    def start(self) -> None:
        """Begin to tick, poll and deliver."""
        self._deliverer.start()
        self._beat("tick")
        self._add_tick()
        self._scheduler.add_job(self._tidy, "interval", hours=6, id="tidy")
        self._scheduler.start()

    def stop(self) -> None:
        """Begin nothing new; finish or safely abandon what is under way. What is cut short is taken up again at the next start."""
        self._stopping = True
        deadline = time.monotonic() + STOP_WITHIN
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        self._pool.shutdown(wait=False, cancel_futures=True)
        while self._in_flight and time.monotonic() < deadline - STOP_WITHIN / 2:
            time.sleep(0.02)
        self._gate.close()
        self._deliverer.stop(max(0.5, deadline - time.monotonic()))
        self._parser.close()

    def _add_tick(self) -> None:
        self._scheduler.add_job(self._tick, "interval", seconds=1, id="tick", next_run_time=datetime.now(UTC), replace_existing=True)

    def _tick(self) -> None:
        """Hand out the feeds that are due; then, once, tell the state of the stories."""
        if self._stopping:
            return
        try:
            self.hand_out()
            if not self._announced:
                self._announce()
        except StoreError as error:
            log.error("tick error=%s", error)  # noqa: TRY400 - the sentence says it all
        except BaseException as error:
            self._failure = error
            raise
        self._beat("tick")

    def hand_out(self) -> list[Future[Changes]]:
        """Start a poll of every due feed that may go now."""
        with self.store.read() as tx:
            due = feeds.due(tx, self._now())
        with self._lock:
            waiting = [state for state in due if state.url in self._feeds and state.url not in self._in_flight]
            picked = schedule.pick(waiting, self._busy, self.config.fetch.per_host)
            free = self.config.fetch.workers * 2 - len(self._in_flight)
            picked = picked[: max(0, free)]
            for state in picked:
                self._in_flight.add(state.url)
                self._busy[schedule.host(state.url)] += 1
        return [self._pool.submit(self._poll, self._feeds[state.url], state) for state in picked]

    def _poll(self, feed: Feed, state: FeedState) -> Changes:
        try:
            changes = poll(feed, state, self._now(), self._gate, self._parser, self.desk)
            if changes.deliveries:
                self._deliverer.wake()
        except StoreError as error:
            log.error("poll feed=%s error=%s", feed.name or feed.url, error)  # noqa: TRY400 - S3: it stays due and is polled again
            return Changes()
        except BaseException as error:
            if not self._stopping:
                self._failure = error
            raise
        else:
            return changes
        finally:
            with self._lock:
                self._in_flight.discard(feed.url)
                self._busy[schedule.host(feed.url)] -= 1

    def deliver_due(self) -> None:
        """Send all that is due now, each channel once through; for `monitor once`."""
        for name, channel in self._channels.items():
            while deliver(self.store, name, channel, self._now):
                pass

    def _announce(self) -> None:
        """When each feed was polled once, or two minutes went by: one message a storyline on how things stand."""
        with self.store.read() as tx:
            unpolled = feeds.unpolled(tx)
        if unpolled and self._now() - self._started_at < _BASELINE_WITHIN:
            return
        if self.desk.announce(self._now()).deliveries:
            self._deliverer.wake()
        self._announced = True

    def _tidy(self) -> None:
        """Forget what is past its time, in small steps."""
        keep = self.config.retention
        try:
            while self.store.write(lambda tx: stories.prune(tx, self._now() - keep.entries, self._now() - keep.seen)):
                time.sleep(0.1)
        except StoreError as error:
            log.error("tidy error=%s", error)  # noqa: TRY400

    # --- watching

    def _beat(self, name: str) -> None:
        self._beats[name] = time.monotonic()

    def check(self) -> None:
        """Raise MonitorError when a part has died or shows no life; a scheduler that only lost its clock is set going again."""
        if self._failure is not None:
            raise MonitorError(f"A part of the daemon failed: {type(self._failure).__name__}: {self._failure}") from self._failure
        dead = [thread.name for thread in self._deliverer.threads if not thread.is_alive()]
        if not self._scheduler._thread.is_alive():  # noqa: SLF001 - `running` stays true when it has died
            dead.append("scheduler")
        if dead:
            raise MonitorError(f"These threads have died: {', '.join(dead)}.")
        self._prove_work()
        silent = [name for name, at in list(self._beats.items()) if time.monotonic() - at > STALE * (4 if name.startswith("deliver") else 1)]
        if "tick" in silent and time.monotonic() - self._beats["tick"] < 2 * STALE:
            log.warning("tick late; the clock may have been set back; starting it anew")
            self._add_tick()  # APScheduler waits for wall time to catch up (faults 0.8)
        elif silent:
            raise MonitorError(f"No sign of life from {', '.join(silent)}.")

    def _prove_work(self) -> None:
        """A real write: the store answers."""
        try:
            self.store.write(lambda tx: outbox.resume(tx, ""))
            self._beat("store")
        except StoreError as error:
            log.error("store error=%s", error)  # noqa: TRY400

    def status(self) -> str:
        """One line on how things are."""
        with self.store.read() as tx:
            waiting = outbox.pending(tx)
        return f"{len(self._feeds)} feeds, {len(self._in_flight)} being polled, {waiting} deliveries waiting"


class _Signals:
    """Signals as flags that the main loop reads."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.reload = threading.Event()
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_hup)

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        if self.stop.is_set():
            os._exit(1)  # P2: asked twice
        self.stop.set()

    def _on_hup(self, _number: int, _frame: FrameType | None) -> None:
        self.reload.set()


def run(path: Path) -> int:
    """Follow the stories of the configuration at `path` until told to stop; the exit code. Raises MonitorError."""
    faulthandler.enable()
    signals = _Signals()
    config = load(path)
    for warning in config.warnings:
        log.warning("config %s", warning)
    store = Store.open(config.store)
    try:
        store.hold()
        daemon = Daemon(config, store)
        daemon.start()
        systemd.notify("READY=1", f"STATUS={daemon.status()}")
        log.info("run feeds=%d storylines=%d channels=%s pid=%d", len(config.feeds), len(config.storylines), ",".join(config.channels), os.getpid())
        try:
            _watch(daemon, signals, path)
        finally:
            systemd.notify("STOPPING=1")
            daemon.stop()
    finally:
        store.close()
    log.info("run stopped")
    return 0


def _watch(daemon: Daemon, signals: _Signals, path: Path) -> None:
    every = min(systemd.watchdog_interval() or 5.0, 5.0)
    next_check = time.monotonic()
    while not signals.stop.wait(0.2):
        if signals.reload.is_set():
            signals.reload.clear()  # a storm of signals is one reload (C14)
            _reload(daemon, path)
        if time.monotonic() >= next_check:
            next_check = time.monotonic() + every
            try:
                daemon.check()
            except MonitorError:
                faulthandler.dump_traceback(all_threads=True)
                raise
            systemd.notify("WATCHDOG=1", f"STATUS={daemon.status()}")


def _reload(daemon: Daemon, path: Path) -> None:
    systemd.reloading()
    try:
        config = load(path)
        if config.store != daemon.config.store:
            log.warning("reload: the store stays %s until the next start", daemon.config.store)
        daemon.reload(config)
        log.info("reload feeds=%d storylines=%d channels=%s", len(config.feeds), len(config.storylines), ",".join(config.channels))
    except ConfigError as error:
        for problem in error.problems:
            log.error("reload: the old configuration stays: %s", problem)  # noqa: TRY400 - each is a sentence of its own
    systemd.notify("READY=1")


def once(config: Config, *, everything: bool = False, wait: timedelta = timedelta(minutes=10)) -> dict[str, int]:
    """One poll of each feed that is due (or of all), deliver what follows, and return the counts.

    Where a daemon holds the store, it is asked to do the polling, and waited for. Raises MonitorError.
    """
    store = Store.open(config.store)
    try:
        started = datetime.now(UTC)
        before = _counts(store)
        try:
            store.hold()
        except StoreError:
            _ask_daemon(store, started, wait, everything=everything)
        else:
            _poll_once(config, store, everything=everything)
        after = _counts(store)
        return {name: after[name] - before.get(name, 0) for name in before} | {"waiting": after["waiting"]}
    finally:
        store.close()


def _poll_once(config: Config, store: Store, *, everything: bool) -> None:
    daemon = Daemon(config, store)
    try:
        if everything:
            store.write(lambda tx: feeds.make_due(tx, datetime.now(UTC)))
        while futures := daemon.hand_out():
            for future in futures:
                future.result()
        daemon.desk.announce(datetime.now(UTC))
        daemon.deliver_due()
    finally:
        daemon.stop()


def _ask_daemon(store: Store, started: datetime, wait: timedelta, *, everything: bool) -> None:
    """Wait until the daemon has polled what is due; with `everything`, have it poll all.

    A poll that was under way when it was asked ends by setting its feed's next time; that feed is asked for again.
    """
    with store.read() as tx:
        asked = {state.url for state in (feeds.everything(tx) if everything else feeds.due(tx, started, limit=100_000))}
    deadline = time.monotonic() + wait.total_seconds()
    while asked and time.monotonic() < deadline:
        with store.read() as tx:
            states = [state for state in feeds.everything(tx) if state.url in asked]
        asked = {state.url for state in states if state.polled_at is None or state.polled_at < started}
        resting = [state.url for state in states if state.url in asked and state.next_poll_at > datetime.now(UTC)]
        if everything and resting:
            store.write(lambda tx, urls=tuple(resting): [feeds.make_due(tx, datetime.now(UTC), url) for url in urls])  # type: ignore[misc]
        time.sleep(0.1)


def _counts(store: Store) -> dict[str, int]:
    with store.read() as tx:
        status = views.status(tx, datetime.now(UTC))
        return {name: status[name] for name in ("entries", "reports", "developments", "alerts")} | {"waiting": outbox.pending(tx)}
