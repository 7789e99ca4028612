"""Entry x storylines -> matches with their evidence: an index proposes phrases and storylines, and what it proposes is verified.

Where the question is which storylines an entry can reach, only the terms are looked for without which it reaches none (`phrases.py`): of
storylines that need each of their groups those of the rarest group, of the others all. The rest is verified for the storylines of these.
"""

from __future__ import annotations

import copy
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, compress

from monitor.model import Entry, Evidence, Match, Storyline
from monitor.stories.phrases import Phrases, Said
from monitor.stories.profile import SWAY
from monitor.stories.text import fold_all, read_entry
from monitor.stories.vocabulary import SAME

_Terms = dict[tuple[str, ...], tuple[int, str]]
"""All that a term may be said by -> its number, and the term as the user wrote it. Storylines that share a term share the work."""
_Weights = Mapping[int, float]
"""Term that is found -> how surely, 0..1."""
_WITNESS = 0.6
"""How surely one term of `any` tells of its storyline."""
_ROUNDING = 0.002
"""More than rounding to three decimals, twice, can add."""


@dataclass(frozen=True, slots=True)
class _Watch:
    """A storyline with its terms' numbers."""

    storyline: str
    threshold: float
    all: tuple[tuple[int, ...], ...]
    any: tuple[int, ...]
    none: tuple[int, ...]
    terms: tuple[int, ...]
    """All of them, each once."""
    said: Sequence[int] = ()
    rarest: Sequence[int] = ()
    """For each phrase of its terms the term, and the rarest word."""

    def needed(self) -> tuple[tuple[int, ...], ...]:
        """The groups without a term of which an entry stays below the threshold, however familiar it sounds: all or none."""
        groups = len(self.all)
        return self.all if groups and round((groups - 1) / groups * 0.5 + SWAY, 3) < self.threshold else ()


class Matcher:
    """Finds the storylines that an entry belongs to. Not thread-safe: it remembers the words it has seen."""

    def __init__(self, storylines: Sequence[Storyline]) -> None:
        terms: _Terms = {}
        watches = [_watch(storyline, terms) for storyline in storylines]
        self._phrases = Phrases((number, term, name) for names, (number, term) in terms.items() for name in names)
        self._watches = [_with_words(watch, self._phrases) for watch in watches]
        self._watched = Counter(chain.from_iterable(watch.terms for watch in self._watches))
        """Term -> how many watches have it."""
        self._heed(storylines)

    def heeding(self, storylines: Sequence[Storyline]) -> Matcher:
        """The matcher of the same storylines with other thresholds; it shares what this one knows of words."""
        matcher = copy.copy(self)
        matcher._heed(storylines)  # noqa: SLF001 - a copy of this one
        return matcher

    def _heed(self, storylines: Sequence[Storyline]) -> None:
        self.storylines = tuple(storylines)
        self._thresholds = {storyline.id: storyline.threshold for storyline in storylines}
        self._watches = [
            replace(watch, threshold=storyline.threshold)
            for watch, storyline in zip(self._watches, storylines, strict=True)
        ]
        needed = [watch.needed() for watch in self._watches]
        hopes = [
            (number, term)
            for number, (watch, groups) in enumerate(zip(self._watches, needed, strict=True))
            for term in min(groups, key=self._known, default=watch.terms)
        ]
        """The watches that an entry may reach if it has a term; those that need all groups by the terms of their rarest one only."""
        self._hopes = array("i", [number for number, _ in hopes])
        self._index = self._phrases.index(term for _, term in hopes)
        paired = [[_paired(group, self._phrases) for group in groups] for groups in needed]
        self._groups = [tuple([terms for terms, _ in groups]) for groups in paired]
        """For each watch the groups of which it needs a term each: for each phrase the term,"""
        self._needed = [tuple([rarest for _, rarest in groups]) for groups in paired]
        """and the rarest word."""
        self._least = [0.0 if watch.all else watch.threshold - _ROUNDING for watch in self._watches]
        """For each watch of witnesses alone what these must tell by their sum, which is never less than what they tell together."""

    def _known(self, group: Iterable[int]) -> int:
        """How often the terms of a group are watched."""
        return sum(map(self._watched.__getitem__, group))

    def match(self, entry: Entry) -> tuple[Match, ...]:
        """The storylines whose threshold `entry` reaches by its terms alone, best first."""
        return tuple(self._reachable(entry, 0.0))

    def reached(self, matches: Iterable[Match]) -> tuple[Match, ...]:
        """Those that reach their storyline's threshold."""
        return tuple(match for match in matches if match.score >= self._thresholds[match.storyline])

    def within_reach(self, entry: Entry) -> list[Match]:
        """The storylines whose threshold `entry` reaches by its terms, or could reach by sounding familiar; best first."""
        return self._reachable(entry, SWAY)

    def scores(self, entry: Entry) -> list[Match]:
        """Every storyline of which `entry` has at least one term, with its score, best first; also those that miss.

        Looks at each storyline: a millisecond or two for a thousand.
        """
        said = self._index.said(*read_entry(entry))
        words = said.words()
        return self._matches(said, ((watch, _heard(watch, words)) for watch in self._watches), 1.0)

    def _reachable(self, entry: Entry, sway: float) -> list[Match]:
        said = self._index.said(*read_entry(entry))
        proposed = self._index.proposed(said)
        return self._matches(said, self._hopeful(said, proposed, sway), sway) if proposed else []

    def _hopeful(
        self, said: Said, proposed: Mapping[int, float], sway: float
    ) -> Iterator[tuple[_Watch, Iterable[int]]]:
        """The watches that an entry may reach, with the terms that it may have."""
        sums: dict[int, float] = {}
        for hope, most in proposed.items():
            number = self._hopes[hope]
            sums[number] = sums[number] + most if number in sums else most
        words = said.words()
        for number, most in sums.items():
            if most * _WITNESS + sway >= self._least[number] and self._has_needed(number, said, words):
                watch = self._watches[number]
                yield watch, _heard(watch, words)

    def _has_needed(self, number: int, said: Said, words: set[int]) -> bool:
        """Whether an entry has a term of each group without which it does not reach a watch."""
        return not any(map(words.isdisjoint, self._needed[number])) and all(
            any(map(said.__getitem__, compress(terms, map(words.__contains__, rarest))))
            for terms, rarest in zip(self._groups[number], self._needed[number], strict=True)
        )

    @staticmethod
    def _matches(said: Said, heard: Iterable[tuple[_Watch, Iterable[int]]], sway: float) -> list[Match]:
        """Those watches that have a term, and miss their threshold by `sway` at most; best first."""
        matches = []
        for watch, terms in heard:
            weights = {term: hit.weight for term in terms if (hit := said[term])}
            if weights and _reaches(watch, certainty := score(watch, weights), sway):
                evidence = tuple([_evidence(said, term) for term in _counted(watch, weights)])
                matches.append(Match(storyline=watch.storyline, score=certainty, evidence=evidence))
        return sorted(matches, key=lambda match: (-match.score, match.storyline))


