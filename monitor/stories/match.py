"""Entry x storylines -> matches with their evidence: an index proposes phrases and storylines, and what it proposes is verified.

Only storylines with a term are looked at (`phrases.py`); and where the question is which of them an entry can reach, of those that need
each of their groups only the ones of whose rarest group it has a term.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from monitor.model import Entry, Evidence, Match, Storyline
from monitor.stories.phrases import Found, Phrases
from monitor.stories.profile import SWAY
from monitor.stories.text import fold_all, read_entry
from monitor.stories.vocabulary import SAME

_LEAD = 40
"""Words of a summary that count in full; news says what it is about in its first sentence or two."""
_Terms = dict[tuple[str, ...], tuple[int, str]]
"""All that a term may be said by -> its number, and the term as the user wrote it. Storylines that share a term share the work."""
_Found = Mapping[int, Evidence]
"""Term -> the best evidence for it."""


@dataclass(frozen=True, slots=True)
class _Watch:
    """A storyline with its terms' numbers."""

    storyline: str
    threshold: float
    all: tuple[tuple[int, ...], ...]
    any: tuple[int, ...]
    none: tuple[int, ...]

    def needs_all(self) -> bool:
        """Whether an entry that has no term of some group stays below the threshold, however familiar it sounds."""
        groups = len(self.all)
        return groups > 0 and round((groups - 1) / groups * 0.5 + SWAY, 3) < self.threshold


class Matcher:
    """Finds the storylines that an entry belongs to. Not thread-safe: it remembers the words it has seen."""

    def __init__(self, storylines: Sequence[Storyline]) -> None:
        terms: _Terms = {}
        self.storylines = tuple(storylines)
        self._watches = [_watch(storyline, terms) for storyline in storylines]
        self._phrases = Phrases((number, term, name) for names, (number, term) in terms.items() for name in names)
        self._watched = _by_term((*watch.any, *watch.none, *chain.from_iterable(watch.all)) for watch in self._watches)
        """Term -> the watches that have it."""
        self._proposed = self._proposing()

    def heeding(self, storylines: Sequence[Storyline]) -> Matcher:
        """The matcher of the same storylines with other thresholds; it shares what this one knows and remembers."""
        matcher = copy.copy(self)
        matcher.storylines = tuple(storylines)
        matcher._watches = [
            replace(watch, threshold=storyline.threshold)
            for watch, storyline in zip(self._watches, storylines, strict=True)
        ]
        matcher._proposed = matcher._proposing()
        return matcher

    def match(self, entry: Entry) -> tuple[Match, ...]:
        """The storylines whose threshold `entry` reaches by its terms alone, best first."""
        return self.reached(self.within_reach(entry))

    def reached(self, matches: Iterable[Match]) -> tuple[Match, ...]:
        """Those that reach their storyline's threshold."""
        return tuple(match for match in matches if match.score >= self._thresholds[match.storyline])

    def within_reach(self, entry: Entry) -> list[Match]:
        """The storylines whose threshold `entry` reaches by its terms, or could reach if it sounds familiar, best first.

        There may be others among them; these are the ones that can be found without a look at all those that have a term.
        """
        found = self._find(entry)
        proposed = _union(self._proposed, found)
        return self._scored(proposed, found)

    def scores(self, entry: Entry) -> list[Match]:
        """Every storyline of which `entry` has at least one term, with its score, best first; also those that miss."""
        found = self._find(entry)
        return self._scored(_union(self._watched, found), found)

    # --- the index

    def _proposing(self) -> Mapping[int, Sequence[int]]:
        """Term -> the watches that an entry may reach if it has the term; those that need all groups by their rarest one only."""
        self._thresholds = {watch.storyline: watch.threshold for watch in self._watches}
        return _by_term(map(self._needed, self._watches))

    def _needed(self, watch: _Watch) -> Iterable[int]:
        if not watch.needs_all():
            return (*watch.any, *chain.from_iterable(watch.all))
        return min(watch.all, key=lambda group: sum(len(self._watched[term]) for term in group))

    def _find(self, entry: Entry) -> _Found:
        """The best evidence for each term that `entry` has."""
        best: dict[int, tuple[float, str, Found]] = {}
        for field, text in zip(("title", "summary"), read_entry(entry), strict=True):
            for found in self._phrases.said_in(text):
                weight = found.quality * (1.0 if field == "title" else _weight_in_summary(found.place))
                term = found.phrase.term
                if term not in best or weight > best[term][0]:
                    best[term] = round(weight, 3), field, found
        return {
            term: Evidence(term=found.phrase.name, found=found.words, field=field, score=weight)
            for term, (weight, field, found) in best.items()
        }

    def _scored(self, proposed: Iterable[int], found: _Found) -> list[Match]:
        scored = []
        for number in proposed:
            watch = self._watches[number]
            certainty, evidence = score(watch, found)
            scored.append(Match(storyline=watch.storyline, score=certainty, evidence=evidence))
        return sorted(scored, key=lambda match: (-match.score, match.storyline))


