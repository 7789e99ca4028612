"""The scheduler with 1 and 10 million feeds in PostgreSQL, on a simulated clock: what a tick costs, and how late feeds get.

    python -m benchmarks.scale.scheduler --feeds 1000000

What is due is looked up, picked, judged and kept by the daemon's own code; only fetching is left out: a poll takes a second of the
simulated clock and brings "not modified". Feeds lie on hosts as 1/rank (Zipf), with 30 hosts for each hundred feeds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from benchmarks.scale.server import Database, cpu_of, database
from benchmarks.speed.measure import machine
from monitor.feeds import schedule
from monitor.feeds.settings import FetchSettings
from monitor.feeds.traffic import Traffic
from monitor.model import Feed, FeedState, Poll, Response, Wanted, host
from monitor.store import Connection, Store, feeds
from monitor.store.due import Due

NOW = datetime(2026, 3, 2, tzinfo=UTC)
EVERY = timedelta(hours=1)
HOSTS = 0.3
"""Hosts for each feed."""
FAILING = 0.03
"""Of all feeds."""
_TOGETHER = 20
"""Polls that are kept in one transaction."""
_UNCHANGED = Response(url="", status=304, headers={}, not_modified=True)
_COLUMNS = (
    "url, host, doubtful, followed, etag, last_modified, body_hash, title, next_poll_at, polled_at, succeeded_at, failures, error, gone,"
    " not_before, known_since, arrived, arrived_at, pace"
)
_ROWS = f"""INSERT INTO feeds ({_COLUMNS})
SELECT 'https://' || host || '/news/' || n || '/feed.xml', host, fails, true, '"' || md5(n::text) || '"', 'Sun, 01 Mar 2026 10:00:00 GMT',
    md5(n::text), 'Feed number ' || n, %(now)s + round * at, %(now)s + round * (at - 1), CASE WHEN NOT fails THEN %(now)s + round * (at - 1) END, CASE WHEN fails THEN 3 ELSE 0 END,
    CASE WHEN fails THEN 'The server did not answer within 30 seconds.' ELSE '' END, false, NULL, %(now)s - interval '30 days', 300,
    %(now)s - interval '3 hours', 10
FROM (
    SELECT n, 'h' || rank || '.example' AS host, n %% 100 < %(failing)s AS fails,
        n * 0.7548776662466927::float8 - floor(n * 0.7548776662466927::float8) AS at,
        greatest(%(every)s, %(pace)s * %(known)s * ln((rank + 1) / rank) / ln(%(hosts)s + 1)) AS round
    FROM (
        SELECT n, floor(exp((n * 0.6180339887498949::float8 - floor(n * 0.6180339887498949::float8)) * ln(%(hosts)s + 1))) AS rank
        FROM generate_series(%(first)s, %(last)s) n
    ) ranked
) made"""
"""Feeds that have been polled for a month, due one after the other within a round of their host; the numbers make both draws even."""


def fill(db: Database, known: int, pace: float) -> None:
    """Put so many feeds in at once; a round of a host takes `pace` seconds for each of its feeds, or EVERY."""
    Store.open(db.url).close()
    indexes = db.run(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'feeds' AND indexname <> 'feeds_pkey'"
    )
    db.run("ALTER TABLE feeds DROP CONSTRAINT feeds_pkey")
    for name, _ in indexes:
        db.run(f"DROP INDEX {name}")
    for first in range(1, known + 1, 1_000_000):
        last = min(known, first + 999_999)
        drawn = {"first": first, "last": last, "known": known, "hosts": int(known * HOSTS), "failing": 100 * FAILING}
        db.run(_ROWS, {"now": NOW, "every": EVERY, "pace": timedelta(seconds=pace), **drawn})
    db.run("SET maintenance_work_mem = '1GB'")
    db.run("ALTER TABLE feeds ADD PRIMARY KEY (url)")
    for _, made in indexes:
        db.run(made)
    db.run("VACUUM ANALYZE feeds")
    db.run("CHECKPOINT")


@dataclass(frozen=True, slots=True)
class Tick:
    """What a tick's looks took: seconds of CPU of this process, seconds that passed; and what they gave."""

    cpu: float
    passed: float
    looks: int
    picked: int


@dataclass
class Simulation:
    """One scheduler and its workers."""

    store: Store
    workers: int
    rounds: Mapping[str, timedelta]
    """How often the feeds of a host are polled, where not every EVERY."""
    at: float = 0.0
    """Simulated seconds since NOW."""
    under_way: deque[FeedState] = field(default_factory=deque)
    late: list[float] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)
    kept: int = 0

    def __post_init__(self) -> None:
        self.due = Due(self.store, feeds.FIRST_DUE)
        self.traffic = Traffic(FetchSettings(workers=self.workers))

    @property
    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.at)

    def tick(self) -> None:
        """End the polls of the last tick, keep them, and hand out what is due; then it is a second later."""
        self.keep()
        looks, begun, used = 0, time.monotonic(), time.process_time()
        picked: list[FeedState] = []
        if self.due.is_any(self.now):
            with self.store.read() as tx:

                def look(wanted: Wanted) -> Iterator[FeedState]:
                    nonlocal looks
                    looks += 1
                    return feeds.due(tx, self.now, wanted)

                picked = self.traffic.pick(look, self.at)
        self.ticks.append(Tick(time.process_time() - used, time.monotonic() - begun, looks, len(picked)))
        self.late += [(self.now - state.next_poll_at).total_seconds() for state in picked]
        self.under_way.extend(picked)
        self.at += 1

    def keep(self) -> None:
        """As the desk keeps polls that brought nothing: some together."""
        while self.under_way:
            some = [self.under_way.popleft() for _ in range(min(_TOGETHER, len(self.under_way)))]
            for state in some:
                self.traffic.end(state)
            self.store.write(partial(_save, [self._after(state) for state in some]))
            self.kept += len(some)

    def _after(self, state: FeedState) -> FeedState:
        every = self.rounds.get(host(state.url), EVERY)
        feed = Feed(url=state.url, every=every, slowest=every)
        return schedule.after(Poll(feed=feed, state=state, at=self.now, response=_UNCHANGED))


