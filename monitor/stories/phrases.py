"""The phrases that say the terms, and which of them a text has: proposed by their two rarest words, and verified where those stand.

Each distinct word of the stream is compared with the words of all terms once (`vocabulary.py`). What it stands for as it is written, what
it may say by itself and beside which words it may say more is remembered (`Index`); from then on a text costs a dictionary look-up a word,
and for a word with such partners one intersection with those of the text. Words go by numbers, and the places of a word are the bits of
one, so that whether two stand near one another is a matter of shifting one and comparing it with the other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from operator import itemgetter
from typing import NamedTuple

from monitor.stories.text import Text, Word, fold, is_unspaced, read
from monitor.stories.vocabulary import SAME, Vocabulary

_ACRONYM, _SHORT = 4, 3
_LEAD = 40
"""Words of a summary that count in full; news says what it is about in its first sentence or two."""
_SUMMARY, _LATER = 0.8, 0.5
"""What a word counts in a summary's lead, and after that, where it counts 1 in a title."""
_LONG = 4
"""Phrases of more words are looked for by their rarest word alone; else every word's partners would be looked for as far as the longest reaches."""
_REMEMBERED = 100_000
_SURFACE, _QUALITY, _NONE = itemgetter(1), itemgetter(1), frozenset[int]()
_Place = tuple[int, float]
"""Where a word stands in a text, and how well it stands for one of a phrase."""
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
    """By their numbers; none in a script without spaces."""
    rarest: int
    next_rarest: int
    """Of its words, by how many phrases have them; 0 where there is none."""
    longest: int
    written: str
    """The longest word, folded."""
    exacting: bool
    """It is one word, too short for other forms of it, or an acronym."""
    before: tuple[int, ...]
    """How often each word stands in the phrase before, as in `Baden-Baden`; empty where none does."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What a word of the stream stands for, as it is written."""

    ours: tuple[int, ...]
    """The words of the terms that it stands for, by their numbers."""
    qualities: tuple[float, ...]
    """How well."""
    alone: tuple[int, ...]
    """The hopes that it may raise by itself."""
    anchors: tuple[int, ...]
    """Those of `ours` that may raise hopes beside others."""
    partners: frozenset[int]
    """These others."""


_UNKNOWN = _Known((), (), (), (), _NONE)


class _Reading:
    """Where the terms' words stand in a text, in other forms and with slips."""

    __slots__ = ("field", "known", "places", "text")

    def __init__(self, field: str, text: Text, known: Sequence[_Known]) -> None:
        self.field, self.text, self.known = field, text, known
        self.places = places = dict[int, int]()
        """Word of the terms -> where it stands: a bit for each place. The word 0 where phrases without words may stand."""
        bit = 1
        for word in known:
            for ours in word.ours:
                places[ours] = places[ours] | bit if ours in places else bit
            bit <<= 1
        if text.unspaced:
            places[0] = 0

    def quality(self, place: int, ours: int) -> float:
        """How well the word at a place stands for one of the terms'."""
        known = self.known[place]
        return known.qualities[known.ours.index(ours)]

    def among(self, places: int, ours: int) -> list[_Place]:
        """Of some places where a word of the terms stands, the first place first, how well it does."""
        found = []
        while places:
            place = (places & -places).bit_length() - 1
            found.append((place, self.quality(place, ours)))
            places &= places - 1
        return found

    def best(self, places: int, ours: int) -> _Place:
        """Of some places where a word of the terms stands, at least one, the one where it does best; of equals the first."""
        if places & places - 1:
            return max(self.among(places, ours), key=_QUALITY)
        place = places.bit_length() - 1
        return place, self.quality(place, ours)

    def near(self, anchor: int, ours: int, reach: int, before: int) -> _Place:
        """The place of a word nearest to `anchor`, after as many as the phrase has taken for the same word before."""
        places = self.places[ours] & ((2 << 2 * reach) - 1) << anchor >> reach
        ranked = [(abs(place - anchor), -quality, place) for place, quality in self.among(places, ours)]
        if len(ranked) <= before:
            return _NOWHERE
        _, quality, place = sorted(ranked)[before] if before else min(ranked)
        return place, -quality


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
        read_names = [(term, name, said, () if is_unspaced(said) else read(said).words) for term, name, said in names]
        self._vocabulary = Vocabulary(chain.from_iterable(words for *_, words in read_names))
        self._common = Counter([word.folded for *_, words in read_names for word in words])
        self._numbers = {word: number for number, word in enumerate(("", *self._common))}
        of: dict[int, list[Phrase]] = defaultdict(list)
        for term, name, said, words in read_names:
            of[term] += (
                [self._phrase(name, said, tuple([word.folded for word in words]))] if words or is_unspaced(said) else ()
            )
        self._of = [tuple(of[term]) for term in range(len(of))]
        """For each term the phrases that say it."""

    def _phrase(self, name: str, said: str, words: tuple[str, ...]) -> Phrase:
        before = (
            tuple(words[:place].count(word) for place, word in enumerate(words)) if len({*words}) < len(words) else ()
        )
        longest = max(words, key=len, default="")
        exacting = len(words) == 1 and (len(longest) <= _SHORT or (len(said) <= _ACRONYM and said.isupper()))
        rarest, other, *_ = *sorted(words, key=lambda word: (self._common[word], -len(word))), "", ""
        one, two, three, *numbers = map(self._numbers.__getitem__, (rarest, other, longest, *words))
        return Phrase(name, said, tuple(numbers), one, two, three, longest, exacting, before)

    def rarest(self, term: int) -> list[int]:
        """One word of each phrase of a term, without which it is not said."""
        return [phrase.rarest for phrase in self._of[term]]

    def index(self, hopes: Iterable[int]) -> Index:
        """Finds those hopes whose term an entry may say; `hopes` has the term of each."""
        return Index(self._vocabulary, self._numbers, self._of, hopes)


