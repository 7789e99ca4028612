"""A month of polling by a clock that the test sets: no server is asked before its time, whatever happens to the daemon."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from monitor.alerts.channels import ConsoleSettings
from monitor.config import Config
from monitor.daemon import Daemon
from monitor.feeds.settings import FetchSettings
from monitor.model import Feed, Storyline, Terms
from monitor.store import Store, feeds
from tests.end_to_end.world import serving

BEGIN = datetime(2024, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVERY = timedelta(hours=3)
DAYS, RESTARTS = 30, 100


@dataclass
class Web:
    """Servers with wishes, in simulated time: what each asked for, and who did not heed it."""

    now: datetime = BEGIN
    port: int = 0
    allowed: dict[str, datetime] = field(default_factory=dict)
    polls: Counter[str] = field(default_factory=Counter)
    unconditional: Counter[str] = field(default_factory=Counter)
    early: list[str] = field(default_factory=list)

    def note(self, path: str, *, conditional: bool) -> None:
        self.polls[path] += 1
        self.unconditional[path] += not conditional
        if self.now < self.allowed.get(path, BEGIN):
            self.early.append(f"{path} at {self.now}, {self.allowed[path] - self.now} too early")

    def answer(self, path: str) -> tuple[int, dict[str, str]]:
        """Status and headers, and when the next poll is welcome at the earliest."""
        turn, wait = self.polls[path], EVERY
        status, headers = 200, {"ETag": f'"{turn // 5}"'}
        match path:
            case "/max-age":
                headers["Cache-Control"], wait = "public, max-age=21600", 6 * HOUR
            case "/expires":
                headers["Expires"], wait = format_datetime(self.now + 4 * HOUR, usegmt=True), 4 * HOUR
            case "/seconds" if turn % 3 == 0:
                status, headers, wait = 429, {"Retry-After": "25200"}, 7 * HOUR
            case "/date" if turn % 3 == 0:
                status, wait = 503, 9 * HOUR
                headers = {"Retry-After": format_datetime(self.now + wait, usegmt=True)}
            case "/ttl":
                wait = 5 * HOUR
            case "/gone" if turn > 20:
                status, headers, wait = 410, {}, timedelta(days=365)
        self.allowed[path] = self.now + wait
        return status, headers

    def document(self, path: str) -> bytes:
        wishes = "<ttl>300</ttl>" if path == "/ttl" else ""
        if path == "/nights":
            wishes = f"<skipHours>{''.join(f'<hour>{hour}</hour>' for hour in range(6))}</skipHours>"
        turn = self.polls[path] // 5
        item = f"<item><title>Ferry report {turn}</title><guid>{turn}</guid></item>"
        return f"<rss version='2.0'><channel><title>{path}</title>{wishes}{item}</channel></rss>".encode()


@contextmanager
def wishful(web: Web) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = self.headers.get("If-None-Match")
            web.note(self.path, conditional=asked is not None)
            if self.path == "/nights" and web.now.hour < 6 and web.polls[self.path] > 1:
                web.early.append(f"/nights at {web.now}")
            status, headers = web.answer(self.path)
            body = web.document(self.path) if status == 200 else b""
            if status == 200 and asked == headers["ETag"]:
                status, body = 304, b""
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def date_time_string(self, timestamp: float | None = None) -> str:
            return format_datetime(web.now, usegmt=True)

        def log_message(self, format: str, *args: object) -> None: ...

    with serving(Handler) as web.port:
        yield


PATHS = ("/plain", "/max-age", "/expires", "/seconds", "/date", "/ttl", "/nights", "/gone")


@pytest.fixture
def config(tmp_path: Path) -> Iterator[tuple[Config, Web]]:
    web = Web()
    with wishful(web):
        yield (
            Config(
                source=tmp_path / "monitor.yaml",
                store=f"sqlite:///{tmp_path}/monitor.db",
                feeds=tuple(Feed(url=f"http://127.0.0.1:{web.port}{path}", every=EVERY) for path in PATHS),
                storylines=(Storyline(id="ferry", title="Ferry", terms=Terms(any=("ferry",)), channels=("console",)),),
                channels={"console": ConsoleSettings(type="console")},
                fetch=FetchSettings(allow_networks=("127.0.0.0/8",)),
            ),
            web,
        )


def poll_what_is_due(daemon: Daemon) -> None:
    while futures := daemon.hand_out():
        for future in futures:
            future.result(20)
        daemon._wait_until_idle(float("inf"))


def next_time(store: Store) -> datetime:
    with store.read() as tx:
        return min(state.next_poll_at for state in feeds.everything(tx) if not state.gone)


@pytest.mark.no_cover
@pytest.mark.timeout(600)
def test_in_a_month_with_a_hundred_restarts_no_server_is_asked_before_its_time(config: tuple[Config, Web]) -> None:
    """H18-H22, H39, faults 6.9; each feed is asked once without validators, and never again."""
    settings, web = config
    chance = random.Random(5)
    restarts = sorted(BEGIN + timedelta(days=DAYS) * chance.random() for _ in range(RESTARTS))
    store = Store.open(settings.store)
    daemon = Daemon(settings, store, now=lambda: web.now)
    while web.now < BEGIN + timedelta(days=DAYS):
        poll_what_is_due(daemon)
        upcoming = next_time(store)
        while restarts and restarts[0] < upcoming:
            web.now = max(web.now, restarts.pop(0))
            daemon.stop()
            daemon = Daemon(settings, store, now=lambda: web.now)
            poll_what_is_due(daemon)
        web.now = max(web.now, upcoming - timedelta(seconds=1))
        poll_what_is_due(daemon)
        web.now = max(web.now, upcoming)
    daemon.stop()
    store.close()
    assert web.early == []
    assert restarts == []
    assert web.polls["/gone"] == 21
    assert 70 < web.polls["/plain"] <= DAYS * 8
    assert {path: count for path, count in web.unconditional.items() if count > 1} == {}
