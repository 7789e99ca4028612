"""The threads that polls go on: one of them leads, and the others are those that wait for somebody.

Threads of Python that all have something to do hand the interpreter over to each other at each step: sixteen polls at once, of servers
that answer at once, take twice what they take one after the other. So one thread does what is to be done, and has another
go on with it before it waits itself: for a server, or for a child that parses. (The pattern is known as leader/followers:
Schmidt et al., Pattern-Oriented Software Architecture 2, 2000.)
"""

from __future__ import annotations

import select
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from monitor.feeds.settings import FetchSettings
from monitor.model import FeedState

DOUBTFUL = 3
"""How many threads doubtful feeds have for each thread of those that were well."""
_AT_ONCE, _SELDOM = 2, 8
"""Milliseconds in which a server that is near has answered; to hand over takes some tenths of one. Where the last one had not, only one
in so many is given this time."""
_here = threading.local()


class _Lane:
    """Work in the order in which it came, at most so much of it at a time."""

    def __init__(self, threads: int, name: str) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._work: deque[Callable[[], None]] = deque()
        self._led = threading.Lock()
        """Held while a thread leads, or is to."""
        self._is_closed = False
        self._in_vain = 0
        """How many servers in a row had not answered at once."""

    def begin(self, work: Callable[[], None]) -> None:
        if not self._is_closed:
            self._work.append(work)
            self.go_on()

    def go_on(self) -> None:
        """Have a thread lead where there is work and none does."""
        if self._work and self._led.acquire(blocking=False):
            self._threads.submit(self._lead)

    def _lead(self) -> None:
        _here.lane = self
        try:
            while _here.lane is self and self._work:
                self._work.popleft()()
        finally:
            self.leave()

    def comes(self, file: int) -> bool:
        """Whether something comes over a socket at once."""
        coming = select.poll()
        coming.register(file, select.POLLIN)
        came = bool(coming.poll(0 if self._in_vain % _SELDOM else _AT_ONCE))
        self._in_vain = 0 if came else self._in_vain + 1
        return came

    def close(self) -> None:
        self._is_closed = True
        self._work.clear()
        self._threads.shutdown(wait=False)

    def leave(self) -> None:
        """Lead no longer."""
        if _here.lane is self:
            _here.lane = None
            self._led.release()
            self.go_on()


class Lanes:
    """The lane of the feeds that were well, and that of the doubtful ones."""

    def __init__(self, settings: FetchSettings) -> None:
        self.adopt(settings)

    def adopt(self, settings: FetchSettings) -> None:
        """Go on by other settings; what was begun ends on the threads it has, which go when nothing is left."""
        self._of_well = _Lane(settings.workers, "poll")
        self._of_doubtful = _Lane(DOUBTFUL * settings.workers, "doubtful")

    def begin(self, state: FeedState, work: Callable[[], None]) -> None:
        """Have `work` done for a feed; it raises nothing."""
        (self._of_doubtful if state.is_doubtful else self._of_well).begin(work)

    def close(self) -> None:
        """Begin nothing more, and let the threads go."""
        self._of_well.close()
        self._of_doubtful.close()


def step_aside() -> None:
    """What this thread does next may take long: where it leads a lane, another goes on with that."""
    lane: _Lane | None = getattr(_here, "lane", None)
    if lane is not None:
        lane.leave()


def await_bytes(file: int) -> None:
    """To be called before a read from a socket: where nothing comes at once, `step_aside`."""
    lane: _Lane | None = getattr(_here, "lane", None)
    if lane is not None and not lane.comes(file):
        lane.leave()
