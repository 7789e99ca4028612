"""The reports on one storyline in order of time, and by what they tell: so that a new one finds those that tell any of it."""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from monitor.stories.report import Report

_SLACK = 1_000
"""Forgotten reports that may stand in the index before it is made anew."""


class Shelved(NamedTuple):
    """A report with its place in the order of time; of two of one moment, the one that came first is first."""

    moment: float
    """When it was published."""
    number: int
    report: Report


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
        self._postings: dict[str, dict[str, Posting]] = {}
        self._gone = 0

    def add(self, shelved: Shelved) -> None:
        """Put a report where its time is; most are the newest."""
        insort(self.reports, shelved)
        self._index(shelved)

    def drop(self, count: int) -> None:
        """Forget the oldest reports."""
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

    def _index(self, shelved: Shelved) -> None:
        report = shelved.report
        postings = self._postings.setdefault(report.kind.language, defaultdict(Posting))
        for _, whole, title in report.vectors():
            for key, weight in whole.weights.items():
                above = title.weights.get(key, 0.0)
                postings[key].add(shelved.number, weight / (whole.length or 1.0), above / (title.length or 1.0))
