"""The daemon: wires the parts, keeps them going, and knows when one of them has died.

Threads: the scheduler ticks, one leads the polls while others wait for servers, the store's writer settles, one deliverer a
channel sends. The supervisor watches over them from the main thread. Where several processes share the work, each has some
of the roles, and the engine hands out what is due instead.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING
from wsgiref.types import WSGIApplication

from monitor import notices
from monitor.alerts.notice import Trouble
from monitor.config import Config
from monitor.deliver import Deliverer, deliver
from monitor.desk import Desk
from monitor.errors import MonitorError, StoreError, StoreHeld, passes
from monitor.feeds.fetch import Gate
from monitor.feeds.shares import Shares
from monitor.model import Changes
from monitor.parts import Parts
from monitor.polls import Polls
from monitor.process import Pulse, Role
from monitor.rounds import Rounds
from monitor.serve import Server, anew
from monitor.store import Store, feeds, links, mutes, outbox, replacing, stories
from monitor.store.schema import meta
from monitor.subscribe import subscribe

if TYPE_CHECKING:
    from apscheduler.schedulers.background import BackgroundScheduler

    from monitor.engine import Engine

log = logging.getLogger(__name__)

STOP_WITHIN = 8.0
"""Seconds in which the daemon ends, with what is under way finished or safely abandoned (P1)."""
_ALLOWED = {"tick": 30.0, "desk": 60.0, "engine": 60.0}
"""Seconds of silence after which a part counts as dead; see also the next two."""
_DELIVERER_ALLOWED = 120.0
_POLL_ALLOWED = 600.0
_TIDY_ALLOWED = 6 * 3_600.0
"""Seconds for what a job forgets in small steps, which may be millions of rows."""
_ROUND, _PROVE_EVERY = 60, 20
_NOT_READY = 30.0
"""Seconds without a sign of life of the desk after which stories count as not followed, for whoever asks."""
_LATE = timedelta(minutes=1)
"""Feeds that wait for longer are told of: the machine, or who is asked, is too slow for so many."""
_BASELINE_WITHIN = timedelta(minutes=2)
_ALIVE = replacing(meta, ("name", "value"))
_LOOK_EVERY = timedelta(minutes=1)
"""How often the operator may hear of something new."""


class Daemon:
    """Everything that runs, for one configuration at a time; of several processes that share a store, what its `roles` are.

    The store is held by this process, or by those that share it. `page` makes what is served; without it nothing is. So the
    page may know everything, and nothing here knows the page.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        *,
        roles: Collection[Role] = (),
        page: Callable[[Daemon], WSGIApplication] | None = None,
        now: Callable[[], datetime] | None = None,
        pulse: Pulse | None = None,
    ) -> None:
        self.store, self.now = store, now or store.now  # D28
        self._shares = bool(roles)
        self._roles = frozenset(roles or Role)
        self._page = page if Role.WEB in self._roles else None
        self.ticked = False
        """Whether the first tick has handed out what was due."""
        self._pulse = pulse or Pulse()
        self.key = store.write(links.key)
        self._parts = Parts.of(config, self.key, self.complain)
        self._parts.sync(store, self.now())
        if not self._shares:
            store.write(lambda tx: outbox.free(tx, self.now()))
        self.desk = Desk(store, self._parts.rules)
        self._deliverer = self._new_deliverer(self._parts)
        self.polls = Polls(store, self.desk, self._parts, self.now, self._after, self._fail)
        self._lock = threading.RLock()
        self._working: dict[str, float] = {}
        """The jobs that run at this moment, and since when."""
        self._ticks = Rounds(partial(self._guarded, self._tick))
        self._following_since = self.now()
        self._announced = self._stopping = False
        self.failure: BaseException | None = None
        """What happened that the daemon does not understand, and ends by (P5)."""
        self._status = self._refused = ""
        self._troubles: dict[str, Trouble] = {}
        self._server: Server | None = None
        self._engine = self._join() if self._shares else None

    # --- configuration

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self._parts.config

    def ages(self) -> dict[str, float]:
        """Seconds since each part last showed that it works."""
        return self._pulse.ages()

    @property
    def gate(self) -> Gate:
        """The one way to the network, as that configuration has it."""
        return self._parts.gate

    def reload(self, config: Config) -> None:
        """Go on by another configuration, without losing a poll or a delivery. Raises MonitorError and keeps the old one."""
        parts = Parts.of(config, self.key, self.complain)
        try:
            parts.sync(self.store, self.now())
        except StoreError:
            parts.gate.close()
            raise
        self.desk.adopt(parts.rules)
        old, old_deliverer = self._parts, self._deliverer
        self._parts = parts
        self.polls.adopt(parts)
        self._following_since, self._announced = self.now(), False
        # a try that takes longer ends in its own time: its lease keeps it from being sent again
        old_deliverer.stop(STOP_WITHIN / 2)
        self._deliverer = self._new_deliverer(parts)
        self._deliverer.start()
        self._troubles.clear()
        if config.web != old.config.web or self._server is None:  # who could not be served before is told of again
            self._serve()
        old.gate.retire()

    def _new_deliverer(self, parts: Parts) -> Deliverer:
        return Deliverer(
            self.store,
            {} if self._shares else parts.channels,
            parts.config.policies(),
            beat=self._pulse.beat,
            now=self.now,
        )

    # --- running

    @cached_property
    def _scheduler(self) -> BackgroundScheduler:
        """Made by the start: one poll of everything needs none, and to load it takes as long as thirty polls."""
        from apscheduler.executors.pool import ThreadPoolExecutor as JobExecutor  # noqa: PLC0415
        from apscheduler.schedulers.background import BackgroundScheduler  # noqa: PLC0415

        return BackgroundScheduler(
            executors={"default": JobExecutor(4)},
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
            timezone=UTC,
        )

    def start(self) -> None:
        """Begin to tick, poll and deliver."""
        self._deliverer.start()
        self._serve()
        if self._engine is not None:
            self._engine.start()
        self._add_jobs()
        self._scheduler.start()

    def stop(self) -> None:
        """Begin nothing new; finish or safely abandon what is under way. What is cut short is taken up again at the next start."""
        end = time.monotonic() + STOP_WITHIN
        with self._lock:
            self._stopping = True
        self._ticks.end()
        if "_scheduler" in vars(self) and self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        self.polls.stop()
        self._wait_until_idle(end - STOP_WITHIN / 2)
        self._parts.gate.close()
        if self._server is not None:
            self._server.close()
        if any(thread.is_alive() for thread in self._deliverer.threads):
            self._deliverer.stop(max(0.5, end - time.monotonic() - 1))
        if self._engine is not None:
            self._engine.stop(max(0.5, end - time.monotonic() - 1))
        self.polls.cut()
        self._wait_until_idle(end)
        self.polls.close()

    def _serve(self) -> None:
        """Serve the page and the addresses that mails have; where that fails, everything else goes on (P16)."""
        self._server = anew(self._server, self._page and partial(self._page, self), self.config.web, self.complain)

    def _wait_until_idle(self, end: float) -> None:
        while (self.polls.under_way or self._working) and time.monotonic() < end:
            time.sleep(0.02)

    def _join(self) -> Engine:
        """Take part in the work that processes share, as this one's roles are. Raises StoreError."""
        try:
            from monitor import engine  # noqa: PLC0415 - it is there only where it is wanted
        except ImportError:
            raise StoreError(
                "Roles need the package procrastinate, which is not here; run pip install procrastinate."
            ) from None
        chores = (
            engine.Chore("watch", "*/10 * * * *", self.watch),
            engine.Chore("look", "* * * * *", self.look),
            engine.Chore("subscribe", "* * * * *", self._subscribe),
            engine.Chore("tidy", "17 3 * * *", self._tidy),
        )
        self.polls.shares = Shares(self.config.fetch.spacing.total_seconds())
        work = engine.Work(
            shares=self.polls.shares if Role.WORKER in self._roles else None,
            is_busy=self.polls.is_busy,
            deliver=self._deliver if Role.DELIVERER in self._roles else None,
            chores=chores if Role.SCHEDULER in self._roles else (),
        )
        return engine.Engine(self.store, work, self._pulse.beat, self._fail)

    def _add_jobs(self) -> None:
        jobs: tuple[tuple[str, Callable[[], None], timedelta, timedelta], ...] = (
            ("prove", self._prove, timedelta(seconds=_PROVE_EVERY), timedelta(0)),
            ("subscribe", self._subscribe, timedelta(minutes=1), timedelta(seconds=30)),
            ("watch", self.watch, timedelta(minutes=10), timedelta(minutes=5)),
            ("look", self.look, _LOOK_EVERY, _LOOK_EVERY),
            ("tidy", self._tidy, timedelta(days=1), timedelta(minutes=10)),
        )
        add = partial(self._scheduler.add_job, trigger="interval", replace_existing=True)
        if self._ticks_here:
            add(self._ticks.begin, seconds=_ROUND, max_instances=2, id="tick", next_run_time=datetime.now(UTC))
        for name, job, every, first in jobs[:1] if self._shares else jobs:  # the others are chores of all
            begin = datetime.now(UTC) + first
            add(self._guarded, args=(job,), seconds=every.total_seconds(), id=name, next_run_time=begin)

    def _guarded(self, job: Callable[[], None]) -> None:
        """Run a job; what it does not understand ends the daemon (P5)."""
        name = job.__name__.strip("_")
        with self._lock:
            if self._stopping:
                return
            self._working[name] = time.monotonic()
        try:
            job()
        except BaseException as error:
            if not passes(error):
                self._fail(error)
                if not isinstance(error, StoreHeld):  # the scheduler shows where it comes from
                    raise
            log.error("%s error=%s", name, error)  # noqa: TRY400 - the sentence says it all
        finally:
            with self._lock:
                self._working.pop(name, None)

    def _fail(self, error: BaseException) -> None:
        log.critical("failed error=%s", type(error).__name__, exc_info=None if isinstance(error, StoreHeld) else error)
        self.failure = error

    def _tick(self) -> None:
        """Hand out the feeds that are due; then, once, tell the state of the stories."""
        self._pulse.beat("tick")
        self.hand_out()
        self._deliverer.look()
        if not self._announced and Role.SCHEDULER in self._roles:
            self._announce()
        self.ticked = True

    def hand_out(self) -> list[Future[Changes]]:
        """Start a poll of every due feed that may go now; where others share the work, of those in our shares."""
        if self._engine is not None and Role.SCHEDULER in self._roles:
            self._engine.queue.offer_shares()
            now = self.now()
            self._engine.queue.deliver(
                name for name in self._parts.channels if self.store.glance(outbox.ANY_DUE, name, now)
            )
        return self.polls.hand_out() if Role.WORKER in self._roles else []

    def _wake(self, changes: Changes) -> None:
        """Have what was queued sent now, not only when somebody looks."""
        if not changes.deliveries:
            return
        if self._engine is None:
            self._deliverer.wake()
        else:
            self._engine.queue.deliver({delivery.channel for delivery in changes.deliveries})

    def _deliver(self, name: str) -> None:
        """Send all that is due on a channel."""
        channel, policy = self._parts.channels.get(name), self.config.policies().get(name)
        while channel and policy and not self._stopping and deliver(self.store, name, channel, self.now, policy=policy):
            pass

    def _after(self, changes: Changes) -> None:
        """A poll is settled."""
        self._pulse.beat("desk")  # it works, however long the line before it
        self._wake(changes)

    def deliver_due(self) -> None:
        """Send all that is due now, each channel once through; for `monitor once`."""
        policies = self.config.policies()
        for name, channel in self._parts.channels.items():
            while deliver(self.store, name, channel, self.now, policy=policies[name]):
                pass

    def _announce(self) -> None:
        """When each feed was polled once, or two minutes went by: one message a storyline on how things stand."""
        with self.store.read() as tx:
            unpolled = feeds.is_any_unpolled(tx)
        if unpolled and self.now() - self._following_since < _BASELINE_WITHIN:
            return
        self._wake(self.desk.announce(self.now()))
        self._announced = True

    def complain(self, trouble: Trouble) -> None:
        """Something is wrong that does not show in the store; the operator hears of it, once, until the next reload that succeeds."""
        self._troubles[trouble.subject] = trouble

    def watch(self) -> None:
        """Tell of storylines that went into another state."""
        self._wake(self.desk.watch(self.now()))

    def _subscribe(self) -> None:
        """Ask hubs to tell of changes, where they can reach us."""
        base_url = self.config.web.base_url
        if base_url and (self._shares or self._server is not None):
            subscribe(self.store, self._parts.gate.post, base_url, self.now)

    def look(self) -> None:
        """Tell the operator what does not go as it should, and what is well again."""
        known, operator, routing = list(self._troubles.values()), self.config.operator, self._parts.rules.routing
        self._wake(notices.look(self.store, operator, routing, self.now(), known))

    def _undo_future(self) -> None:
        self.store.write(lambda tx: feeds.undo_future(tx, self.now()))

    def _tidy(self) -> None:
        """Forget what is past its time, in small steps."""
        keep = self.config.retention
        while not self._stopping and self.store.write(
            lambda tx: stories.prune(tx, self.now() - keep.entries, self.now() - keep.seen)
        ):
            time.sleep(0.1)
        self.store.write(lambda tx: mutes.prune(tx, self.now()))

    # --- watching

    @property
    def _ticks_here(self) -> bool:
        return bool(self._roles & {Role.SCHEDULER, Role.WORKER})

    @property
    def _watched(self) -> Collection[str]:
        """The parts that have to show that they work."""
        ticks = {"tick"} if self._ticks_here else set()
        return {"desk"} | ticks | ({"engine"} if self._shares else set())

    def _prove(self) -> None:
        """Real work on the desk's thread: a write that is kept. That the store refuses it is an answer too; only silence is death (S3)."""
        try:
            self.store.write(lambda tx: _ALIVE.run(tx, [("alive", self.now().isoformat())]))
            ((waiting,),) = self.store.glance(outbox.PENDING)
            ((late,),) = self.store.glance(feeds.COUNT_DUE, self.now() - _LATE)
            self._refused = ""
            self.polls.go_on()
            self._status = f"{len(self._parts.feeds)} feeds, {len(self.polls.under_way)} being polled, {waiting} deliveries waiting"
            if late:  # P17
                self._status += f"; {late} of the feeds should have been polled more than a minute ago"
                log.warning("late feeds=%d", late)
        except StoreError as error:
            if not passes(error):
                raise
            self._status = self._refused = str(error)
            log.error("prove error=%s", error)  # noqa: TRY400
        self._pulse.beat("desk")
        self.ticked = self.ticked or not self._ticks_here
        self.polls.rest()

    @property
    def status(self) -> str:
        """One line on how things are."""
        return self._status or f"{len(self._parts.feeds)} feeds"

    def unready(self) -> str:
        """Why no story is followed at this moment, in a sentence; empty when all are."""
        refuses = bool(self._refused) or self.polls.is_resting or self._pulse.age("desk") > _NOT_READY
        if self._stopping or not self.ticked:
            return "It ends." if self._stopping else "It has just begun."
        return "The store takes nothing." if refuses else ""

    def check(self) -> None:
        """Raise MonitorError when a part has died or shows no life; a scheduler that only lost its clock is set going again."""
        if self.failure is not None:
            raise MonitorError(
                f"A part of the daemon failed: {type(self.failure).__name__}: {self.failure}"
            ) from self.failure
        dead = [thread.name for thread in self._deliverer.threads if not thread.is_alive()]
        if not self._scheduler._thread.is_alive():  # noqa: SLF001 - `running` stays true when it has died
            dead.append("scheduler")
        server = self._server
        if server is not None and not server.thread.is_alive():
            dead.append(server.thread.name)
        if self._engine is not None and not self._engine.thread.is_alive():
            dead.append(self._engine.thread.name)
        if dead:
            raise MonitorError(f"These threads have died: {', '.join(dead)}.")
        allowed = {part: _ALLOWED[part] for part in self._watched} | {
            thread.name: _DELIVERER_ALLOWED for thread in self._deliverer.threads
        }
        silent = self._pulse.silent(allowed)
        now = time.monotonic()
        silent += [
            f"the poll of {url}" for url, since in list(self.polls.under_way.items()) if now - since > _POLL_ALLOWED
        ]
        silent += [
            f"the job {name}"
            for name, since in list(self._working.items())
            if now - since > (_TIDY_ALLOWED if name == "tidy" else _POLL_ALLOWED)
        ]
        if silent:
            raise MonitorError(f"No sign of life from {', '.join(silent)}.")
        if self._waits_for_the_clock():
            log.warning("the clock was set back; the jobs are set anew")
            self._add_jobs()
            self._scheduler.add_job(self._guarded, args=(self._undo_future,), id="undo", replace_existing=True)

    def _waits_for_the_clock(self) -> bool:
        """Whether a job that comes all the time is set for later than that: APScheduler goes by the time of day (faults 0.8)."""
        job = self._scheduler.get_job("prove")
        latest = datetime.now(UTC) + timedelta(seconds=_PROVE_EVERY + 1)
        return job is not None and job.next_run_time is not None and job.next_run_time > latest

    def forgive(self) -> None:
        """The whole process stood still (suspended, SIGSTOP): nobody is to blame for the silence (P9)."""
        self._pulse.forgive()
        self.polls.forgive()
        with self._lock:
            self._working = dict.fromkeys(self._working, time.monotonic())
