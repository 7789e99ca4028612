"""What one entry says of the terms: where their words stand in it, and how well those make a phrase.

The title and the summary are read as one text, the title first, with a gap between them that no phrase reaches across: so whatever comes first
is in the title where it can be. The places of a word are the bits of a number, so that whether two words stand near one another is a
matter of shifting one number and comparing it with the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

from monitor.model import Evidence
from monitor.stories.text import Text, Word
from monitor.stories.vocabulary import SAME

_ACRONYM, SHORT = 4, 3
"""Letters of the longest acronym, and of the longest word that has no other form but a plural."""
IN_SUMMARY, _LATER = 0.8, 0.5
"""What a word counts in a summary's lead, and after that, where it counts 1 in a title."""
_LEAD = 40
"""Words of a summary that count in full; news says what it is about in its first sentence or two."""
_QUALITY = itemgetter(1)
_Place = tuple[int, float]
"""Where a word stands, and how well it stands for one of a phrase."""
_NOWHERE = (-1, 0.0)
_Stands = tuple[int, int, float]
"""The first and the last place of a phrase's words, and how well they fit."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """One way to say a term."""

    name: str
    """The term as the user wrote it."""
    said: str
    """The phrase as the user wrote it."""
    words: tuple[int, ...]
    """By their numbers, the longest first; none in a script without spaces."""
    rarest: int
    next_rarest: int
    """Of its words, by how many phrases have them; 0 where there is none."""
    written: str
    """The longest word, folded."""
    exacting: bool
    """It is one word, too short for other forms of it, or an acronym."""
    before: tuple[int, ...]
    """How often each word stands in the phrase before, as in `Baden-Baden`; empty where none does."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a word of the stream stands for, as it is written."""

    ours: tuple[int, ...]
    """The words of the terms that it stands for, by their numbers, the likest first."""
    qualities: tuple[float, ...]
    """How well it stands for them."""
    alone: tuple[int, ...]
    """The hopes that it may raise by itself."""
    partners: frozenset[int]
    """The words of the terms beside which it may raise others."""
    beside: tuple[Mapping[int, tuple[int, ...]], ...]
    """These words -> the hopes; for each of `ours` that has any."""

    def quality(self, ours: int) -> float:
        """How well it stands for one of them."""
        return self.qualities[self.ours.index(ours)]


class Hit(NamedTuple):
    """The best that an entry says for a term."""

    weight: float
    """How surely it says the term, 0..1, to three decimals."""
    phrase: Phrase
    field: str
    text: Text
    first: int
    """The place in the text of the first word found for it."""
    last: int

    def evidence(self) -> Evidence:
        """The term, and the words found for it as they are written."""
        if self.phrase.words:
            found = " ".join([word.surface for word in self.text.words[self.first : self.last + 1]])
        else:
            found = self.phrase.said.casefold()
        return Evidence(term=self.phrase.name, found=found, field=self.field, score=self.weight)


