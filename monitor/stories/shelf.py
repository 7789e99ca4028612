"""The reports on one storyline in order of time, and by what they tell: so that a new one finds those that tell any of it."""

from __future__ import annotations

from array import array
from bisect import bisect, bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain, islice
from typing import NamedTuple

from rapidfuzz import fuzz, process

from monitor.stories.report import Kind, Report

_SLACK = 1_000
"""Forgotten reports that may stand in the index before it is made anew."""
_ASKED = 6
"""Words of a title, the rarest, by which its near-duplicates are looked for."""
_LEAST = 2
"""Titles that share fewer of these, or less than half of them, are no near-duplicates."""
_COUNTED = 4_000
"""Reports by a title's words that are counted at most; words beyond that are too common to tell titles apart."""

_NOBODY = array("q")


class Shelved(NamedTuple):
    """A report with its place in the order of time; of two of one moment, the one that came first is first.

    What bounds are reckoned from stands here too: one step nearer than in the report, which is cold by then.
    """

    moment: float
    """When it was published."""
    number: int
    report: Report
    kind: Kind
    title: frozenset[str]
    length: int
    """How many letters the title has, each word but once; 1 at least."""
    ordered: str
    acts: frozenset[str]

    @classmethod
    def of(cls, report: Report, number: int) -> Shelved:
        """A report, the so many-th that came."""
        moment = report.entry.published.timestamp()
        length = max(1, len(" ".join(report.title)))
        return cls(moment, number, report, report.kind, report.title, length, report.ordered, report.acts)


class Posting:
    """The reports that tell one thing: their numbers in the order in which they came, how much of each report it is, and of its title."""

    __slots__ = ("numbers", "shares", "titles")

    def __init__(self) -> None:
        self.numbers = array("q")
        self.shares = array("d")
        self.titles = array("d")

    def add(self, number: int, share: float, title: float) -> None:
        """Note the newest report."""
        self.numbers.append(number)
        self.shares.append(share)
        self.titles.append(title)

    def since(self, number: int) -> Iterable[tuple[int, float, float]]:
        """(number, share, share of the title) of the reports from that number on."""
        first = bisect_left(self.numbers, number)
        return zip(self.numbers[first:], self.shares[first:], self.titles[first:])  # noqa: B905 - one as long as the other


class Shelf:
    """One storyline's reports."""

    def __init__(self) -> None:
        self.reports: list[Shelved] = []
        self._numbers = array("q")
        """Their numbers, in the same order."""
        self.known: dict[int, Shelved] = {}
        """The same by their numbers."""
        self._postings: dict[str, dict[str, Posting]] = {}
        self._gone = 0

    def add(self, shelved: Shelved) -> None:
        """Put a report where its time is; most are the newest."""
        place = bisect(self.reports, shelved)
        self.reports.insert(place, shelved)
        self._numbers.insert(place, shelved.number)
        self.known[shelved.number] = shelved
        self._index(shelved)

    def drop(self, count: int) -> None:
        """Forget the oldest reports."""
        for shelved in self.reports[:count]:
            self.known.pop(shelved.number, None)
        del self.reports[:count], self._numbers[:count]
        self._gone += count
        if self._gone >= max(_SLACK, len(self.reports)):
            self._gone, self._postings = 0, {}
            for shelved in sorted(self.reports, key=lambda shelved: shelved.number):
                self._index(shelved)

    def first(self, since: float, most: int) -> int:
        """Where those reports begin that are from a moment on, and no more than `most`."""
        return max(bisect_left(self.reports, (since,)), len(self.reports) - most)

    def earliest(self, first: int) -> int:
        """The number of the one that came first, of the reports from that place on."""
        return min(self._numbers[first:], default=0)

    def postings(self) -> Iterable[tuple[str, dict[str, Posting]]]:
        """Language -> fact -> the reports in that language that tell it."""
        return self._postings.items()

    def near(self, report: Report, before: Shelved, since: float, most: int) -> list[Shelved]:
        """Near-duplicates of a report, in its language, published since a moment and before `before`: the likest first.

        They share at least half of those words of its title that the fewest earlier reports tell, by the postings: an inverted
        index proposes, as is usual for this. The letters of the sorted titles rank what it finds.
        """
        first = bisect_left(self.reports, (since,))
        if first == len(self.reports) or self.reports[first] >= before:
            return []
        rarest = self._rarest(report, self.reports[first].number)
        shared: Counter[int] = Counter()
        for numbers, so_far in zip(rarest, accumulate(map(len, rarest)), strict=True):
            if so_far <= _COUNTED:
                shared.update(numbers)
        least = max(_LEAST, (len(rarest) + 1) // 2)
        found = (self.known.get(number) for number, times in shared.items() if times >= least)
        known = [shelved for shelved in found if shelved and since <= shelved.moment and shelved < before]
        titles = [shelved.ordered for shelved in known]
        return [known[place] for _, _, place in process.extract(report.ordered, titles, scorer=fuzz.ratio, limit=most)]

    def _rarest(self, report: Report, oldest: int) -> list[array[int]]:
        """For each of the rarest words of a title the numbers of the reports that tell it, from the `oldest` on; none first."""
        postings = self._postings.get(report.kind.language, {})
        told = (postings[word].numbers if word in postings else _NOBODY for word in report.title_words.weights)
        return sorted((numbers[bisect_left(numbers, oldest) :] for numbers in told), key=len)[:_ASKED]

    def _index(self, shelved: Shelved) -> None:
        report = shelved.report
        postings = self._postings.setdefault(report.kind.language, defaultdict(Posting))
        for _, whole, title in report.vectors():
            for key, weight in whole.weights.items():
                above = title.weights.get(key, 0.0)
                postings[key].add(shelved.number, weight / (whole.length or 1.0), above / (title.length or 1.0))


class Newest:
    """The newest reports on some shelves from a moment on, but no more than `most`; the latest first, each once.

    Where one shelf has them all, none is read before it is asked for.
    """

    def __init__(self, shelves: Sequence[Shelf], since: float, most: int) -> None:
        self.shelves = [(shelf, shelf.first(since, most)) for shelf in shelves]
        if len(self.shelves) == 1:
            ((shelf, self._first),) = self.shelves
            self._reports = shelf.reports
        else:
            known = {shelved.number: shelved for shelf, first in self.shelves for shelved in shelf.reports[first:]}
            self._reports = sorted(known.values())
            self._first = max(0, len(known) - most)

    def __len__(self) -> int:
        return len(self._reports) - self._first

    def __iter__(self) -> Iterator[Shelved]:
        return islice(reversed(self._reports), len(self))

    def of(self, numbers: Iterable[int]) -> list[Shelved]:
        """Those that have these numbers."""
        if not self:
            return []
        oldest = self.oldest
        found = [[s for s in map(shelf.known.get, numbers) if s and s >= oldest] for shelf, _ in self.shelves]
        return found[0] if len(found) == 1 else list({s.number: s for s in chain(*found)}.values())

    @property
    def oldest(self) -> Shelved:
        """The one that is last."""
        return self._reports[self._first]

    @property
    def newest(self) -> Shelved:
        """The one that is first."""
        return self._reports[-1]
