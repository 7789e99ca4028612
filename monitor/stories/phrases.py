"""The phrases that say the terms, and which of them a text has: proposed by their two rarest words, and verified where those stand.

Each distinct word of the stream is compared with the words of all terms once and remembered (`vocabulary.py`); from then on a text costs
a dictionary look-up a word, and only phrases are looked at of which the two rarest words were seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter, itemgetter
from typing import NamedTuple

from monitor.stories.text import Text, Word, is_unspaced, read
from monitor.stories.vocabulary import SAME, Standing, Vocabulary

_ACRONYM, _SHORT = 4, 3
_FEW = 4
"""Up to so many words are looked up one by one; more are met with those of the text as sets."""
_LEAD = 40
"""Words of a summary that count in full; news says what it is about in its first sentence or two."""
_TITLE, _SUMMARY, _LATER = 1.0, 0.8, 0.5
"""What a word counts in a title, in a summary's lead, and after that."""
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
    exacting: bool
    """It is one word, too short for other forms of it, or an acronym."""
    before: tuple[int, ...]
    """How often each word stands in the phrase before, as in `Baden-Baden`; empty where none does."""


_Having = tuple[list[Phrase], dict[str, list[Phrase]]]
"""The phrases of which a word is the rarest: those that are nothing else, and the others by their next rarest word."""


class _Reading(NamedTuple):
    """Where the terms' words stand in a text, in other forms and with slips."""

    field: str
    text: Text
    standings: Sequence[tuple[Standing, ...]]
    """What each word of the text may stand for."""
    masks: dict[str, int]
    """Word of the terms -> a number in which a bit is set for each place where it stands."""

    def places(self, ours: str) -> list[_Place]:
        """Where a word of the terms stands, the first place first."""
        places, mask = [], self.masks.get(ours, 0)
        while mask:
            place = (mask & -mask).bit_length() - 1
            mask &= mask - 1
            for word, quality, _ in self.standings[place]:
                if word == ours:
                    places.append((place, quality))
        return places


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
        spaced: list[Phrase] = []
        for number, (term, name, said) in enumerate(names):
            words = () if is_unspaced(said) else read(said).words
            phrase = _phrase((number, term), name, said, tuple([word.folded for word in words]))
            if words:
                spaced.append(phrase)
                written += words
            elif is_unspaced(said):
                self._unspaced.append(phrase)
        self._vocabulary = Vocabulary(written)
        self._reach = max((len(phrase.words) for phrase in spaced), default=0)
        """Two words of a phrase stand no farther from one another."""
        common = Counter(chain.from_iterable(phrase.words for phrase in spaced))
        for phrase in spaced:
            rarest, *others = sorted(phrase.words, key=lambda word: (common[word], -len(word)))
            alone, together = self._by_rarest.setdefault(rarest, ([], {}))
            (together.setdefault(others[0], []) if others else alone).append(phrase)

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
        words, masks, bit = text.words, dict[str, int](), 1
        known = list(map(self._vocabulary.__getitem__, map(_FOLDED, words)))
        stood = masks.get
        for place, standings in enumerate(known):
            for ours, _, name in standings:
                if not name or words[place].surface[0].isupper():
                    masks[ours] = stood(ours, 0) | bit
            bit <<= 1
        return _Reading(field, text, known, masks)

    def _near(self, reading: _Reading) -> Iterator[Phrase]:
        """The phrases of which the two rarest words stand near one another, in the order of the first of them."""
        masks, words, by_rarest = reading.masks, reading.masks.keys(), self._by_rarest.get
        for ours, mask in masks.items():
            if (having := by_rarest(ours)) is None:
                continue
            near, together = alone, _ = having
            around = 0
            for other in together if len(together) < _FEW else together.keys() & words:
                if other in masks:
                    around = around or _around(mask, self._reach)
                    if masks[other] & around:
                        near = near + together[other]
            if near is not alone and len(near) > 1:
                near.sort(key=_NUMBER)
            yield from near


class Said(dict[int, Hit | None]):
    """Term -> how an entry says it, or None. What is proposed is verified when it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.proposed: dict[int, list[tuple[Phrase, _Reading]]] = {}
        """Term -> the phrases that may stand in the entry, first those of the title."""

    def most(self) -> dict[int, float]:
        """Term -> the most that it may count: as if the first phrase that may say it did so word for word."""
        return {term: _TITLE if phrases[0][1].field == "title" else _SUMMARY for term, phrases in self.proposed.items()}

    def __missing__(self, term: int) -> Hit | None:
        self[term] = best = self._best(term)
        return best

    def _best(self, term: int) -> Hit | None:
        best: Hit | None = None
        for phrase, reading in self.proposed[term]:
            if (stands := _stands(phrase, reading)) is None:
                continue
            first, last, quality = stands
            weight = quality * (_TITLE if reading.field == "title" else _SUMMARY if first < _LEAD else _LATER)
            if best is None or weight > best.weight:
                best = Hit(round(weight, 3), phrase, reading, first, last)
        return best


def _around(mask: int, reach: int) -> int:
    """The places that are at most `reach` from one of those of `mask`."""
    near, around = (2 << 2 * reach) - 1, 0
    while mask:
        rest = mask & (mask - 1)
        around |= (mask ^ rest) * near
        mask = rest
    return around >> reach


def _phrase(numbers: tuple[int, int], name: str, said: str, words: tuple[str, ...]) -> Phrase:
    before = tuple(words[:place].count(word) for place, word in enumerate(words)) if len({*words}) < len(words) else ()
    longest = max(words, key=len, default="")
    exacting = len(words) == 1 and (len(longest) <= _SHORT or (len(said) <= _ACRONYM and said.isupper()))
    return Phrase(*numbers, name, said, words, longest, exacting, before)


def _stands(phrase: Phrase, reading: _Reading) -> tuple[int, int, float] | None:
    """The first and the last place of a phrase's words, and how well they fit."""
    if len(phrase.words) > 1:
        return _together(phrase, reading)
    if not phrase.words:
        place = reading.text.unspaced.find(phrase.said.casefold()) // 3
        return place, place, SAME
    for place, quality in reading.places(phrase.longest):
        if not phrase.exacting or _is_exact(reading.text.words[place], phrase):
            return place, place, quality
    return None


def _is_exact(word: Word, phrase: Phrase) -> bool:
    """Short words stand as written or in the plural, acronyms in capitals only (`US` is not `us`); `una` is no form of `un`."""
    ours = phrase.longest
    if len(phrase.said) <= _ACRONYM and phrase.said.isupper():
        capitals = 1 if len(ours) == _ACRONYM else 2
        if not word.surface[:capitals].isupper():
            return False
    return len(ours) > _SHORT or word.folded in (ours, f"{ours}s")


def _together(phrase: Phrase, reading: _Reading) -> tuple[int, int, float] | None:
    """Where a phrase's words stand close together, in any order."""
    at = list(map(reading.places, phrase.words))
    if not all(at):
        return None
    if len(at) == 2 and len(at[0]) == len(at[1]) == 1:  # noqa: PLR2004 - most are so, and this is where the time goes
        (one, quality), (other, its) = *at[0], *at[1]
        return (min(one, other), max(one, other), min(quality, its)) if 0 < abs(one - other) <= 2 else None  # noqa: PLR2004
    before = phrase.before or (0,) * len(at)
    if phrase.before and any(len(some) <= taken for some, taken in zip(at, before, strict=True)):
        return None
    for anchor, _ in at[phrase.words.index(phrase.longest)]:
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
