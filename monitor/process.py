"""What watches over a process: signals as flags, signs of life, and an end that comes even when a part hangs."""

from __future__ import annotations

import faulthandler
import gc
import logging
import os
import resource
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures.thread import _threads_queues as pooled
from contextlib import contextmanager, suppress
from enum import StrEnum
from types import FrameType

log = logging.getLogger(__name__)


class Role(StrEnum):
    """What one of several processes does that share a store."""

    SCHEDULER = "scheduler"
    """Queues what is due, and does what is to be done once for all."""
    WORKER = "worker"
    """Polls feeds, and settles what they bring."""
    DELIVERER = "deliverer"
    """Sends alerts."""
    WEB = "web"
    """Serves the page."""


def give_back() -> None:
    """Have the C library give the system back what is free of its memory; it keeps it for each thread by itself. Nothing where it cannot."""
    import ctypes  # noqa: PLC0415 - only a daemon that rests asks for it

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's, malloc_trim(3)
    if trim is not None:
        trim(0)


class Signals:
    """SIGTERM, SIGINT and SIGHUP as flags for the main loop.

    A handler only sets a flag and writes a byte: it may run in the middle of any instruction, also of one that holds a lock.
    """

    def __init__(self) -> None:
        self.stop = False
        self._reload = False
        self._read_end, self._write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_hup)

    def wait(self, seconds: float) -> None:
        """Sleep, at most until the next signal."""
        if select.select([self._read_end], [], [], seconds)[0]:
            os.read(self._read_end, 65_536)

    def take_reload(self) -> bool:
        """Whether a reload was asked for since the last look; a storm of signals is one reload (C14)."""
        asked, self._reload = self._reload, False
        return asked

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        if self.stop:
            os._exit(1)  # P2: asked twice
        self.stop = True
        self._wake()

    def ask_reload(self) -> None:
        """Ask for what SIGHUP asks for, from any thread."""
        self._reload = True
        self._wake()

    def _on_hup(self, _number: int, _frame: FrameType | None) -> None:
        self.ask_reload()

    def _wake(self) -> None:
        with suppress(BlockingIOError):
            os.write(self._write_end, b"!")


def uptime() -> float:
    """Seconds by a clock that nobody sets, and that goes on while the process stands still or the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Ctrl-C inside is heard when the block is over; on the main thread only.

    In the middle of a thread's start it would leave one that can be neither joined nor waited for.
    """
    asked: list[int] = []
    usual = signal.signal(signal.SIGINT, lambda number, _frame: asked.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
    if asked:
        raise KeyboardInterrupt


@contextmanager
def loading() -> Iterator[None]:
    """While modules are read: they make some hundred thousand objects that all stay.

    To look through these for garbage, over and over, takes a sixth of a start; afterwards they are looked at no more.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class Pulse:
    """When each part last showed that it works, by a clock that nobody sets."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._beats: dict[str, float] = {}

    def beat(self, part: str) -> None:
        """The part works."""
        self._beats[part] = self._clock()

    def age(self, part: str) -> float:
        """Seconds since the part's last beat; one that was never heard of counts from now."""
        return self._clock() - self._beats.setdefault(part, self._clock())

    def ages(self) -> dict[str, float]:
        """Seconds since the last beat of each part that was ever heard of."""
        return {part: self.age(part) for part in list(self._beats)}

    def silent(self, allowed: Mapping[str, float]) -> list[str]:
        """The parts that were not heard of for longer than they may be."""
        return [part for part, seconds in allowed.items() if self.age(part) > seconds]

    def forgive(self) -> None:
        """Start counting anew: the whole process stood still, not its parts (P9)."""
        for part in list(self._beats):
            self.beat(part)


def prepare() -> None:
    """Have crashes, SIGABRT (the watchdog's) and SIGUSR1 show where every thread is, and dying threads say so in the log.

    No core is dumped: the memory holds secrets (C16).
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, chain=False)
    threading.excepthook = _on_dead_thread


def _on_dead_thread(hooked: threading.ExceptHookArgs) -> None:
    name = hooked.thread.name if hooked.thread else "unknown"
    value = hooked.exc_value or hooked.exc_type()
    log.critical("thread=%s died", name, exc_info=(hooked.exc_type, value, hooked.exc_traceback))


def show_threads() -> None:
    """Write where every thread is to standard error."""
    faulthandler.dump_traceback(all_threads=True)


@contextmanager
def ending_within(seconds: float) -> Iterator[None]:
    """What is inside ends in time, or the process does, with every thread's stack and exit code 1.

    faulthandler's own thread sees to it: it needs neither the interpreter nor any lock of ours.
    """
    faulthandler.dump_traceback_later(seconds, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def leave(code: int, *, within: float = 1.0) -> int:
    """Return `code`, or end the process with it where a thread that cannot be told to stop would hold it up.

    A name look-up hangs inside the C library for as long as it likes, and the interpreter waits for its thread at exit; for
    those of pools also when they are daemons, as they are when a daemon has begun them.
    """
    deadline = time.monotonic() + within
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and (not thread.daemon or thread in pooled):
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                log.info("end thread=%s left behind", thread.name)
                logging.shutdown()
                sys.stdout.flush()
                os._exit(code)
    return code
