"""The phrases that say the terms, and which of them a text has: proposed by their two rarest words, and verified where those stand.

Each distinct word of the stream is compared with the words of all terms once and remembered (`vocabulary.py`); from then on a text costs
a dictionary look-up a word, and only phrases are looked at of which the two rarest words were seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter, itemgetter
from typing import NamedTuple

from monitor.stories.text import Text, Word, is_unspaced, read
from monitor.stories.vocabulary import SAME, Vocabulary

_ACRONYM = 4
_LEAD = 40
"""Words of a summary that count in full; news says what it is about in its first sentence or two."""
_FOLDED, _NUMBER = itemgetter(0), attrgetter("number")
_Place = tuple[int, float]
"""Where a word stands in a text, and how well it stands for one of a phrase."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """One way to say a term."""

    number: int
    """Its place among all phrases."""
    term: int
    name: str
    """The term as the user wrote it."""
    said: str
    """The phrase as the user wrote it."""
    words: tuple[str, ...]
    """Folded; none in a script without spaces."""
    longest: str
    before: tuple[int, ...]
    """How often each word stands in the phrase before, as in `Baden-Baden`; empty where none does."""


class _Having:
    """The phrases that have a word, which is the rarest of theirs."""

    __slots__ = ("alone", "longest", "together")

    def __init__(self) -> None:
        self.alone: list[Phrase] = []
        """Those that are nothing else."""
        self.together: dict[str, list[Phrase]] = {}
        """The next rarest word -> those that have both."""
        self.longest = 0
        """The number of words in the longest of them."""

    def add(self, phrase: Phrase, others: Sequence[str]) -> None:
        """Let `phrase` be found by its `others` words, rarest first."""
        self.longest = max(self.longest, len(phrase.words))
        (self.together.setdefault(others[0], []) if others else self.alone).append(phrase)


class _Reading(NamedTuple):
    """Where the terms' words stand in a text, in other forms and with slips."""

    field: str
    text: Text
    places: dict[str, list[_Place]]
    masks: dict[str, int]
    """The same, as numbers whose bits stand for places: so that words are known to be near one another at once."""


class Hit(NamedTuple):
    """The best that an entry says for a term."""

    weight: float
    """How surely it says the term, 0..1, to three decimals."""
    phrase: Phrase
    reading: _Reading
    first: int
    """The place of the first word found for it."""
    last: int

    def words(self) -> str:
        """The words found, as they are written."""
        if not self.phrase.words:
            return self.phrase.said.casefold()
        return " ".join([word.surface for word in self.reading.text.words[self.first : self.last + 1]])


class Phrases:
    """All phrases of all terms. Not thread-safe: it remembers the words it has seen."""

    def __init__(self, names: Iterable[tuple[int, str, str]]) -> None:
        """Of `names`: the number of a term, the term as the user wrote it, and one of the phrases that say it."""
        self._by_rarest: dict[str, _Having] = {}
        self._unspaced: list[Phrase] = []
        written: list[Word] = []
        spaced = []
        for number, (term, name, said) in enumerate(names):
            words = () if is_unspaced(said) else read(said).words
            phrase = _phrase((number, term), name, said, tuple([word.folded for word in words]))
            (spaced if words else self._unspaced).append(phrase)
            written += words
        self._vocabulary = Vocabulary(written)
        common = Counter(chain.from_iterable(phrase.words for phrase in spaced))
        for phrase in spaced:
            rarest, *others = sorted(phrase.words, key=lambda word: (common[word], -len(word)))
            self._by_rarest.setdefault(rarest, _Having()).add(phrase, others)

    def proposed(self, title: Text, summary: Text) -> Said:
        """What an entry may say of the terms."""
        said = Said()
        for field, text in (("title", title), ("summary", summary)):
            reading = self._read(field, text)
            for phrase in self._near(reading):
                said.proposed.setdefault(phrase.term, []).append((phrase, reading))
            for phrase in self._unspaced if text.unspaced else ():
                if phrase.said.casefold() in text.unspaced:
                    said.proposed.setdefault(phrase.term, []).append((phrase, reading))
        return said

    def _read(self, field: str, text: Text) -> _Reading:
        reading = _Reading(field, text, {}, {})
        places, masks, words = reading.places, reading.masks, text.words
        for place, standings in enumerate(map(self._vocabulary.__getitem__, map(_FOLDED, words))):
            for ours, quality, name in standings:
                if name and not words[place].surface[0].isupper():
                    continue
                if ours in masks:
                    masks[ours] |= 1 << place
                    places[ours].append((place, quality))
                else:
                    masks[ours] = 1 << place
                    places[ours] = [(place, quality)]
        return reading

    def _near(self, reading: _Reading) -> Iterator[Phrase]:
        """The phrases of which the two rarest words stand near one another, in the order of the first of them."""
        masks = reading.masks
        for ours, mask in masks.items():
            if ours not in self._by_rarest:
                continue
            having = self._by_rarest[ours]
            near = alone = having.alone
            together = having.together
            if others := together.keys() & masks.keys():
                wide = _within(mask, having.longest)
                near = [*alone]
                for other in others:
                    if masks[other] & wide:
                        near += together[other]
                if len(near) > max(len(alone), 1):
                    near.sort(key=_NUMBER)
            yield from near