class Index(dict[str, _Known]):
    """Finds which of some terms an entry may say. Remembers what each word of the stream, as it is written, stands for."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        numbers: Mapping[str, int],
        phrases: Sequence[tuple[Phrase, ...]],
        hopes: Iterable[int],
    ) -> None:
        super().__init__()
        self._vocabulary, self._numbers, self._phrases = vocabulary, numbers, phrases
        self._reach = 0
        """Two words of a phrase stand no farther from one another."""
        alone, together = defaultdict[int, list[int]](list), defaultdict[int, list[int]](list)
        partners = defaultdict[int, set[int]](set)
        for hope, term in enumerate(hopes):
            for phrase in phrases[term]:
                if 1 < len(phrase.words) <= _LONG:
                    self._reach = max(self._reach, len(phrase.words))
                    partners[phrase.rarest].add(phrase.next_rarest)
                    together[self._pair(phrase.rarest, phrase.next_rarest)].append(hope)
                else:
                    alone[phrase.rarest].append(hope)
        self._alone = {one: tuple(some) for one, some in alone.items()}
        self._together = {pair: tuple(some) for pair, some in together.items()}
        """A phrase's rarest word and its next rarest, as one number -> the hopes."""
        self._partners = {one: frozenset(others) for one, others in partners.items()}
        """Rarest word of a phrase -> the next rarest of all that have it."""

    def _pair(self, one: int, other: int) -> int:
        return one * len(self._numbers) + other

    def __missing__(self, surface: str) -> _Known:
        standings = self._vocabulary[fold(surface)]
        if not surface[0].isupper():
            standings = tuple([standing for standing in standings if not standing.name])
        if len(self) >= _REMEMBERED:
            self.clear()
        if not standings:  # most words: they share what is known of them
            self[surface] = _UNKNOWN
            return _UNKNOWN
        ours = tuple([self._numbers[standing.ours] for standing in standings])
        alone = tuple([hope for one in ours for hope in self._alone.get(one, ())])
        anchors = tuple([one for one in ours if one in self._partners])
        partners = [self._partners[one] for one in anchors]
        near = partners[0] if len(partners) == 1 else _NONE.union(*partners)
        qualities = tuple([standing.quality for standing in standings])
        anchors = tuple([self._pair(one, 0) for one in anchors])
        self[surface] = known = _Known(ours, qualities, alone, anchors, near)
        return known

    def said(self, title: Text, summary: Text) -> Said:
        """What an entry says of all terms."""
        return Said(self._phrases, (self._read("title", title), self._read("summary", summary)))

    def _read(self, field: str, text: Text) -> _Reading:
        return _Reading(field, text, list(map(self.__getitem__, map(_SURFACE, text.words))))

    def proposed(self, said: Said) -> dict[int, float]:
        """The hopes whose terms an entry may say, and how surely it may at most."""
        title, summary = map(self._propose, said.readings)
        return dict.fromkeys(summary, _SUMMARY) | dict.fromkeys(title, SAME)

    def _propose(self, reading: _Reading) -> list[int]:
        """The hopes for whose terms the rarest words stand in a text, near one another if they are two; some of them twice."""
        hopes, places = list[int](), reading.places
        words, window = set(places), (2 << 2 * self._reach) - 1
        for place, known in enumerate(reading.known):
            if known.alone:
                hopes += known.alone
            if known.partners and not known.partners.isdisjoint(words):
                around = window << place >> self._reach
                for other in known.partners & words:
                    if places[other] & around:
                        for anchor in known.anchors:
                            hopes += self._together.get(anchor + other, ())
        if reading.text.unspaced:
            hopes += self._alone.get(0, ())
        return hopes


