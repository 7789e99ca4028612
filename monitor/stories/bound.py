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

CERTAIN, LIKELY = 3.0, 0.75
"""By so much, in log-odds, the coarse and the fine bound of a report that is among the likest were too high at least, in all recorded
stories; they are lowered by it. Who needs bounds that nothing can exceed sets both to 0."""
_STEP, _STEPS = 300.0, 1_500
"""Seconds that count as one moment, and how many of them are told apart."""
_KINDS = ("concepts", "words")


class Bound:
    """For a new report, and earlier ones in the `same` language or not, up to `longest` seconds apart."""

    def __init__(self, report: Report, *, same: bool, longest: float) -> None:
        self._report = report
        self._same = same
        self._longest = _apart(longest)
        self._title = frozenset(report.ordered.split())
        self._by_time = _by_time(same, bool(report.lead))
        self.gains = dict(self._gains())
        """Fact -> (what it adds for its share in the earlier report, what it adds whatever its share)."""
        self._least = _of("bias") - CERTAIN + same * _of("same_language") + self._others()

    def coarse(self, gained: float, seconds: float) -> float:
        """The most that the log-odds are by facts that have `gained` so much, and by time."""
        return self._least + gained + self._by_time[min(int(seconds / _STEP), _STEPS)]

    def fine(self, coarse: float, seconds: float, earlier: Report) -> float:
        """A bound of `coarse` with what outlets and titles are worth, instead of all that they can be worth."""
        order = fuzz.ratio(self._report.ordered, earlier.ordered) / 100
        # titles that share no word are as much alike sorted as they are as sets; to repeat a word changes little
        letters = order if self._title.isdisjoint(earlier.ordered.split()) else 1.0
        apart = _apart(seconds)
        found = coarse + CERTAIN - LIKELY + _of("same_outlet") * (self._report.entry.outlet == earlier.entry.outlet)
        for name, likeness in (("same_letters", letters), ("same_order", order)):
            worth = _worth(name, self._same, apart)
            found += worth * likeness - max(0.0, worth)
        return found

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
        heaviest = {
            kind: max(vector.weights.values(), default=0.0) / 10
            for kind, vector in zip(_KINDS, (report.concepts, report.words), strict=True)
        }
        found = self._most("best_concept") * heaviest["concepts"] + self._most("best_word") * heaviest["words"]
        found += max(0.0, _of("best_number")) * heaviest["words"]
        found += 0.0 if report.title_concepts.weights else self._most("told_concepts")
        found += 0.0 if report.title_words.weights else self._most("told_words")
        return found + sum(max(0.0, *map(_of, names)) for names in _exclusive(report))

    def _most(self, name: str) -> float:
        """What a likeness is worth at the time at which it is worth most; nothing where it speaks against."""
        return max(0.0, _worth(name, self._same, 0.0), _worth(name, self._same, self._longest))


def _exclusive(report: Report) -> Iterator[tuple[str, ...]]:
    """Likenesses that a pair has or has not; of each group one at most."""
    yield from (("names",), ("new_names",), ("within_the_hour",))
    yield ("both_plan", "later_plan") if report.plan else ("earlier_plan",)
    if report.acts:
        yield ("same_act", "other_act")
    if report.facts.numbers:
        yield ("other_numbers",)
    yield ("other_title_numbers", "one_has_numbers") if report.facts.title_numbers else ("one_has_numbers",)


@cache
def _by_time(same: bool, lead: bool) -> list[float]:  # noqa: FBT001 - by position
    """What time adds at the beginning of each step, with letters that are the very same."""
    return [_timed(step * _STEP, same=same, lead=lead) for step in range(_STEPS + 1)]


def _timed(seconds: float, *, same: bool, lead: bool) -> float:
    apart, hours = _apart(seconds), seconds / 3600
    known = (
        _of("hours_apart_log") * apart
        + _of("days_apart") * min(hours / 72, 1)
        + _of("hours_apart") * min(hours / 12, 1)
    )
    letters = ("same_letters", "same_order", "same_lead") if lead else ("same_letters", "same_order")
    return known + sum(max(0.0, _worth(name, same, apart)) for name in letters)


def _worth(name: str, same: bool, apart: float) -> float:  # noqa: FBT001
    """What a likeness counts between two reports in the same language or not, so far apart."""
    return _of(name) + same * _of(f"{name}_in_one_language") + apart * _of(f"{name}_by_the_hour")


def _apart(seconds: float) -> float:
    return math.log1p(seconds / 3600) / 5


@cache
def _of(name: str) -> float:
    return models()["same"].get(name, 0.0)