def _union(by_term: Mapping[int, Sequence[int]], found: Iterable[int]) -> list[int]:
    return sorted({number for term in found if term in by_term for number in by_term[term]})


def _by_term(terms: Iterable[Iterable[int]]) -> dict[int, Sequence[int]]:
    """Term -> the numbers of the watches it stands for."""
    by_term: dict[int, list[int]] = defaultdict(list)
    for number, some in enumerate(terms):
        for term in set(some):
            by_term[term].append(number)
    return {term: tuple(numbers) for term, numbers in by_term.items()}


def _watch(storyline: Storyline, terms: _Terms) -> _Watch:
    """A storyline with the numbers of its terms, which are given to those that are new."""
    aliases = {fold_all(name): (name, *names) for name, names in storyline.entities.items()}

    def numbers(words: Iterable[str]) -> tuple[int, ...]:
        return tuple(dict.fromkeys(map(number, words)))

    def number(term: str) -> int:
        names = aliases.get(fold_all(term), (term,)) if aliases else (term,)
        return terms.setdefault(names, (len(terms), term))[0]

    groups = tuple(map(numbers, storyline.terms.all))
    return _Watch(
        storyline.id, storyline.threshold, groups, numbers(storyline.terms.any), numbers(storyline.terms.none)
    )


def _weight_in_summary(place: int) -> float:
    return 0.8 if place < _LEAD else 0.5


def score(watch: _Watch, found: _Found) -> tuple[float, tuple[Evidence, ...]]:
    """How surely an entry with the terms `found` belongs to a storyline, 0..1, and the evidence that counted.

    The groups of `all` count with their mean; a group that is missing halves the rest, so that a miss stays below any
    sensible threshold and can still be explained. Terms of `any` add up as independent witnesses (noisy-or).
    """
    groups = [term for group in watch.all if (term := _best(group, found)) is not None]
    witnesses = [term for term in watch.any if term in found]
    evidence = dict.fromkeys(groups + witnesses)
    if vetoes := [term for term in watch.none if term in found]:
        return 0.0, tuple(found[term] for term in dict.fromkeys([*vetoes, *evidence]))
    certainty = 1.0
    if watch.all:
        certainty = sum(found[term].score for term in groups) / len(watch.all) * 0.5 ** (len(watch.all) - len(groups))
    if watch.any:
        doubt = 1.0
        for witness in witnesses:
            doubt *= 1 - 0.6 * found[witness].score
        heard = 1 - doubt
        certainty = certainty * (0.4 + 0.6 * heard if witnesses else 0.4) if watch.all else heard
    return round(certainty, 3), tuple(map(found.__getitem__, evidence))


def _best(group: Iterable[int], found: _Found) -> int | None:
    """The term of a group that is found best; of equals the first."""
    best = None
    for term in group:
        if term in found and (best is None or found[term].score > found[best].score):
            best = term
    return best


def ceiling(storyline: Storyline) -> float:
    """The score of an entry whose headline has every term of `storyline` but those that exclude it: none scores more."""
    watch = _watch(storyline, {})
    terms = {*watch.any, *chain.from_iterable(watch.all)} - set(watch.none)
    return score(watch, {term: Evidence(term="", found="", field="title", score=SAME) for term in terms})[0]
