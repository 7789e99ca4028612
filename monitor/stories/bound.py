"""The most that a likelihood can be, known from little: see nearest.py for what it is good for.

The log-odds of pair.py are a sum of likenesses by their coefficients. Cosines, and shares of what is told, are sums over the facts
that both tell: each adds its gain at most. Time, language and outlet are known. Every other likeness is between 0 and 1, and what
speaks against counts nothing; those of the titles' letters are narrowed down where that is worth it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

from rapidfuzz import fuzz

from monitor.stories.facts import CONCEPTS
from monitor.stories.judgement import models
from monitor.stories.report import Report

_MARGIN = 1e-6
"""For what sums of floating-point numbers lose."""
_KINDS = ("concepts", "words")
_HOUR = 3600.0


class Bound:
    """For a new report, and earlier ones in the `same` language or not, up to `longest` seconds apart."""

    def __init__(self, report: Report, *, same: bool, longest: float) -> None:
        self._report = report
        self._same = same
        self._longest = _apart(longest / _HOUR)
        self._title = frozenset(report.ordered.split())
        self._repeats = len(self._title) < len(report.ordered.split())
        self._letters, self._order, self._lead = (
            (self._in_language(name), _of(f"{name}_by_the_hour")) for name in ("same_letters", "same_order", "same_lead")
        )
        if not report.lead:
            self._lead = (0.0, 0.0)
        self.gains = dict(self._gains())
        """Fact -> (what it adds for its share in the earlier report, what it adds whatever its share)."""
        self._least = _MARGIN + _of("bias") + same * _of("same_language") + self._others()
        self._by_time = _of("hours_apart_log")
        self._by_day, self._by_hour, self._by_outlet = _of("days_apart") / 72, _of("hours_apart") / 12, _of("same_outlet")

    def coarse(self, gained: float, seconds: float, *, same_outlet: bool) -> float:
        """The most that the log-odds can be by facts that have `gained` so much, and by time and outlet."""
        hours = seconds / _HOUR
        apart = math.log1p(hours) / 5
        known = self._by_time * apart + self._by_day * min(hours, 72.0) + self._by_hour * min(hours, 12.0)
        letters = (max(0.0, base + slope * apart) for base, slope in (self._letters, self._order, self._lead))
        return self._least + gained + known + self._by_outlet * same_outlet + sum(letters)

    def fine(self, coarse: float, seconds: float, earlier: Report) -> float:
        """A bound of `coarse` with what the titles are worth letter by letter, instead of all that letters can be worth."""
        apart = _apart(seconds / _HOUR)
        order = fuzz.ratio(self._report.ordered, earlier.ordered) / 100
        # titles that share no word, and repeat none, are as much alike sorted as they are as sets
        theirs = earlier.ordered.split()
        other = self._title.isdisjoint(theirs) and not self._repeats and len(set(theirs)) == len(theirs)
        letters = order if other else 1.0
        lost = ((self._letters, 1 - letters), (self._order, 1 - order))
        return coarse - sum(max(0.0, base + slope * apart) * less for (base, slope), less in lost) \
            + min(0.0, self._order[0] + self._order[1] * apart) * order

    def _gains(self) -> Iterator[tuple[str, tuple[float, float]]]:
        report = self._report
        for kind, whole, title in (
            ("concepts", report.concepts, report.title_concepts),
            ("words", report.words, report.title_words),
        ):
            cosine = self._most(kind) / (whole.length or 1.0)
            told = self._most(f"told_{kind}") / (sum(title.weights.values()) or 1.0)
            alike = self._most(f"title_{kind}") / (title.length or 1.0)
            for key, weight in whole.weights.items():
                yield key, (cosine * weight, (told + alike) * title.weights.get(key, 0.0) + self._counted(key))

    def _counted(self, key: str) -> float:
        """What a fact adds where facts are counted."""
        if key[0] in CONCEPTS:
            return self._most("shared_concepts") / 6
        return max(0.0, _of("shared_numbers")) / 3 if key[0] == "n" else 0.0

    def _others(self) -> float:
        """The most that all else can add, by what the new report has alone."""
        report = self._report
        heaviest = {kind: max(vector.weights.values(), default=0.0) / 10 for kind, vector in zip(_KINDS, (report.concepts, report.words), strict=True)}
        found = self._most("best_concept") * heaviest["concepts"] + self._most("best_word") * heaviest["words"]
        found += max(0.0, _of("best_number")) * heaviest["words"]
        found += 0.0 if report.title_concepts.weights else self._most("told_concepts")
        found += 0.0 if report.title_words.weights else self._most("told_words")
        return found + sum(max(0.0, *map(_of, names)) for names in _exclusive(report))

    def _in_language(self, name: str) -> float:
        return _of(name) + self._same * _of(f"{name}_in_one_language")

    def _most(self, name: str) -> float:
        """What a likeness is worth at the time at which it is worth most; nothing where it speaks against."""
        now = self._in_language(name)
        return max(0.0, now, now + _of(f"{name}_by_the_hour") * self._longest)


def _exclusive(report: Report) -> Iterator[tuple[str, ...]]:
    """Likenesses that a pair has or has not; of each group one at most."""
    yield from (("names",), ("new_names",), ("within_the_hour",))
    yield ("both_plan", "later_plan") if report.plan else ("earlier_plan",)
    if report.acts:
        yield ("same_act", "other_act")
    if report.facts.numbers:
        yield ("other_numbers",)
    yield ("other_title_numbers", "one_has_numbers") if report.facts.title_numbers else ("one_has_numbers",)


def _apart(hours: float) -> float:
    return math.log1p(hours) / 5


@cache
def _of(name: str) -> float:
    return models()["same"].get(name, 0.0)
