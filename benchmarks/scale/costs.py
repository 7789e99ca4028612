"""What a poll, an entry, a report and an alert cost this program and its database: CPU, transactions and WAL.

    python -m benchmarks.scale.costs

The daemon's own parts poll feeds on loopback on a simulated clock, once on SQLite and once on PostgreSQL. In each phase all feeds bring as
much, and what one thing costs follows from two phases. The feeds are served by this process, which is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest import mock

from benchmarks.scale.server import NOTHING, Database, Spent, cpu_of, database
from benchmarks.speed.day import poll_all, spent, words
from benchmarks.speed.measure import machine
from benchmarks.speed.web import answer
from monitor.alerts.channels import ConsoleSettings
from monitor.config import Config
from monitor.daemon import Daemon
from monitor.feeds.settings import FetchSettings
from monitor.model import Changes, Feed, Poll, Storyline, Terms
from monitor.store import Store

EVERY = timedelta(minutes=5)
SHOWN = 30
"""Items in a document."""
PHASES = {
    "first": ("plain", 0, 1), "what is loaded late": ("alert", 1, 1), "unchanged": ("plain", 0, 10), "one entry": ("plain", 1, 4),
    "thirty entries": ("plain", 30, 2), "a report": ("report", 1, 4), "an alert": ("alert", 1, 4),
}  # fmt: skip
"""Phase -> what kind of item is new, how many, and how often all feeds are polled for it."""
_ALERTED = sum(rounds for kind, _, rounds in PHASES.values() if kind == "alert")
"""Storylines for each feed: each alert is the first of its own."""
_COUNTED = ("polls", "entries", "reports", "alerts", "deliveries")
_TOLD = 5
"""Storylines that all feeds report on."""


@dataclass(frozen=True, slots=True)
class Phase:
    """What was done, and what polling and delivering took."""

    polls: int
    entries: int
    reports: int
    alerts: int
    deliveries: int
    polling: Spent
    delivering: Spent


def item(feed: int, number: int, kind: str, nth: int) -> str:
    """One item as RSS has it; `nth` counts those that are alerts."""
    text = words(40, feed * 100_000 + number + 50_000)
    title = words(9, feed * 100_000 + number)
    if kind == "report":  # what all feeds tell alike
        title = f"Blast in {name(feed % _TOLD)} port kills seven workers, governor says"
    if kind == "alert":
        title = f"{name(_TOLD + feed * _ALERTED + nth)} minister resigns after parliament vote"
    return (
        f"<item><title>{title}</title><description>{text}</description>"
        f"<guid>{feed}-{number}</guid><link>http://example.org/{feed}/{number}</link></item>"
    )


def name(number: int) -> str:
    """What a storyline is about."""
    chance = random.Random(number)
    return "Z" + "".join(chance.choice("abdefgiklmnoprstuvz") for _ in range(9))


@contextmanager
def served() -> Iterator[int]:
    """Feeds on loopback, and one address that tells what is new from now on; the port."""
    kinds = ["plain"] * 2 * SHOWN

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path.startswith("/new/"):
                _, _, kind, count = self.path.split("/")
                kinds.extend([kind] * int(count))
                return answer(self, b"", "", same=False)
            feed, tag = int(self.path[1:]), f'"{len(kinds)}"'
            if self.headers.get("If-None-Match") == tag:
                return answer(self, b"", tag, same=True)
            last = len(kinds)
            items = "".join(
                item(feed, n, kinds[n], kinds[:n].count("alert")) for n in range(last - 1, last - 1 - SHOWN, -1)
            )
            text = f"<?xml version='1.0'?><rss version='2.0'><channel><title>Feed {feed}</title>{items}</channel></rss>"
            return answer(self, text.encode(), tag, same=False)

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()


def configured(store: str, port: int, feeds: int) -> Config:
    return Config(
        source=Path("monitor.yaml"),
        store=store,
        feeds=tuple(Feed(url=f"http://127.0.0.1:{port}/{n}", every=EVERY, slowest=EVERY) for n in range(feeds)),
        storylines=tuple(
            Storyline(id=f"s{n}", title=f"Story {n}", terms=Terms(any=(name(n),)), channels=("console",))
            for n in range(_TOLD + feeds * _ALERTED)
        ),
        channels={"console": ConsoleSettings(type="console")},
        fetch=FetchSettings(allow_networks=("127.0.0.0/8",), per_host=16),
    )  # fmt: skip


def child(url: str, port: int, feeds: int, told: str) -> None:
    """Go through the phases; runs in a process of its own."""
    clock = [datetime(2026, 3, 2, tzinfo=UTC)]
    store = Store.open(url)
    store.hold()
    daemon = Daemon(configured(url, port, feeds), store, now=lambda: clock[0])
    db = Database(url.rpartition("/")[2]) if url.startswith("postgresql") else None
    writer = store.on_writer(threading.get_native_id)
    found = {}
    for name, (kind, count, rounds) in PHASES.items():
        done: Counter[str] = Counter(dict.fromkeys(_COUNTED, 0))
        polling = delivering = NOTHING
        for _ in range(rounds):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/new/{kind}/{count}").read()
            clock[0] += 1.5 * EVERY
            before = _taken(db, writer)
            with _counting(daemon, done):
                poll_all(daemon)
            between = _taken(db, writer)
            daemon.deliver_due()
            polling, delivering = polling + (between - before), delivering + (_taken(db, writer) - between)
        found[name] = {**done, "polling": asdict(polling), "delivering": asdict(delivering)}
    Path(told).write_text(json.dumps(found))
    daemon.stop()
    store.close()


@contextmanager
def _counting(daemon: Daemon, done: Counter[str]) -> Iterator[None]:
    """Count what comes of each poll."""
    take = daemon.desk.take

    def count(settled: Future[Changes]) -> None:
        changes = settled.result()
        done.update(
            polls=1, entries=len(changes.entries), reports=len(changes.placements), alerts=len(changes.alerts),
            deliveries=len(changes.deliveries),
        )  # fmt: skip

    def counted(poll: Poll) -> Future[Changes]:
        settled = take(poll)
        settled.add_done_callback(count)
        return settled

    with mock.patch.object(daemon.desk, "take", counted):
        yield


def _taken(db: Database | None, thread: int) -> Spent:
    """Until now; `thread` is the one that writes."""
    taken = db.spent(spent, f"monitor {os.getpid()}") if db else Spent(client=spent())
    return replace(taken, writer=cpu_of(f"{os.getpid()}/task/{thread}"))


def run(url: str, feeds: int) -> dict[str, Phase]:
    """The phases on a store, in a process of its own."""
    with served() as port, tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told.json"
        # not -m: the parser children would import this module again
        call = f"from benchmarks.scale import costs; costs.child({url!r}, {port}, {feeds}, {str(told)!r})"
        subprocess.run([sys.executable, "-c", call], check=True, stdout=subprocess.DEVNULL)
        found = json.loads(told.read_text())
    return {
        name: Phase(**phase | {part: Spent(**phase[part]) for part in ("polling", "delivering")})
        for name, phase in found.items()
    }


def each(phases: dict[str, Phase]) -> dict[str, Spent]:
    """What one thing takes."""
    of = {name: phase.polling.each(phase.polls) for name, phase in phases.items()}
    told = phases["an alert"]
    return {
        "poll, not modified": of["unchanged"],
        "poll, one new entry": of["one entry"],
        "poll, 30 new entries": of["thirty entries"],
        "each further entry": (of["thirty entries"] - of["one entry"]).each(29),
        "poll, one report of many": of["a report"],
        "poll, one alert queued": of["an alert"],
        "alert delivered": told.delivering.each(told.deliveries),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, default=100)
    asked = parser.parse_args(arguments)
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        _show("SQLite", run(f"sqlite:///{folder}/monitor.db", asked.feeds))
    with database() as db:
        _show("PostgreSQL", run(db.url, asked.feeds))


def _show(engine: str, phases: dict[str, Phase]) -> None:
    print(
        f"{engine:28}{'monitor ms':>11}{'in it, writer':>14}{'backend ms':>11}{'transactions':>13}{'bytes of WAL':>13}"
    )
    for name, took in each(phases).items():
        print(
            f"{name:28}{1000 * took.client:11.2f}{1000 * took.writer:14.2f}{1000 * took.backends:11.2f}{took.transactions:13.2f}{took.wal:13.0f}"
        )
    done = [
        f"{name}: {p.polls} polls, {p.entries} entries, {p.reports} reports, {p.alerts} alerts"
        for name, p in phases.items()
    ]
    print("\n".join(done), flush=True)


if __name__ == "__main__":
    main()
