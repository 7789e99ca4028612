"""Words by their parts, so that those which a word may be a slip of the keyboard for are found without looking at the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter

from rapidfuzz import process
from rapidfuzz.distance import OSA

_END = "$"
"""Stands after a word's last letter, and with it in its last part."""
_FEW = 4
"""Fewer words than these are compared one by one sooner than all at once."""
_Cut = Callable[[str], tuple[str, ...]]
"""Cuts parts out of a word."""


def allowed(length: int) -> int:
    """How many slips of the keyboard a word of that length may have: in a short word one makes another word."""
    return 0 if length < 6 else 1 if length < 10 else 2  # noqa: PLR2004


class Slips:
    """Finds words of the same first letter in a distance of as many slips as are allowed.

    A word that may have k slips is cut into k+1 parts with a letter left out between them. A slip, also two letters that changed places,
    then touches one part at most, so that one part is left as it was. The first part is never moved, since equal beginnings cost nothing,
    nor is the last seen from the end; if both are touched, one slip moves the part between them, by a letter at most. So a few look-ups of
    parts, by first letter, propose a few dozen of a hundred thousand words, and those are compared.
    """

    def __init__(self) -> None:
        self._tables: dict[int, dict[str, list[str]]] = {1: {}, 2: {}}
        """How many slips are allowed -> first letter and part -> the words that have them."""

    def add(self, word: str) -> None:
        """Let `word` be found, where slips are allowed in it at all."""
        if slips := allowed(len(word)):
            table, marked = self._tables[slips], word + _END
            for begin, end in _parts(len(word)):
                table.setdefault(word[0] + marked[begin:end], []).append(word)

    def near(self, word: str) -> list[str]:
        """The words that `word` may be meant for; some of them twice."""
        near: list[str] = []
        first, marked = word[0], word + _END
        for slips, most, cut in _look_ups(len(word)):
            proposed: list[str] = []
            table = self._tables[slips]
            for part in cut(marked):
                if (key := first + part) in table:
                    proposed += table[key]
            if proposed:
                near += _within(most, word, proposed)
        return near


def _within(most: int, word: str, proposed: list[str]) -> list[str]:
    """Those in a distance of so many slips at most."""
    if len(proposed) < _FEW:
        return [found for found in proposed if OSA.distance(word, found, score_cutoff=most) <= most]
    return [found for found, *_ in process.extract(word, proposed, scorer=OSA.distance, score_cutoff=most, limit=None)]


@lru_cache(maxsize=256)
def _look_ups(length: int) -> list[tuple[int, int, _Cut]]:
    """For words that may have so many slips: how many they may have in a word of that length, and the parts that it may have of them."""
    places, most = defaultdict[int, list[slice]](list), allowed(length)
    for other in range(length - most, length + most + 1):
        longer, slips = length - other, min(most, allowed(other))
        if slips and abs(longer) <= slips:
            first, *between, last = _parts(other)
            moved = [(first, 0), (last, longer)]
            if slips > 1:
                moved += [(part, by) for part in between for by in (-1, 0, 1) if abs(longer - by) <= 1]
            cuts = [slice(begin + by, end + by) for (begin, end), by in moved]
            places[allowed(other)] += [cut for cut in cuts if cut not in places[allowed(other)]]
    return [(slips, min(most, slips), _cut(cuts)) for slips, cuts in places.items()]


def _cut(places: Sequence[slice]) -> _Cut:
    one, other, *more = places
    return itemgetter(one, other, *more)


def _parts(length: int) -> list[tuple[int, int]]:
    """Where parts begin and end, the last one behind the end of the word: all of about one size, but many words begin alike."""
    if allowed(length) == 1:
        half = (length + 1) // 2
        return [(0, half), (half + 1, length + 1)]
    third = length // 3 - 1
    return [(0, third + 2), (third + 3, length - third - 1), (length - third, length + 1)]
