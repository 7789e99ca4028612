"""What grows with the feeds and the entries that are known: CPU milliseconds of a start, a tick, look-ups and retention.

Feeds: all are known; none, three or all are due. Entries: 30,000 a day from 500 feeds, one in a hundred on a storyline; the older the store, the more.
Draws docs/speed-scale.png where matplotlib is installed.
"""

from __future__ import annotations

import argparse
import logging
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

from benchmarks.speed.measure import machine
from monitor import config as configuration
from monitor.config import Config
from monitor.daemon import Daemon
from monitor.explain import explain
from monitor.feeds import opml
from monitor.model import Entry, Feed, FeedState
from monitor.store import Store, feeds, stories, views

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FEEDS = (1_000, 10_000, 100_000)
ENTRIES = (10_000, 100_000, 1_000_000, 10_000_000)
SHOWN = Path(__file__).parents[2] / "docs/speed-scale.png"
_DAY, _SOURCES, _STORYLINES, _PLACED, _DUE = 30_000, 500, 20, 100, 3
_PER_LIST = 25_000
IDLE_DAY = "a day without a poll, in seconds"
Curves = dict[str, dict[int, float]]
"""What is measured -> how many are known -> CPU milliseconds."""


def cpu(work: Callable[[], Any], times: int = 5, clock: Callable[[], float] = time.process_time) -> float:
    """Median milliseconds of CPU."""
    spent = []
    for _ in range(times):
        begun = clock()
        work()
        spent.append(1000 * (clock() - begun))
    return statistics.median(spent)


# --- feeds


def written(folder: Path, known: int, hosts: int = 200) -> Path:
    """A configuration with lists of feeds that nobody serves: at so many hosts, the last three each at another."""
    urls = [f"http://127.0.0.{1 + n % hosts}:9/{n}" for n in range(known - _DUE)]
    urls += [f"http://127.0.1.{n}:9/{n}" for n in range(_DUE)]
    lists = [urls[at : at + _PER_LIST] for at in range(0, known, _PER_LIST)]
    for number, some in enumerate(lists):
        (folder / f"{number}.opml").write_text(opml.write(Feed(url=url) for url in some))
    sources = "".join(f"  - opml: {number}.opml\n" for number in range(len(lists)))
    told = "".join(f"  - {{id: s{n}, title: Story {n}, terms: {{any: [{_word(n)}]}}}}\n" for n in range(_STORYLINES))
    text = f"store: sqlite:///{folder}/monitor.db\nfeeds:\n{sources}storylines:\n{told}channels:\n  console: {{type: console}}\n"
    path = folder / "monitor.yaml"
    path.write_text(text + "fetch: {allow_networks: [127.0.0.0/8]}\n")
    return path


@cache
def _word(number: int) -> str:
    return "".join(chr(ord("a") + int(digit)) for digit in f"{number * 7919 + 104729}")


