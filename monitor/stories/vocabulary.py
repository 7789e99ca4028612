"""The words of all terms, and which of them a word of the stream may stand for: the same, another form of it, or a slip of the keyboard.

`likeness` says it of a pair. A `Vocabulary` finds what it would say of all pairs and looks at few: another form begins as the term's word
does (but for its last letter), or shares a stem with it, and a slip leaves a part of the word as it was (`slips.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from operator import itemgetter
from typing import NamedTuple

from rapidfuzz.distance import OSA, Prefix

from monitor.stories.facts import word_set
from monitor.stories.memo import Memo
from monitor.stories.slips import Slips, allowed
from monitor.stories.text import Word, stems

SAME, INFLECTED, TYPO = 1.0, 0.95, 0.85
"""How much a word counts that was found as written, in another form, or with a typing error."""

_REMEMBERED = 200_000
"""Words; to look one up takes ten times as long as to read it, so more of them than of anything else."""
_BEGINNING = 3
"""Letters in which all forms of a word agree that has as many."""
_SHORTEST_ROOT, _SHORTEST_COMMON = 3, 4
"""Letters that a name, or another word, has without its last one, so that another ending may replace it."""
_ENDING = 3
"""Letters that an ending of any word may have; those of names are in words/endings.txt."""
_VOWELS = frozenset("aeiouy")


class Standing(NamedTuple):
    """A term's word that a word of the stream may stand for."""

    ours: str
    quality: float
    name: bool
    """It is another form of a name, so it counts only with a capital: `crime` is no form of `Crimea`."""


class _Alike(NamedTuple):
    """Our words that begin with the same letters: together, since a look-up mostly waits for memory that is far apart."""

    by_root: dict[str, tuple[Standing, ...]]
    """By the word, and where it may lose its last letter also by what is left."""
    by_stem: dict[str, tuple[Standing, ...]]
    """The common words only; names are not stemmed."""


class Vocabulary(Memo[str, tuple[Standing, ...]]):
    """Word of the stream -> the terms' words it may stand for. Looked up once a word, and remembered; not thread-safe."""

    def __init__(self, words: Iterable[Word]) -> None:
        super().__init__(_REMEMBERED)
        written = list(words)
        self._common = {word.folded for word in written if not word.surface[0].isupper()}
        """The words that some term writes with a small letter; the others are names."""
        self._by_beginning: dict[str, _Alike] = {}
        self._slips = Slips()
        for ours in dict.fromkeys(word.folded for word in written):
            self._add(ours, common=ours in self._common)

    def _add(self, ours: str, *, common: bool) -> None:
        alike = self._by_beginning.setdefault(ours[:_BEGINNING], _Alike({}, {}))
        form = (Standing(ours, INFLECTED, not common),)
        alike.by_root[ours] = alike.by_root.get(ours, ()) + form
        if len(ours) > _SHORTEST_COMMON if common else len(ours) > _SHORTEST_ROOT and ours[-1] in _VOWELS:
            alike.by_root[ours[:-1]] = alike.by_root.get(ours[:-1], ()) + form
        if common and len(ours) >= _BEGINNING:
            for stem in stems(ours):
                alike.by_stem[stem] = alike.by_stem.get(stem, ()) + form
        self._slips.add(ours)

    def found(self, word: str) -> tuple[Standing, ...]:
        """What a word that was not seen yet may stand for, the likest first."""
        alike = self._by_beginning.get(word[:_BEGINNING])
        found: dict[str, Standing] = {}
        if not word[0].isdigit():
            for ours in self._slips.near(word):
                found[ours] = Standing(ours, TYPO, ours not in self._common)
            for form in self._forms(word, alike):
                found[form.ours] = form
        if alike and word in alike.by_root and word in [form.ours for form in alike.by_root[word]]:
            found[word] = Standing(word, SAME, name=False)
        if len(found) > 1:
            return tuple(sorted(found.values(), key=lambda standing: (-standing.quality, standing.ours)))
        return tuple(found.values())

    def _forms(self, word: str, alike: _Alike | None) -> list[Standing]:
        """The words of ours that `word` is another form of; some of them twice."""
        forms: list[Standing] = []
        if alike:
            forms += _by_ending(word, alike.by_root)
            if alike.by_stem:
                for stem in stems(word):
                    if stem in alike.by_stem:
                        forms += alike.by_stem[stem]
        if len(word) < _BEGINNING + _longest_ending():
            for end in range(1, _BEGINNING):
                if short := self._by_beginning.get(word[:end]):
                    forms += _by_ending(word, short.by_root)
        return forms


def _by_ending(word: str, by_root: dict[str, tuple[Standing, ...]]) -> list[Standing]:
    """The words of ours that are `word`, or the root of it, but for an ending that they may have."""
    forms: list[Standing] = []
    for begun in _beginnings()(word):
        if begun in by_root:
            any_ending = len(word) - len(begun) <= _ENDING
            forms += [
                form for form in by_root[begun] if (_is_form_of_name(word, form.ours) if form.name else any_ending)
            ]
    return forms


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
    if _has_ending(word, ours):
        return True
    # stemming is slow, and cuts endings only
    return word[:_BEGINNING] == ours[:_BEGINNING] and bool(_stems(word) & _stems(ours))


def _has_ending(word: str, ours: str) -> bool:
    """Whether `word` is ours, or ours but for its last letter, with an ending that any word may have."""
    if word.startswith(ours):
        return len(word) - len(ours) <= _ENDING
    root = ours[:-1]
    return len(root) >= _SHORTEST_COMMON and word.startswith(root) and len(word) - len(root) <= _ENDING


_stems = lru_cache(maxsize=10_000)(stems)


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


@cache
def _beginnings() -> Callable[[str], tuple[str, ...]]:
    """Cuts off what may be an ending, of any length; leaves nothing of a word that is shorter."""
    return itemgetter(*[slice(None, -length or None) for length in range(_longest_ending() + 1)])


def common_beginning(word: str, ours: str) -> int:
    """The number of letters in which two words begin alike."""
    return Prefix.similarity(word, ours)
