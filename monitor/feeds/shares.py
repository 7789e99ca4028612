"""The shares of all hosts that a process polls, where several do: each host is in one share, and each share with one process at a time."""

from __future__ import annotations

import time

from monitor.process import uptime

TERM = 30.0
"""Seconds for which a share is taken, more or less; then it is anybody's."""
STALLED = 30.0
"""Seconds without a sign of life after which what a process has is others'."""
_TRUSTED = 2 / 3
"""The part of that time for which a process goes by its last sign of life; in the rest, polls end that have begun."""


class Shares:
    """Those that this process has at this moment, and since when. Times are seconds of the monotonic clock."""

    def __init__(self, pause: float) -> None:
        self.pause = pause
        """Seconds until a share that was another's may be polled: so long a host is left in peace between two polls."""
        self._since: dict[int, float] = {}
        self._left: dict[int, float] = {}
        self._alive_at = uptime()

    def alive(self, at: float) -> None:
        """The others know that this process lived `at` that time, by `uptime`; after a long while without, they have what was ours."""
        if at - self._alive_at > STALLED * _TRUSTED:
            self._since.clear()
        self._alive_at = at

    def take(self, share: int) -> None:
        """Have it from now on."""
        now = time.monotonic()
        before = self._left.pop(share, 0.0)
        self._since[share] = 0.0 if now - before < self.pause else now

    def leave(self, share: int) -> None:
        """Begin nothing more in it."""
        if self._since.pop(share, None) is not None:
            self._left[share] = time.monotonic()

    def __contains__(self, share: object) -> bool:
        return share in self._since

    def ready(self) -> frozenset[int]:
        """Those whose feeds may be polled now; none where the others may not know any more that this process lives."""
        if uptime() - self._alive_at > STALLED * _TRUSTED:
            return frozenset()
        before = time.monotonic() - self.pause
        return frozenset(share for share, since in list(self._since.items()) if since <= before)
