"""The one thread that writes: whoever wants something written hands it over, and what comes close together is committed together."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from monitor.errors import StoreError
from monitor.store.database import Database

_TOGETHER = 0.05
"""Seconds for which steps join a transaction that has begun."""
_GATHER, _FEW = 0.01, 16
"""Seconds for which a transaction is not begun that only steps want which may wait, and how many of them are enough."""
P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def as_store_error(shown: str) -> Iterator[None]:
    """Have what an engine refuses told in one sentence; `shown` is what the store is called in it."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        cause = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise StoreError(f"The store {shown} refused: {cause}; nothing of this step was kept.") from error


@dataclass(frozen=True, slots=True)
class _Step:
    """What somebody wants to be written."""

    work: Callable[[Connection], Any]
    undone: Callable[[], None]
    outcome: Future[Any] = field(default_factory=Future)


class Writer:
    """The thread, and what it has to do."""

    def __init__(self, kept: Database) -> None:
        self._database = kept
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer", initializer=self._note_it)
        self._id = 0
        self._steps: deque[_Step] = deque()
        self._is_asked = False
        """Whether it is to look at the steps."""
        self._hurry = threading.Event()
        """Set when somebody wants something now."""

    def do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` on the thread, first come first served, and wait for what it returns or raises."""
        assert threading.get_ident() != self._id, "the writer would wait for itself"
        doing = self._thread.submit(work, *args, **kwargs)
        if self._is_asked:
            self._hurry.set()
        return doing.result()

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction, on the thread only: all of it is kept, or nothing. Raises StoreError."""
        assert threading.get_ident() == self._id, "only the writer writes"
        with as_store_error(self._database.shown), self._database.writer.connect() as tx:
            self._database.begin_write(tx)
            yield tx
            tx.commit()

    def together(self, work: Callable[[Connection], T], undone: Callable[[], None], *, waits: bool) -> Future[T]:
        """Have `work` done in one transaction with what others want meanwhile; see `Store.write_together`."""
        step = _Step(work, undone)
        self._steps.append(step)
        self._ask(now=not waits or len(self._steps) >= _FEW)
        return step.outcome

    def close(self) -> None:
        """Finish what it has begun, and what it was asked for."""
        if self._steps:
            self._thread.submit(self._write_all)
        self._thread.shutdown()

    def _note_it(self) -> None:
        self._id = threading.get_ident()

    def _ask(self, *, now: bool) -> None:
        if not self._is_asked:
            self._is_asked = True
            self._thread.submit(self._look)
        if now:
            self._hurry.set()

    def _look(self) -> None:
        self._hurry.wait(_GATHER)
        self._hurry.clear()
        self._is_asked = False  # before the steps are looked at: who comes later asks anew
        if self._steps:
            self._write_steps()
        if self._steps:
            self._ask(now=True)

    def _write_all(self) -> None:
        while self._steps:
            self._write_steps()

    def _write_steps(self) -> None:
        taken: list[_Step] = []
        try:
            with self.begin() as tx:
                results = [step.work(tx) for step in self._taken(taken)]
        except BaseException:  # noqa: BLE001 - of which step it is shows when each is done alone
            for step in reversed(taken):
                step.undone()
            if not taken:  # it could not even begin, and who waits for this one has to hear of it
                taken.append(self._steps.popleft())
            for step in taken:
                self._write_step(step)
        else:
            for step, result in zip(taken, results, strict=True):
                step.outcome.set_result(result)

    def _taken(self, taken: list[_Step]) -> Iterator[_Step]:
        """The next steps, also those that come meanwhile; what is left when the time is over is the next task's."""
        until = time.monotonic() + _TOGETHER
        while self._steps and (not taken or time.monotonic() < until):
            taken.append(self._steps.popleft())
            yield taken[-1]

    def _write_step(self, step: _Step) -> None:
        try:
            with self.begin() as tx:
                result = step.work(tx)
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            step.undone()
            step.outcome.set_exception(error)
        else:
            step.outcome.set_result(result)
