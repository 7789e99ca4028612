"""How long each view of the page takes, with 100,000 entries in the store, while the daemon polls 200 feeds that change.

    python -m benchmarks.speed.page [--rounds 100]

Wall: asked of the daemon by HTTP, first as it is, then while terms are tried on all that is stored, over and over. CPU: the same view made in
this process, over the same store, in between. Polls: how long it takes until all feeds are polled that were made due at once.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from flask.testing import FlaskClient

from benchmarks.speed import scale
from benchmarks.speed.measure import machine, spread
from benchmarks.speed.web import ENTRIES, document, serving_folder, write_feeds
from monitor.config import Config, load
from monitor.daemon import Daemon
from monitor.process import loading
from monitor.store import Store, feeds
from monitor.web import app
from tests.end_to_end.world import free_port

STORED, PLACED, FEEDS = 100_000, 20, 200
"""Entries; of how many one is a report, with an alert and a delivery of its own; feeds."""
Took = dict[str, list[float]]
"""View -> milliseconds."""


def main() -> None:
    """Fill, serve, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "web").mkdir()
        paths = write_feeds(folder / "web", FEEDS)
        with serving_folder(folder / "web") as (port, _):
            config = load(_written(folder, [f"http://127.0.0.1:{port}/{path}" for path in paths]))
            _fill(folder / "monitor.db", config)
            with (
                _running(config),
                closing(Store.open(config.store)) as store,
                _polling(store, folder / "web") as polled,
            ):
                print(f"{machine()}; {STORED:,} entries, {STORED // PLACED:,} reports and deliveries, {FEEDS} feeds")
                with loading():
                    here = app.of(Daemon(config, store, now=lambda: datetime.now(UTC))).test_client()
                there = http.client.HTTPConnection(config.web.listen, timeout=60)
                views, cpu = _views(store), _took()
                plain = _asked(there, views, asked.rounds, lambda: None, partial(_made, here, cpu))
                before = len(polled)
                trial = _Trial(there)
                tried = _asked(there, views, asked.rounds, trial.go_on, partial(_made, here, cpu))
                _tell(cpu, plain, tried)
                print(
                    f"polls of all feeds: {spread(polled[:before])} s, while terms are tried {spread(polled[before:])} s"
                )


def _written(folder: Path, urls: Sequence[str]) -> Path:
    """The configuration of `scale`, with these feeds and the page."""
    path = scale.written(folder, FEEDS)
    told = re.sub(r"(?m)^  - opml: .*\n", "", path.read_text())
    listed = "".join(f"  - {{url: '{url}', every: 1m}}\n" for url in urls)
    path.write_text(
        told.replace("feeds:\n", f"feeds:\n{listed}").replace("127.0.0.0/8]", "127.0.0.0/8], per_host: 16")
        + f"web: {{listen: '127.0.0.1:{free_port()}'}}\n"
    )
    return path


def _fill(path: Path, config: Config) -> None:
    """Entries of the last days, each of a feed that is followed; a delivery of a hundred is dead."""
    Store.open(config.store).close()
    scale.fill(str(path), range(STORED), datetime.now(UTC), PLACED)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TEMP TABLE urls (number INTEGER PRIMARY KEY, url)")
        db.executemany("INSERT INTO urls VALUES (?, ?)", enumerate(feed.url for feed in config.feeds))
        db.execute(f"UPDATE entries SET feed = (SELECT url FROM urls WHERE number = entries.rowid % {FEEDS})")
        db.execute("UPDATE deliveries SET id = alert || '-0'")
        db.execute("UPDATE deliveries SET state = 'dead', error = 'The receiver answers 500.' WHERE number % 100 = 0")


@contextmanager
def _running(config: Config) -> Iterator[None]:
    """The daemon, which has polled each feed once."""
    command = [sys.executable, "-m", "monitor", "run", "-c", str(config.source)]
    log = config.source.parent / "log"
    with log.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=file) as process:
        try:
            with closing(Store.open(config.store)) as store:
                _wait_until_polled(store)
            yield
        except Exception:
            print(log.read_text()[-2000:])
            raise
        finally:
            process.terminate()


