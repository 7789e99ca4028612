"""Words by their parts, so that those which a word may be a slip of the keyboard for are found without looking at the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rapidfuzz import process
from rapidfuzz.distance import OSA

_Part = tuple[int, int]
"""Where a part begins and ends."""


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
        self._by_length: dict[int, list[tuple[_Part, dict[str, list[str]]]]] = {}

    def add(self, word: str) -> None:
        """Let `word` be found, where slips are allowed in it at all."""
        length = len(word)
        if not allowed(length):
            return
        if length not in self._by_length:
            self._by_length[length] = [(part, {}) for part in _parts(length)]
        for (begin, end), table in self._by_length[length]:
            table.setdefault(word[0] + word[begin:end], []).append(word)

    def near(self, word: str) -> Iterable[str]:
        """The words that `word` may be meant for; some of them twice."""
        most = allowed(len(word))
        for length in range(len(word) - most, len(word) + most + 1) if most else ():
            slips = min(most, allowed(length))
            if slips and length in self._by_length and (near := list(self._proposed(word, length, slips))):
                for found, *_ in process.extract(word, near, scorer=OSA.distance, score_cutoff=slips, limit=None):
                    yield found

    def _proposed(self, word: str, length: int, slips: int) -> Iterator[str]:
        first, (*middle, (last, at_end)) = self._by_length[length][0], self._by_length[length][1:]
        longer = len(word) - length
        (begin, end), table = first
        yield from table.get(word[0] + word[begin:end], ())
        (begin, end), table = last, at_end
        yield from table.get(word[0] + word[begin + longer : end + longer], ())
        for (begin, end), table in middle:
            for moved in range(-slips, slips + 1):
                if abs(moved) + abs(longer - moved) <= slips:
                    yield from table.get(word[0] + word[begin + moved : end + moved], ())


def _parts(length: int) -> list[_Part]:
    """Parts of about one size; the first letter is looked up with each, which makes up for it in the first."""
    if allowed(length) == 1:
        return [(0, length // 2), (length // 2 + 1, length)]
    size = (length - 2) // 3
    return [(0, size + 1), (size + 2, length - size - 1), (length - size, length)]