def _within(mask: int, most: int) -> int:
    """The places that are `most` places away from those in a mask, at most."""
    for _ in range(most):
        mask |= mask << 1 | mask >> 1
    return mask


class Said(dict[int, Hit | None]):
    """Term -> how an entry says it, or None. What is proposed is verified when it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.proposed: dict[int, list[tuple[Phrase, _Reading]]] = {}
        """Term -> the phrases that may stand in the entry, first those of the title."""

    def __missing__(self, term: int) -> Hit | None:
        self[term] = best = self._best(term)
        return best

    def _best(self, term: int) -> Hit | None:
        best: Hit | None = None
        for phrase, reading in self.proposed[term]:
            if (stands := _stands(phrase, reading)) is None:
                continue
            first, last, quality = stands
            weight = quality * (1.0 if reading.field == "title" else 0.8 if first < _LEAD else 0.5)
            if best is None or weight > best.weight:
                best = Hit(round(weight, 3), phrase, reading, first, last)
        return best


def _phrase(numbers: tuple[int, int], name: str, said: str, words: tuple[str, ...]) -> Phrase:
    before = tuple(words[:place].count(word) for place, word in enumerate(words)) if len({*words}) < len(words) else ()
    return Phrase(*numbers, name, said, words, max(words, key=len, default=""), before)


def _stands(phrase: Phrase, reading: _Reading) -> tuple[int, int, float] | None:
    """The first and the last place of a phrase's words, and how well they fit."""
    if len(phrase.words) > 1:
        return _together(phrase, reading.places)
    if phrase.words:
        return _alone(phrase, reading.places[phrase.longest], reading.text)
    place = reading.text.unspaced.find(phrase.said.casefold()) // 3
    return place, place, SAME


def _alone(phrase: Phrase, at: Sequence[_Place], text: Text) -> tuple[int, int, float] | None:
    """A phrase of one word: short ones as written or in the plural, acronyms in capitals only (`US` is not `us`)."""
    ours, said = phrase.longest, phrase.said
    acronym = len(said) <= _ACRONYM and said.isupper()
    for place, quality in at:
        folded, surface = text.words[place]
        if acronym and not surface[: 1 if len(ours) == _ACRONYM else 2].isupper():
            continue
        if len(ours) <= 3 and folded not in (ours, f"{ours}s"):  # noqa: PLR2004 - `una` is no form of `un`
            continue
        return place, place, quality
    return None


def _together(phrase: Phrase, places: Mapping[str, list[_Place]]) -> tuple[int, int, float] | None:
    """Where a phrase's words stand close together, in any order."""
    for word in phrase.words:
        if word not in places:
            return None
    at = [places[word] for word in phrase.words]
    before = phrase.before or (0,) * len(at)
    if phrase.before and any(len(some) <= taken for some, taken in zip(at, before, strict=True)):
        return None
    for anchor, _ in places[phrase.longest]:
        near = [
            some[0] if len(some) == 1 else _nearest(some, anchor, taken) for some, taken in zip(at, before, strict=True)
        ]
        stand = {place for place, _ in near}
        first, last = min(stand), max(stand)
        if last - first <= len(near) == len(stand):
            return first, last, min([quality for _, quality in near])
    return None


def _nearest(at: Sequence[_Place], anchor: int, before: int) -> _Place:
    """The place nearest to `anchor`, after as many as the phrase has taken for the same word before."""

    def distance(place: _Place) -> tuple[int, float]:
        return abs(place[0] - anchor), -place[1]

    return sorted(at, key=distance)[before] if before else min(at, key=distance)
