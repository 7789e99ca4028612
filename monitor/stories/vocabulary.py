"""The words of all terms, and which of them a word of the stream may stand for: the same, another form of it, or a slip of the keyboard.

`likeness` decides; the indexes only spare it most pairs, and none that it would accept: another form begins as the term's word does (but
for its last letter), or shares a stem with it, and a slip leaves a part of the word as it was (`slips.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from rapidfuzz.distance import OSA, Prefix

from monitor.stories.facts import word_set
from monitor.stories.slips import Slips, allowed
from monitor.stories.text import Word, stems

SAME, INFLECTED, TYPO = 1.0, 0.95, 0.85
"""How much a word counts that was found as written, in another form, or with a typing error."""

_REMEMBERED = 100_000
"""Words of a generation. Two are kept, so that what is said every day is not looked up again when it is full."""
_BEGINNING = 3
"""Letters in which all forms of a word agree that has as many."""
_SHORTEST_ROOT = 3
_ENDING = 3
"""Letters that an ending of any word may have; those of names are in words/endings.txt."""
_VOWELS = frozenset("aeiouy")


class Standing(NamedTuple):
    """A term's word that a word of the stream may stand for."""

    ours: str
    quality: float
    name: bool
    """It is another form of a name, so it counts only with a capital: `crime` is no form of `Crimea`."""


class Vocabulary(dict[str, tuple[Standing, ...]]):
    """Word of the stream -> the terms' words it may stand for. Looked up once a word, and remembered; not thread-safe."""

    def __init__(self, words: Iterable[Word]) -> None:
        super().__init__()
        written = list(words)
        self._common = {word.folded for word in written if not word.surface[0].isupper()}
        """The words that some term writes with a small letter; the others are names."""
        self._beginnings: set[str] = set()
        self._stemmed: set[str] = set()
        """The beginnings of common words; names are not stemmed."""
        self._by_beginning: dict[str, list[str]] = defaultdict(list)
        """Our words, and those that may lose their last letter without it, too."""
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        self._slips = Slips()
        self._standings: dict[tuple[str, float], Standing] = {}
        """Each once, however many words stand for it."""
        self._before: dict[str, tuple[Standing, ...]] = {}
        """The generation before."""
        for ours in dict.fromkeys(word.folded for word in written):
            self._add(ours, common=ours in self._common)

    def _add(self, ours: str, *, common: bool) -> None:
        self._beginnings.add(ours[:_BEGINNING])
        self._by_beginning[ours].append(ours)
        if len(ours) > _SHORTEST_ROOT and (common or ours[-1] in _VOWELS):
            self._by_beginning[ours[:-1]].append(ours)
        if common:
            self._stemmed.add(ours[:_BEGINNING])
            for stem in stems(ours):
                self._by_stem[stem].append(ours)
        self._slips.add(ours)

    def __missing__(self, word: str) -> tuple[Standing, ...]:
        """What a word that was not seen yet may stand for, the likest first."""
        if len(self) >= _REMEMBERED:
            self._before = dict(self)
            self.clear()
        known = self._before.pop(word, None)
        self[word] = known = self._found(word) if known is None else known
        return known

    def _found(self, word: str) -> tuple[Standing, ...]:
        found = []
        for ours in self._near(word):
            name = ours not in self._common
            if ours[0] == word[0] and (quality := likeness(word, ours, name=name)):
                standing = Standing(ours, quality, name and quality != SAME)
                found.append(self._standings.setdefault((ours, quality), standing))
        if len(found) > 1:
            found.sort(key=lambda standing: (-standing.quality, standing.ours))
        return tuple(found)

    def _near(self, word: str) -> set[str]:
        """Every word of ours that `likeness` may accept."""
        beginning, near = word[:_BEGINNING], set(self._slips.near(word))
        known = beginning in self._beginnings
        for end in range(max(1, len(word) - _longest_ending()), len(word) + 1 if known else _BEGINNING):
            if (begun := word[:end]) in self._by_beginning:
                near.update(self._by_beginning[begun])
        if beginning in self._stemmed:
            for stem in stems(word):
                near.update(self._by_stem.get(stem, ()))
        return near


def likeness(word: str, ours: str, *, name: bool = False) -> float:
    """How well `word` stands for a term's word: the same, another form of it, one slip of the keyboard, or not at all (0).

    A `name` takes the endings that names take, and no others: `Crimean` and `Krymu` are forms, `Titanic` is none of `Titan`.
    """
    if word == ours:
        return SAME
    if word[0].isdigit() or ours[0].isdigit():
        return 0.0
    if _is_form_of_name(word, ours) if name else _is_form_of(word, ours):
        return INFLECTED
    slips = allowed(min(len(word), len(ours)))
    if not slips or abs(len(word) - len(ours)) > slips:
        return 0.0
    return TYPO if OSA.distance(word, ours, score_cutoff=slips) <= slips else 0.0


def _is_form_of(word: str, ours: str) -> bool:
    """Whether two words differ in their endings only."""
    common = common_beginning(word, ours)
    if len(ours) <= 3 and common == len(ours) and len(word) - common <= _ENDING:  # noqa: PLR2004 - phrases ask for this
        return True
    if common >= 4 and len(ours) - common <= 1 and len(word) - common <= _ENDING:  # noqa: PLR2004
        return True
    return common >= 3 and bool(stems(word) & stems(ours))  # noqa: PLR2004 - stemming is slow, and cuts endings only


def _is_form_of_name(word: str, ours: str) -> bool:
    """Whether `word` is a name with a case ending, a plural, or one that makes an adjective of it; `una`, `unem` are forms of `un`."""
    if word.startswith(ours):
        return word[len(ours) :] in word_set("endings", "added")
    root = ours[:-1]
    return (
        ours[-1] in _VOWELS
        and len(root) >= _SHORTEST_ROOT
        and word.startswith(root)
        and word[len(root) :] in word_set("endings", "for a vowel")
    )


@cache
def _longest_ending() -> int:
    return max(map(len, (_ENDING * "x", *word_set("endings", "added"), *word_set("endings", "for a vowel"))))


def common_beginning(word: str, ours: str) -> int:
    """The number of letters in which two words begin alike."""
    return Prefix.similarity(word, ours)
