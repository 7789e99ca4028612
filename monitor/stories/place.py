"""A report and the ledger -> its place: the first to tell a fact, or one more report of what was told.

Similarity proposes, facts decide: two reports are compared by what they tell (concepts, numbers), by their rare words, and by
the time between them, since the reports of one development come in a burst.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from monitor.model import Decision, Development, Match, Placement
from monitor.stories.form import form
from monitor.stories.judgement import judge
from monitor.stories.ledger import Ledger, Report, Vector

WINDOW = timedelta(days=4)
"""How long a development is told on; the same words later are a new event."""
COMPARED = 500
"""The newest reports a report is compared with, so that a flood costs no more than its length."""
SAME_FACT = 0.45
"""Two reports this likely to tell one fact share a development."""
LIKEST = 0.4
"""The share of a development's reports that speak for it."""
NEWSWORTHY = 0.42
"""A piece less likely to report an event is coverage; below one half, since a missed development costs more than a spare alert."""

_FORM_NAMES = {
    "question": "its headline asks instead of telling",
    "live": "it is a live blog",
    "roundup": "it is a round-up",
    "explainer": "it explains what is known",
    "opinion": "it is opinion or analysis",
    "experts": "it quotes experts on what is known",
    "feature": "it is a feature",
    "section": "it stands in a section for opinion, features or live coverage",
    "report": "its headline tells no event",
}


@dataclass(frozen=True, slots=True)
class _Neighbour:
    """An earlier report and how likely it tells the same fact."""

    report: Report
    likelihood: float


def place(report: Report, matches: Sequence[Match], ledger: Ledger) -> Placement:
    """Decide whether `report` is new to its storylines, and which development it belongs to."""
    neighbours = [
        _Neighbour(earlier, judge("same", pair_features(report, earlier)))
        for earlier in islice(ledger.reports_since(report.entry.published - WINDOW, report.storylines), COMPARED)
    ]
    nearest = max(neighbours, key=lambda neighbour: neighbour.likelihood, default=None)
    joined = _joins(neighbours, ledger)
    if report.newsworthy < NEWSWORTHY:
        decision, reason, why = Decision.COVERAGE, form(report.entry), f"Coverage: {_FORM_NAMES[form(report.entry)]}."
    elif joined is not None and joined.alerted:
        decision, reason, why = Decision.COVERAGE, "same-fact", _same_fact(report, nearest)
    else:
        decision, reason, why = Decision.NEW, "new-fact", _new_fact(report, nearest)
    return Placement(
        entry=report.entry,
        matches=tuple(matches),
        decision=decision,
        development=joined.id if joined else _new_id(report),
        reason=reason,
        explanation=why,
        nearest=nearest.report.entry.id if nearest else None,
        similarity=round(nearest.likelihood, 3) if nearest else 0.0,
    )


def _joins(neighbours: Sequence[_Neighbour], ledger: Ledger) -> Development | None:
    """The development that the report belongs to, if any: the one whose reports are, on the whole, most like it.

    The mean over a development's reports keeps a chain of weak links from swallowing the story (average linkage); the
    likest few speak for the rest, since a development is told in several languages.
    """
    likelihoods: dict[str, list[float]] = defaultdict(list)
    for neighbour in neighbours:
        likelihoods[neighbour.report.development].append(neighbour.likelihood)
    best, mean = max(
        ((key, _mean_of_best(values)) for key, values in likelihoods.items()),
        key=lambda item: item[1],
        default=("", 0.0),
    )
    return ledger.development(best) if mean >= SAME_FACT else None


def _mean_of_best(likelihoods: list[float]) -> float:
    best = sorted(likelihoods, reverse=True)[: max(1, round(len(likelihoods) * LIKEST))]
    return sum(best) / len(best)


def pair_features(later: Report, earlier: Report) -> dict[str, float]:
    """What two reports have in common, each 0..1; see words/decision.toml for what each is worth."""
    concepts = [later.concepts.weights[key] for key in later.concepts.shared(earlier.concepts)]
    words = [later.words.weights[key] for key in later.words.shared(earlier.words)]
    numbers, others = later.facts.numbers, earlier.facts.numbers
    gap = abs(later.entry.published - earlier.entry.published)
    return {
        "concepts": later.concepts.cosine(earlier.concepts),
        "title_concepts": later.title_concepts.cosine(earlier.title_concepts),
        "words": later.words.cosine(earlier.words),
        "title_words": later.title_words.cosine(earlier.title_words),
        "told_concepts": told(later.title_concepts, earlier.concepts),
        "told_words": told(later.title_words, earlier.words),
        "shared_numbers": min(len(numbers & others), 3) / 3,
        "other_numbers": float(bool(numbers - others) and bool(others - numbers)),
        "shared_concepts": min(len(concepts), 6) / 6,
        "best_concept": max(concepts, default=0.0) / 10,
        "best_word": max(words, default=0.0) / 10,
        "same_language": float(later.facts.language == earlier.facts.language),
        "days_apart": min(gap / timedelta(days=1), 3.0) / 3,
        "hours_apart": min(gap / timedelta(hours=1), 12.0) / 12,
    }


def told(ours: Vector, theirs: Vector) -> float:
    """How much of our facts, by weight, theirs tell too: 0..1; 1 when we have none."""
    return (
        sum(ours.weights[key] for key in ours.shared(theirs)) / (sum(ours.weights.values()) or 1.0)
        if ours.weights
        else 1.0
    )


def _new_id(report: Report) -> str:
    return "d-" + hashlib.sha256(report.entry.id.encode()).hexdigest()[:12]


def _same_fact(report: Report, earlier: _Neighbour | None) -> str:
    assert earlier is not None
    both = ", ".join(shared_concepts(report, earlier.report)) or "the same"
    return f"Told before by {earlier.report.entry.outlet}: “{earlier.report.entry.title}” ({earlier.likelihood:.0%} alike: {both})."


def _new_fact(report: Report, nearest: _Neighbour | None) -> str:
    tells = ", ".join(sorted(key[2:] for key in report.title_concepts.weights)) or "a new event"
    if nearest is None:
        return f"New: the first report on this storyline; it tells of {tells}."
    return f"New: it tells of {tells}; the nearest earlier report is {nearest.likelihood:.0%} alike: “{nearest.report.entry.title}”."


def shared_concepts(ours: Report, theirs: Report) -> list[str]:
    """The concepts that both reports tell, the most telling first."""
    both = ours.concepts.shared(theirs.concepts)
    return [key[2:] for key in sorted(both, key=lambda key: (-ours.concepts.weights[key], key))[:4]]
