"""Two reports compared: what they have in common, how likely they tell one fact, whether two outlets speak in their own words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from operator import itemgetter, mul

from rapidfuzz import fuzz

from monitor.stories.facts import CONCEPTS, concepts, strongest
from monitor.stories.judgement import models
from monitor.stories.report import Report
from monitor.stories.text import read_entry, stem

WIRE = 95
"""Two leads this much alike, of 100, are one agency's copy, and no independent word."""
_HOUR = timedelta(hours=1)
_FEATURES = (
    "concepts", "title_concepts", "words", "title_words", "told_concepts", "told_words", "shared_concepts", "best_concept",
    "best_word", "same_letters", "same_order", "same_lead", "same_language", "same_outlet", "days_apart", "hours_apart",
    "hours_apart_log", "within_the_hour", "names", "new_names", "shared_numbers", "best_number", "other_numbers",
    "other_title_numbers", "one_has_numbers", "both_plan", "later_plan", "earlier_plan", "same_act", "other_act",
)  # fmt: skip
_LIKENESSES = (
    "concepts", "title_concepts", "words", "title_words", "told_concepts", "told_words", "shared_concepts", "best_word",
    "same_letters", "same_order", "same_lead",
)  # fmt: skip
_PRODUCTS = tuple((name, f"{name}_in_one_language", f"{name}_by_the_hour") for name in _LIKENESSES)
"""What a likeness is worth depends on whether it could be in the same words, and on how much time has passed."""
_likenesses = itemgetter(*map(_FEATURES.index, _LIKENESSES))
_same_language_and_time = itemgetter(*map(_FEATURES.index, ("same_language", "hours_apart_log")))
_SHOWN = 5
"""Words a comparison names of each kind."""


def likelihood(later: Report, earlier: Report) -> float:
    """How likely both tell the same fact, 0..1: a learned decision, see words/decision.toml."""
    found = _features(later, earlier)
    same, time = _same_language_and_time(found)
    bias, alone, products = _coefficients()
    worth = sum(map(mul, alone, found))
    worth += sum(
        [
            value * (same * by_language + time * by_time)
            for value, (by_language, by_time) in zip(_likenesses(found), products, strict=True)
            if value
        ]
    )
    return 1 / (1 + math.exp(-(bias + worth)))


@cache
def _coefficients() -> tuple[float, tuple[float, ...], tuple[tuple[float, float], ...]]:
    """The bias, what each feature is worth, and what each likeness is worth besides in one language, and by the hour."""
    model = models()["same"]
    products = tuple((model[by_language], model[by_time]) for _, by_language, by_time in _PRODUCTS)
    return model["bias"], tuple(model[name] for name in _FEATURES), products


def independent(ours: Report, theirs: Report) -> bool:
    """Whether two reports are two outlets' own words: copy of one agency, with the same title or lead, is not."""
    if ours.entry.outlet == theirs.entry.outlet or ours.headline == theirs.headline:
        return False
    return not (ours.lead and theirs.lead and fuzz.ratio(ours.lead, theirs.lead) >= WIRE)


def in_own_words(reports: Iterable[Report]) -> Iterator[Report]:
    """Those that are independent of every one before them that is."""
    found: list[Report] = []
    for report in reports:
        if all(independent(report, other) for other in found):
            found.append(report)
            yield report


def pair_features(later: Report, earlier: Report) -> dict[str, float]:
    """What two reports have in common, each about 0..1; see words/decision.toml for what each is worth."""
    found = dict(zip(_FEATURES, _features(later, earlier), strict=True))
    same, time = found["same_language"], found["hours_apart_log"]
    for name, by_language, by_time in _PRODUCTS:
        found[by_language], found[by_time] = found[name] * same, found[name] * time
    return found


def _features(later: Report, earlier: Report) -> tuple[float, ...]:
    """Those of pair_features that are no products of others, in the order of _FEATURES."""
    hours = abs(later.entry.published - earlier.entry.published) / _HOUR
    return (
        *_told_features(later, earlier),
        fuzz.token_set_ratio(later.headline, earlier.headline) / 100,
        fuzz.ratio(later.ordered, earlier.ordered) / 100,
        fuzz.token_set_ratio(later.lead, earlier.lead) / 100 if later.lead and earlier.lead else 0.0,
        float(later.kind.language == earlier.kind.language),
        float(later.entry.outlet == earlier.entry.outlet),
        min(hours / 24, 3.0) / 3,
        min(hours, 12.0) / 12,
        math.log1p(hours) / 5,
        float(hours < 1),
        *_name_features(later, earlier),
        *_number_features(later, earlier),
        *_act_features(later, earlier),
    )


