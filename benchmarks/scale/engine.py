"""What Procrastinate costs for jobs that do nothing, by how many are queued and by what their locks are.

    pip install procrastinate
    python -m benchmarks.scale.engine

CPU for each job, of who defers it, of the worker and of its backends, and jobs a second of 1, 2 and 4 worker processes. Locks: none; each job
its own; 100 jobs a host, in turn; and 10,000 jobs of one host in front of such.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import IO, Any, cast

import procrastinate
import psycopg

from benchmarks.scale.server import Database, cpu_of, database
from benchmarks.speed.measure import machine

WORKERS = (1, 2, 4)
QUEUED = (10_000, 100_000, 1_000_000)
_FRONT = 10_000
_IN_TURN = "'h' || n %% greatest(%(jobs)s / 100, 1)"
LOCKS = {
    "none": "NULL",
    "each its own": "'h' || n",
    "100 a host, in turn": _IN_TURN,
    "10,000 of one host in front": f"CASE WHEN n <= {_FRONT} THEN 'front' ELSE {_IN_TURN} END",
}
"""What is queued -> the lock of the job with the number n."""
INDEX = "CREATE INDEX ours ON procrastinate_jobs (lock, priority DESC, id) WHERE status IN ('todo', 'doing')"
"""What Procrastinate does not make: its own index with the lock begins with the job's number."""
_CONCURRENCY = 8
"""Jobs at a time in a worker process."""


def made(url: str, named: str) -> procrastinate.App:
    """An engine with one task, which does nothing."""
    connector = procrastinate.PsycopgConnector(conninfo=url, kwargs={"application_name": named})
    app = procrastinate.App(connector=connector)

    async def nothing(feed: str) -> None:
        pass

    app.task(name="nothing", queue="polls")(nothing)
    return app


# --- what is queued


def queue(db: Database, jobs: int, lock: str, *, indexed: bool = False) -> None:
    """So many jobs, put in at once, without notices and events."""
    db.run("DROP INDEX IF EXISTS ours")
    db.run("TRUNCATE procrastinate_jobs CASCADE")
    db.run("SET session_replication_role = replica")
    db.run(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)"
        f" SELECT 'polls', 'nothing', {lock}, 'f' || n, jsonb_build_object('feed', 'f' || n) FROM generate_series(1, %(jobs)s) n",
        {"jobs": jobs},
    )
    db.run("RESET session_replication_role")
    if indexed:
        db.run(INDEX)
    db.run("VACUUM ANALYZE procrastinate_jobs")
    db.run("CHECKPOINT")


def defer(db: Database, at_once: int, times: int) -> None:
    """What it costs to defer."""
    db.run("TRUNCATE procrastinate_jobs CASCADE")
    with made(db.url, "monitor defers").open() as app:
        task = app.configure_task("nothing", queue="polls")
        task.defer(feed="the first")
        before, begun = db.spent(time.process_time), time.monotonic()
        for _ in range(times):
            if at_once == 1:
                task.defer(feed="f")
            else:
                task.batch_defer(*({"feed": f"f{number}"} for number in range(at_once)))  # type: ignore[arg-type]
        passed = time.monotonic() - begun
        each = (db.spent(time.process_time) - before).each(at_once * times)
    print(
        f"deferred {at_once:4} at once: {at_once * times / passed:6.0f} jobs/s, each {1000 * each.client:.3f} ms client,"
        f" {1000 * each.backends:.3f} ms backend, {each.wal:.0f} bytes of WAL"
    )


# --- workers


async def work(url: str, seconds: float) -> dict[str, float]:
    """Be a worker until nothing is queued, or time is up; what was done, and what it took."""
    done = 0

    async def count(run: Callable[[], Awaitable[Any]], _context: object, _worker: object) -> Any:
        nonlocal done
        outcome = await run()
        done += 1
        return outcome

    async with made(url, f"worker {os.getpid()}").open_async() as app:
        options: dict[str, Any] = {"delete_jobs": "always", "install_signal_handlers": False, "listen_notify": False}
        begun, client, backends = time.monotonic(), time.process_time(), _backends(url)
        running = asyncio.create_task(
            app.run_worker_async(concurrency=_CONCURRENCY, wait=False, worker_middleware=[count], **options)
        )
        await asyncio.wait([running], timeout=seconds)
        took = time.process_time() - client, _backends(url) - backends, time.monotonic() - begun
        running.cancel()
        await asyncio.wait([running], timeout=5)
    return dict(zip(("jobs", "client", "backends", "passed"), (done, *took), strict=True))


def _backends(url: str) -> float:
    with psycopg.connect(url, application_name="asks") as tx:
        asked = "SELECT pid FROM pg_stat_activity WHERE application_name = %s"
        return sum(cpu_of(pid) for (pid,) in tx.execute(asked, (f"worker {os.getpid()}",)))


def worked(what: str, url: str, workers: int, seconds: float) -> None:
    """What so many worker processes do that begin together."""
    call = [sys.executable, "-m", "benchmarks.scale.engine", "--work", url, "--seconds", str(seconds)]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(call, **pipes) for _ in range(workers)]
    for process in processes:
        cast("IO[str]", process.stdout).readline()  # it is ready
    for process in processes:
        begin = cast("IO[str]", process.stdin)
        begin.write("\n")
        begin.flush()
    told = [json.loads(process.communicate()[0]) for process in processes]
    done = sum(one["jobs"] for one in told)
    rate = done / max(one["passed"] for one in told)
    client, backends = (1000 * sum(one[part] for one in told) / max(done, 1) for part in ("client", "backends"))
    print(
        f"{what}  {workers} workers  {rate:6.1f} jobs/s, each {client:5.2f} ms worker, {backends:5.2f} ms backend",
        flush=True,
    )


def by_locks(db: Database, most: int, seconds: float) -> None:
    """Fetch, run and finish, by what is queued."""
    for jobs in (jobs for jobs in QUEUED if jobs <= most):
        for name, lock in LOCKS.items():
            for indexed in (False, True):
                queue(db, jobs, lock, indexed=indexed)
                worked(f"{jobs:>9,} {name:27} {'our index' if indexed else '':9}", db.url, 1, seconds)


def by_workers(db: Database, seconds: float) -> None:
    """With commits that are waited for, and without: a job that is fetched or finished twice does no harm."""
    for name, url in (("", db.url), ("not awaited", f"{db.url}?options=-csynchronous_commit%3Doff")):
        for workers in WORKERS:
            queue(db, QUEUED[0], LOCKS["each its own"])
            worked(f"{QUEUED[0]:>9,} {'each its own':27} {name:11}", url, workers, seconds)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run")
    parser.add_argument("--most", type=int, default=QUEUED[-1], help="jobs queued")
    asked = parser.parse_args(arguments)
    logging.disable(logging.WARNING)  # where the engine was made
    if asked.work:
        print("ready", flush=True)
        sys.stdin.readline()
        print(json.dumps(asyncio.run(work(asked.work, asked.seconds))))
        return
    print(machine())
    with database() as db:
        with made(db.url, "makes").open() as app:
            app.schema_manager.apply_schema()
        for at_once, times in ((1, 2000), (100, 100), (1000, 20)):
            defer(db, at_once, times)
        by_locks(db, asked.most, asked.seconds)
        by_workers(db, asked.seconds)


if __name__ == "__main__":
    main()
