"""What a daemon does for months is done some thousand times: it holds no more files, threads and memory afterwards than before."""

from __future__ import annotations

import gc
import logging
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from monitor.alerts.route import Routing
from monitor.desk import Desk, Rules
from monitor.feeds.fetch import Gate
from monitor.feeds.parse import Parser
from monitor.feeds.settings import FetchSettings
from monitor.logs import Once
from monitor.model import Feed, Storyline, Terms
from monitor.poll import ask
from monitor.store import Store, feeds
from monitor.stories.match import Matcher
from tests.end_to_end.world import free_port, serving
from tests.test_logs import record

MB = 1024 * 1024
RSS = (
    b"<rss version='2.0'><channel><title>t</title><item><title>Tarn ferry</title><guid>1</guid></item></channel></rss>"
)


class Faulty(BaseHTTPRequestHandler):
    """Answers wrongly in a way for each path."""

    protocol_version = "HTTP/1.1"
    wbufsize = 65_536

    def do_GET(self) -> None:
        kind = self.path.strip("/")
        body = b"<html>no feed" if kind == "no-feed" else RSS
        self.send_response({"broken": 500, "circle": 302}.get(kind, 200))
        self.send_header("Location", "/circle")
        if kind == "packed":
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body) + 10 * (kind == "cut")))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = kind == "cut"

    def log_message(self, format: str, *args: object) -> None: ...


@dataclass
class Held:
    """What the process holds at one moment."""

    files: int
    threads: int
    memory: int

    @classmethod
    def now(cls) -> Held:
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return cls(
            sum(1 for _ in Path("/proc/self/fd").iterdir()), threading.active_count(), pages * os.sysconf("SC_PAGESIZE")
        )


@pytest.fixture
def rules() -> Rules:
    ferry = Storyline(id="ferry", title="The Tarn ferry", terms=Terms(any=("Tarn ferry",)))
    return Rules(Matcher((ferry,)), Routing({"ferry": ferry}, {"desk": ("",)}))


@pytest.fixture
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def held_after(rounds: int, kinds: tuple[str, ...], store: Store, rules: Rules) -> tuple[Held, Held]:
    """What is held after a fifth of that many polls of each kind, and after all of them."""
    gate = Gate(FetchSettings(allow_networks=("127.0.0.0/8",), timeout=timedelta(seconds=5)))
    parser, desk = Parser(1), Desk(store, rules)
    with serving(Faulty) as port:
        urls = [f"http://127.0.0.1:{port if kind != 'refused' else free_port()}/{kind}" for kind in kinds]
        followed = [Feed(url=url, name=url) for url in urls]
        store.write(lambda tx: feeds.sync(tx, followed, datetime.now(UTC)))
        early = Held(0, 0, 0)
        for number in range(rounds):
            with store.read() as tx:
                states = {state.url: state for state in feeds.everything(tx)}
            for feed in followed:
                desk.settle(ask(feed, states[feed.url], datetime.now(UTC), gate, parser))
            if number == rounds // 5:
                early = Held.now()
        late = Held.now()
    with store.read() as tx:
        failures = {state.url: state.failures for state in feeds.everything(tx)}
    assert failures == dict.fromkeys(urls, rounds if kinds != ("well",) else 0)
    parser.close()
    gate.close()
    return early, late


# A day of 200 feeds is 30,000 polls. The allocator's holes grow by some 30 bytes a poll at first, and ever less.
FAULTS = ("refused", "broken", "circle", "cut", "packed", "no-feed")


def judge(early: Held, late: Held, most: int) -> None:
    assert abs(late.files - early.files) <= 2
    assert late.threads <= early.threads
    assert late.memory - early.memory <= most


@pytest.mark.no_cover
def test_failing_polls_leave_no_file_and_no_thread_behind(store: Store, rules: Rules, quiet: None) -> None:
    """P6."""
    judge(*held_after(50, FAULTS, store, rules), most=4 * MB)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_ten_thousand_failing_polls_leave_nothing_behind(store: Store, rules: Rules, quiet: None) -> None:
    """P6, P7."""
    judge(*held_after(10_000 // len(FAULTS) + 1, FAULTS, store, rules), most=2 * MB)


@pytest.mark.no_cover
def test_polls_that_bring_nothing_new_leave_nothing_behind(store: Store, rules: Rules, quiet: None) -> None:
    """P7."""
    judge(*held_after(500, ("well",), store, rules), most=MB)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_hundred_thousand_polls_leave_nothing_behind(store: Store, rules: Rules, quiet: None) -> None:
    """P7."""
    judge(*held_after(100_000, ("well",), store, rules), most=4 * MB)


@pytest.mark.no_cover
@pytest.mark.parametrize("minutes", [2, pytest.param(20, marks=pytest.mark.soak)])
def test_a_complaint_made_a_thousand_times_a_second_is_a_line_a_minute_with_its_number(minutes: int) -> None:
    """P8: over a million times in the longer one."""
    clock = iter(range(60_000 * minutes))
    once = Once(lambda: next(clock) / 1_000)
    passed = []
    told = record("poll feed=%s failures=%d error=%s", "herald", 7, "refused")
    for _ in range(60_000 * minutes):
        if once.filter(told):
            passed.append(told.getMessage())
            told = record("poll feed=%s failures=%d error=%s", "herald", 7, "refused")
    assert len(passed) == minutes
    assert all(line.endswith("(59999 more like it in the last minutes)") for line in passed[1:])
