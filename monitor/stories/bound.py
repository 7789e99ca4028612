"""The most that the likelihood of two reports can be, known from little: see nearest.py for what it is good for.

The log-odds of pair.py are a sum of likenesses by their coefficients, which change with the time between the reports, in a straight
line. Cosines, shares of what is told and the heaviest fact that both tell come from an index of what earlier reports tell, which
gives exactly what they add. Time, language, plans and acts are known too, and the letters of the sorted titles are compared in one
go, which bounds how much alike they are as sets, by the length of the words that they may share. What is left are names, numbers and
leads: they count as much as they can, so that nothing exceeds the bound. Reports that share no fact are the many; they get theirs
when one of them may be among the likest.

What a likeness is worth is a complex number here: its real part at once, its imaginary part for each unit of time (`_apart`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from itertools import repeat
from math import log1p
from operator import itemgetter
from typing import NamedTuple

from rapidfuzz import fuzz, process

from monitor.stories.facts import CONCEPTS, told_by_word
from monitor.stories.judgement import models
from monitor.stories.report import Kind, Report
from monitor.stories.shelf import Newest, Posting, Shelf, Shelved

_UNLIKE = 0.6
"""Titles that share nothing told are no more alike than this by their letters, in all that was recorded; but one of a single small word,"""
_UNSORTED = 0.25
"""nor less alike by so much when their words are sorted."""
_ALL = 100.0
"""Titles are alike by so much at most."""
_ROUNDING = 1e-6
"""Sums that are added up in another order differ by less."""
_STEP = 0.25
"""It is reckoned in steps of so many hours how far reports lie apart at most, so that what follows from it is reckoned once."""
_DAYS, _HOURS = 72, 12
"""Hours after which `days_apart` and `hours_apart` grow no more."""


_Fact = tuple[str, float, float, int]
"""A fact, its weight, that in the title, and the letters of the words by which the title tells it."""
_Told = tuple[str, Sequence[_Fact], tuple[float, float, float]]
"""Facts of one kind, the heaviest first; the length of all of them, that of what the title tells, and the sum of that."""


class _Gains(NamedTuple):
    """What facts of one kind add, by their weight."""

    facts: Sequence[_Fact]
    """The heaviest first."""

    by_share: complex
    """For the whole of each, by its share in the earlier report."""
    by_title: complex
    """For what stands in the new title, by its share in the earlier one."""
    told: complex
    """For what stands in the new title, whatever its share."""
    heaviest: complex
    """For the whole of the heaviest that both tell."""
    counted: Mapping[str, complex]
    """For each, by its first letter, whatever its weight."""


class _Worth(NamedTuple):
    """What is known of the reports in the same language, or in others, and what the letters of their titles are worth."""

    known: complex
    letters: complex
    letters_at_most: complex
    order: complex
    letters_of_strangers: complex


_Beside = tuple[bool, complex, complex, complex]
"""Whether reports of a kind are in the same language, what is known of them, and what each hundredth is worth that titles are alike:
when sorted, and as sets, at most."""


class Bounds:
    """A new report and the earlier ones that it is compared with."""

    def __init__(self, report: Report, compared: Newest) -> None:
        self._report = report
        self._now = now = report.entry.published.timestamp()
        ends = (compared.newest, compared.oldest) if compared else ()
        hours = max((abs(now - end.moment) / 3600 for end in ends), default=0.0)
        self._most_hours = math.ceil(hours / _STEP) * _STEP
        self._worth = [_worth_of(report, self._most_hours, same=same) for same in (False, True)]
        self._strange = _of_strangers(report.kind, bool(report.acts))
        self._by_act = _of("same_act"), max(0.0, _of("other_act")) * bool(report.acts)
        self._kinds: dict[Kind, _Beside] = {}
        self._bounds: dict[int, float] = {}
        self._length = max(1, len(" ".join(report.title)))
        self._small, facts = _facts(report)
        self._gains = [[self._gains_of(told, same=same) for told in facts] for same in (False, True)]
        self._gained: dict[int, complex] = {}
        """Number of a report -> what the facts add that it shares with the new one; of those that share any."""
        self._shared: dict[int, int] = {}
        """Number of a report in the same language -> how many letters the words have that both titles may have."""
        for shelf, first in compared.shelves:
            self._compare_on(shelf, shelf.earliest(first))
        self.sharing = compared.of(self._gained)
        """Those that share a fact with the new one."""

    def strangers(self, block: Iterable[Shelved], *, same: bool) -> list[Shelved]:
        """Those of some reports that share no fact with the new one, in the `same` language or in others."""
        ours, gained = self._report.kind.language, self._gained
        return [s for s in block if (s.kind.language == ours) is same and s.number not in gained]

    def of(self, reports: Sequence[Shelved]) -> list[float]:
        """A bound of the log-odds of each of these reports."""
        bounds = self._bounds
        if fresh := [shelved for shelved in reports if shelved.number not in bounds]:
            self._bound(fresh)
        return [bounds[shelved.number] for shelved in reports]

    def _bound(self, reports: Sequence[Shelved]) -> None:
        """Bound reports by what they share, and by how much alike the letters of the sorted titles are, and those of the sets at most.

        The set ratio is the greatest of three: of what is shared beside either title, and of the titles with what is shared moved to the
        front. That leaves the other words in their order, so it adds no more to what was alike than what is shared itself, with a space.
        Words of one language that both titles have tell the same, so the index knows them, or tell nothing: all such count as shared.
        """
        report, now, ours, words = self._report, self._now, self._length, self._report.title
        shared_by, small, whole, found = self._shared, self._small, len(report.ordered), []
        moments, numbers, _, kinds, titles, lengths, ordered, acts = zip(*reports, strict=True)
        self._kinds.update([(kind, self._beside(kind)) for kind in set(kinds).difference(self._kinds)])
        by_act = self._by_act
        for number, (same, known, by_order, by_letters), gained, apart, title, length, (theirs, order, _) in zip(
            numbers,
            map(self._kinds.__getitem__, kinds),
            map(self._gained.get, numbers, repeat(0)),
            map(report.acts.isdisjoint, acts),
            titles,
            lengths,
            process.extract_iter(report.ordered, ordered, scorer=fuzz.ratio),
            strict=True,
        ):
            if same and gained:
                shared = shared_by.get(number, small)
            else:
                shared = 0 if words.isdisjoint(title) else len(" ".join(words & title)) + 1
            as_sets = (order * (whole + len(theirs)) + 200 * shared) / (ours + length)
            beside_one = 200 * shared / (shared + (ours if ours < length else length))  # noqa: FURB136
            if beside_one > as_sets:  # noqa: PLR1730 - calls of max and min would take as long as all else here
                as_sets = beside_one
            if as_sets > _ALL:  # noqa: PLR1730
                as_sets = _ALL
            found.append(known + gained + by_act[apart] + by_order * order + by_letters * as_sets)
        self._bounds.update(zip(numbers, _at(found, [abs(now - moment) / 3600 for moment in moments]), strict=True))

    def fine(self, shelved: Shelved) -> float:
        """The bound of a report with what outlets and letters are worth, instead of all that they can be worth."""
        report, earlier, outlet = self._report, shelved.report, _of("same_outlet")
        worth = self._worth[report.kind.language == shelved.kind.language]
        found = worth.known + _beside(report.kind, shelved.kind) + self._gained.get(shelved.number, 0)
        found += self._by_act[report.acts.isdisjoint(shelved.acts)]
        found += outlet * (report.entry.outlet == earlier.entry.outlet) - max(0.0, outlet)
        found += worth.order * (fuzz.ratio(report.ordered, shelved.ordered) / 100)
        found += worth.letters * (fuzz.token_set_ratio(report.headline, earlier.headline) / 100)
        return _at([found], [abs(self._now - shelved.moment) / 3600])[0]

    def of_strangers(self, newest: Shelved, *, same: bool) -> float:
        """What no report from that one on exceeds that shares no fact with the new one, in the `same` language or in others."""
        worth = self._worth[same]
        hours = max(0.0, self._now - newest.moment) / 3600
        return max(_at([worth.known + worth.letters_of_strangers] * 2, [hours, self._most_hours])) + self._strange

    def _beside(self, kind: Kind) -> _Beside:
        """What every report of a kind is worth, by its language, and by its plans and numbers."""
        same = self._report.kind.language == kind.language
        worth = self._worth[same]
        return same, worth.known + _beside(self._report.kind, kind), worth.order / 100, worth.letters_at_most / 100

    def _compare_on(self, shelf: Shelf, oldest: int) -> None:
        """Find what the reports on a shelf, from the `oldest` on, share with the new one; what stands on several shares the same on each."""
        concepts: dict[int, complex] = {}
        words: dict[int, complex] = {}
        shared: dict[int, int] = {}
        for language, postings in shelf.postings():
            by_kind = self._gains[language == self._report.kind.language]
            for gained, gains in zip((concepts, words), by_kind, strict=True):
                self._add(postings, oldest, gains, gained, shared)
        self._shared |= shared
        self._gained |= concepts
        self._gained |= {number: more + concepts.get(number, 0) for number, more in words.items()}

    def _gains_of(self, told_of: _Told, *, same: bool) -> _Gains:
        kind, facts, (whole, title, total) = told_of
        share, of_title, told, heaviest, counted = _by_kind(kind, same, self._most_hours)
        return _Gains(facts, share / whole, of_title / title, told / total, heaviest, counted)

    def _add(
        self,
        postings: Mapping[str, Posting],
        oldest: int,
        gains: _Gains,
        gained: dict[int, complex],
        shared: dict[int, int],
    ) -> None:
        """Add up what facts add to the reports that tell them; the facts come in order of their weight, the heaviest first."""
        small = self._small
        for key, weight, above, letters in gains.facts:
            posting = postings.get(key)
            if posting is None or posting.numbers[-1] < oldest:
                continue
            by_share, by_title, heaviest = gains.by_share * weight, gains.by_title * above, gains.heaviest * weight
            counted = gains.told * above + gains.counted.get(key[0], 0)
            for number, share, in_title in posting.since(oldest):
                more = by_share * share + by_title * in_title + counted
                gained[number] = gained[number] + more if number in gained else more + heaviest
                if letters and in_title:
                    shared[number] = shared.get(number, small) + letters


def _facts(report: Report) -> tuple[int, list[_Told]]:
    """How many letters the words of a title have that tell nothing; and the concepts and the words told, the heaviest first."""
    letters = {"": 0}
    for word in report.title:
        told = next(iter(told_by_word(word, report.kind.language)), "")
        letters[told] = letters.get(told, 0) + len(word) + 1
    return letters[""], [
        (
            kind,
            [
                (key, weight, title.weights.get(key, 0.0), letters.get(key, 0))
                for key, weight in sorted(whole.weights.items(), key=itemgetter(1), reverse=True)
            ],
            (whole.length or 1.0, title.length or 1.0, title.total or 1.0),
        )
        for kind, whole, title in report.vectors()
    ]


def _worth_of(report: Report, hours: float, *, same: bool) -> _Worth:
    """What is known of the reports in the `same` language or in others, all of which lie so many hours apart at most."""
    told = tuple(kind for kind, _, title in report.vectors() if not title.weights)
    worth = _worth_at_most(hours, same, bool(report.names), bool(report.lead), told)
    if report.kind.has_numbers and (best := max(0.0, _of("best_number"))):
        return worth._replace(known=worth.known + best * max(report.words.weights.values()) / 10)
    return worth


@lru_cache(maxsize=10_000)
def _worth_at_most(hours: float, same: bool, names: bool, lead: bool, told: tuple[str, ...]) -> _Worth:  # noqa: FBT001
    """The most that all is worth which is known of the new report alone; `told` are the kinds of facts of which its title has none."""
    letters, order, longest = _worth("same_letters", same), _worth("same_order", same), _apart(hours)
    known = complex(_of("bias") + _of("same_language") * same + max(0.0, _of("same_outlet")) + _ROUNDING)
    known += _of("hours_apart_log") * 1j + (max(0.0, _of("names")) + max(0.0, _of("new_names"))) * names
    known += _most(longest, _worth("same_lead", same)) * lead + sum(_worth(f"told_{kind}", same) for kind in told)
    unlike = _UNLIKE * _most(longest, letters) + _most(longest, order * _UNLIKE, order * (_UNLIKE - _UNSORTED))
    return _Worth(known, letters, _most(longest, letters), order, unlike)


@lru_cache(maxsize=1_000)
def _by_kind(kind: str, same: bool, hours: float) -> tuple[complex, complex, complex, complex, Mapping[str, complex]]:  # noqa: FBT001
    """What facts of a kind add, by their share, their share in the title, as part of what the title tells, by weight, and by number."""
    concept, number = _most(_apart(hours), _worth("shared_concepts", same)) / 6, max(0.0, _of("shared_numbers")) / 3
    return (
        _worth(kind, same),
        _worth(f"title_{kind}", same),
        _worth(f"told_{kind}", same),
        _worth(f"best_{kind}"[:-1], same) / 10,
        {**dict.fromkeys(CONCEPTS, concept), "n": complex(number)},
    )


def _most(longest: float, worth: complex, least: complex = 0) -> complex:
    """The most that a likeness between 0 and 1 adds, or of these two worths: the chord of the greater one, which is convex."""
    begin = max(least.real, worth.real)
    end = max(least.real + least.imag * longest, worth.real + worth.imag * longest)
    return complex(begin, (end - begin) / longest if longest else 0.0)


@lru_cache(maxsize=10_000)
def _beside(ours: Kind, theirs: Kind) -> float:
    """The most that plans are worth, and numbers, but for what the index counts."""
    found = _by_plans(ours.plan, theirs.plan) + max(0.0, _of("other_numbers")) * (
        ours.has_numbers and theirs.has_numbers
    )
    if ours.has_title_numbers != theirs.has_title_numbers:
        return found + _of("one_has_numbers")
    return found + max(0.0, _of("other_title_numbers")) * ours.has_title_numbers


@lru_cache(maxsize=10_000)
def _of_strangers(ours: Kind, acts: bool) -> float:  # noqa: FBT001
    """What acts, plans and numbers are worth at most where no fact is shared."""
    found = max(0.0, _of("other_act")) * acts + max(0.0, _of("other_numbers")) * ours.has_numbers
    found += max(_by_plans(ours.plan, theirs) for theirs in (False, True))
    return found + max(_of("one_has_numbers"), _of("other_title_numbers") if ours.has_title_numbers else 0.0)


@cache
def _worth(name: str, same: bool) -> complex:  # noqa: FBT001
    """What a likeness counts between two reports in the same language or not."""
    return complex(_of(name) + same * _of(f"{name}_in_one_language"), _of(f"{name}_by_the_hour"))


def _at(worths: Iterable[complex], hours: Iterable[float]) -> list[float]:
    """What each is worth so many hours apart, with what the time is worth alone."""
    day, hour, soon = _by_hours()
    either, late, latest = day + hour, hour * _HOURS, hour * _HOURS + day * _DAYS
    return [
        worth.real
        + worth.imag * (log1p(apart) / 5)
        + (either * apart if apart < _HOURS else late + day * apart if apart < _DAYS else latest)
        + (soon if apart < 1 else 0.0)
        for worth, apart in zip(worths, hours, strict=True)
    ]


@cache
def _by_plans(ours: bool, theirs: bool) -> float:  # noqa: FBT001
    """What it is worth that one of two titles, or both, tell what is to come."""
    if not (ours or theirs):
        return 0.0
    return _of("both_plan" if ours and theirs else "later_plan" if ours else "earlier_plan")


@cache
def _by_hours() -> tuple[float, float, float]:
    return _of("days_apart") / _DAYS, _of("hours_apart") / _HOURS, _of("within_the_hour")


def _apart(hours: float) -> float:
    return log1p(hours) / 5


@cache
def _of(name: str) -> float:
    return models()["same"].get(name, 0.0)
