"""Which of the due feeds go now, and the threads they go on: few from one host at a time and not in quick succession.

A feed that was well has places of its own. Those that are new or failed last time may take all their time again, and mostly wait for
their servers, so they share other places, and keep no feed waiting that is well (H1, H2).
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from typing import TypeVar
from urllib.parse import urlsplit

from monitor.feeds.fetch import FetchSettings
from monitor.model import Due

_QUEUED = 2
"""How many feeds that were well are handed out for each of their threads, so that none of those is idle until the next tick."""
_DOUBTFUL = 3
"""How many places doubtful feeds have for each place of those that were well."""
T = TypeVar("T")


class Traffic:
    """The polls that are under way. Not thread-safe; times are seconds of a clock that nobody sets."""

    def __init__(self, settings: FetchSettings) -> None:
        self._of_host: Counter[str] = Counter()
        self._begun: dict[str, float] = {}
        """When the last poll of a host began, while that matters."""
        self._under_way: Counter[bool] = Counter()
        """Doubtful or not -> polls."""
        self._pools: dict[bool, ThreadPoolExecutor] = {}
        self.adopt(settings)

    def adopt(self, settings: FetchSettings) -> None:
        """Go on by other settings; what is under way ends on the threads it has."""
        self.close(cancel=False)
        self._settings = settings
        self._pools = {
            False: ThreadPoolExecutor(settings.workers, thread_name_prefix="poll"),
            True: ThreadPoolExecutor(_DOUBTFUL * settings.workers, thread_name_prefix="doubtful"),
        }

    def pick(self, due: Iterable[Due], at: float) -> list[Due]:
        """Those that may go now; each is to be begun, and ended."""
        workers, spacing = self._settings.workers, self._settings.spacing.total_seconds()
        free = {False: _QUEUED * workers - self._under_way[False], True: _DOUBTFUL * workers - self._under_way[True]}
        self._begun = {host: begun for host, begun in self._begun.items() if at - begun < spacing}
        picked: list[Due] = []
        for feed in due if any(places > 0 for places in free.values()) else ():
            url, doubtful = feed
            name = host(url)
            if free[doubtful] <= 0 or name in self._begun or self._of_host[name] >= self._settings.per_host:
                continue
            free[doubtful] -= 1
            self._of_host[name] += 1
            self._under_way[doubtful] += 1
            if spacing and not _is_own(name):
                self._begun[name] = at
            picked.append(feed)
        return picked

    def begin(self, feed: Due, work: Callable[[], T]) -> Future[T]:
        """Have `work` done for a feed that was picked."""
        return self._pools[feed.doubtful].submit(work)

    def end(self, feed: Due) -> None:
        """The poll of a feed that was picked is over."""
        name = host(feed.url)
        self._of_host[name] -= 1
        if not self._of_host[name]:
            del self._of_host[name]
        self._under_way[feed.doubtful] -= 1

    def close(self, *, cancel: bool = True) -> None:
        """Begin nothing more."""
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=cancel)


@lru_cache(8_192)
def host(url: str) -> str:
    """The host that a feed is polled at."""
    return urlsplit(url).hostname or ""


def _is_own(name: str) -> bool:
    """Whether the host is this machine or one beside it, which needs no sparing."""
    with suppress(ValueError):
        return ipaddress.ip_address(name).is_private
    return name == "localhost"
