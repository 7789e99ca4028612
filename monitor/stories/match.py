"""Entry x storylines -> matches with their evidence: an index proposes phrases and storylines, and what it proposes is verified.

Where the question is which storylines an entry can reach, only the phrases are looked for without which it reaches none (`phrases.py`): of
storylines that need each of their groups those of the rarest group, of the others all. A phrase of a storyline that is looked for is a hope.
Hopes are raised by words that stand where the phrase's might; nothing is verified before its storyline has hopes enough, and a word of
each group that it needs.
"""

from __future__ import annotations

import copy
from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, compress, count

from monitor.model import Entry, Match, Storyline
from monitor.stories.phrases import Phrases
from monitor.stories.profile import SWAY
from monitor.stories.said import Hit, Said
from monitor.stories.text import fold_all, read_entry
from monitor.stories.vocabulary import SAME

_Terms = dict[tuple[str, ...], tuple[int, str]]
"""All that a term may be said by -> its number, and the term as the user wrote it. Storylines that share a term share the work."""
_Parts = Sequence[dict[int, None]]
"""The terms of a storyline: each group, the witnesses, those that exclude."""
_Present = Sequence[tuple[int, int]]
"""What a term is asked for, and the term."""
_Shapes = dict[tuple[int, ...], tuple[int, ...]]
"""Roles of phrases, of which many storylines have the same."""
_NOTHING = frozenset[int]()
_WITNESS = 0.6
"""How surely one term of `any` tells of its storyline."""
_ROUNDING = 0.002
"""More than rounding to three decimals, twice, can add."""


@dataclass(frozen=True, slots=True)
class _Watch:
    """A storyline with its phrases, side by side, since what lies in many places of the memory is slow to look at."""

    storyline: str
    threshold: float
    groups: int
    """Of `all`."""
    any: bool
    """It has witnesses."""
    roles: tuple[int, ...]
    """For each phrase what its term is asked for: a group, after these the witnesses, at last those that exclude."""
    terms: array[int]
    """For each phrase the term that it says,"""
    rarest: array[int]
    """and its rarest word."""
    needed: frozenset[int] = _NOTHING
    """The groups without a term of which an entry stays below the threshold, however familiar it sounds: all or none."""

    def heeding(self, threshold: float) -> _Watch:
        needs = self.groups and round((self.groups - 1) / self.groups * 0.5 + SWAY, 3) < threshold
        return replace(self, threshold=threshold, needed=frozenset(range(self.groups)) if needs else _NOTHING)

    def hopes(self, common: Mapping[int, int]) -> Sequence[int]:
        """The places of the phrases without which an entry does not reach it: if it needs each group, those of the rarest one."""
        groups = [[slot for slot, its in enumerate(self.roles) if its == role] for role in self.needed]
        return min(
            groups, key=lambda slots: sum(common[self.terms[slot]] for slot in slots), default=range(len(self.terms))
        )

    def words(self, hopes: Sequence[int]) -> Sequence[array[int]]:
        """For each group that is needed, but the one of the hopes, the rarest words of its phrases."""
        roles = self.needed - {self.roles[slot] for slot in hopes}
        return tuple(
            [
                array("i", [word for word, its in zip(self.rarest, self.roles, strict=True) if its == role])
                for role in sorted(roles)
            ]
        )


class Matcher:
    """Finds the storylines that an entry belongs to. Not thread-safe: it remembers the words it has seen."""

    def __init__(self, storylines: Sequence[Storyline]) -> None:
        terms: _Terms = {}
        asked = [_asked(storyline, terms) for storyline in storylines]
        self._phrases = Phrases((number, term, name) for names, (number, term) in terms.items() for name in names)
        shapes: _Shapes = {}
        self._watches = [
            _watch(storyline, parts, self._phrases, shapes) for storyline, parts in zip(storylines, asked, strict=True)
        ]
        self._watched = Counter(chain.from_iterable({*watch.terms} for watch in self._watches))
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
            watch.heeding(storyline.threshold) for watch, storyline in zip(self._watches, storylines, strict=True)
        ]
        hopes = [watch.hopes(self._watched) for watch in self._watches]
        self._hopes = array("i", [number for number, slots in enumerate(hopes) for _ in slots])
        """For each phrase that an entry may say to reach a watch, the watch,"""
        asked = [(watch, slot) for watch, slots in zip(self._watches, hopes, strict=True) for slot in slots]
        self._roles = array("i", [watch.roles[slot] for watch, slot in asked])
        """what its term is asked for,"""
        self._terms = array("i", [watch.terms[slot] for watch, slot in asked])
        """and the term."""
        self._index = self._phrases.index(self._terms)
        self._needed = [watch.words(slots) for watch, slots in zip(self._watches, hopes, strict=True)]
        """For each watch that needs each of its groups the rarest words of the others."""
        self._least = array("d", [0.0 if watch.groups else watch.threshold - _ROUNDING for watch in self._watches])
        """For each watch of witnesses alone what these must tell by their sum, which is never less than what they tell together."""

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
        words = said.words
        return self._matches(said, ((watch, _present(watch, words)) for watch in self._watches), 1.0)

    def _reachable(self, entry: Entry, sway: float) -> list[Match]:
        said = self._index.said(*read_entry(entry))
        proposed = self._index.proposed(said)
        return self._matches(said, self._hopeful(said, proposed, sway), sway) if proposed else []

    def _hopeful(self, said: Said, proposed: Mapping[int, float], sway: float) -> Iterator[tuple[_Watch, _Present]]:
        """The watches that an entry may reach, with the terms that it may have."""
        raised: defaultdict[int, list[int]] = defaultdict(list)
        for hope in proposed:
            raised[self._hopes[hope]].append(hope)
        words, roles, terms = said.words, self._roles, self._terms
        for number, hopes in raised.items():
            if least := self._least[number]:
                told = proposed[hopes[0]] if len(hopes) == 1 else sum(map(proposed.__getitem__, hopes))
                if told * _WITNESS + sway >= least:
                    yield self._watches[number], [(roles[hope], terms[hope]) for hope in sorted(hopes)]
            elif not any(map(words.isdisjoint, self._needed[number])):
                for hope in hopes:
                    if said[terms[hope]]:
                        watch = self._watches[number]
                        yield watch, _present(watch, words)
                        break

    @staticmethod
    def _matches(said: Said, hopeful: Iterable[tuple[_Watch, _Present]], sway: float) -> list[Match]:
        """Those watches that have a term, and miss their threshold by `sway` at most; best first."""
        matches = []
        for watch, present in hopeful:
            certainty, hits = _weighed(watch, present, said, whole=sway < 1)
            if hits and round(certainty + sway, 3) >= watch.threshold:
                evidence = tuple([hit.evidence() for hit in hits])
                matches.append(Match(storyline=watch.storyline, score=certainty, evidence=evidence))
        return sorted(matches, key=lambda match: (-match.score, match.storyline))


