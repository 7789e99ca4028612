"""What Celery costs for jobs that do nothing, by its broker.

    pip install celery redis
    python -m benchmarks.scale.brokers

Jobs a second of 1, 2 and 4 worker processes, and CPU for each job: of who defers it, of the worker, of the broker. A job is acknowledged
when it is done, so that none is lost with its worker; nothing is kept of its result.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import celery

from benchmarks.scale.server import cpu_of
from benchmarks.speed.measure import machine

BROKERS = {
    "amqp": os.environ.get("MONITOR_BENCH_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672//"),
    "redis": os.environ.get("MONITOR_BENCH_REDIS", "redis://127.0.0.1:6379/9"),
}
SERVERS = {"amqp": "beam.smp", "redis": "redis-server"}
"""The names of their processes, of which there should be one."""
WORKERS = (1, 2, 4)
JOBS = 20_000
_KIND = "MONITOR_BENCH_BROKER"
_QUEUE = "monitor_bench"

app = celery.Celery("bench", broker=BROKERS[os.environ.get(_KIND, "amqp")])
app.conf.update(
    task_default_queue=_QUEUE,
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=4,
)


@app.task(name="nothing")  # type: ignore[untyped-decorator, unused-ignore]
def nothing(feed: str) -> None:
    pass


def defer(jobs: int) -> None:
    with app.amqp.producer_pool.acquire(block=True) as producer:
        for number in range(jobs):
            nothing.apply_async((f"f{number}",), producer=producer)


def depth() -> int:
    """How many jobs wait."""
    with app.connection_for_read() as connection:
        return int(connection.default_channel.queue_declare(_QUEUE, passive=True).message_count)


@contextmanager
def queue() -> Iterator[None]:
    """An empty one, that is gone afterwards."""
    with app.connection_for_write() as connection:
        ours = app.amqp.queues[_QUEUE](connection.default_channel)
        ours.declare()
        ours.purge()
        yield
        ours.delete()


@contextmanager
def working(workers: int) -> Iterator[list[int]]:
    """So many worker processes, each with one child that works; their ids."""
    call = [sys.executable, "-m", "celery", "-A", "benchmarks.scale.brokers", "worker", "-c", "1"]
    quiet: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    names = [["--without-gossip", "--without-mingle", "-l", "ERROR", "-n", f"w{n}@bench"] for n in range(workers)]
    processes = [subprocess.Popen([*call, *name], **quiet) for name in names]
    try:
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)  # a gentle end takes long
            process.wait()


def measured(kind: str, workers: int) -> None:
    """All jobs are deferred, then worked off; what lies between the first twentieth and the last tenth is counted."""
    with queue():
        spent, begun = _Spent(kind, time.process_time), time.monotonic()
        defer(JOBS)
        if workers == WORKERS[0]:
            print(f"{kind}: deferred {JOBS / (time.monotonic() - begun):.0f} jobs/s, {spent.each(JOBS)}")
        with working(workers) as processes:
            while depth() > 0.95 * JOBS:
                time.sleep(0.05)
            first, begun = depth(), time.monotonic()
            spent = _Spent(kind, lambda: sum(map(_tree, processes)))
            while (left := depth()) > 0.1 * JOBS:
                time.sleep(0.1)
            done = first - left
            rate = done / (time.monotonic() - begun)
            print(f"{kind}: {workers} workers {rate:.0f} jobs/s, {spent.each(done)}", flush=True)


class _Spent:
    """CPU of clients and of the broker from now on."""

    def __init__(self, kind: str, client: Callable[[], float]) -> None:
        self._server, self._client = SERVERS[kind], client
        self._before = client(), self._of_server()

    def each(self, jobs: int) -> str:
        client, server = (
            1000 * (now - before) / jobs
            for now, before in zip((self._client(), self._of_server()), self._before, strict=True)
        )
        return f"each {client:.2f} ms client, {server:.2f} ms broker"

    def _of_server(self) -> float:
        names = Path("/proc").glob("[0-9]*/comm")
        return sum(cpu_of(int(path.parent.name)) for path in names if _text(path) == self._server)


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:  # it has ended
        return ""


def _tree(pid: int) -> float:
    """CPU seconds of a process and of its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return cpu_of(pid) + sum(map(cpu_of, map(int, children)))


def main() -> None:
    kind = os.environ.get(_KIND)
    if kind is None:
        print(machine(), flush=True)
        for each in BROKERS:
            subprocess.run(
                [sys.executable, "-m", "benchmarks.scale.brokers"], env={**os.environ, _KIND: each}, check=True
            )
        return
    for workers in WORKERS:
        measured(kind, workers)


if __name__ == "__main__":
    main()
