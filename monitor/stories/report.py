"""A report: an entry on a storyline with its weighed facts, as it is compared with others."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from monitor.model import Entry
from monitor.stories.facts import CONCEPTS, TITLE, Facts, first_act, is_plan
from monitor.stories.form import newsworthiness
from monitor.stories.text import Word, read_entry, stem

_LEAD = 25
"""Words of a summary that are compared as they stand."""
_SHORTEST_NAME = 3


@dataclass(frozen=True, slots=True)
class Vector:
    """Weighed facts of one kind, their Euclidean length, and their sum."""

    weights: Mapping[str, float]
    length: float

    total: float

    @classmethod
    def of(cls, weights: Mapping[str, float]) -> Vector:
        """Measure `weights` once; they are compared often."""
        return cls(weights, math.sqrt(sum(weight * weight for weight in weights.values())), sum(weights.values()))

    def shared(self, other: Vector) -> list[str]:
        """The facts that both have."""
        return list(filter(other.weights.__contains__, self.weights))

    def cosine(self, other: Vector, shared: Collection[str]) -> float:
        """How alike two vectors are, 0..1; 0 when either is empty. They share no facts but such as are `shared`."""
        lengths = self.length * other.length
        if not (shared and lengths):
            return 0.0
        ours, theirs = self.weights, other.weights
        return sum([ours[key] * theirs[key] for key in shared if key in ours and key in theirs]) / lengths

    def told(self, shared: Iterable[str]) -> float:
        """How much of these facts, by weight, are `shared`: 0..1; 1 when there are none."""
        ours = self.weights
        return sum([ours[key] for key in shared if key in ours]) / (self.total or 1.0) if ours else 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """What many reports have alike, one object for all of them: what it is worth beside a new report is found once."""

    language: str
    plan: bool
    """The title tells what is to come, not what has happened."""
    has_numbers: bool
    has_title_numbers: bool


@dataclass(frozen=True, slots=True)
class Report:
    """An entry in the ledger: its weighed facts, where it was placed and how surely it reports an event."""

    entry: Entry
    storylines: tuple[str, ...]
    facts: Facts
    concepts: Vector
    title_concepts: Vector
    words: Vector
    title_words: Vector
    names: Mapping[str, float]
    """The capitalised words of the title, weighed."""
    headline: str
    lead: str
    """The title and the first words of the summary, folded."""
    title: frozenset[str]
    ordered: str
    """The words of the title, and in order of the alphabet."""
    acts: frozenset[str]
    """The first act that the title tells."""
    kind: Kind
    newsworthy: float
    development: str = ""
    vouched: bool = False
    """A person put it where it is, so it speaks for its development alone."""
    told: str = ""
    """The reason for which people were alerted by it; empty for coverage."""

    @classmethod
    def of(cls, entry: Entry, storylines: tuple[str, ...], read: Facts, weights: Mapping[str, float]) -> Report:
        """A report not yet placed; `weights` gives each fact's weight."""
        concepts = {key: weight for key, weight in weights.items() if key[0] in CONCEPTS}
        words = {key: weight for key, weight in weights.items() if key[0] not in CONCEPTS}
        title, summary = read_entry(entry)
        folded = [word.folded for word in title.words]
        capitals = (f"w:{stem(word.folded, read.language)}" for word in title.words if _may_be_name(word))
        return cls(
            entry=entry,
            storylines=storylines,
            facts=read,
            concepts=Vector.of(concepts),
            title_concepts=Vector.of({key: weight for key, weight in concepts.items() if read.told[key] == TITLE}),
            words=Vector.of(words),
            title_words=Vector.of({key: weight for key, weight in words.items() if read.told[key] == TITLE}),
            names={key: words[key] for key in capitals if key in words},
            headline=" ".join(folded),
            title=frozenset(folded),
            ordered=" ".join(sorted(folded)),
            lead=" ".join(word.folded for word in summary.words[:_LEAD]),
            acts=_acts(first_act(title)),
            kind=_kind(
                language=read.language,
                plan=is_plan(title, read.language),
                has_numbers=bool(read.numbers),
                has_title_numbers=bool(read.title_numbers),
            ),
            newsworthy=newsworthiness(entry),
        )

    def vectors(self) -> Iterator[tuple[str, Vector, Vector]]:
        """What it tells, by concepts and by words, with what of it the title tells."""
        yield "concepts", self.concepts, self.title_concepts
        yield "words", self.words, self.title_words


_kind = lru_cache(maxsize=10_000)(Kind)


@lru_cache(maxsize=10_000)
def _acts(acts: frozenset[str]) -> frozenset[str]:
    """One object for all that are alike, as with kinds."""
    return acts


def _may_be_name(word: Word) -> bool:
    return word.surface[0].isupper() and len(word.folded) >= _SHORTEST_NAME
