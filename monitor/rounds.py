"""What is done once a second for as long as the process runs, in rounds that the scheduler begins."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Rounds:
    """Does `step` once a second until another round begins, or all end.

    To set out a job takes the scheduler longer than most steps take; so a job of its is a round of many. A round goes on until
    the next has begun: when the clock is set back, the scheduler begins none for as long.
    """

    def __init__(self, step: Callable[[], None]) -> None:
        self._step = step
        self._latest = object()
        self._has_ended = False
        self._end = threading.Lock()  # held until then; to wait for a lock takes less than to wait for an Event
        self._end.acquire()

    def begin(self) -> None:
        """Go round on this thread, and have the round before end."""
        mine = self._latest = object()
        while self._latest is mine:
            self._step()
            if self._end.acquire(timeout=1.0):
                self._end.release()
                return

    def end(self) -> None:
        """Have the round that is under way end now; to be called by one thread."""
        if not self._has_ended:
            self._has_ended = True
            self._end.release()
