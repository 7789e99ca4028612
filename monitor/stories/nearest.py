"""The earlier reports most like a new one, without comparing it with each: the answer is the same, it costs less.

Every earlier report gets a bound that its likelihood cannot exceed (bound.py). They are then looked at in the order of their
bounds, which are narrowed down in two steps, until one is known exactly and no other can exceed it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush, heapreplace, merge
from operator import itemgetter

from monitor.stories.bound import Bounds
from monitor.stories.judgement import log_odds
from monitor.stories.pair import likelihood
from monitor.stories.report import Report
from monitor.stories.shelf import Shelf, Shelved

_COARSE, _FINE, _EXACT = range(3)
_AT_ONCE = 25
"""Reports that share no fact with the new one that are bounded in one go."""
_ROUNDING = 1e-6
"""A likelihood is known by its log-odds but for less."""
_NONE: tuple[float, Sequence[int]] = (-math.inf, ())


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An earlier report and how likely it tells the same fact."""

    report: Report
    likelihood: float


class Neighbourhood:
    """A new report among earlier ones: those `compared`, the latest first, all of which stand on `shelves`."""

    def __init__(self, report: Report, compared: Sequence[Shelved], shelves: Sequence[Shelf]) -> None:
        self._report = report
        self._compared = compared
        self._by_what_is_known = Bounds(report, compared, shelves)
        self._bounds: dict[int, float] = {}
        self._step = [_COARSE] * len(compared)
        self._known: dict[int, Neighbour] = {}

    def likest(self, places: Iterable[int] | None = None, least: float = 0.0) -> Iterator[Neighbour]:
        """The reports compared, the likest first, of equals the latest; only those at `places`, if given.

        After the first, none is worth looking for that is less likely than `least`.
        """
        heap = self._heap(self._by_what_is_known.sharing if places is None else tuple(places))
        chunks = self._strangers() if places is None else iter(())
        bound, chunk = next(chunks, _NONE)
        enough = -math.inf
        while (heap and -heap[0][0] >= enough) or enough <= bound != -math.inf:
            if bound != -math.inf and (not heap or -heap[0][0] <= bound):
                for one in self._heap(chunk):
                    heappush(heap, one)
                bound, chunk = next(chunks, _NONE)
                continue
            place = heap[0][1]
            if self._step[place] == _EXACT and -self._bounds[place] == heap[0][0]:
                heappop(heap)
                yield self._known[place]
                enough = log_odds(least) - _ROUNDING
            else:
                self._narrow(place)
                heapreplace(heap, (-self._bounds[place], place))

    def best(self, places: Iterable[int]) -> float:
        """How like the likest at these places is; 0 where there is none."""
        return next((neighbour.likelihood for neighbour in self.likest(places)), 0.0)

    def among(self, reports: Iterable[Shelved]) -> Iterator[tuple[int, Report]]:
        """Those of these reports that are compared, each with its place, in the order in which they are given."""
        places = self._by_what_is_known.places
        return ((places[shelved.number], shelved.report) for shelved in reports if shelved.number in places)

    def _strangers(self) -> Iterator[tuple[float, Sequence[int]]]:
        """The places of reports that share no fact with the new one, some at a time, with what none of those and later exceeds.

        Nothing comes first, with what none of all exceeds: mostly that is enough, and they need not be told from the others.
        """
        bounds = self._by_what_is_known
        if self._compared:
            yield max(bounds.of_strangers(0, same=same) for same in (False, True)), ()
        others, ours = bounds.strangers()
        chunks = self._in_chunks(others, same=False), self._in_chunks(ours, same=True)
        yield from merge(*chunks, key=itemgetter(0), reverse=True)

    def _in_chunks(self, strangers: Sequence[int], *, same: bool) -> Iterator[tuple[float, Sequence[int]]]:
        for first in range(0, len(strangers), _AT_ONCE):
            chunk = strangers[first : first + _AT_ONCE]
            yield self._by_what_is_known.of_strangers(chunk[0], same=same), chunk

    def _heap(self, places: Sequence[int]) -> list[tuple[float, int]]:
        """The bounds of the reports at these places, negated, as a heap."""
        fresh = [place for place in places if place not in self._bounds]
        self._bounds.update(zip(fresh, self._by_what_is_known.coarse(fresh), strict=True))
        heap = [(-self._bounds[place], place) for place in places]
        heapify(heap)
        return heap

    def _narrow(self, place: int) -> None:
        """Bring the bound of a report one step nearer to its log-odds, unless it is there."""
        if self._step[place] == _COARSE:
            self._step[place] = _FINE
            self._bounds[place] = self._by_what_is_known.fine(self._bounds[place], place)
        elif self._step[place] == _FINE:
            self._step[place] = _EXACT
            earlier = self._compared[place].report
            found = likelihood(self._report, earlier)
            self._known[place] = Neighbour(earlier, found)
            self._bounds[place] = log_odds(found)