class Said(dict[int, Hit | None]):
    """Term -> how an entry says it best, or None; found out when it is asked for."""

    def __init__(self, phrases: Sequence[tuple[Phrase, ...]], readings: tuple[_Reading, ...]) -> None:
        super().__init__()
        self._phrases = phrases
        self.readings = readings

    def words(self) -> set[int]:
        """The words of the terms that stand in the entry."""
        return set[int]().union(*[reading.places for reading in self.readings])

    def __missing__(self, term: int) -> Hit | None:
        """A title says it better than any summary; of equals the first counts."""
        hits: list[Hit] = []
        for reading in self.readings:
            places = reading.places
            for phrase in self._phrases[term]:
                if phrase.rarest in places and (stands := _stands(phrase, reading, places)):
                    hits.append(_weighed(phrase, reading, stands))  # noqa: PERF401 - for one phrase, a list made at once takes longer
            if hits:
                break
        if len(hits) > 1:
            order = list(hits[0].reading.places)
            hits.sort(key=lambda hit: (-hit.weight, order.index(hit.phrase.rarest)))
        self[term] = hit = hits[0] if hits else None
        return hit


def _weighed(phrase: Phrase, reading: _Reading, stands: _Stands) -> Hit:
    first, last, quality = stands
    if reading.field != "title":
        quality = round(quality * (_SUMMARY if first < _LEAD else _LATER), 3)
    return Hit(quality, phrase, reading, first, last)


def _stands(phrase: Phrase, reading: _Reading, places: Mapping[int, int]) -> _Stands | None:
    """The first and the last place of a phrase's words, whose rarest is there, and how well they fit."""
    if phrase.next_rarest:
        return _together(phrase, reading) if phrase.next_rarest in places else None
    if not phrase.words:
        place = reading.text.unspaced.find(phrase.said.casefold())
        return None if place < 0 else (place // 3, place // 3, SAME)
    if not phrase.exacting:
        bits = places[phrase.rarest]
        place = (bits & -bits).bit_length() - 1
        return place, place, reading.quality(place, phrase.rarest)
    for place, quality in reading.among(places[phrase.rarest], phrase.rarest):
        if _is_exact(reading.text.words[place], phrase):
            return place, place, quality
    return None


def _is_exact(word: Word, phrase: Phrase) -> bool:
    """Short words stand as written or in the plural, acronyms in capitals only (`US` is not `us`); `una` is no form of `un`."""
    ours = phrase.written
    if len(phrase.said) <= _ACRONYM and phrase.said.isupper():
        capitals = 1 if len(ours) == _ACRONYM else 2
        if not word.surface[:capitals].isupper():
            return False
    return len(ours) > _SHORT or word.folded in (ours, f"{ours}s")


def _together(phrase: Phrase, reading: _Reading) -> _Stands | None:
    """Where a phrase's words stand close together, in any order."""
    places, words, reach = reading.places, phrase.words, len(phrase.words)
    if reach == 2 and not phrase.before:  # noqa: PLR2004 - most are so, and this is where the time goes
        return _pair(phrase.longest, words[phrase.longest == words[0]], reading)
    if not all(map(places.__contains__, words)):
        return None
    anchors = places[phrase.longest]
    for word in words:
        anchors &= _around(places[word], reach)
    before = phrase.before or repeat(0)
    for anchor, _ in reading.among(anchors, phrase.longest):
        near = [reading.near(anchor, word, reach, taken) for word, taken in zip(words, before, strict=False)]
        stand = {place for place, _ in near}
        first, last = min(stand), max(stand)
        if first >= 0 and last - first <= reach == len(stand):
            return first, last, min([quality for _, quality in near])
    return None


def _pair(one: int, other: int, reading: _Reading) -> _Stands | None:
    """The first place of a word that has another within two words of it, though not at the same place, and the nearest of these."""
    ones, others = reading.places[one], reading.places[other]
    beside = ones & (others << 1 | others >> 1 | others << 2 | others >> 2) & ~others
    if not beside:
        return None
    anchor = (beside & -beside).bit_length() - 1
    around = others & 0b101 << anchor >> 1 or others & 0b10001 << anchor >> 2
    place, its = reading.best(around, other)
    quality = reading.quality(anchor, one)
    quality = min(quality, its)
    return (anchor, place, quality) if anchor < place else (place, anchor, quality)


def _around(places: int, reach: int) -> int:
    """The places and those that are no farther from one of them than `reach`."""
    around, wide = places << reach, 1
    while wide <= 2 * reach:
        step = min(wide, 2 * reach + 1 - wide)
        around |= around >> step
        wide += step
    return around
