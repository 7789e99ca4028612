"""Several processes that poll and settle on one store: what one of them does while another stands still, and what they decide at one moment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor.model import Feed, FeedState
from monitor.store import Store, feeds, stories
from tests.end_to_end.world import FeedServer, feed_server
from tests.store.conftest import in_postgresql
from tests.test_desk import DAM

pytestmark = [in_postgresql, pytest.mark.traced]
PROGRAM = """
import json, os, signal, sys, time
from monitor.alerts.route import Routing
from monitor.desk import Desk, Rules
from monitor.feeds.fetch import Gate
from monitor.feeds.parse import Parser
from monitor.feeds.settings import FetchSettings
from monitor.model import Feed, Storyline, Terms
from monitor.poll import ask
from monitor.store import Store, feeds
from monitor.stories.match import Matcher

url, stops = sys.argv[1:]
dam = Storyline(id="dam", title="The Orla dam", terms=Terms(all=(("Orla",),)), channels=("desk",))
store = Store.open(url)
store.hold(shared=True)
desk = Desk(store, Rules(Matcher([dam]), Routing({"dam": dam}, {"desk": ("",)})))
parser = Parser(1)

class Stopping(Gate):
    def fetch(self, feed, state):
        response = super().fetch(feed, state)
        if stops:
            os.kill(os.getpid(), signal.SIGSTOP)
            time.sleep(1)  # this thread may go on for a moment
        return response

gate = Stopping(FetchSettings(allow_networks=("127.0.0.0/8",)))
print("ready", flush=True)
for line in sys.stdin:
    feed = line.strip()
    with store.read() as tx:
        state = feeds.one(tx, feed)
    changes = desk.settle(ask(Feed(url=feed), state, store.now(), gate, parser))
    print(json.dumps({
        "entries": [e.title for e in changes.entries], "alerts": [a.title for a in changes.alerts], "reports": len(changes.placements),
    }), flush=True)
"""

Worker = subprocess.Popen[str]
Start = Callable[..., Worker]


@pytest.fixture
def web() -> Iterator[FeedServer]:
    with feed_server() as served:
        yield served


@pytest.fixture
def start(url: str) -> Iterator[Start]:
    """Starts a process that polls the feeds it is told, and stops itself, if it is to, when it has the answer."""
    with ExitStack() as running:

        def starting(*, stops: bool = False) -> Worker:
            made = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, url, "yes" if stops else ""],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            running.callback(made.communicate)
            running.callback(made.kill)
            assert made.stdout is not None
            assert made.stdout.readline() == "ready\n"
            return made

        yield starting


def begin(worker: Worker, feed: str) -> None:
    assert worker.stdin is not None
    worker.stdin.write(f"{feed}\n")
    worker.stdin.flush()


def told(worker: Worker) -> dict[str, Any]:
    assert worker.stdout is not None
    found: dict[str, Any] = json.loads(worker.stdout.readline())
    return found


def polled(worker: Worker, feed: str) -> dict[str, Any]:
    begin(worker, feed)
    return told(worker)


def until_stopped(worker: Worker) -> None:
    os.waitid(os.P_PID, worker.pid, os.WSTOPPED)


def follow(store: Store, *urls: str) -> None:
    now = datetime.now(UTC) - timedelta(minutes=1)
    store.write(lambda tx: feeds.sync(tx, [Feed(url=url) for url in urls], now))
    store.write(lambda tx: stories.sync(tx, [DAM], now))


def state_of(store: Store, feed: str) -> FeedState:
    with store.read() as tx:
        found = feeds.one(tx, feed)
    assert found is not None
    return found


@pytest.mark.parametrize("news", [True, False])
def test_a_worker_that_stood_still_in_a_poll_loses_nothing_and_takes_nothing_back(
    store: Store, web: FeedServer, start: Start, news: bool
) -> None:
    """S14: SIGSTOP for longer than a poll may take, so that another has polled the feed."""
    herald = web.url("herald")
    follow(store, herald)
    other = start()
    web.publish("herald", "Ferry fares rise")
    assert polled(other, herald)["alerts"] == []
    stopped = start(stops=True)
    if news:
        web.publish("herald", "Orla dam closed after crack is found")
    begin(stopped, herald)
    until_stopped(stopped)
    web.entries["herald"] = [
        ("Ferry fares rise", ""),
        *[("Weather stays fine", "")] * news,
    ]  # the crack is off the feed
    assert polled(other, herald)["alerts"] == []
    known = state_of(store, herald)
    stopped.send_signal(signal.SIGCONT)
    late = told(stopped)
    assert late["alerts"] == ["Orla dam closed after crack is found"] * news
    after = state_of(store, herald)
    assert (after.polled_at, after.next_poll_at, after.etag) == (known.polled_at, known.next_poll_at, known.etag)
    assert after.arrived == known.arrived + news
    assert polled(other, herald)["alerts"] == []


def test_a_fact_that_comes_to_three_workers_at_one_moment_is_told_once(
    store: Store, web: FeedServer, start: Start
) -> None:
    """S14: whoever is second knows of the first, though another process decided that."""
    outlets = [web.url(name) for name in ("herald", "gazette", "kurier")]
    follow(store, *outlets)
    workers = [start() for _ in outlets]
    for worker, outlet in zip(workers, outlets, strict=True):
        polled(worker, outlet)
    facts = (
        "Orla dam closed after crack is found",
        "Police evacuate 4,000 as Orla dam floods valley",
        "Minister resigns over Orla dam",
    )
    for fact in facts:
        for name in ("herald", "gazette", "kurier"):
            web.publish(name, f"{fact} ({name})")
        list(map(begin, workers, outlets))
        found = list(map(told, workers))
        assert sum(len(one["alerts"]) for one in found) == 1, found
        assert [one["reports"] for one in found] == [1, 1, 1]
