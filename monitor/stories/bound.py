"""The most that the likelihood of two reports can be, known from little: see nearest.py for what it is good for.

The log-odds of pair.py are a sum of likenesses by their coefficients, which change with the time between the reports, in a straight
line. Cosines, shares of what is told and the heaviest fact that both tell come from an index of what earlier reports tell, which
gives exactly what they add. Time, language, plans and acts are known too, and the letters of the sorted titles are compared in one
go, which bounds how much alike they are as sets, by the length of the words that they share. What is left are names, numbers and
leads: they count as much as they can, so that nothing exceeds the bound. Reports that share no fact are the many; they get theirs
when one of them may be among the likest.

What a likeness is worth is a complex number here: its real part at once, its imaginary part for each unit of time (`_apart`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from math import log1p
from operator import itemgetter
from typing import NamedTuple

from rapidfuzz import fuzz, process

from monitor.stories.facts import CONCEPTS
from monitor.stories.judgement import models
from monitor.stories.report import Kind, Report, Vector
from monitor.stories.shelf import Shelf, Shelved

_UNLIKE = 0.6
"""Titles that share nothing told are no more alike than this by their letters, in all that was recorded; but one of a single small word,"""
_UNSORTED = 0.25
"""nor less alike by so much when their words are sorted."""
_ROUNDING = 1e-6
"""Sums that are added up in another order differ by less."""
_DAYS, _HOURS = 72, 12
"""Hours after which `days_apart` and `hours_apart` grow no more."""


class _Gains(NamedTuple):
    """What facts of one kind add, by their weight."""

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
    repeated: float


class _Beside(NamedTuple):
    """What is known of the reports of one kind, and what each hundredth is worth that titles are alike."""

    known: complex
    order: complex
    """When sorted."""
    letters: complex
    """As sets: at most."""
    apart: complex
    """Either way, which is the same where they share no word."""
    once: float
    """How much of the earlier title is left without its repeated words, at least."""


class Bounds:
    """A new report and earlier ones, `compared`, all of which stand on `shelves`."""

    def __init__(self, report: Report, compared: Sequence[Shelved], shelves: Sequence[Shelf]) -> None:
        self._report = report
        self._compared = compared
        self._now = now = report.entry.published.timestamp()
        ends = (*compared[:1], *compared[-1:])
        self._most_hours = max((abs(now - end.moment) / 3600 for end in ends), default=0.0)
        self._longest = _apart(self._most_hours)
        self._worth = (self._worth_of(same=False), self._worth_of(same=True))
        self._kinds: dict[Kind, _Beside] = {}
        self._letters: dict[int, complex] = {}
        self.places = places = dict(zip(map(itemgetter(1), compared), range(len(compared)), strict=True))
        """By their numbers."""
        self._gained = self._gained_on(shelves, min(places, default=0))
        self.sharing = [places[number] for number in self._gained if number in places]
        """The places of those that share a fact with the new one."""

    def strangers(self) -> tuple[list[int], list[int]]:
        """The places of those that share no fact with the new one, the latest first: in other languages, and in its own."""
        groups: tuple[list[int], list[int]] = ([], [])
        ours = self._report.kind.language
        for place, (_, number, _, kind, *_) in enumerate(self._compared):
            if number not in self._gained:
                groups[kind.language == ours].append(place)
        return groups

    def coarse(self, places: Sequence[int]) -> list[float]:
        """A bound of the log-odds of the report at each of these places."""
        if not places:
            return []
        report, now, letters, gained, found = self._report, self._now, self._letters, self._gained, []
        chosen = map(self._compared.__getitem__, places)
        moments, numbers, _, kinds, titles, ordered, acts = zip(*chosen, strict=True)
        self._kinds.update((kind, self._beside(kind)) for kind in set(kinds).difference(self._kinds))
        orders = process.extract_iter(report.ordered, ordered, scorer=fuzz.ratio)
        beside, strange = map(self._kinds.__getitem__, kinds), map(report.title.isdisjoint, titles)
        by_act = _of("same_act"), max(0.0, _of("other_act")) * bool(report.acts)
        for place, number, title, (theirs, order, _), shares_no_word, shares_no_act, worth in zip(
            places, numbers, titles, orders, strange, map(report.acts.isdisjoint, acts), beside, strict=True
        ):
            known, by_order, by_letters, apart, once = worth
            if shares_no_word:
                known += apart * order
            else:
                letters[place] = most = by_letters * self._as_sets(title, len(theirs) * once, order)
                known += by_order * order + most
            if number in gained:
                known += gained[number]
            found.append(known + by_act[shares_no_act])
        return _at(found, [abs(now - moment) / 3600 for moment in moments])

    def _as_sets(self, title: frozenset[str], theirs: float, order: float) -> float:
        """The most that the set ratio of two titles can be that share words, by their ratio when sorted; both of 100.

        It is the greatest of three: of what is shared beside either title, and of the titles with what is shared moved to the front. That
        leaves the other words in their order, so it adds no more to what was alike than what is shared itself, with a space.
        `theirs` is how long the earlier title is at least, each word but once.
        """
        ours, shared = self._length, len(" ".join(self._report.title & title)) + 1
        beside_one = 200 * shared / (shared + min(ours, theirs))
        return min(100.0, max(beside_one, order + 200 * shared / (ours + theirs)))

    def fine(self, coarse: float, place: int) -> float:
        """The bound of the report at that place with what outlets and letters are worth, instead of all that they can be worth."""
        report, (moment, _, earlier, *_) = self._report, self._compared[place]
        outlet = _of("same_outlet")
        coarse += outlet * (report.entry.outlet == earlier.entry.outlet) - max(0.0, outlet)
        if place not in self._letters:
            return coarse
        worth = self._worth[report.kind.language == earlier.kind.language]
        less = worth.letters * (fuzz.token_set_ratio(report.headline, earlier.headline) / 100) - self._letters[place]
        return coarse + min(0.0, less.real + less.imag * _apart(abs(self._now - moment) / 3600))

    def of_strangers(self, place: int, *, same: bool) -> float:
        """What no report from that place on exceeds that shares no fact with the new one, in the `same` language or in others."""
        worth = self._worth[same]
        hours = max(0.0, self._now - self._compared[place].moment) / 3600
        return max(_at([worth.known + worth.letters_of_strangers] * 2, [hours, self._most_hours])) + self._strange

    @cached_property
    def _strange(self) -> float:
        """What acts, plans and numbers are worth at most where no fact is shared."""
        ours = self._report.kind
        found = max(0.0, _of("other_act")) * bool(self._report.acts) + max(0.0, _of("other_numbers")) * ours.has_numbers
        found += max(_by_plans(ours.plan, theirs) for theirs in (False, True))
        return found + max(_of("one_has_numbers"), _of("other_title_numbers") if ours.has_title_numbers else 0.0)

    def _worth_of(self, *, same: bool) -> _Worth:
        letters, order = _worth("same_letters", same), _worth("same_order", same)
        known = complex(_of("bias") + _of("same_language") * same + max(0.0, _of("same_outlet")) + _ROUNDING)
        known += _of("hours_apart_log") * 1j + self._others(same=same)
        unlike = _UNLIKE * self._most(letters) + self._most(order * _UNLIKE, order * (_UNLIKE - _UNSORTED))
        either = self._most(letters) + self._most(-letters)
        repeated = max(either.real, either.real + either.imag * self._longest)
        return _Worth(known, letters, self._most(letters), order, unlike, repeated)

    @cached_property
    def _length(self) -> int:
        """The letters of the new title, each word but once, with a space between them."""
        return sum(map(len, self._report.title)) + max(0, len(self._report.title) - 1)

    def _beside(self, kind: Kind) -> _Beside:
        """What every report of a kind is worth, by its language, and by its plans, numbers and repeated words."""
        ours = self._report.kind
        worth = self._worth[ours.language == kind.language]
        found = worth.known + _by_plans(ours.plan, kind.plan) + self._by_numbers(kind)
        if repeated := ours.repeated + kind.repeated:  # a set has each word but once: so much other letters are
            found += 2 * repeated * worth.repeated
        order, letters, apart = worth.order / 100, worth.letters_at_most / 100, (worth.order + worth.letters) / 100
        return _Beside(found, order, letters, apart, 1 - kind.repeated)

    def _by_numbers(self, kind: Kind) -> float:
        """The most that numbers are worth which the index does not count."""
        ours = self._report.kind
        found = self._of_numbers if ours.has_numbers and kind.has_numbers else 0.0
        if ours.has_title_numbers != kind.has_title_numbers:
            return found + _of("one_has_numbers")
        return found + max(0.0, _of("other_title_numbers")) * ours.has_title_numbers

    @cached_property
    def _of_numbers(self) -> float:
        """The most that it is worth that both have numbers."""
        return max(0.0, _of("other_numbers")) + max(0.0, _of("best_number")) * _heaviest(self._report.words)

    def _others(self, *, same: bool) -> complex:
        """The most that all else can add, by what the new report has alone."""
        report = self._report
        found = complex((max(0.0, _of("names")) + max(0.0, _of("new_names"))) * bool(report.names))
        found += self._most(_worth("same_lead", same)) * bool(report.lead)
        return found + sum(_worth(f"told_{kind}", same) for kind, _, title in report.vectors() if not title.weights)

    def _most(self, worth: complex, least: complex = 0) -> complex:
        """The most that a likeness between 0 and 1 adds, or of these two worths: the chord of the greater one, which is convex."""
        begin = max(least.real, worth.real)
        end = max(least.real + least.imag * self._longest, worth.real + worth.imag * self._longest)
        return complex(begin, (end - begin) / self._longest if self._longest else 0.0)

    def _gained_on(self, shelves: Sequence[Shelf], oldest: int) -> dict[int, complex]:
        """Number of a report, from the `oldest` on -> what the facts add that it shares with the new one; of those that share any."""
        gained: dict[int, complex] = {}
        by_language = [(same, list(self._gains(same=same))) for same in (False, True)]
        for shelf in shelves:
            concepts: dict[int, complex] = {}
            words: dict[int, complex] = {}
            for language, postings in shelf.postings():
                gains = by_language[language == self._report.kind.language][1]
                for kind, (keys, whole, title, worth) in zip((concepts, words), gains, strict=True):
                    for key in filter(postings.__contains__, keys):
                        above = title.get(key, 0.0)
                        counted = worth.told * above + worth.counted.get(key[0], 0)
                        _add(postings[key].since(oldest), worth, (whole[key], above, counted), kind)
            gained |= concepts  # what stands on several shelves gains the same on each
            gained |= {number: more + concepts.get(number, 0) for number, more in words.items()}
        return gained

    def _gains(self, *, same: bool) -> Iterator[tuple[list[str], Mapping[str, float], Mapping[str, float], _Gains]]:
        """For concepts and for words: the facts told, the heaviest first, their weights, those of the title, and what they add."""
        for kind, whole, title in self._report.vectors():
            concept, number = self._most(_worth("shared_concepts", same)) / 6, max(0.0, _of("shared_numbers")) / 3
            gains = _Gains(
                by_share=_worth(kind, same) / (whole.length or 1.0),
                by_title=_worth(f"title_{kind}", same) / (title.length or 1.0),
                told=_worth(f"told_{kind}", same) / (title.total or 1.0),
                heaviest=_worth(f"best_{kind}"[:-1], same) / 10,
                counted={**dict.fromkeys(CONCEPTS, concept), "n": number},
            )
            yield (
                sorted(whole.weights, key=whole.weights.__getitem__, reverse=True),
                whole.weights,
                title.weights,
                gains,
            )


def _add(
    told: Iterable[tuple[int, float, float]],
    worth: _Gains,
    fact: tuple[float, float, complex],
    gained: dict[int, complex],
) -> None:
    """Add up what a fact adds to the reports that tell it; the facts come in order of their weight, the heaviest first.

    `fact` is its weight, its weight in the title, and what it adds whatever its share.
    """
    weight, above, counted = fact
    by_share, by_title, heaviest = worth.by_share * weight, worth.by_title * above, worth.heaviest * weight
    for number, share, in_title in told:
        more = by_share * share + by_title * in_title + counted
        gained[number] = gained[number] + more if number in gained else more + heaviest


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


def _heaviest(facts: Vector) -> float:
    return max(facts.weights.values(), default=0.0) / 10


def _apart(hours: float) -> float:
    return log1p(hours) / 5


@cache
def _of(name: str) -> float:
    return models()["same"].get(name, 0.0)