def _told_features(later: Report, earlier: Report) -> tuple[float, ...]:
    """How much of what they tell both tell."""
    meanings, words = later.concepts.shared(earlier.concepts), later.words.shared(earlier.words)
    return (
        later.concepts.cosine(earlier.concepts, meanings),
        later.title_concepts.cosine(earlier.title_concepts, meanings),
        later.words.cosine(earlier.words, words),
        later.title_words.cosine(earlier.title_words, words),
        later.title_concepts.told(meanings),
        later.title_words.told(words),
        min(len(meanings), 6) / 6,
        max(map(later.concepts.weights.__getitem__, meanings), default=0.0) / 10,
        max(map(later.words.weights.__getitem__, words), default=0.0) / 10,
    )


def _name_features(later: Report, earlier: Report) -> tuple[float, float]:
    """names, new_names."""
    ours, theirs, known = later.names, earlier.names, earlier.words.weights
    if not ours:
        return 0.0, 0.0
    total = sum(ours.values())
    unknown = sum([weight for key, weight in ours.items() if key not in known])
    if not (both := sum([min(weight, theirs[key]) for key, weight in ours.items() if key in theirs])):
        return 0.0, unknown / total if total else 0.0
    either = total + sum(theirs.values()) - both
    return both / either if either else 0.0, unknown / total if total else 0.0


def _number_features(later: Report, earlier: Report) -> tuple[float, ...]:
    """shared_numbers, best_number, other_numbers, other_title_numbers, one_has_numbers."""
    one = float(later.kind.has_title_numbers != earlier.kind.has_title_numbers)
    if not (later.kind.has_numbers and earlier.kind.has_numbers):
        return 0.0, 0.0, 0.0, 0.0, one
    ours, theirs = later.facts.numbers, earlier.facts.numbers
    rare = [later.words.weights[f"n:{number}"] for number in ours & theirs]
    above, below = later.facts.title_numbers, earlier.facts.title_numbers
    return (
        min(len(rare), 3) / 3,
        max(rare, default=0.0) / 10,
        float(bool(ours - theirs) and bool(theirs - ours)),
        float(bool(above) and bool(below) and not above & below),
        one,
    )


def _act_features(later: Report, earlier: Report) -> tuple[float, ...]:
    """both_plan, later_plan, earlier_plan, same_act, other_act: what is planned and what has happened are two facts; so are two acts."""
    plans, planned = later.kind.plan, earlier.kind.plan
    apart = later.acts.isdisjoint(earlier.acts)
    return (
        float(plans and planned),
        float(plans and not planned),
        float(planned and not plans),
        float(not apart),
        float(apart and bool(later.acts and earlier.acts)),
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """What two headlines tell: both, only the later, only the earlier; each the most telling first."""

    both: tuple[str, ...]
    later: tuple[str, ...]
    earlier: tuple[str, ...]


def difference(later: Report, earlier: Report) -> Difference:
    """Compare two headlines by meaning: concepts by their names, other words as they are written."""
    ours, theirs = _told_above(later), _told_above(earlier)
    return Difference(
        both=_named({key: weight for key, weight in ours.items() if key in theirs}),
        later=_named({key: weight for key, weight in ours.items() if key not in theirs}),
        earlier=_named({key: weight for key, weight in theirs.items() if key not in ours}),
    )


def _named(told: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(strongest(told, _SHOWN))


def _told_above(report: Report) -> dict[str, float]:
    title, _ = read_entry(report.entry)
    weights = {**report.title_concepts.weights, **report.title_words.weights}
    found: dict[str, float] = {}
    for word in title.words:
        number, written = f"n:{word.folded}", f"w:{stem(word.folded, report.facts.language)}"
        keys = concepts(word.folded) or (number if number in weights else written,)
        shown = {key: key[2:] if key[0] in CONCEPTS else word.surface for key in keys}
        found |= {shown[key]: weights[key] for key in keys if key in weights}
    return found


def shared_concepts(ours: Report, theirs: Report) -> list[str]:
    """The concepts that both reports tell, the most telling first."""
    both = {key: ours.concepts.weights[key] for key in ours.concepts.shared(theirs.concepts)}
    return [key[2:] for key in strongest(both, 4)]
