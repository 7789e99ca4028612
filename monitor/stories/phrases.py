"""The phrases that say the terms, and which of them a text has: proposed by their two rarest words, and verified where those stand.

Each distinct word of the stream is compared with the words of all terms once and remembered (`vocabulary.py`); from then on a text costs
a dictionary look-up a word, and only phrases are looked at of which the two rarest words were seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from monitor.stories.text import Text, Word, is_unspaced, read
from monitor.stories.vocabulary import SAME, Vocabulary

_ACRONYM = 4
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
    longest: str
    before: tuple[int, ...]
    """How often each word stands in the phrase before, as in `Baden-Baden`; empty where none does."""


@dataclass(frozen=True, slots=True)
class Found:
    """A phrase in a text."""

    phrase: Phrase
    words: str
    """The words found for it, as they are written."""
    quality: float
    """How well they fit, 0..1."""
    place: int
    """The number of the first of them."""


class Phrases:
    """All phrases of all terms. Not thread-safe: it remembers the words it has seen."""

    def __init__(self, names: Iterable[tuple[int, str, str]]) -> None:
        """Of `names`: the number of a term, the term as the user wrote it, and one of the phrases that say it."""
        self._alone: dict[str, list[Phrase]] = {}
        """Word -> the phrases that are nothing else."""
        self._together: dict[str, dict[str, list[Phrase]]] = {}
        """A phrase's rarest word -> its next one -> the phrases."""
        self._unspaced: list[Phrase] = []
        written: list[Word] = []
        spaced = []
        for number, (term, name, said) in enumerate(names):
            words = read(said).words
            phrase = _phrase((number, term), name, said, tuple(word.folded for word in words))
            if is_unspaced(said):
                self._unspaced.append(phrase)
            elif words:
                spaced.append(phrase)
                written += words
        self._vocabulary = Vocabulary(written)
        self._order(spaced)

    def _order(self, phrases: Sequence[Phrase]) -> None:
        """By those words of theirs which the fewest have: a phrase is looked at only where they stand."""
        common = Counter(chain.from_iterable(phrase.words for phrase in phrases))
        for phrase in phrases:
            rarest, *others = sorted(phrase.words, key=lambda word: (common[word], -len(word)))
            if others:
                self._together.setdefault(rarest, {}).setdefault(others[0], []).append(phrase)
            else:
                self._alone.setdefault(rarest, []).append(phrase)

    def said_in(self, text: Text) -> Iterator[Found]:
        """Each phrase that `text` has, in the order of its words."""
        places: dict[str, list[_Place]] = {}
        vocabulary = self._vocabulary
        for place, (folded, surface) in enumerate(text.words):
            for ours, quality, name in vocabulary[folded]:
                if not name or surface[0].isupper():
                    places.setdefault(ours, []).append((place, quality))
        for ours, at in places.items():
            found = [hit for phrase in self._alone.get(ours, ()) if (hit := _alone(phrase, at, text.words))]
            alone = len(found)
            if ours in self._together:
                found += self._whole(self._together[ours], places, text.words)
            yield from found if alone in (0, len(found)) else sorted(found, key=lambda hit: hit.phrase.number)
        for phrase in self._unspaced if text.unspaced else ():
            said = phrase.said.casefold()
            if (place := text.unspaced.find(said)) >= 0:
                yield Found(phrase, said, SAME, place // 3)

    def _whole(
        self, phrases: Mapping[str, list[Phrase]], places: Mapping[str, list[_Place]], words: Sequence[Word]
    ) -> list[Found]:
        """Those of the phrases that stand whole in a text, in their order."""
        found = []
        for other in phrases.keys() & places.keys():
            found += [hit for phrase in phrases[other] if (hit := _together(phrase, places, words))]
        return found if len(found) < 2 else sorted(found, key=lambda hit: hit.phrase.number)  # noqa: PLR2004


def _phrase(numbers: tuple[int, int], name: str, said: str, words: tuple[str, ...]) -> Phrase:
    before = tuple(words[:place].count(word) for place, word in enumerate(words)) if len({*words}) < len(words) else ()
    return Phrase(*numbers, name, said, words, max(words, key=len, default=""), before)


def _alone(phrase: Phrase, at: list[_Place], words: Sequence[Word]) -> Found | None:
    """A phrase of one word: short ones as written or in the plural, acronyms in capitals only (`US` is not `us`)."""
    ours, said = phrase.longest, phrase.said
    acronym = len(said) <= _ACRONYM and said.isupper()
    for place, quality in at:
        folded, surface = words[place]
        if acronym and not surface[: 1 if len(ours) == _ACRONYM else 2].isupper():
            continue
        if len(ours) <= 3 and folded not in (ours, f"{ours}s"):  # noqa: PLR2004 - `una` is no form of `un`
            continue
        return Found(phrase, surface, quality, place)
    return None


def _together(phrase: Phrase, places: Mapping[str, list[_Place]], words: Sequence[Word]) -> Found | None:
    """Where a phrase's words stand close together, in any order."""
    at = [places.get(word) for word in phrase.words]
    if None in at:
        return None
    before = phrase.before or (0,) * len(at)
    if phrase.before and any(len(some) <= taken for some, taken in zip(at, before, strict=True)):
        return None
    for anchor, _ in places[phrase.longest]:
        near = [_nearest(some, anchor, taken) for some, taken in zip(at, before, strict=True)]
        stand = {place for place, _ in near}
        first, last = min(stand), max(stand)
        if last - first <= len(near) == len(stand):
            found = " ".join(word.surface for word in words[first : last + 1])
            return Found(phrase, found, min(quality for _, quality in near), first)
    return None


def _nearest(at: list[_Place], anchor: int, before: int) -> _Place:
    """The place nearest to `anchor`, after as many as the phrase has taken for the same word before."""
    if len(at) == 1:
        return at[0]

    def distance(place: _Place) -> tuple[int, float]:
        return abs(place[0] - anchor), -place[1]

    return sorted(at, key=distance)[before] if before else min(at, key=distance)
