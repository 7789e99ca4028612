"""Which of the due feeds go now: few from one host at a time and not in quick succession.

A feed that was well has places of its own. Those that are new or failed last time may take all their time again, and mostly wait for
their servers, so they share other places, and keep no feed waiting that is well (H1, H2). At a host where only few may go at a time, who
has waited longest goes first.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from itertools import chain
from operator import itemgetter

from monitor.feeds.lanes import DOUBTFUL
from monitor.feeds.settings import FetchSettings
from monitor.model import ALWAYS, FeedState, Wanted, host

_QUEUED = 2
"""How many feeds that were well are handed out for each of their threads, so that none of those is idle until more are."""
_SKIPPED = 10
"""Feeds that may not go and are looked at all the same, before those that may are asked for anew; of one host, none other may."""
Look = Callable[[Wanted], Iterable[FeedState]]
"""Gives the due feeds that are wanted, the longest waiting first."""


class Traffic:
    """The polls that are under way. Not thread-safe; times are seconds of a clock that nobody sets."""

    def __init__(self, settings: FetchSettings) -> None:
        self._of_host: Counter[str] = Counter()
        self._begun: dict[str, float] = {}
        """When the last poll of a host began, while that matters."""
        self._urls: set[str] = set()
        self._crowded: set[str] = set()
        """Hosts, of those that need no sparing, at which more was due than could go."""
        self._waiting: set[bool] = set()
        """Doubtful or not, where there may be more that is due than there were places, as of the last look that could take any."""
        self._under_way: Counter[bool] = Counter()
        """Doubtful or not -> polls."""
        self.adopt(settings)

    def adopt(self, settings: FetchSettings) -> None:
        """Go on by other settings."""
        self._settings = settings

    def pick(self, look: Look, at: float, of: str = "") -> list[FeedState]:
        """Those that may go now, of all hosts or `of` one; each is to be begun, and ended. None is taken if a look fails."""
        spacing = self._settings.spacing.total_seconds()
        self._begun = {name: begun for name, begun in self._begun.items() if at - begun < spacing}
        picked: list[FeedState] = []
        if not of:
            self._waiting -= {doubtful for doubtful in (False, True) if self._is_place(doubtful=doubtful)}
        try:
            for _, doubtful, due in self._by_turn(look, of):
                skipping = 1 if of else _SKIPPED
                since = self._take_some(due, at, picked, skipping=skipping)
                while since and (wanted := self._wanted(of, since, doubtful=doubtful)):
                    since = self._take_some(look(wanted), at, picked, skipping=skipping)
        except BaseException:
            for state in picked:
                self.end(state)
            raise
        return picked

    def _by_turn(self, look: Look, of: str) -> list[tuple[datetime, bool, Iterable[FeedState]]]:
        """What is due of the well and of the doubtful: since when, which of them, and they themselves; who has waited longest first.

        Else a new feed would never go at a host of which others are always due.
        """
        kinds: list[tuple[datetime, bool, Iterable[FeedState]]] = []
        for doubtful in (False, True):
            if wanted := self._wanted(of, ALWAYS, doubtful=doubtful):
                due = iter(look(wanted))
                first = next(due, None)
                if first is not None:
                    kinds.append((first.next_poll_at, doubtful, chain([first], due)))
        return sorted(kinds, key=itemgetter(0, 1))

    def _wanted(self, of: str, since: datetime, *, doubtful: bool) -> Wanted | None:
        """What may go as things stand, of those that became due at `since` or later; None where nothing may."""
        if not self._is_place(doubtful=doubtful) or (of and self._is_full(of)):
            return None
        full = {name for name in self._of_host if self._is_full(name)}
        but = full | self._begun.keys()
        return Wanted(host=of, hosts_but=but, but=self._urls, doubtful=doubtful, since=since)

    def _take_some(
        self, due: Iterable[FeedState], at: float, picked: list[FeedState], *, skipping: int
    ) -> datetime | None:
        """Take those that may go, until so many may not, or places are filled.

        Returns from which time on another look may give more, None where none may: who was passed over may not go in this round.
        """
        before = len(picked)
        skipped = 0
        since: datetime | None = None
        for state in due:
            since = state.next_poll_at
            name = host(state.url)
            if self._is_full(name):
                skipped += 1
                if not self._is_spared(name):
                    self._crowded.add(name)
            else:
                self._take(state, name, at)
                picked.append(state)
            if not self._is_place(doubtful=state.is_doubtful):
                self._waiting.add(state.is_doubtful)
                break
            if skipped >= skipping:
                break
        else:
            return since if skipped and len(picked) > before else None
        return since if len(picked) > before else None

    def _take(self, state: FeedState, name: str, at: float) -> None:
        self._urls.add(state.url)
        self._of_host[name] += 1
        self._under_way[state.is_doubtful] += 1
        if self._is_spared(name):
            self._begun[name] = at

    def _is_place(self, *, doubtful: bool) -> bool:
        return self._under_way[doubtful] < self._places(doubtful=doubtful)

    def _places(self, *, doubtful: bool) -> int:
        return (DOUBTFUL if doubtful else _QUEUED) * self._settings.workers

    def _is_full(self, name: str) -> bool:
        return self._of_host[name] >= self._settings.per_host or name in self._begun

    def _is_spared(self, name: str) -> bool:
        return bool(self._settings.spacing) and not _is_own(name)

    def end(self, state: FeedState) -> str | None:
        """The poll of a feed that was picked is over; at which host others may go at once, "" where at any, None at the next tick.

        They may when half of the places are free, of all or of the host: to look for several costs as much as to look for one.
        """
        name = host(state.url)
        self._urls.discard(state.url)
        self._of_host[name] -= 1
        if not self._of_host[name]:
            del self._of_host[name]
        self._under_way[state.is_doubtful] -= 1
        if state.is_doubtful in self._waiting and 2 * self._under_way[state.is_doubtful] <= self._places(doubtful=state.is_doubtful):  # fmt: skip
            self._waiting.discard(state.is_doubtful)  # the next look tells whether more is waiting still
            return ""
        if name in self._crowded and 2 * self._of_host[name] <= self._settings.per_host:
            self._crowded.discard(name)
            return name
        return None


@lru_cache(maxsize=10_000)
def _is_own(name: str) -> bool:
    """Whether the host is this machine or one beside it, which needs no sparing."""
    with suppress(ValueError):
        return ipaddress.ip_address(name).is_private
    return name == "localhost"
