"""Which of the due feeds go now: few from one host at a time and not in quick succession, and doubtful ones never fill all places."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import urlsplit

from monitor.feeds.fetch import FetchSettings
from monitor.model import FeedState


class Traffic:
    """The polls that are under way; times are seconds of a clock that nobody sets."""

    def __init__(self) -> None:
        self._of_host: Counter[str] = Counter()
        self._begun: dict[str, float] = {}
        """When the last poll of a host began, while that matters."""
        self._doubtful = 0

    def pick(self, due: Iterable[FeedState], settings: FetchSettings, at: float, room: int) -> list[FeedState]:
        """Those that may go now, at most `room`; they count as under way until they end."""
        spacing = settings.spacing.total_seconds()
        self._begun = {host: begun for host, begun in self._begun.items() if at - begun < spacing}
        picked: list[FeedState] = []
        for state in due:
            if len(picked) >= room:
                break
            name = host(state.url)
            if self._of_host[name] >= settings.per_host or name in self._begun:
                continue
            if is_doubtful(state):
                if self._doubtful >= max(1, settings.workers // 2):
                    continue
                self._doubtful += 1
            self._of_host[name] += 1
            if spacing and not _is_own(name):
                self._begun[name] = at
            picked.append(state)
        return picked

    def end(self, state: FeedState) -> None:
        """A poll that was picked is over."""
        name = host(state.url)
        self._of_host[name] -= 1
        if not self._of_host[name]:
            del self._of_host[name]
        self._doubtful -= is_doubtful(state)


def is_doubtful(state: FeedState) -> bool:
    """Whether a poll may well take its whole time: the last one failed, or there never was one."""
    return state.failures > 0 or state.is_new


def host(url: str) -> str:
    """The host that a feed is polled at."""
    return urlsplit(url).hostname or ""


def _is_own(name: str) -> bool:
    """Whether the host is this machine or one beside it, which needs no sparing."""
    with suppress(ValueError):
        return ipaddress.ip_address(name).is_private
    return name == "localhost"