def _heard(watch: _Watch, words: set[int]) -> Iterable[int]:
    """The terms of a watch that an entry with these words may say, in their order."""
    return compress(watch.said, map(words.__contains__, watch.rarest))


def _reaches(watch: _Watch, certainty: float, sway: float) -> bool:
    return round(certainty + sway, 3) >= watch.threshold


def _watch(storyline: Storyline, terms: _Terms) -> _Watch:
    """A storyline with the numbers of its terms, which are given to those that are new."""
    aliases = {fold_all(name): (name, *names) for name, names in storyline.entities.items()}

    def number(term: str) -> int:
        names = aliases.get(fold_all(term), (term,)) if aliases else (term,)
        return terms.setdefault(names, (len(terms), term))[0]

    def numbers(words: Iterable[str]) -> tuple[int, ...]:
        return tuple(dict.fromkeys(map(number, words)))

    groups = tuple(map(numbers, storyline.terms.all))
    some, none = numbers(storyline.terms.any), numbers(storyline.terms.none)
    every = tuple(dict.fromkeys(chain(*groups, some, none)))
    return _Watch(storyline.id, storyline.threshold, groups, some, none, every)


def _with_words(watch: _Watch, phrases: Phrases) -> _Watch:
    said, rarest = _paired(watch.terms, phrases)
    return replace(watch, said=said, rarest=rarest)


def _paired(terms: Iterable[int], phrases: Phrases) -> tuple[array[int], array[int]]:
    """For each phrase of the terms the term, and the rarest word."""
    pairs = [(term, word) for term in terms for word in phrases.rarest(term)]
    return array("i", [term for term, _ in pairs]), array("i", [word for _, word in pairs])


def score(watch: _Watch, weights: _Weights) -> float:
    """How surely an entry in which terms are found with these weights belongs to a storyline, 0..1.

    The groups of `all` count with their mean; a group that is missing halves the rest, so that a miss stays below any
    sensible threshold and can still be explained. Terms of `any` add up as independent witnesses (noisy-or).
    """
    return _certainty(watch, weights) if weights.keys().isdisjoint(watch.none) else 0.0


def _certainty(watch: _Watch, weights: _Weights) -> float:
    """The score where no term excludes the entry."""
    found = [list(map(weights.__getitem__, filter(weights.__contains__, group))) for group in watch.all]
    groups = [max(some) for some in found if some]
    certainty = sum(groups) / len(watch.all) * 0.5 ** (len(watch.all) - len(groups)) if watch.all else 1.0
    if watch.any:
        doubt = 1.0
        for term in filter(weights.__contains__, watch.any):
            doubt *= 1 - _WITNESS * weights[term]
        heard = 1 - doubt
        certainty = certainty * (0.4 + 0.6 * heard) if watch.all else heard
    return round(certainty, 3)


def _counted(watch: _Watch, weights: _Weights) -> Iterable[int]:
    """The terms that made the score: those that forbid it, the best of each group, the witnesses."""
    groups = [term for group in watch.all if (term := _best(group, weights)) is not None]
    return dict.fromkeys(filter(weights.__contains__, (*watch.none, *groups, *watch.any)))


def _best(group: Iterable[int], weights: _Weights) -> int | None:
    """The term of a group that is found best; of equals the first."""
    found = list(filter(weights.__contains__, group))
    return max(found, key=weights.__getitem__) if len(found) > 1 else found[0] if found else None


def _evidence(said: Said, term: int) -> Evidence:
    hit = said[term]
    assert hit is not None
    return Evidence(term=hit.phrase.name, found=hit.words(), field=hit.reading.field, score=hit.weight)


def ceiling(storyline: Storyline) -> float:
    """The score of an entry whose headline has every term of `storyline` but those that exclude it: none scores more."""
    watch = _watch(storyline, {})
    return score(watch, dict.fromkeys({*watch.any, *chain.from_iterable(watch.all)} - set(watch.none), SAME))
