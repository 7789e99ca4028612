"""A story's week in a minute: a feed server on loopback plays recorded entries, and the real daemon follows them."""

from __future__ import annotations

import logging
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import yaml

from monitor import process
from monitor.config import load
from monitor.daemon import Daemon
from monitor.store import Store, outbox, views
from monitor.web import app

WEEK = timedelta(days=7)
_SETTLE = 15.0
"""Seconds after the week's end in which the last polls and alerts arrive."""


def play(seconds: float, *, begun: Callable[[str], None], ended: Callable[[dict[str, int]], None]) -> None:
    """Play the week in `seconds`; alerts appear on the console as they happen.

    `begun` is told the address of the page, and `ended` the counts, while the page is still there.
    """
    logging.disable(logging.WARNING)
    week = yaml.safe_load(_file("week.yaml"))
    clock = _Clock(week["start"], seconds)
    with (
        _server(week, clock.now) as port,
        tempfile.TemporaryDirectory(prefix="monitor-demo-") as folder,
        ExitStack() as stack,
    ):
        with process.interrupts_held():
            stack.callback(logging.disable, logging.NOTSET)
            store = Store.open(f"sqlite:///{folder}/monitor.db")
            stack.callback(store.close)
            config = load(_configuration(Path(folder), week["outlets"], port))
            daemon = Daemon(config, store, page=app.of, now=clock.now)
            stack.callback(daemon.stop)
            daemon.start()
        begun(f"http://{config.web.listen}/")
        clock.start()
        time.sleep(seconds)
        _wait_for_the_last(daemon, len(week["entries"]))
        ended(_counts(store, len(week["outlets"])))


class _Clock:
    """The week's time: it stands at its begin until it is started, and then runs fast."""

    def __init__(self, begin: datetime, seconds: float) -> None:
        self._begin = begin
        self._speed = WEEK.total_seconds() / seconds
        self._started: float | None = None

    def start(self) -> None:
        time.sleep(2)  # the baseline: the feeds are polled while they are empty
        self._started = time.monotonic()

    def now(self) -> datetime:
        if self._started is None:
            return self._begin
        return self._begin + timedelta(seconds=(time.monotonic() - self._started) * self._speed)


def _configuration(folder: Path, outlets: list[str], port: int) -> Path:
    feeds = ", ".join(f'{{url: "http://127.0.0.1:{port}/{quote(name)}", name: "{name}"}}' for name in outlets)
    path = folder / "monitor.yaml"
    text = _file("monitor.yaml").replace("FEEDS", feeds).replace("PORT", str(_free_port()))
    path.write_text(text, encoding="utf-8")
    return path


def _free_port() -> int:
    """A port for the page; a daemon beside us may have the usual one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _server(week: dict[str, Any], now: Callable[[], datetime]) -> Iterator[int]:
    """Serve each outlet's feed on loopback, with what it has published by `now`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = _feed(unquote(self.path[1:]), week, now()).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/rss+xml; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def _feed(outlet: str, week: dict[str, Any], now: datetime) -> str:
    begin = week["start"]
    items = "".join(
        f"<item><title>{escape(title)}</title><description>{escape(summary)}</description><guid isPermaLink='false'>{outlet}-{hours}</guid>"
        f"<link>https://outlet.example/{number}</link><pubDate>{format_datetime(begin + timedelta(hours=hours))}</pubDate></item>"
        for number, (hours, name, title, summary) in enumerate(week["entries"])
        if name == outlet and begin + timedelta(hours=hours) <= now
    )
    return f"<?xml version='1.0' encoding='utf-8'?><rss version='2.0'><channel><title>{outlet}</title><link>https://outlet.example/</link>{items}</channel></rss>"


def _wait_for_the_last(daemon: Daemon, entries: int) -> None:
    deadline = time.monotonic() + _SETTLE
    while time.monotonic() < deadline:
        daemon.check()
        with daemon.store.read() as tx:
            if views.status(tx, datetime.now(UTC))["entries"] >= entries and not outbox.pending(tx):
                return
        time.sleep(0.1)


def _counts(store: Store, outlets: int) -> dict[str, int]:
    with store.read() as tx:
        status = views.status(tx, datetime.now(UTC))
    return {
        "outlets": outlets, "entries": status["entries"], "reports": status["reports"], "alerts": status["alerts"],
        "folded": status["reports"] - status["alerts"],
    }  # fmt: skip


def _file(name: str) -> str:
    return resources.files("monitor.demo").joinpath(name).read_text(encoding="utf-8")