def by_feeds(known: int) -> dict[str, float]:
    """What costs what with so many feeds."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        path = written(Path(name), known)
        read: list[Config] = []
        found["read the configuration"] = cpu(lambda: read.append(configuration.load(path)), 1)
        opened: list[Daemon] = []

        def start() -> None:
            opened.append(Daemon(read[0], Store.open(read[0].store), now=lambda: NOW))

        found["first start"] = cpu(start, 1)
        _let_none_follow(opened[0])
        found["tick, all due, for each handed out"] = min(_tick(opened[0]) for _ in range(5))
        _end(opened.pop())
        found["start"] = cpu(start, 1)
        daemon = opened[0]
        daemon.store.write(_rested)
        found["tick, none due"] = cpu(daemon.hand_out)
        found["tick, three due"] = _DUE * statistics.median(
            _tick(daemon, read[0].feeds[n * _DUE : (n + 1) * _DUE]) for n in range(15)
        )
        daemon.store.write(_rested)
        daemon._deliverer.stop(0)  # noqa: SLF001 - no part of it runs here
        found["prove, each 10 s"] = cpu(daemon._prove)  # noqa: SLF001
        found["look, each minute"] = cpu(daemon.look)
        found["watch, each 10 minutes"] = cpu(daemon.watch)
        with daemon.store.read() as tx:
            found["status"] = cpu(lambda: views.status(tx, NOW))
        found[IDLE_DAY] = _idle_day(found)
        _end(daemon)
    found["tick, three due behind all of one host"] = statistics.median(_tick_behind(known) for _ in range(3))
    return found  # fmt: skip


def _idle_day(found: dict[str, float]) -> float:
    """Seconds of CPU."""
    jobs = {"tick, none due": 1, "prove, each 10 s": 10, "look, each minute": 60, "watch, each 10 minutes": 600}
    return sum(found[job] / 1000 * 86_400 / every for job, every in jobs.items())


def _rested(tx: Any) -> None:
    """All feeds were polled well, and are due in an hour."""
    tx.exec_driver_sql(
        "UPDATE feeds SET next_poll_at = ?2, polled_at = ?1, succeeded_at = ?1, failures = 0, doubtful = 0",
        (_text(NOW), _text(NOW + timedelta(hours=1))),
    )


def _tick(daemon: Daemon, due: Sequence[Feed] = ()) -> float:
    """Milliseconds for each feed that a tick hands out; `due` are made so before."""

    def hurry(tx: Any) -> None:
        for feed in due:
            feeds.make_due(tx, NOW, feed.url)

    daemon.store.write(hurry)
    begun = time.thread_time()
    futures = daemon.hand_out()
    spent = 1000 * (time.thread_time() - begun)
    assert len(futures) == len(due) or not due
    for future in futures:
        future.result()
    daemon._wait_until_idle(float("inf"))  # noqa: SLF001
    return spent / len(futures)


def _let_none_follow(daemon: Daemon) -> None:
    """As polls end, others go at once; here all is left to the next tick."""
    traffic = daemon.polls._traffic  # noqa: SLF001
    end = traffic.end

    def end_only(state: FeedState) -> None:
        end(state)

    traffic.end = end_only  # type: ignore[method-assign]


def _tick_behind(known: int) -> float:
    """Milliseconds of a tick where all but three feeds wait for one host, which may get two polls."""
    with tempfile.TemporaryDirectory() as name:
        config = configuration.load(written(Path(name), known, hosts=1))
        daemon = Daemon(config, Store.open(config.store), now=lambda: NOW)
        begun = time.thread_time()
        futures = daemon.hand_out()
        spent = 1000 * (time.thread_time() - begun)
        assert len(futures) == config.fetch.per_host + _DUE
        _end(daemon)
    return spent


def _end(daemon: Daemon) -> None:
    daemon.stop()
    daemon.store.close()


# --- entries


def _id(number: int) -> str:
    """The same as `_ID` says in SQL: no two alike, and not in the order of time."""
    return f"{number * _STRIDE % 2**32:08x}{number * _OTHER_STRIDE % 2**32:08x}"


def _entry(number: int) -> Entry:
    """An entry by its number; 0 is the newest, and the store grows into the past."""
    at = NOW - timedelta(seconds=_APART * number // 1000)
    title = f"{_word(number % 997)} {_word(number % 1013)} {_word(number % 9973)} {_word(number % _STORYLINES)}"
    url = f"http://example.org/{number}"
    return Entry(
        id=_id(number), feed=_feed(number), url=url, title=title, summary=f"{title} " * 5,
        published=at, language="en", outlet=f"outlet{number % 200}", keys=(f"guid:{number}", url),
    )  # fmt: skip


def _feed(number: int) -> str:
    return f"http://127.0.0.{1 + number % _SOURCES % 200}:9/{number % _SOURCES}"


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")


_STRIDE, _OTHER_STRIDE = 2_654_435_761, 2_246_822_519
_APART = 86_400_000 // _DAY
"""Milliseconds between two entries."""
_ID = f"printf('%08x%08x', n * {_STRIDE} % 4294967296, n * {_OTHER_STRIDE} % 4294967296)"
_AT = f"strftime('%Y-%m-%d %H:%M:%S', {{now}} - n * {_APART} / 1000, 'unixepoch') || '.000000'"
_FEED = f"'http://127.0.0.' || (1 + n % {_SOURCES} % 200) || ':9/' || (n % {_SOURCES})"
_NUMBERS = """CREATE TEMP TABLE fresh AS
    WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {end})
    SELECT n, {id} AS id, {at} AS at, {feed} AS feed, 'http://example.org/' || n AS url, 's' || (n / {placed} % {storylines}) AS story,
        a.word || ' ' || b.word || ' ' || c.word || ' ' || d.word AS title, 'outlet' || (n % 200) AS outlet
    FROM numbers JOIN words a ON a.k = n % 997 JOIN words b ON b.k = n % 1013 JOIN words c ON c.k = n % 9973
    JOIN words d ON d.k = n % {storylines}"""
_ROWS = (
    """INSERT INTO entries (id, feed, url, title, summary, published, language, outlet, keys, seen_at)
    SELECT id, feed, url, title, title || ' ' || title || ' ' || title || ' ' || title || ' ' || title || ' ', at, 'en', outlet,
        json_array('guid:' || n, url), at FROM fresh ORDER BY id""",
    """INSERT INTO seen (feed, key, last_seen_at)
    SELECT feed, 'guid:' || n, at FROM fresh UNION ALL SELECT feed, url, at FROM fresh ORDER BY 1, 2""",
    "DELETE FROM fresh WHERE n % {placed}",
    """INSERT INTO developments (id, title, storylines, first_report, started_at, last_report_at, outlets, reports, alerted)
    SELECT 'd' || id, title, json_array(story), id, at, at, json_array(outlet), 1, 1 FROM fresh ORDER BY 1""",
    "INSERT INTO on_storyline (storyline, development) SELECT story, 'd' || id FROM fresh ORDER BY 1, 2",
    """INSERT INTO reports (entry, development, matches, decision, reason, explanation, similarity, published) SELECT id, 'd' || id,
        json_array(json_object('storyline', story, 'score', 1.0, 'evidence', json_array())), 'new', 'new', '', 0.0, at
        FROM fresh ORDER BY 1""",
    """INSERT INTO alerts (id, created_at, development, content)
    SELECT 'a' || id, at, 'd' || id, json_object('title', title, 'kind', 'new') FROM fresh ORDER BY 1""",
    """INSERT INTO deliveries (id, alert, channel, target, thread, state, attempts, due_at, created_at, sent_at, error, told_by, root)
    SELECT 'v' || id, 'a' || id, 'console', '', story, 'sent', 1, at, at, at, '', '', '' FROM fresh ORDER BY n DESC""",
    "DROP TABLE fresh",
)
"""How entries, and what belongs to them, are put straight into the file; each in the order of its tree."""
_BATCH = 1_000_000


def fill(path: str, numbers: range, now: datetime = NOW, placed: int = _PLACED) -> None:
    """Put entries straight into the file, with what belongs to them: indexes are made when all are in, and nothing is synced.

    The newest is published `now`, and one of so many is `placed`.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-2000000", "temp_store=MEMORY"):
            db.execute(f"PRAGMA {pragma}")
        indexes = dict(
            db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall()
        )
        for name in indexes:
            db.execute(f"DROP INDEX {name}")
        db.execute("CREATE TEMP TABLE words (k INTEGER PRIMARY KEY, word)")
        db.executemany("INSERT INTO words VALUES (?, ?)", ((n, _word(n)) for n in range(9973)))
        at = _AT.format(now=int(now.timestamp()))
        said = {"id": _ID, "at": at, "feed": _FEED, "placed": placed, "storylines": _STORYLINES}
        for first in range(numbers.start, numbers.stop, _BATCH):
            end = min(first + _BATCH, numbers.stop)
            for statement in (_NUMBERS, *_ROWS):
                db.execute(statement.format(first=first, end=end, **said))
        for sql in indexes.values():
            db.execute(sql)
        db.execute("UPDATE meta SET value = (SELECT count(*) FROM entries) WHERE name = 'entries'")
        db.execute("PRAGMA journal_mode=WAL")


