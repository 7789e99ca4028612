"""Work that several processes share, on one machine or on many: Procrastinate's queue, in the database of the store.

The store stays the schedule; a job is the right to do something for a while. Who has the job on a share of all hosts polls the
feeds there, as a daemon alone polls all; who has the job on a channel sends what is due by it. The queue gives each job to one
process only, and to another when that one shows no life; a job that is lost is queued again a moment later. A job a poll would
cost more than the poll (docs/scale.md).
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg
from procrastinate import App, JobContext, PsycopgConnector, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ProcrastinateException
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from procrastinate.schema import SchemaManager

from monitor.errors import StoreError, passes
from monitor.feeds.shares import STALLED, TERM, Shares
from monitor.model import SHARES
from monitor.process import uptime
from monitor.store import Store, jobs
from monitor.store.postgresql import OF_QUEUE

log = logging.getLogger(__name__)

POLLS, DELIVERIES, CHORES = "polls", "deliveries", "chores"
_BEATS, _LOOKS = 5.0, 1.0
_AGAIN = 3.0
"""Seconds until the engine is set going again after the database went away."""
_CHANNELS_AT_ONCE = 8
"""Channels that one process sends by at a time; one that is slow holds up no other until so many are."""
_PATIENCE = 5.0
"""Seconds to wait for a connection: a tick that waits for longer would count as dead."""
_CUT_AFTER = 1.0


@dataclass(frozen=True, slots=True)
class Chore:
    """What is to be done at times by one process, whichever comes first."""

    name: str
    cron: str
    """Five fields, or six with seconds as the last; UTC."""
    work: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Work:
    """What a process can do of what is shared."""

    shares: Shares | None = None
    """The shares that it polls; None where it polls nothing."""
    is_busy: Callable[[int], bool] = lambda _share: False
    """Whether a feed in a share is being polled."""
    deliver: Callable[[str], None] | None = None
    """Sends what is due by a channel."""
    chores: Collection[Chore] = ()


class Queue:
    """Puts into the queue what is to be done."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._app = App(
            connector=SyncPsycopgConnector(min_size=1, max_size=2, configure=_prepare, **_connection(store))
        )
        store.write(partial(jobs.prepare, SchemaManager.get_schema()))
        with _as_store_error(store):
            self._app.open()

    def offer_shares(self) -> None:
        """Have each share polled that nobody polls, nor is to. Raises StoreError."""
        with _as_store_error(self._store):
            waiting = {job.queueing_lock for job in self._app.job_manager.list_jobs(queue=POLLS)}
            offered = [_job(POLLS, f"{POLLS} {share}", str(share)) for share in range(SHARES)]
            self._defer([job for job in offered if job.queueing_lock not in waiting])

    def deliver(self, channels: Iterable[str]) -> None:
        """Have what is due by these channels sent. Raises StoreError."""
        with _as_store_error(self._store):
            self._defer([_job(DELIVERIES, f"{DELIVERIES} {name}", name) for name in sorted(channels)])

    def _defer(self, offered: list[Job]) -> None:
        """All at once; one at a time where another process was faster with some."""
        if not offered:
            return
        try:
            self._app.job_manager.batch_defer_jobs(jobs=offered)
        except AlreadyEnqueued:
            for job in offered:
                with suppress(AlreadyEnqueued):
                    self._app.job_manager.defer_job(job)

    def close(self) -> None:
        """Let go of the database."""
        self._app.close()