def _save(states: Sequence[FeedState], tx: Connection) -> None:
    for state in states:
        feeds.save(tx, state)


def rounds(db: Database, pace: float) -> dict[str, timedelta]:
    """The hosts that have too many feeds to poll them every EVERY, and how long a round takes there."""
    query = "SELECT host, count(*) FROM feeds GROUP BY 1 HAVING count(*) * %s > %s"
    return {
        name: timedelta(seconds=pace * 1.05 * count) for name, count in db.run(query, (pace, EVERY.total_seconds()))
    }


def simulate(db: Database, seconds: int, workers: int, pace: float) -> None:
    """Tick so often, and tell what it took."""
    store = Store.open(db.url)
    sim = Simulation(store, workers, rounds(db, pace))
    before = db.spent(time.process_time)
    for _ in range(seconds):
        sim.tick()
    each = (db.spent(time.process_time) - before).each(max(1, sim.kept))
    with store.read() as tx:
        waiting = feeds.count_due(tx, sim.now)
    store.close()
    late = sorted(sim.late)
    looks, picked = (statistics.fmean(getattr(tick, name) for tick in sim.ticks) for name in ("looks", "picked"))
    cpu, passed = (1000 * statistics.fmean(getattr(tick, name) for tick in sim.ticks) for name in ("cpu", "passed"))
    print(f"{workers} workers, {len(sim.rounds)} crowded hosts, {seconds} s: {sim.kept} polls, each {1000 * each.client:.2f} ms here,"
          f" {1000 * each.backends:.2f} ms backend, {each.wal:.0f} bytes of WAL")  # fmt: skip
    print(f"  a tick: {picked:.0f} feeds by {looks:.1f} looks, {cpu:.0f} ms CPU here, {passed:.0f} ms passed")
    print(
        f"  late: median {statistics.median(late):.1f} s, 99th percentile {late[len(late) * 99 // 100]:.0f} s; {waiting} wait"
    )


def sizes(db: Database) -> None:
    """Of the table and its indexes, and what updates were."""
    query = "SELECT relname, pg_relation_size(oid) FROM pg_class WHERE relname IN ('feeds', 'feeds_pkey', 'feeds_due') ORDER BY 1"
    print("  " + ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in db.run(query)))
    query = "SELECT n_tup_upd, n_tup_hot_upd, n_dead_tup FROM pg_stat_user_tables WHERE relname = 'feeds'"
    print("  updates {}, HOT {}, dead rows {}".format(*db.run(query)[0]))


def vacuum(db: Database) -> None:
    """What it takes."""
    begun, pid = time.monotonic(), db.one("SELECT pg_backend_pid()")
    used = cpu_of(pid)
    db.run("VACUUM feeds")
    print(f"  VACUUM: {cpu_of(pid) - used:.1f} s CPU, {time.monotonic() - begun:.1f} s passed")


def whole_table(db: Database) -> None:
    """What reads all feeds, each minute or when a page is asked for."""
    store = Store.open(db.url)
    asked: dict[str, Callable[[Connection], object]] = {
        "the look of each minute": lambda tx: feeds.conspicuous(
            tx, renamed=5, arrived=20, quiet_since=NOW - timedelta(days=14)
        ),
        "how many there are": feeds.count,
        "the page of feeds": lambda tx: feeds.some(tx, "", 100),
        "how many are due": lambda tx: feeds.count_due(tx, NOW),
    }
    for label, query in asked.items():
        with store.read() as tx:
            before, begun = db.spent(time.process_time), time.monotonic()
            query(tx)
            passed, took = time.monotonic() - begun, db.spent(time.process_time) - before
        print(f"  {label}: {took.client:.2f} s CPU here, {took.backends:.2f} s backend, {passed:.1f} s passed")
    store.close()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--workers", type=int, default=0, help="as in fetch; by default enough")
    parser.add_argument(
        "--pace", type=float, default=0.0, help="seconds between two polls of a host that intervals heed"
    )
    asked = parser.parse_args(arguments)
    print(machine())
    with database() as db:
        fill(db, asked.feeds, asked.pace)
        print(f"{asked.feeds:,} feeds, pace {asked.pace:g}")
        sizes(db)
        simulate(db, asked.seconds, asked.workers or int(asked.feeds / EVERY.total_seconds()), asked.pace)
        sizes(db)
        vacuum(db)
        whole_table(db)


if __name__ == "__main__":
    main()
