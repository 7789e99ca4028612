"""The most that the likelihood of two reports can be, known from little: see nearest.py for what it is good for.

The log-odds of pair.py are a sum of likenesses by their coefficients, which change with the time between the reports in a straight
line. Cosines, and shares of what is told, are sums over the facts that both tell: an index gives each earlier report what these add,
exactly. Time, language, acts, plans and numbers are known too, and the letters of the sorted titles are compared in one go. What is
left are names, leads, heaviest facts, and titles that share a word: they count as much as they can, so that nothing exceeds the bound.

What a likeness is worth is a complex number here: its real part at once, its imaginary part for each unit of time (`_apart`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import NamedTuple

from rapidfuzz import fuzz, process

from monitor.stories.facts import CONCEPTS
from monitor.stories.judgement import models
from monitor.stories.report import Kind, Report, Vector
from monitor.stories.shelf import Shelf, Shelved

_ROUNDING = 1e-6
"""Sums that are added up in another order differ by less."""
_DAYS, _HOURS = 72, 12
"""Hours after which `days_apart` and `hours_apart` grow no more."""

_Gains = Mapping[str, tuple[complex, complex, complex]]
"""Fact -> what it adds for its share in an earlier report, for that in the earlier title, and whatever its share."""


class _Worth(NamedTuple):
    """What is known of the reports of one kind, and what the letters of their titles are worth."""

    known: complex
    letters: complex
    letters_at_most: complex
    order: complex


class Bounds:
    """A new report and earlier ones, `compared`, all of which stand on `shelves`."""

    def __init__(self, report: Report, compared: Sequence[Shelved], shelves: Sequence[Shelf]) -> None:
        self._report = report
        self._earlier = [shelved.report for shelved in compared]
        self._kinds = [earlier.kind for earlier in self._earlier]
        now = report.entry.published.timestamp()
        self._hours = [abs(now - shelved.moment) / 3600 for shelved in compared]
        self._apart = [_apart(hours) for hours in self._hours]
        self._longest = max(self._apart, default=0.0)
        self._worth = {kind: self._worth_of(kind) for kind in set(self._kinds)}
        self._gained = self._gained_by([shelved.number for shelved in compared], shelves)

    def coarse(self) -> list[float]:
        """A bound of the log-odds of each report compared."""
        day, hour, soon = _of("days_apart") / _DAYS, _of("hours_apart") / _HOURS, _of("within_the_hour")
        no_act, other_act, same_act = self._report.acts.isdisjoint, *self._by_acts()
        share_no_word, worth, found = self._report.title.isdisjoint, self._worth, []
        for order, earlier, kind, gained, hours, apart in zip(
            self._orders(), self._earlier, self._kinds, self._gained, self._hours, self._apart, strict=True
        ):
            known, letters, letters_at_most, by_order = worth[kind]
            # titles that share no word are as much alike sorted as they are as sets
            by_letters = letters * order if share_no_word(earlier.title) else letters_at_most
            both = known + gained + by_order * order + by_letters
            by_time = day * (hours if hours < _DAYS else _DAYS) + hour * (hours if hours < _HOURS else _HOURS)
            by_act = other_act if no_act(earlier.acts) else same_act
            found.append(both.real + both.imag * apart + by_time + soon * (hours < 1) + by_act)
        return found

    def fine(self, coarse: float, place: int) -> float:
        """The bound of the report at that place with what outlets and letters are worth, instead of all that they can be worth."""
        report, earlier, worth = self._report, self._earlier[place], self._worth[self._kinds[place]]
        outlet = _of("same_outlet")
        coarse += outlet * (report.entry.outlet == earlier.entry.outlet) - max(0.0, outlet)
        if report.title.isdisjoint(earlier.title):
            return coarse
        less = worth.letters * (fuzz.token_set_ratio(report.headline, earlier.headline) / 100) - worth.letters_at_most
        return coarse + less.real + less.imag * self._apart[place]

    def _orders(self) -> list[float]:
        """How much alike the words of the titles are in order of the alphabet, 0..1."""
        titles = [earlier.ordered for earlier in self._earlier]
        return [like / 100 for _, like, _ in process.extract_iter(self._report.ordered, titles, scorer=fuzz.ratio)]

    def _by_acts(self) -> tuple[float, float]:
        """(what it is worth at most to share no act, and what to share one)"""
        return max(0.0, _of("other_act")) * bool(self._report.acts), _of("same_act")

    def _worth_of(self, kind: Kind) -> _Worth:
        """What every report of a kind is worth, apart from facts, letters, acts and time."""
        ours = self._report.kind
        same = ours.language == kind.language
        letters = _worth("same_letters", same)
        known = complex(_of("bias") + _of("same_language") * same + max(0.0, _of("same_outlet")) + _ROUNDING)
        known += _of("hours_apart_log") * 1j + self._others(same) + self._by_numbers(kind)
        if ours.plan or kind.plan:
            known += _of("both_plan" if ours.plan and kind.plan else "later_plan" if ours.plan else "earlier_plan")
        if repeated := 2 * (ours.repeated + kind.repeated):  # a set has each word but once: so much other letters are
            known += repeated * (self._most(letters) + self._most(-letters))
        return _Worth(known, letters, self._most(letters), _worth("same_order", same))

    def _by_numbers(self, kind: Kind) -> float:
        """The most that numbers are worth which the index does not count."""
        ours, found = self._report.kind, 0.0
        if ours.has_numbers and kind.has_numbers:
            found += max(0.0, _of("other_numbers")) + max(0.0, _of("best_number")) * _heaviest(self._report.words)
        if ours.has_title_numbers != kind.has_title_numbers:
            return found + _of("one_has_numbers")
        return found + max(0.0, _of("other_title_numbers")) * ours.has_title_numbers

    def _others(self, same: bool) -> complex:  # noqa: FBT001
        """The most that all else can add, by what the new report has alone."""
        report = self._report
        found = complex(max(0.0, _of("names")) * bool(report.names) + max(0.0, _of("new_names")) * bool(report.names))
        found += self._most(_worth("same_lead", same)) * bool(report.lead)
        for kind, whole, title in report.vectors():
            found += self._most(_worth(f"best_{kind}"[:-1], same)) * _heaviest(whole)
            found += 0.0 if title.weights else _worth(f"told_{kind}", same)
        return found

    def _most(self, worth: complex) -> complex:
        """The most that a likeness between 0 and 1 adds: the chord of max(0, worth), which is convex."""
        begin, end = max(0.0, worth.real), max(0.0, worth.real + worth.imag * self._longest)
        return complex(begin, (end - begin) / self._longest if self._longest else 0.0)

    def _gained_by(self, numbers: Sequence[int], shelves: Sequence[Shelf]) -> list[complex]:
        """What the facts that it shares with the new one add, for each report of these numbers."""
        oldest = min(numbers, default=0)
        gained: dict[int, complex] = {}
        for shelf in shelves:  # what stands on several shelves gains the same on each
            on_shelf: dict[int, complex] = {}
            for language, postings in shelf.postings():
                gains = self._gains[language == self._report.kind.language]
                for key in gains.keys() & postings.keys():
                    by_share, by_title, counted = gains[key]
                    for number, share, title in postings[key].since(oldest):
                        more = by_share * share + by_title * title + counted
                        on_shelf[number] = on_shelf.get(number, 0) + more
            gained |= on_shelf
        return [gained.get(number, 0j) for number in numbers]

    @cached_property
    def _gains(self) -> tuple[_Gains, _Gains]:
        """For earlier reports in another language, and in the same."""
        return dict(self._each_gain(same=False)), dict(self._each_gain(same=True))

    def _each_gain(self, *, same: bool) -> Iterator[tuple[str, tuple[complex, complex, complex]]]:
        concept, number = self._most(_worth("shared_concepts", same)) / 6, max(0.0, _of("shared_numbers")) / 3
        for kind, whole, title in self._report.vectors():
            cosine = _worth(kind, same) / (whole.length or 1.0)
            alike = _worth(f"title_{kind}", same) / (title.length or 1.0)
            told = _worth(f"told_{kind}", same) / (title.total or 1.0)
            for key, weight in whole.weights.items():
                above = title.weights.get(key, 0.0)
                counted = concept if key[0] in CONCEPTS else number * (key[0] == "n")
                yield key, (cosine * weight, alike * above, told * above + counted)


@cache
def _worth(name: str, same: bool) -> complex:  # noqa: FBT001
    """What a likeness counts between two reports in the same language or not."""
    return complex(_of(name) + same * _of(f"{name}_in_one_language"), _of(f"{name}_by_the_hour"))


def _heaviest(facts: Vector) -> float:
    return max(facts.weights.values(), default=0.0) / 10


def _apart(hours: float) -> float:
    return math.log1p(hours) / 5


@cache
def _of(name: str) -> float:
    return models()["same"].get(name, 0.0)
