"""Two reports compared: what they have in common, how likely they tell one fact, whether two outlets speak in their own words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from rapidfuzz import fuzz

from monitor.stories.facts import CONCEPTS, concepts, strongest
from monitor.stories.judgement import models
from monitor.stories.report import Report
from monitor.stories.text import read_entry, stem

WIRE = 95
"""Two leads this much alike, of 100, are one agency's copy, and no independent word."""
_HOUR = timedelta(hours=1)
_LIKENESSES = (
    "concepts", "title_concepts", "words", "title_words", "told_concepts", "told_words", "shared_concepts", "best_word",
    "same_letters", "same_order", "same_lead",
)  # fmt: skip
_PRODUCTS = tuple((name, f"{name}_in_one_language", f"{name}_by_the_hour") for name in _LIKENESSES)
"""What a likeness is worth depends on whether it could be in the same words, and on how much time has passed."""
_SHOWN = 5
"""Words a comparison names of each kind."""


def likelihood(later: Report, earlier: Report) -> float:
    """How likely both tell the same fact, 0..1: a learned decision, see words/decision.toml."""
    found = _features(later, earlier)
    same, time, model = found["same_language"], found["hours_apart_log"], models()["same"]
    worth = sum([model[name] * value for name, value in found.items()])
    worth += sum(
        [found[name] * (same * by_language + time * by_time) for name, by_language, by_time in _product_weights()]
    )
    return 1 / (1 + math.exp(-(model["bias"] + worth)))


@cache
def _product_weights() -> tuple[tuple[str, float, float], ...]:
    """Each likeness with what it is worth in one language, and by the hour."""
    model = models()["same"]
    return tuple((name, model[by_language], model[by_time]) for name, by_language, by_time in _PRODUCTS)


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
    found = _features(later, earlier)
    same, time = found["same_language"], found["hours_apart_log"]
    for name, by_language, by_time in _PRODUCTS:
        found[by_language], found[by_time] = found[name] * same, found[name] * time
    return found


def _features(later: Report, earlier: Report) -> dict[str, float]:
    """Those of pair_features that are no products of others."""
    hours = abs(later.entry.published - earlier.entry.published) / _HOUR
    return {
        **_told_features(later, earlier),
        "same_letters": fuzz.token_set_ratio(later.headline, earlier.headline) / 100,
        "same_order": fuzz.token_sort_ratio(later.headline, earlier.headline) / 100,
        "same_lead": fuzz.token_set_ratio(later.lead, earlier.lead) / 100 if later.lead and earlier.lead else 0.0,
        "same_language": float(later.kind.language == earlier.kind.language),
        "same_outlet": float(later.entry.outlet == earlier.entry.outlet),
        "days_apart": min(hours / 24, 3.0) / 3,
        "hours_apart": min(hours, 12.0) / 12,
        "hours_apart_log": math.log1p(hours) / 5,
        "within_the_hour": float(hours < 1),
        **_name_features(later, earlier),
        **_number_features(later, earlier),
        **_act_features(later, earlier),
    }


def _told_features(later: Report, earlier: Report) -> dict[str, float]:
    """How much of what they tell both tell."""
    meanings, words = later.concepts.shared(earlier.concepts), later.words.shared(earlier.words)
    return {
        "concepts": later.concepts.cosine(earlier.concepts, meanings),
        "title_concepts": later.title_concepts.cosine(earlier.title_concepts, meanings),
        "words": later.words.cosine(earlier.words, words),
        "title_words": later.title_words.cosine(earlier.title_words, words),
        "told_concepts": later.title_concepts.told(meanings),
        "told_words": later.title_words.told(words),
        "shared_concepts": min(len(meanings), 6) / 6,
        "best_concept": max([later.concepts.weights[key] for key in meanings], default=0.0) / 10,
        "best_word": max([later.words.weights[key] for key in words], default=0.0) / 10,
    }


def _name_features(later: Report, earlier: Report) -> dict[str, float]:
    ours, theirs = later.names, earlier.names
    total = sum(ours.values())
    unknown = sum(weight for key, weight in ours.items() if key not in earlier.words.weights)
    both = sum(min(weight, theirs[key]) for key, weight in ours.items() if key in theirs)
    either = total + sum(theirs.values()) - both
    return {"names": both / either if either else 0.0, "new_names": unknown / total if total else 0.0}


def _number_features(later: Report, earlier: Report) -> dict[str, float]:
    ours, theirs = later.facts.numbers, earlier.facts.numbers
    rare = [later.words.weights[f"n:{number}"] for number in ours & theirs]
    above, below = later.facts.title_numbers, earlier.facts.title_numbers
    return {
        "shared_numbers": min(len(rare), 3) / 3,
        "best_number": max(rare, default=0.0) / 10,
        "other_numbers": float(bool(ours - theirs) and bool(theirs - ours)),
        "other_title_numbers": float(bool(above) and bool(below) and not above & below),
        "one_has_numbers": float(bool(above) != bool(below)),
    }


def _act_features(later: Report, earlier: Report) -> dict[str, float]:
    """What is planned and what has happened are two facts; so are two acts."""
    return {
        "both_plan": float(later.kind.plan and earlier.kind.plan),
        "later_plan": float(later.kind.plan and not earlier.kind.plan),
        "earlier_plan": float(earlier.kind.plan and not later.kind.plan),
        "same_act": float(not later.acts.isdisjoint(earlier.acts)),
        "other_act": float(bool(later.acts and earlier.acts) and later.acts.isdisjoint(earlier.acts)),
    }


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
