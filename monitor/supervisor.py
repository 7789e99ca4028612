"""Runs the daemon as a process: signals, reload, systemd, and the end when a part of it has died.

All this happens on the main thread, which does nothing else: it alone touches signals and systemd.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Collection
from functools import partial
from pathlib import Path

from monitor import process, systemd
from monitor.alerts.notice import Trouble
from monitor.config import load
from monitor.daemon import Daemon
from monitor.errors import ConfigError, MonitorError, Problem
from monitor.process import Role, Signals
from monitor.store import Store
from monitor.web import app

log = logging.getLogger(__name__)

_LAST_MOMENT = 9.5
"""Seconds after which the process ends, whatever hangs: a little more than the daemon gives itself."""
_LOOK_EVERY = 5.0
_RELOAD = "configuration"
_ONE_PROCESS = "several processes share a store in PostgreSQL only; write `store: postgresql://HOST/DATABASE`, or run without --role."
_STOOD_STILL = 5.0
"""Seconds by which a look is late when not one part, but the whole process was not run."""


def run(path: Path, roles: Collection[Role] = ()) -> int:
    """Follow the stories of the configuration at `path` until told to stop; the exit code. Raises MonitorError.

    With `roles`, this process does only that part of the work, and others the rest.
    """
    process.prepare()
    signals = Signals()
    config = load(path)
    for warning in config.warnings:
        log.warning("config %s", warning)
    if roles and not config.store.startswith("postgresql:"):
        raise ConfigError([Problem(str(path), 0, _ONE_PROCESS)])
    store = Store.open(config.store)
    try:
        store.hold(shared=bool(roles))
        daemon = Daemon(config, store, roles=roles, page=partial(app.of, reload=signals.ask_reload))
        daemon.start()
        log.info(
            "run feeds=%d storylines=%d channels=%s pid=%d roles=%s",
            len(config.feeds),
            len(config.storylines),
            ",".join(config.channels),
            os.getpid(),
            ",".join(sorted(roles)) or "all",
        )
        try:
            code = _watch(daemon, signals, path)
        finally:
            systemd.notify("STOPPING=1")
            log.info("run stopping")
            with process.ending_within(_LAST_MOMENT):
                daemon.stop()
                store.close()
    finally:
        store.close()
    log.info("run stopped")
    return process.leave(code, within=0.3)


def _watch(daemon: Daemon, signals: Signals, path: Path) -> int:
    """Until told to stop: look after the parts, feed the watchdog while all of them work, reload when asked; the exit code."""
    every = min(systemd.watchdog_interval() or _LOOK_EVERY, _LOOK_EVERY)
    ready, looked_at = False, time.monotonic()
    while not signals.stop:
        signals.wait(0.1 if not ready else max(0.0, looked_at + every - time.monotonic()))
        if daemon.ticked and not ready:
            ready = True
            systemd.notify("READY=1", f"STATUS={daemon.status}")
        if ready and signals.take_reload():
            _reload(daemon, path)
        now = time.monotonic()
        if now - looked_at > every + _STOOD_STILL:
            daemon.forgive()
        if now - looked_at >= every:
            looked_at = now
            if not _well(daemon):
                return 1
    return 0


def _well(daemon: Daemon) -> bool:
    """Whether every part works: the watchdog is fed, or it is shown where each thread is."""
    try:
        daemon.check()
    except MonitorError as error:
        log.critical("run error=%s", error)
        process.show_threads()
        return False
    systemd.notify("WATCHDOG=1", f"STATUS={daemon.status}")
    return True


def _reload(daemon: Daemon, path: Path) -> None:
    """Take up the file as it is now, if it is right; else go on by what is known, and say why (C13)."""
    systemd.reloading()
    try:
        config = load(path)
        if config.store != daemon.config.store:
            log.warning("reload: the store stays %s until the next start", daemon.store.shown)
        daemon.reload(config)
        log.info(
            "reload feeds=%d storylines=%d channels=%s",
            len(config.feeds),
            len(config.storylines),
            ",".join(config.channels),
        )
    except ConfigError as error:
        for problem in error.problems:
            log.error("reload: the old configuration stays: %s", problem)  # noqa: TRY400 - each is a sentence of its own
        daemon.complain(_refused("; ".join(map(str, error.problems))))
    except MonitorError as error:
        log.error("reload: the old configuration stays: %s", error)  # noqa: TRY400
        daemon.complain(_refused(str(error)))
    systemd.notify("READY=1", f"STATUS={daemon.status}")


def _refused(why: str) -> Trouble:
    said = f"The changed configuration was not taken up, and the old one stays in force: {why}"
    return Trouble(subject=_RELOAD, title="The configuration is wrong", said=said)
