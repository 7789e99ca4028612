"""The reports on one storyline in order of time, and by what they tell: so that a new one finds those that tell any of it."""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import accumulate
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
    ordered: str
    acts: frozenset[str]

    @classmethod
    def of(cls, report: Report, number: int) -> Shelved:
        """A report, the so many-th that came."""
        moment = report.entry.published.timestamp()
        return cls(moment, number, report, report.kind, report.title, report.ordered, report.acts)


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
        if self.numbers[-1] < number:
            return ()
        first = bisect_left(self.numbers, number)
        return zip(self.numbers[first:], self.shares[first:], self.titles[first:], strict=True)


class Shelf:
    """One storyline's reports."""

    def __init__(self) -> None:
        self.reports: list[Shelved] = []
        self._known: dict[int, Shelved] = {}
        """The same by their numbers."""
        self._postings: dict[str, dict[str, Posting]] = {}
        self._gone = 0

    def add(self, shelved: Shelved) -> None:
        """Put a report where its time is; most are the newest."""
        insort(self.reports, shelved)
        self._known[shelved.number] = shelved
        self._index(shelved)

    def drop(self, count: int) -> None:
        """Forget the oldest reports."""
        for shelved in self.reports[:count]:
            self._known.pop(shelved.number, None)
        del self.reports[:count]
        self._gone += count
        if self._gone >= max(_SLACK, len(self.reports)):
            self._gone, self._postings = 0, {}
            for shelved in sorted(self.reports, key=lambda shelved: shelved.number):
                self._index(shelved)

    def latest(self, since: float, most: int) -> list[Shelved]:
        """The newest reports from a moment on, but no more than `most`; latest first."""
        first = max(bisect_left(self.reports, (since,)), len(self.reports) - most)
        return self.reports[first:][::-1]

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
        found = (self._known.get(number) for number, times in shared.items() if times >= least)
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
