"""Calls of functions in child processes that are kept for the next call: one that dies or hangs takes its own call with it, and no other.

The pools of multiprocessing and concurrent.futures lose every call that is under way when one child dies; that of pebble does not, but
its threads look around many times a second, for as long as the program runs. Here nothing runs while nobody calls: the thread that
calls starts a child where none is free, speaks with it over a pair of sockets, and ends it when it is late.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

_PROGRAM = "import sys; pair, calls, *sys.path = sys.argv[1:]; from monitor.feeds.child import main; main(int(pair), int(calls))"
_BROKEN = (OSError, EOFError, pickle.UnpicklingError)
_STARTS_WITHIN = 20.0
_ENDS_WITHIN = 2.0
_PATIENCE = 0.3
"""Seconds in which a child that is there may become free before another is started, which takes as long."""
_RECYCLE_AFTER = 200
"""Calls that a fork of a child answers before it makes room for a fresh one."""
_KEPT = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "PYTHONPATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
    "HOME",
    "TMPDIR",
    "LD_LIBRARY_PATH",
)
"""All that a child knows of our environment: what a process is started with stays in /proc, whatever it forgets later (P15)."""
P = ParamSpec("P")
T = TypeVar("T")


class Died(Exception):  # noqa: N818 - reads as what happened
    """A child did not survive the call, or took too long for it."""


class NoChild(Exception):  # noqa: N818 - reads as what happened
    """No child can be started."""


class Closed(Exception):  # noqa: N818 - reads as what happened
    """The children were ended before the call was over."""


class Children:
    """At most so many children at a time; safe to use from many threads."""

    def __init__(self, most: int) -> None:
        self._places = threading.Semaphore(most)
        self._lock = threading.Condition()
        self._starting = 0
        self._busy: set[_Child] = set()
        self._idle: list[_Child] = []
        self._closed = False

    def call(self, seconds: float, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `function` returns in a child; it and its arguments must be picklable. Raises Died, NoChild or Closed."""
        with self._places:
            child = self._take()
            try:
                result: T = child.call(seconds, (function, args, kwargs))
            except _BROKEN:
                child.kill()
                self._let_go(child, keep=False)
                raise (Closed if self._closed else Died) from None
            except BaseException:
                self._let_go(child, keep=False)
                raise
            self._let_go(child, keep=True)
            return result

    def rest(self, seconds: float) -> bool:
        """End the children that had nothing to do for so long; whether the last one has ended by it."""
        before = time.monotonic() - seconds
        with self._lock:
            resting = [child for child in self._idle if child.used_at <= before]
            self._idle = [child for child in self._idle if child.used_at > before]
            was_last = bool(resting) and not self._idle and not self._busy
        for child in resting:
            child.end()
        return was_last

    def close(self) -> None:
        """End all children, whatever they are doing; who waits for one hears of it."""
        with self._lock:
            self._closed = True
            self._lock.notify_all()
            idle, self._idle = self._idle, []
            for child in self._busy:
                child.kill()
        for child in idle:
            child.end()

    def _take(self) -> _Child:
        """The child that was used last, so that the others may go; a new one where none is free, nor soon becomes so."""
        while True:
            with self._lock:
                self._lock.wait_for(lambda: self._closed or bool(self._idle) or not self._starting, _STARTS_WITHIN)
                self._lock.wait_for(self._need_not_wait, _PATIENCE)
                if self._closed:
                    raise Closed
                child = self._idle.pop() if self._idle else None
                self._starting += 1
            is_new = child is None
            try:
                child = child or _Child()
                child.make_ready()
            except _BROKEN:
                self._taken(None)
                if child is not None:
                    child.kill()
                    child.end()
                if is_new:
                    raise NoChild from None
            except BaseException:
                self._taken(None)
                raise
            else:
                self._taken(child)
                return child

    def _need_not_wait(self) -> bool:
        return self._closed or bool(self._idle) or not (self._busy or self._starting)

    def _taken(self, child: _Child | None) -> None:
        """The child is ready; or none is."""
        with self._lock:
            self._starting -= 1
            if child is None:
                self._lock.notify()
                return
            self._busy.add(child)
            if self._closed:
                child.kill()

    def _let_go(self, child: _Child, *, keep: bool) -> None:
        with self._lock:
            self._busy.discard(child)
            kept = keep and not self._closed
            if kept:
                self._idle.append(child)
            self._lock.notify()
        if not kept:
            child.end()


class _Child:
    """One process, and the way to it. Raises OSError, EOFError or UnpicklingError where it has died, or cannot be started."""

    def __init__(self) -> None:
        self.used_at = time.monotonic()
        self._answered = 0
        self._socket, theirs = socket.socketpair()
        self._wire = self._socket.makefile("rwb")
        with theirs:
            try:
                self._process = _started(theirs.fileno())
            except BaseException:
                self._hang_up()
                raise

    def make_ready(self) -> None:
        """Wait until there is a fork that takes a call; a call to a child that is dead already must not be blamed for that."""
        if not self.is_alive:
            raise EOFError
        if self._answered % _RECYCLE_AFTER == 0:
            self._socket.settimeout(_STARTS_WITHIN)
            pickle.load(self._wire)  # noqa: S301 - each fork says first that it is there

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def call(self, seconds: float, task: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]) -> Any:
        self._socket.settimeout(seconds)
        pickle.dump(task, self._wire, pickle.HIGHEST_PROTOCOL)
        self._wire.flush()
        result = pickle.load(self._wire)  # noqa: S301 - from a child of ours
        self._answered += 1
        self.used_at = time.monotonic()
        return result

    def kill(self) -> None:
        if self.is_alive:  # else its number may be another's by now
            os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> None:
        """Have it end by itself, as it does when nobody can ask it for anything any more."""
        self._hang_up()
        try:
            self._process.wait(_ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()

    def _hang_up(self) -> None:
        with suppress(OSError):  # what could not be sent
            self._wire.close()
        self._socket.close()


def _started(pair: int) -> subprocess.Popen[bytes]:
    """A child that speaks by the open socket `pair`, in a group with its forks, and out of reach of the terminal's Ctrl-C."""
    return subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-c", _PROGRAM, str(pair), str(_RECYCLE_AFTER), *sys.path, str(Path(__file__).parents[2])],
        env={name: os.environ[name] for name in _KEPT if name in os.environ},
        pass_fds=[pair],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        process_group=0,
    )
