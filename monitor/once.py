"""`monitor once`: one poll of what is due, for cron; by this process, or by the daemon where one is running."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from monitor.config import Config
from monitor.daemon import Daemon
from monitor.errors import MonitorError, StoreHeld
from monitor.store import Connection, Store, feeds, outbox, views

_PAUSE = 0.1
Progress = Callable[[int, int], None]
"""Told how many of how many feeds were polled."""


def once(
    config: Config,
    *,
    everything: bool = False,
    wait: timedelta = timedelta(minutes=10),
    progress: Progress = lambda _done, _of: None,
) -> dict[str, int]:
    """One poll of each feed that is due (or of all), deliver what follows, and return the counts.

    Where a daemon holds the store, it is asked to do the polling, and waited for. Raises MonitorError.
    """
    store = Store.open(config.store)
    try:
        started = store.now()
        before = _counts(store)
        try:
            store.hold()
        except StoreHeld as held:
            _ask_daemon(store, started, wait, held.pid, everything=everything)
        else:
            _poll_once(config, store, progress, everything=everything)
        after = _counts(store)
        return {name: after[name] - before.get(name, 0) for name in before} | {"waiting": after["waiting"]}
    finally:
        store.close()


def _poll_once(config: Config, store: Store, progress: Progress, *, everything: bool) -> None:
    daemon = Daemon(config, store)
    try:
        if everything:
            store.write(lambda tx: feeds.make_due(tx, store.now()))
        due = _count_due(store)
        while (futures := daemon.hand_out()) or (_count_due(store) and not daemon.polls.is_resting):
            for future in futures:
                future.result()
            progress(max(0, due - _count_due(store)), due)
            if daemon.failure is not None:  # in a poll that followed at once on another of its host
                raise daemon.failure
            if not futures:
                time.sleep(_PAUSE)  # what is left is under way, or waits for its host to be spared no longer
        daemon.desk.announce(store.now())
        daemon.watch()
        daemon.look()
        daemon.deliver_due()
    finally:
        daemon.stop()


def _ask_daemon(store: Store, started: datetime, wait: timedelta, pid: int, *, everything: bool) -> None:
    """Wait until the daemon has polled what is due; with `everything`, have it poll all. Raises MonitorError if it does not.

    A poll that was under way when it was asked ends by setting its feed's next time; that feed is asked for again.
    """
    with store.read() as tx:
        everyone = feeds.unpolled_since(tx, started)
        asked = set(everyone) if everything else {state.url for state in feeds.due(tx, started)}
    deadline = time.monotonic() + wait.total_seconds()
    while asked:
        with store.read() as tx:
            waiting = feeds.unpolled_since(tx, started)
        asked &= waiting.keys()
        resting = [url for url in asked if waiting[url] > store.now()]
        if everything and resting:
            store.write(partial(_make_due, resting, store.now()))
        if asked and time.monotonic() > deadline:
            raise MonitorError(
                f"The daemon (pid {pid}) has not polled {len(asked)} of the feeds in time; its log says why."
            )
        time.sleep(_PAUSE)


def _count_due(store: Store) -> int:
    with store.read() as tx:
        return feeds.count_due(tx, store.now())


def _make_due(urls: list[str], now: datetime, tx: Connection) -> None:
    for url in urls:
        feeds.make_due(tx, now, url)


def _counts(store: Store) -> dict[str, int]:
    with store.read() as tx:
        status = views.status(tx, store.now())
        return {name: status[name] for name in ("entries", "reports", "developments", "alerts")} | {
            "waiting": outbox.pending(tx)
        }
