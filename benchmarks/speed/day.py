"""CPU for 500 feeds polled every 5 minutes for a day, a tenth of them changed each time.

The clock is simulated: the daemon ticks at each second of it and polls what is due, over real connections, with real parser children.
The feeds are served by this process, which is not counted. What `monitor run` costs when it waits in real time (its scheduler, its looks
at itself, its deliverer) is measured beside it and added.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.speed.measure import Cost, machine, measured, memory
from benchmarks.speed.web import answer
from monitor.alerts.channels import ConsoleSettings
from monitor.config import Config
from monitor.daemon import Daemon
from monitor.feeds.settings import FetchSettings
from monitor.model import Feed, Storyline, Terms
from monitor.store import Store
from monitor.store import feeds as feeds_of
from tests.end_to_end.world import free_port

BEGIN = datetime(2024, 3, 1, tzinfo=UTC)
EVERY = timedelta(minutes=5)
ENTRIES, CHANGED = 30, 10
TARGET = 240.0
"""CPU seconds a day."""
DAY = 86_400
QUIET = 100
"""Seconds after the last poll in which the daemon comes to rest."""
_LETTERS = "abcdefghiklmnoprstuvwz"


@dataclass(frozen=True, slots=True)
class Done:
    """CPU seconds, of children too, until each feed was polled once and after that; and what was done after that."""

    first: float
    cpu: float
    polls: int = 0
    entries: int = 0
    alerts: int = 0


@dataclass(frozen=True, slots=True)
class Waited:
    """CPU seconds a second while nothing is due, and MB of memory."""

    cpu: float
    memory: float


def spent(pid: int | None = None) -> float:
    """CPU seconds of a process and its descendants, also of those that have ended."""
    root = Path(f"/proc/{pid or os.getpid()}")
    used = sum(map(int, (root / "stat").read_text().rpartition(")")[2].split()[11:15])) / os.sysconf("SC_CLK_TCK")
    return used + sum(map(spent, children(pid or os.getpid())))


def children(pid: int) -> list[int]:
    """Those that a process has now."""
    return [int(n) for thread in Path(f"/proc/{pid}/task").iterdir() for n in (thread / "children").read_text().split()]


def words(count: int, seed: int) -> str:
    """Some of 20,000 words that mean nothing; rare ones are rare."""
    chance = random.Random(seed)
    return " ".join(_word(int(20_000 * chance.random() ** 3)) for _ in range(count))


@cache
def _word(number: int) -> str:
    chance = random.Random(number)
    return "".join(chance.choice(_LETTERS) for _ in range(4 + number % 6))


def document(feed: int, version: int) -> bytes:
    """A feed of 30 entries, of which each version brings one."""
    items = "".join(
        f"<item><title>{words(9, feed * 100_000 + n)}</title><description>{words(40, feed * 100_000 + n + 50_000)}</description>"
        f"<guid>{feed}-{n}</guid><link>http://example.org/{feed}/{n}</link></item>"
        for n in range(version + ENTRIES, version, -1)
    )
    return (
        f"<?xml version='1.0'?><rss version='2.0'><channel><title>Feed {feed}</title>{items}</channel></rss>".encode()
    )


@contextmanager
def served() -> Iterator[int]:
    """Feeds on loopback; the port. A feed changes at each tenth poll."""
    polls: Counter[int] = Counter()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            feed = int(self.path[1:])
            polls[feed] += 1
            version = (polls[feed] + feed) // CHANGED
            tag = f'"{version}"'
            same = self.headers.get("If-None-Match") == tag
            answer(self, b"" if same else document(feed, version), tag, same=same)

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()


def configured(folder: Path, port: int, feeds: int) -> Config:
    """The feeds, and twenty storylines by words that the feeds have."""
    terms = [Terms(any=(f"{_word(12_000 + 2 * n)} {_word(50 + n)}", _word(15_000 + n))) for n in range(20)]
    return Config(
        source=folder / "monitor.yaml",
        store=f"sqlite:///{folder}/monitor.db",
        feeds=tuple(Feed(url=f"http://127.0.0.1:{port}/{n}", every=EVERY, slowest=EVERY) for n in range(feeds)),
        storylines=tuple(
            Storyline(id=f"story-{n}", title=f"Story {n}", terms=term, channels=("console",)) for n, term in enumerate(terms)
        ),
        channels={"console": ConsoleSettings(type="console")},
        fetch=FetchSettings(allow_networks=("127.0.0.0/8",), per_host=16),
    )  # fmt: skip


def simulate(config: Config, hours: float) -> Done:
    """Poll each feed once, then what is due at each second of `hours`; what was done then."""
    clock = [BEGIN]
    store = Store.open(config.store)
    daemon = Daemon(config, store, now=lambda: clock[0])
    poll_all(daemon)
    begun, done = spent(), Counter[str]()
    for second in range(int(hours * 3600)):
        clock[0] = BEGIN + timedelta(seconds=second + 1)
        polls = [future.result() for future in daemon.hand_out()]
        done.update(
            polls=len(polls), entries=sum(len(p.entries) for p in polls), alerts=sum(len(p.alerts) for p in polls)
        )
        if any(poll.deliveries for poll in polls):
            daemon.deliver_due()
        if second % 600 == 0:
            daemon.watch()
    cpu = spent() - begun
    daemon.stop()
    store.close()
    return Done(begun, cpu, **done)  # fmt: skip


def wait(folder: Path, port: int, seconds: float, feeds: int, *, page: bool) -> Waited:
    """Have `monitor run` poll each feed once, and measure for so long in which none is due.

    What happens once after the polls is left out: the parser's children end when they have had nothing to do for a minute.
    """
    path = folder / "monitor.yaml"
    path.write_text(as_yaml(configured(folder, port, feeds), page=page))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "monitor", "run", "-c", str(path)], stdout=log, stderr=log)
    try:
        until(lambda: b"run feeds=" in (folder / "log").read_bytes())
        with closing(Store.open(f"sqlite:///{folder}/monitor.db")) as store:
            until(lambda: not is_any_unpolled(store))
        time.sleep(QUIET)
        assert not children(process.pid), "the parser's children have ended"
        begun, used = time.monotonic(), clock(process.pid)
        time.sleep(seconds)
        assert process.poll() is None, (folder / "log").read_text()
        return Waited((clock(process.pid) - used) / (time.monotonic() - begun), memory(process.pid))
    finally:
        process.terminate()
        process.wait(20)


def as_yaml(config: Config, *, page: bool) -> str:
    """That configuration as a file, but for feeds that are not due again so soon."""
    storylines = "".join(
        f"  - {{id: {line.id}, title: {line.title}, terms: {{any: {json.dumps(line.terms.any)}}}}}\n"
        for line in config.storylines
    )
    return (
        f"store: {config.store}\ndefaults: {{channels: [console], every: 1h}}\nchannels: {{console: {{type: console}}}}\n"
        f"fetch: {{allow_networks: [127.0.0.0/8], per_host: 16}}\nweb: {{page: {str(page).lower()}, listen: '127.0.0.1:{free_port()}'}}\n"
        f"storylines:\n{storylines}feeds:\n" + "".join(f"  - {{url: '{feed.url}'}}\n" for feed in config.feeds)
    )


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 300
    while not done():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.2)


def is_any_unpolled(store: Store) -> bool:
    with store.read() as tx:
        return feeds_of.is_any_unpolled(tx)


def clock(pid: int) -> float:
    """CPU seconds of a process without its children, to the nanosecond: /proc counts hundredths of a second."""
    number = ctypes.c_int()
    assert not ctypes.CDLL(None).clock_getcpuclockid(pid, ctypes.byref(number))
    return time.clock_gettime(number.value)


def poll_all(daemon: Daemon) -> None:
    while futures := daemon.hand_out():
        for future in futures:
            future.result()
        daemon._wait_until_idle(float("inf"))  # noqa: SLF001 - nobody else needs to wait for it


def simulated(hours: float, feeds: int) -> tuple[Cost, Done]:
    """What a simulation costs in a process of its own, and what it did."""
    with tempfile.TemporaryDirectory() as folder, served() as port:
        # not -m: the parser children would import this module again
        call = f"from benchmarks.speed import day; day.child({folder!r}, {port}, {hours}, {feeds})"
        cost = measured([sys.executable, "-c", call])
        return cost, Done(**json.loads((Path(folder) / "done.json").read_text()))


def child(folder: str, port: int, hours: float, feeds: int) -> None:
    done = simulate(configured(Path(folder), port, feeds), hours)
    (Path(folder) / "done.json").write_text(json.dumps(asdict(done)))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24.0, help="simulate this much, and reckon the day from it")
    parser.add_argument(
        "--wait", type=float, default=120.0, help="seconds to wait in real time, twice; under 50 minutes"
    )
    parser.add_argument("--feeds", type=int, default=500)
    asked = parser.parse_args(arguments)
    whole, polled = simulated(asked.hours, asked.feeds)
    waited = {}
    for page in (False, True):
        with tempfile.TemporaryDirectory() as folder, served() as port:
            waited[page] = wait(Path(folder), port, asked.wait, asked.feeds, page=page)
    polling, waiting = polled.cpu * 24 / asked.hours, waited[True].cpu * DAY
    total = polled.first + polling + waiting
    print(machine())
    print(f"Start and first poll of {asked.feeds} feeds x {ENTRIES} entries: {polled.first:.1f} s CPU")
    print(
        f"{asked.hours:g} simulated hours: {polled.polls:,} polls, {polled.entries:,} new entries, {polled.alerts} alerts"
    )
    print(f"Polling a day: {polling:.0f} s CPU, {1000 * polled.cpu / polled.polls:.2f} ms a poll"
          f"{'' if asked.hours == 24 else f' (reckoned from {asked.hours:g} hours)'}")  # fmt: skip
    print(
        f"Waiting a day: {waiting:.0f} s CPU with the page, {waited[False].cpu * DAY:.0f} s without (reckoned from {asked.wait:g} seconds each); "
        f"the daemon has {waited[True].memory:.0f} MB, {waited[False].memory:.0f} without (PSS)"
    )
    print(f"In all: {total:.0f} s CPU a day, at most {TARGET:.0f}; memory {whole.memory:.0f} MB (PSS of all processes)")


if __name__ == "__main__":
    main()