def _wait_until_polled(store: Store) -> None:
    for _ in range(600):
        with store.read() as tx:
            if feeds.count(tx) and not feeds.is_any_unpolled(tx):
                return
        time.sleep(0.2)
    raise TimeoutError("the first polls")


@contextmanager
def _polling(store: Store, web: Path) -> Iterator[list[float]]:
    """Some feeds have something new now and then, and all are due again and again; how many seconds each time took."""
    over, chance = threading.Event(), random.Random(2)
    took: list[float] = []

    def run() -> None:
        while not over.wait(1):
            for number in chance.sample(range(FEEDS), FEEDS // 10):
                (web / f"{number}.xml").write_text(document(number, ENTRIES, chance, first=len(took) + 1))
            begun = datetime.now(UTC)
            store.write(partial(feeds.make_due, now=begun))
            while not over.is_set() and _is_any_left(store, begun):
                over.wait(0.1)
            took.append((datetime.now(UTC) - begun).total_seconds())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield took
    finally:
        over.set()
        thread.join()


def _is_any_left(store: Store, since: datetime) -> bool:
    with store.read() as tx:
        return bool(feeds.unpolled_since(tx, since))


def _views(store: Store) -> list[str]:
    """One address of each view."""
    with store.read() as tx:
        development, report = tx.exec_driver_sql("SELECT development, entry FROM reports ORDER BY entry LIMIT 1").one()
    return [
        "/", "/stories/s0", "/stories/s0?page=5", "/stories/s0.json", "/stories/s0.atom", f"/developments/{development}", f"/reports/{report}",
        "/feeds", "/feeds?from=100", "/feeds?q=news", "/deliveries", "/deliveries?state=dead", "/deliveries?state=held", "/try", "/try/s0",
        "/add", "/feeds.opml", "/metrics",
    ]  # fmt: skip


def _asked(
    there: http.client.HTTPConnection,
    views: Sequence[str],
    rounds: int,
    before: Callable[[], None],
    after: Callable[[str], None],
) -> Took:
    """How long the daemon takes for each view, in another order each round."""
    took, chance = _took(), random.Random(3)
    for _ in range(rounds):
        for view in chance.sample(views, len(views)):
            before()
            begun = time.perf_counter()
            assert _get(there, view)[0] == 200, view
            took[view].append(1000 * (time.perf_counter() - begun))
            after(view)
    return took


def _took() -> Took:
    return defaultdict(list)


def _made(here: FlaskClient, cpu: Took, view: str) -> None:
    """Make a view in this process."""
    begun = time.thread_time()
    here.get(view)
    cpu[view].append(1000 * (time.thread_time() - begun))


def _get(there: http.client.HTTPConnection, view: str) -> tuple[int, str]:
    there.request("GET", view)
    answer = there.getresponse()
    return answer.status, answer.read().decode()


class _Trial:
    """Terms that are tried, again as soon as that has come to its end."""

    def __init__(self, there: http.client.HTTPConnection) -> None:
        self._there = there
        self._address = ""

    def go_on(self) -> None:
        """See that a trial runs."""
        if self._address and "<progress" in _get(self._there, self._address)[1]:
            return
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', _get(self._there, "/try/s0")[1])
        assert found
        form = {"csrf": found[1], "any": scale._word(1)}  # noqa: SLF001 - a word of the storylines
        self._there.request("POST", "/try/s0", urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"})
        answer = self._there.getresponse()
        answer.read()
        self._address = answer.headers["Location"]


def _tell(cpu: Took, plain: Took, tried: Took) -> None:
    print(
        f"load {os.getloadavg()[0]:.1f}\n{'ms, median and p99':28}{'CPU':>18}{'wall':>18}{'while terms are tried':>24}"
    )
    for view in sorted(cpu, key=lambda view: -_p99(cpu[view])):
        figures = "".join(
            f"{statistics.median(took[view]):11.1f}{_p99(took[view]):8.1f}" for took in (cpu, plain, tried)
        )
        print(f"{re.sub(r'[0-9a-f]{16}', '…', view):28}{figures}")


def _p99(took: Sequence[float]) -> float:
    return statistics.quantiles(took, n=100, method="inclusive")[98]


if __name__ == "__main__":
    main()