class Said(dict[int, Hit | None]):
    """Term -> how an entry says it best, or None; found out when it is asked for."""

    __slots__ = ("_phrases", "_summary", "_title", "begin", "known", "places", "words")

    def __init__(
        self, phrases: Sequence[tuple[Phrase, ...]], title: Text, summary: Text, begin: int, known: Sequence[Known]
    ) -> None:
        """Of `known`: what stands at each place; of `begin`: the place where the summary begins."""
        super().__init__()
        self._phrases, self._title, self._summary, self.begin, self.known = phrases, title, summary, begin, known
        places: dict[int, int] = {}
        self.places = places
        """Word of the terms -> where it stands: a bit for each place. The word 0 where phrases without words may stand."""
        for place, word in enumerate(known):
            if word.ours:  # most words stand for nothing
                bit = 1 << place
                for ours in word.ours:
                    places[ours] = places[ours] | bit if ours in places else bit
        if title.unspaced or summary.unspaced:
            places[0] = 0
        self.words = set(places)

    def __missing__(self, term: int) -> Hit | None:
        """A title says it better than any summary; of equals the first counts."""
        places = self.places
        hits = [
            hit for phrase in self._phrases[term] if phrase.rarest in places and (hit := self._hit(phrase)) is not None
        ]
        if len(hits) > 1:
            hits.sort(key=lambda hit: (hit.field != "title", -hit.weight, self._order(hit)))
        self[term] = best = hits[0] if hits else None
        return best

    def _hit(self, phrase: Phrase) -> Hit | None:
        """Where a phrase is said whose rarest word stands there."""
        if not phrase.words:
            return self._glued(phrase)
        if not phrase.next_rarest:
            stands = self._alone(phrase)
        elif phrase.next_rarest not in self.places:
            return None
        elif len(phrase.words) == 2 and not phrase.before:  # noqa: PLR2004 - most are so, and this is where the time goes
            stands = self._pair(*phrase.words)
        else:
            stands = self._together(phrase)
        if stands is None:
            return None
        first, last, quality = stands
        if first < self.begin:
            return Hit(quality, phrase, "title", self._title, first, last)
        first -= self.begin
        quality = round(quality * (IN_SUMMARY if first < _LEAD else _LATER), 3)
        return Hit(quality, phrase, "summary", self._summary, first, last - self.begin)

    def _glued(self, phrase: Phrase) -> Hit | None:
        """The same in a script without spaces, whose words take some three letters."""
        said = phrase.said.casefold()
        if said in self._title.unspaced:
            return Hit(SAME, phrase, "title", self._title, 0, 0)
        place = self._summary.unspaced.find(said) // 3
        if place < 0:
            return None
        return Hit(IN_SUMMARY if place < _LEAD else _LATER, phrase, "summary", self._summary, 0, 0)

    def _alone(self, phrase: Phrase) -> _Stands | None:
        bits = self.places[phrase.rarest]
        if not phrase.exacting:
            place = _first(bits)
            return place, place, self.known[place].quality(phrase.rarest)
        for place, quality in self._among(bits, phrase.rarest):
            if _is_exact(self._word(place), phrase):
                return place, place, quality
        return None

    def _pair(self, one: int, other: int) -> _Stands | None:
        """The first place of a word that has another within two words of it, though not at the same place, and the nearest of these."""
        ones, others = self.places[one], self.places[other]
        beside = ones & (others << 1 | others >> 1 | others << 2 | others >> 2) & ~others
        if not beside:
            return None
        anchor = _first(beside)
        around = others & 0b101 << anchor >> 1 or others & 0b10001 << anchor >> 2
        place, its = self._best(around, other)
        quality = self.known[anchor].quality(one)
        if its < quality:  # noqa: PLR1730 - min would take as long as all of this
            quality = its
        return (anchor, place, quality) if anchor < place else (place, anchor, quality)

    def _together(self, phrase: Phrase) -> _Stands | None:
        """Where a phrase's words stand close together, in any order."""
        longest, *others = phrase.words
        reach = len(phrase.words)
        if not self.words.issuperset(phrase.words):
            return None
        anchors = self.places[longest]
        for word in others:
            anchors &= _around(self.places[word], reach)
            if not anchors:
                return None
        _, *before = phrase.before or (0,) * reach
        for anchor, its in self._among(anchors, longest):
            around = _around(1 << anchor, reach)
            near = [self._near(anchor, word, around, taken) for word, taken in zip(others, before, strict=True)]
            stand = {anchor, *[place for place, _ in near]}
            first, last = min(stand), max(stand)
            if first >= 0 and last - first <= reach == len(stand):
                return first, last, min(its, *[quality for _, quality in near])
        return None

    def _near(self, anchor: int, ours: int, around: int, before: int) -> _Place:
        """The place `around` nearest to `anchor` for a word, after as many as the phrase has taken for the same word before."""
        places = self.places[ours] & around
        if not before and places and not places & places - 1:
            return self._best(places, ours)
        ranked = [(abs(place - anchor), -quality, place) for place, quality in self._among(places, ours)]
        if len(ranked) <= before:
            return _NOWHERE
        _, quality, place = sorted(ranked)[before] if before else min(ranked)
        return place, -quality

    def _among(self, places: int, ours: int) -> list[_Place]:
        """Of some places where a word of the terms stands, the first place first, how well it does."""
        found = []
        while places:
            place = _first(places)
            found.append((place, self.known[place].quality(ours)))
            places &= places - 1
        return found

    def _best(self, places: int, ours: int) -> _Place:
        """Of some places where a word of the terms stands, at least one, the one where it does best; of equals the first."""
        if places & places - 1:
            return max(self._among(places, ours), key=_QUALITY)
        place = places.bit_length() - 1
        return place, self.known[place].quality(ours)

    def _word(self, place: int) -> Word:
        return self._title.words[place] if place < self.begin else self._summary.words[place - self.begin]

    def _order(self, hit: Hit) -> tuple[int, int]:
        """Where the rarest word of a hit stands first in its text, and how well it does beside others that stand there, too."""
        rarest, begin = hit.phrase.rarest, 0 if hit.field == "title" else self.begin
        bits = self.places[rarest] >> begin
        if not bits:
            return len(self.known), 0
        place = _first(bits)
        return place, self.known[place + begin].ours.index(rarest)


def is_acronym(said: str) -> bool:
    """Whether a phrase is written as acronyms are."""
    return len(said) <= _ACRONYM and said.isupper()


def _is_exact(word: Word, phrase: Phrase) -> bool:
    """Short words stand as written or in the plural, acronyms in capitals only (`US` is not `us`); `una` is no form of `un`."""
    ours = phrase.written
    if is_acronym(phrase.said):
        capitals = 1 if len(ours) == _ACRONYM else 2
        if not word.surface[:capitals].isupper():
            return False
    return len(ours) > SHORT or word.folded in (ours, f"{ours}s")


def _first(places: int) -> int:
    """The first of some places, at least one."""
    return (places & -places).bit_length() - 1


def _around(places: int, reach: int) -> int:
    """The places and those that are no farther from one of them than `reach`."""
    around, wide = places << reach, 1
    while wide <= 2 * reach:
        step = min(wide, 2 * reach + 1 - wide)
        around |= around >> step
        wide += step
    return around
