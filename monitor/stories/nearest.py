"""The earlier reports most like a new one, without comparing it with each: the answer is the same, it costs less.

Every earlier report gets a bound that its likelihood cannot exceed (bound.py). They are then looked at in the order of their
bounds, which are narrowed down first, until one is known exactly and no other can exceed it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import heapify, heappop, heappush, heapreplace, merge
from itertools import islice
from operator import itemgetter, neg

from monitor.stories.bound import Bounds
from monitor.stories.judgement import log_odds
from monitor.stories.pair import likelihood
from monitor.stories.report import Report
from monitor.stories.shelf import Newest, Shelved

_AT_ONCE = 50
"""Reports that are looked through in one go for those that share no fact with the new one."""
_ROUNDING = 1e-6
"""A likelihood is known by its log-odds but for less."""
_Block = Callable[[], list[Shelved]]
_NONE: tuple[float, _Block] = (-math.inf, list)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An earlier report and how likely it tells the same fact."""

    report: Report
    likelihood: float


_Latest = tuple[float, int, Neighbour]
"""One that was compared, behind what puts the latest of equals first."""
_Ranked = tuple[float, Shelved | _Latest]
"""A report by its bound, or by its log-odds; negated, as the least comes first."""


class Neighbourhood:
    """A new report among the earlier ones that it is compared with."""

    def __init__(self, report: Report, compared: Newest) -> None:
        self._report = report
        self._compared = compared
        self._by_what_is_known = Bounds(report, compared)
        self._narrowed: set[int] = set()
        """The numbers of those whose bounds are as narrow as they get."""
        self._known: dict[int, tuple[float, _Latest]] = {}
        """Those that were compared, by their numbers."""

    def likest(self, among: Sequence[Shelved] | None = None, least: float = 0.0) -> Iterator[Neighbour]:
        """The reports compared, the likest first, of equals the latest; only those `among` these, if given.

        After the first, none is worth looking for that is less likely than `least`.
        """
        heap = self._ranked(self._by_what_is_known.sharing if among is None else among)
        heapify(heap)
        blocks = self._strangers() if among is None else iter(())
        bound, strangers = next(blocks, _NONE)
        enough = -math.inf
        while (heap and -heap[0][0] >= enough) or enough <= bound != -math.inf:
            if bound != -math.inf and (not heap or -heap[0][0] <= bound):
                for one in self._ranked(strangers()):
                    heappush(heap, one)
                bound, strangers = next(blocks, _NONE)
                continue
            _, known = heap[0]
            if isinstance(known, Shelved):
                heapreplace(heap, self._nearer(known))
            else:
                heappop(heap)
                yield known[-1]
                enough = log_odds(least) - _ROUNDING

    def best(self, among: Sequence[Shelved]) -> float:
        """How like the likest among these is; 0 where there is none."""
        return next((neighbour.likelihood for neighbour in self.likest(among)), 0.0)

    def among(self, reports: Iterable[Shelved]) -> list[Shelved]:
        """Those of these reports that are compared, in the order in which they are given."""
        return self._compared.of([shelved.number for shelved in reports])

    def _ranked(self, reports: Sequence[Shelved]) -> list[_Ranked]:
        return list(zip(map(neg, self._by_what_is_known.of(reports)), reports, strict=True))

    def _strangers(self) -> Iterator[tuple[float, _Block]]:
        """Reports that share no fact with the new one, some at a time, with what none of those and later exceeds."""
        return merge(*(self._in_blocks(same=same) for same in (False, True)), key=itemgetter(0), reverse=True)

    def _in_blocks(self, *, same: bool) -> Iterator[tuple[float, _Block]]:
        bounds, latest = self._by_what_is_known, iter(self._compared)
        while block := list(islice(latest, _AT_ONCE)):
            yield bounds.of_strangers(block[0], same=same), partial(bounds.strangers, block, same=same)

    def _nearer(self, shelved: Shelved) -> _Ranked:
        """A report by a bound that is one step nearer to its log-odds, or by these."""
        number, known = shelved.number, self._known
        if number in known:
            return known[number]
        if number not in self._narrowed:
            self._narrowed.add(number)
            return -self._by_what_is_known.fine(shelved), shelved
        found = likelihood(self._report, shelved.report)
        known[number] = -log_odds(found), (-shelved.moment, -number, Neighbour(shelved.report, found))
        return known[number]
