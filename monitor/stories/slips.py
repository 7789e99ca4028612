"""Words by their parts, so that those which a word may be a slip of the keyboard for are found without looking at the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rapidfuzz import process
from rapidfuzz.distance import OSA

_Part = tuple[int, int]
"""Where a part begins and ends."""
_Table = dict[str, list[str]]
"""First letter and part -> the words that have them."""
_FEW = 8
"""Fewer words than these are compared one by one sooner than all at once."""


def allowed(length: int) -> int:
    """How many slips of the keyboard a word of that length may have: in a short word one makes another word."""
    return 0 if length < 6 else 1 if length < 10 else 2  # noqa: PLR2004


class Slips:
    """Finds words of the same first letter in a distance of as many slips as are allowed.

    A word that may have k slips is cut into k+1 parts with a letter left out between them. A slip, also two letters that changed places,
    then touches one part at most, so that one part is left as it was; it stands where it stood, moved by as many letters as were put in
    or left out before it. The first part is never moved, since equal beginnings cost nothing, nor is the last seen from the end. So a few
    look-ups of parts, by length and first letter, propose a few dozen of a hundred thousand words, and those are compared.
    """

    def __init__(self) -> None:
        self._by_length: dict[int, list[tuple[_Part, _Table]]] = {}
        self._plans: dict[int, list[tuple[_Table, int, int]]] = {}

    def add(self, word: str) -> None:
        """Let `word` be found, where slips are allowed in it at all."""
        length = len(word)
        if not allowed(length):
            return
        if length not in self._by_length:
            self._plans.clear()
            self._by_length[length] = [(part, {}) for part in _parts(length)]
        for (begin, end), table in self._by_length[length]:
            table.setdefault(word[0] + word[begin:end], []).append(word)

    def near(self, word: str) -> Iterable[str]:
        """The words that `word` may be meant for, and few that it may not; some of them twice."""
        first, near = word[0], list[str]()
        for table, begin, end in self._plan(len(word)):
            if (part := first + word[begin:end]) in table:
                near += table[part]
        most = allowed(len(word))
        if len(near) < _FEW:
            return [found for found in near if OSA.distance(word, found, score_cutoff=most) <= most]
        return [found for found, *_ in process.extract(word, near, scorer=OSA.distance, score_cutoff=most, limit=None)]

    def _plan(self, length: int) -> list[tuple[_Table, int, int]]:
        """The look-ups for a word of that length: where, and of which part of it."""
        if length not in self._plans:
            most = allowed(length)
            self._plans[length] = [
                (table, begin, end)
                for other in range(length - most, length + most + 1)
                for table, begin, end in self._moved(other, length - other, min(most, allowed(other)))
            ]
        return self._plans[length]

    def _moved(self, length: int, longer: int, slips: int) -> Iterator[tuple[_Table, int, int]]:
        """Where the parts of a word of that length stand in one that is `longer` by so many letters."""
        parts = self._by_length.get(length, []) if slips else []
        for number, ((begin, end), table) in enumerate(parts):
            if number in (0, len(parts) - 1):
                moves: Iterable[int] = (longer if number else 0,)
            else:
                moves = (by for by in range(-slips, slips + 1) if abs(by) + abs(longer - by) <= slips)
            yield from ((table, begin + by, end + by) for by in moves)


def _parts(length: int) -> list[_Part]:
    """Parts of about one size; the first letter is looked up with each, which makes up for it in the first."""
    if allowed(length) == 1:
        return [(0, length // 2), (length // 2 + 1, length)]
    size = (length - 2) // 3
    return [(0, size + 1), (size + 2, length - size - 1), (length - size, length)]
