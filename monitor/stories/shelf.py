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
    """The reports that tell one thing: their numbers in the order in which they came, and how much of each report it is."""

    def __init__(self) -> None:
        self.numbers = array("q")
        self.shares = array("d")

    def since(self, number: int) -> Iterable[tuple[int, float]]:
        """(number, share) of the reports from that number on."""
        first = bisect_left(self.numbers, number)
        return zip(self.numbers[first:], self.shares[first:], strict=True)


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

    def postings(self) -> Iterable[tuple[str, dict[str, Posting]]]:
        """Language -> fact -> the reports in that language that tell it."""
        return self._postings.items()

    def _index(self, shelved: Shelved) -> None:
        report = shelved.report
        postings = self._postings.setdefault(report.facts.language, defaultdict(Posting))
        for vector in (report.words, report.concepts):
            for key, weight in vector.weights.items():
                if weight:
                    posting = postings[key]
                    posting.numbers.append(shelved.number)
                    posting.shares.append(weight / vector.length)