class Engine:
    """Takes jobs from the queue, in a loop on a thread of its own, as the `work` of this process is.

    `failed` hears what nobody understands.
    """

    def __init__(
        self, store: Store, work: Work, beat: Callable[[str], None], failed: Callable[[BaseException], None]
    ) -> None:
        self.queue = Queue(store)
        self._store, self._work = store, work
        self._beat, self._failed = beat, failed
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._taking: asyncio.Task[None] | None = None
        self.thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        """Begin to take jobs."""
        self.thread.start()

    def stop(self, timeout: float) -> None:
        """Take no more jobs, and wait for the end of those under way up to `timeout` seconds."""
        self._stopping.set()
        loop, taking = self._loop, self._taking
        if loop is not None and taking is not None:
            with suppress(RuntimeError):  # it has just ended
                loop.call_soon_threadsafe(taking.cancel)
        if self.thread.is_alive():
            self.thread.join(timeout)
        self.queue.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._until_stopped())
        except BaseException as error:
            self._failed(error)
            raise

    async def _until_stopped(self) -> None:
        self._loop = asyncio.get_running_loop()
        hands = _CHANNELS_AT_ONCE + len(self._work.chores)
        self._loop.set_default_executor(ThreadPoolExecutor(hands, thread_name_prefix="job"))
        self._loop.set_exception_handler(lambda _loop, told: log.debug("engine said=%s", told.get("message")))
        beating = self._loop.create_task(self._keep_beating())
        while not self._stopping.is_set():
            self._taking = self._loop.create_task(self._take())
            try:
                await self._taking
            except asyncio.CancelledError:
                break
            except (psycopg.Error, ProcrastinateException, OSError) as error:
                log.warning("engine error=%s", _said(error))
            await asyncio.sleep(_AGAIN)
        beating.cancel()

    async def _keep_beating(self) -> None:
        while True:
            self._beat("engine")
            await asyncio.sleep(_BEATS)

    async def _take(self) -> None:
        """Take jobs until told to stop, or until the database goes away."""
        app = self._app()
        queues = {POLLS: SHARES, DELIVERIES: _CHANNELS_AT_ONCE, CHORES: len(self._work.chores) + 1}
        named = {task.queue for task in app.tasks.values()}
        # a pool that finds nobody tries for half a minute, at longer and longer intervals
        await (await psycopg.AsyncConnection.connect(self._store.address)).close()
        async with app.open_async():
            workers = [
                asyncio.create_task(
                    app.run_worker_async(
                        queues=[name], name=name, concurrency=size, delete_jobs="always", install_signal_handlers=False,
                        fetch_job_polling_interval=_BEATS, update_heartbeat_interval=STALLED / 3, stalled_worker_timeout=STALLED,
                        shutdown_graceful_timeout=_CUT_AFTER,
                    )
                )
                for name, size in queues.items() if name in named
            ]  # fmt: skip
            try:
                await asyncio.wait(workers or [asyncio.Future()], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for worker in workers:
                    worker.cancel()
                ended = await asyncio.gather(*workers, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                raise error

    def _app(self) -> App:
        """Procrastinate's, with the tasks of this process."""
        connector = PsycopgConnector(min_size=1, max_size=4, configure=_prepare_async, **_connection(self._store))
        app = App(connector=connector)
        if self._work.shares is not None:
            app.job_manager = _Manager(connector, self._work.shares.alive)
            app.task(name=POLLS, queue=POLLS)(partial(self._have_share, self._work.shares))
        if self._work.deliver is not None:
            app.task(name=DELIVERIES, queue=DELIVERIES)(self._guarded(self._work.deliver))
        for chore in self._work.chores:
            one_at_a_time = app.task(name=chore.name, queue=CHORES, lock=chore.name, queueing_lock=chore.name)
            task = one_at_a_time(self._guarded(partial(_without_object, chore.work)))
            app.periodic(cron=chore.cron, periodic_id=chore.name)(task)
        if self._work.chores:
            revive = app.task(name="revive", queue=CHORES, lock="revive", queueing_lock="revive", pass_context=True)
            app.periodic(cron="* * * * * */10", periodic_id="revive")(revive(_revive))
        return app

    async def _have_share(self, shares: Shares, of: str) -> None:
        """Poll a share for a term, and until a moment when none of its feeds is being polled; but not for more than two terms."""
        share, term = int(of), TERM * random.uniform(0.75, 1.25)  # noqa: S311 - so that not all end at once
        begun = time.monotonic()
        shares.take(share)
        try:
            while share in shares and not self._stopping.is_set():
                await asyncio.sleep(_LOOKS)
                held = time.monotonic() - begun
                if held > term * (2 if self._work.is_busy(share) else 1):
                    break
        finally:
            shares.leave(share)
            while self._work.is_busy(share):  # noqa: ASYNC110 - the threads that poll know nothing of this loop
                await asyncio.sleep(_LOOKS / 10)

    def _guarded(self, work: Callable[[str], object]) -> Callable[..., None]:
        """Do it; what the store refuses is offered again."""

        def task(of: str = "", timestamp: int = 0) -> None:  # noqa: ARG001 - what is periodic is told
            try:
                work(of)
            except BaseException as error:
                if not passes(error):
                    self._failed(error)
                    raise
                log.error("job error=%s", error)  # noqa: TRY400 - the sentence says it all

        return task


class _Manager(JobManager):
    """Procrastinate's, which tells `alive` when all that works here last sent a sign of life that arrived."""

    def __init__(self, connector: PsycopgConnector, alive: Callable[[float], None]) -> None:
        super().__init__(connector)
        self._alive = alive
        self._sent: dict[int, float] = {}

    async def register_worker(self) -> int:
        sent = uptime()
        worker_id = await super().register_worker()
        self._note(worker_id, sent)
        return worker_id

    async def update_heartbeat(self, worker_id: int) -> None:
        sent = uptime()
        await super().update_heartbeat(worker_id)
        self._note(worker_id, sent)

    def _note(self, worker_id: int, sent: float) -> None:
        self._sent[worker_id] = sent
        self._alive(min(self._sent.values()))


def _without_object(work: Callable[[], None], _of: str) -> None:
    work()


async def _revive(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - what is periodic is told
    """Take out the jobs of processes that show no life; they are offered again."""
    manager, lost = context.app.job_manager, []
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED):
        assert job.id is not None, "it is in the database"
        await manager.finish_job_by_id_async(job_id=job.id, status=Status.FAILED, delete_job=True)
        lost.append(job.queueing_lock)
    if lost:
        log.warning("engine lost=%d jobs=%s", len(lost), ", ".join(map(str, lost)))


def _job(queue: str, lock: str, of: str) -> Job:
    return Job(queue=queue, task_name=queue, lock=lock, queueing_lock=lock, task_kwargs={"of": of})


def _connection(store: Store) -> dict[str, Any]:
    return {"conninfo": store.address, "kwargs": {"application_name": f"monitor {os.getpid()}"}, "timeout": _PATIENCE}


def _prepare(connection: psycopg.Connection[Any]) -> None:
    connection.execute(OF_QUEUE)
    connection.commit()


async def _prepare_async(connection: psycopg.AsyncConnection[Any]) -> None:
    await connection.execute(OF_QUEUE)
    await connection.commit()


@contextmanager
def _as_store_error(store: Store) -> Iterator[None]:
    try:
        yield
    except (psycopg.Error, ProcrastinateException) as error:
        raise StoreError(f"The queue in {store.shown} refused: {_said(error)}.") from error


def _said(error: BaseException) -> str:
    """The first line of what lies beneath it."""
    cause = error.__cause__ or error
    return (str(cause).strip() or type(cause).__name__).splitlines()[0].rstrip(".")