def _present(watch: _Watch, words: set[int]) -> _Present:
    """The terms of a watch that an entry with these words may say, and what each is asked for; in their order."""
    slots = compress(count(), map(words.__contains__, watch.rarest))
    return [(watch.roles[slot], watch.terms[slot]) for slot in slots]


def _asked(storyline: Storyline, terms: _Terms) -> _Parts:
    """The terms of a storyline by their numbers, which are given to those that are new: each group, the witnesses, those that exclude."""
    aliases = {fold_all(name): (name, *names) for name, names in storyline.entities.items()}

    def number(term: str) -> int:
        names = aliases.get(fold_all(term), (term,)) if aliases else (term,)
        return terms.setdefault(names, (len(terms), term))[0]

    parts = (*storyline.terms.all, storyline.terms.any, storyline.terms.none)
    return [dict.fromkeys(map(number, part)) for part in parts]


def _watch(storyline: Storyline, parts: _Parts, phrases: Phrases, shapes: _Shapes) -> _Watch:
    asked = [(role, term, word) for role, part in enumerate(parts) for term in part for word in phrases.rarest(term)]
    roles, terms, rarest = zip(*asked, strict=True) if asked else ((), (), ())
    groups, witnesses, roles = len(parts) - 2, bool(parts[-2]), shapes.setdefault(roles, roles)
    return _Watch(storyline.id, storyline.threshold, groups, witnesses, roles, array("i", terms), array("i", rarest))


def _weighed(watch: _Watch, present: _Present, said: Said, *, whole: bool) -> tuple[float, Collection[Hit]]:
    """How surely an entry belongs to a storyline, 0..1, and what made it so.

    This is what forbids it, the best of each group, and the witnesses. None where a needed group is missing and only a `whole` is asked.
    """
    needed, groups = len(watch.needed) if whole else 0, watch.groups
    best: dict[int, tuple[int, Hit]] = {}
    witnesses: dict[int, Hit] = {}
    against: dict[int, Hit] = {}
    for role, term in present:
        if len(best) < needed and len(best) < role:
            return 0.0, ()
        if hit := said[term]:
            if role > groups:
                against[term] = hit
            elif role == groups:
                witnesses[term] = hit
            elif role not in best or hit.weight > best[role][1].weight:
                best[role] = term, hit
    counted = against | dict(best.values()) | witnesses if best or against else witnesses
    if against:
        return 0.0, counted.values()
    found = [hit.weight for _, hit in best.values()]
    return score(found, groups, [hit.weight for hit in witnesses.values()] if watch.any else None), counted.values()


def score(found: Sequence[float], groups: int, witnesses: Iterable[float] | None) -> float:
    """How surely an entry belongs to a storyline, 0..1, of whose groups those are found this well, and these witnesses if it has any.

    The groups of `all` count with their mean; a group that is missing halves the rest, so that a miss stays below any
    sensible threshold and can still be explained. Terms of `any` add up as independent witnesses (noisy-or).
    """
    certainty = sum(found) / groups * 0.5 ** (groups - len(found)) if groups else 1.0
    if witnesses is not None:
        doubt = 1.0
        for weight in witnesses:
            doubt *= 1 - _WITNESS * weight
        heard = 1 - doubt
        certainty = certainty * (0.4 + 0.6 * heard) if groups else heard
    return round(certainty, 3)


def ceiling(storyline: Storyline) -> float:
    """The score of an entry whose headline has every term of `storyline` but those that exclude it: none scores more."""
    *groups, some, none = _asked(storyline, {})
    found = [SAME for group in groups if group.keys() - none]
    return score(found, len(groups), [SAME for _ in some.keys() - none] if some else None)
