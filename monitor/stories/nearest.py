"""The earlier reports most like a new one, without comparing it with each: the answer is the same, it costs less.

Every earlier report gets a bound that its likelihood cannot exceed (bound.py), from an index of what reports tell. They are then
looked at in the order of their bounds, which are narrowed down in two steps, until one is known exactly and no other can exceed it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import heapify, heappop, heapreplace

from monitor.stories.bound import Bound
from monitor.stories.judgement import log_odds
from monitor.stories.pair import likelihood
from monitor.stories.report import Report
from monitor.stories.shelf import Shelf, Shelved

_COARSE, _FINE, _EXACT = range(3)


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
        self._shelves = shelves
        self._now = report.entry.published.timestamp()
        self._known: dict[int, Neighbour] = {}
        self._step = [_COARSE] * len(compared)

    def likest(self, places: Iterable[int] | None = None) -> Iterator[Neighbour]:
        """The reports compared, the likest first, of equals the latest; only those at `places`, if given."""
        bounds, step = self._bounds, self._step
        heap = [(-bounds[place], place) for place in (range(len(bounds)) if places is None else places)]
        heapify(heap)
        while heap:
            place = heap[0][1]
            if step[place] == _EXACT and -bounds[place] == heap[0][0]:
                heappop(heap)
                yield self._known[place]
            else:
                self._narrow(place)
                heapreplace(heap, (-bounds[place], place))

    def best(self, places: Iterable[int]) -> float:
        """How like the likest at these places is; 0 where there is none."""
        return next((neighbour.likelihood for neighbour in self.likest(places)), 0.0)

    @cached_property
    def developments(self) -> Mapping[str, list[tuple[int, Report]]]:
        """Development -> its reports among those compared, each with its place, the latest first."""
        found: dict[str, list[tuple[int, Report]]] = defaultdict(list)
        for place, shelved in enumerate(self._compared):
            found[shelved.report.development].append((place, shelved.report))
        return found

    def reports_of(self, development: str) -> list[Report]:
        """A development's reports among those compared, the latest first."""
        return [report for _, report in self.developments.get(development, ())]

    def _narrow(self, place: int) -> None:
        """Bring the bound of a report one step nearer to its log-odds, unless it is there."""
        earlier, seconds = self._compared[place].report, abs(self._now - self._compared[place].moment)
        if self._step[place] == _COARSE:
            self._step[place] = _FINE
            self._bounds[place] = self._of(earlier).fine(self._bounds[place], seconds, earlier)
        elif self._step[place] == _FINE:
            self._step[place] = _EXACT
            found = likelihood(self._report, earlier)
            self._known[place] = Neighbour(earlier, found)
            self._bounds[place] = log_odds(found)

    @cached_property
    def _bounds(self) -> list[float]:
        gained, ours, now = self._gained(), self._report.facts.language, self._now
        other, same = self._by_language
        return [
            (same if shelved.report.facts.language == ours else other).coarse(
                gained.get(shelved.number, 0.0), abs(now - shelved.moment)
            )
            for shelved in self._compared
        ]

    def _gained(self) -> dict[int, float]:
        """Number of a report -> what the facts that it shares with the new one add at most; of those that share any."""
        gained: dict[int, float] = defaultdict(float)
        oldest = min((shelved.number for shelved in self._compared), default=0)
        for language, postings in (found for shelf in self._shelves for found in shelf.postings()):
            gains = self._by_language[language == self._report.facts.language].gains
            for key in gains.keys() & postings.keys():
                by_share, at_least = gains[key]
                for number, share in postings[key].since(oldest):
                    gained[number] += by_share * share + at_least
        return gained

    def _of(self, earlier: Report) -> Bound:
        return self._by_language[earlier.facts.language == self._report.facts.language]

    @cached_property
    def _by_language(self) -> tuple[Bound, Bound]:
        longest = max((abs(self._now - end.moment) for end in (*self._compared[:1], *self._compared[-1:])), default=0.0)
        return Bound(self._report, same=False, longest=longest), Bound(self._report, same=True, longest=longest)