def by_entries(config: Config, store: Store, known: int) -> dict[str, float]:
    """What costs what with so many entries."""
    old = _entry(known // 2)
    new = Entry(
        id="new", feed=_feed(0), url="", title="", summary="", published=NOW, language="", outlet="", keys=("guid:new",)
    )
    shown = [new, *(_entry(n * _SOURCES) for n in range(min(30, known // _SOURCES)))]
    queries: dict[str, Callable[[Any], Any]] = {
        "sift a poll of 30": lambda tx: feeds.sift(tx, _feed(0), shown, NOW),
        "entry by id": lambda tx: stories.entry(tx, old.id),
        "entry by URL": lambda tx: stories.entry(tx, old.url),
        "entry by the beginning of its id": lambda tx: stories.entry(tx, old.id[:9]),
        "entry that is not there": lambda tx: stories.entry(tx, "http://example.org/none"),
        "history of 30 days": lambda tx: stories.history(tx, NOW - timedelta(days=30)),
        "view of feeds": lambda tx: views.feeds(tx, NOW),
        "view of stories": lambda tx: views.stories(tx, NOW),
        "timeline": lambda tx: views.timeline(tx, "s0"),
        "last deliveries": views.listed,
        "status": lambda tx: views.status(tx, NOW),
    }
    found: dict[str, float] = {}
    for label, query in queries.items():
        with store.read() as tx:
            found[label] = cpu(partial(query, tx), 3)
    found["explain by URL"] = cpu(lambda: explain(old.url, config, store, NOW), 1)
    oldest = _entry(known - 1).published
    found["forget 2,000 entries"] = cpu(lambda: store.write(partial(_forget, oldest)), 3)
    return found


def _forget(oldest: datetime, tx: Any) -> None:
    """A batch of retention, taken back."""
    tx.exec_driver_sql("SAVEPOINT before")
    assert stories.prune(tx, oldest + timedelta(days=0.1), oldest + timedelta(days=0.1)) > 0
    tx.exec_driver_sql("ROLLBACK TO before")


def grown(folder: Path, sizes: Sequence[int]) -> Iterator[tuple[int, dict[str, float]]]:
    """One store that grows, measured at each size."""
    config = configuration.load(written(folder, _SOURCES))
    _end(Daemon(config, Store.open(config.store), now=lambda: NOW))
    filled = 0
    for size in sizes:
        fill(str(folder / "monitor.db"), range(filled, size))
        filled = size
        store = Store.open(config.store)
        yield size, by_entries(config, store, size)
        store.close()


# --- what is shown


def told(title: str, curves: Curves) -> None:
    sizes = sorted({size for curve in curves.values() for size in curve})
    print(f"\n{title + ' (CPU ms)':40}" + "".join(f"{size:>13,}" for size in sizes))
    for label, curve in curves.items():
        print(f"{label:40}" + "".join(f"{curve[size]:13.2f}" for size in sizes))


def drawn(curves: dict[str, Curves], path: Path) -> None:
    try:
        from matplotlib import pyplot as plt  # noqa: PLC0415 - the figures are wanted without it, too
    except ImportError:
        print("\nNothing is drawn: matplotlib is not installed (pip install .[bench]).")
        return
    figure, axes = plt.subplots(1, len(curves), figsize=(14, 6.5), sharey=True)
    for axis, (title, lines) in zip(axes, curves.items(), strict=True):
        axis.set_prop_cycle(color=[plt.get_cmap("tab20")(number) for number in range(20)])
        for label, curve in lines.items():
            axis.loglog(
                list(curve), [max(value, 0.01) for value in curve.values()], marker="o", markersize=3, label=label
            )
        axis.set(xlabel=title, ylabel="CPU milliseconds")
        axis.grid(visible=True, alpha=0.3)
        axis.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=3)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="also 10 million entries: 10 GB, some minutes")
    parser.add_argument("--folder", type=Path, help="where the store of entries is put (default: a temporary folder)")
    parser.add_argument("--draw", type=Path, default=SHOWN)
    asked = parser.parse_args(arguments)
    print(machine())
    logging.getLogger("monitor").setLevel(logging.CRITICAL)  # of feeds that nobody serves
    curves: dict[str, Curves] = {"feeds known": {}, "entries stored": {}}
    for known in FEEDS:
        for label, value in by_feeds(known).items():
            curves["feeds known"].setdefault(label, {})[known] = value
    told("feeds known", curves["feeds known"])
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        for size, found in grown(Path(name), ENTRIES if asked.all else ENTRIES[:-1]):
            print(
                f"{size:,} entries: " + ", ".join(f"{label} {value:.1f}" for label, value in found.items()), flush=True
            )
            for label, value in found.items():
                curves["entries stored"].setdefault(label, {})[size] = value
    told("entries stored", curves["entries stored"])
    curves["feeds known"].pop(IDLE_DAY)  # in another unit
    drawn(curves, asked.draw)


if __name__ == "__main__":
    main()
