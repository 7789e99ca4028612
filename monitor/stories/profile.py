"""What a storyline has been saying: its habitual words, and how familiar a new entry sounds to it.

Familiarity sharpens matching within bounds: it moves a score by SWAY at most, and only entries whose terms alone reach the
threshold teach it, so that no chain of weak links leads the story astray.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from monitor.model import Match
from monitor.stories.facts import Facts, strongest

SWAY = 0.12
"""The most that familiarity adds to a match's score, or takes from it."""
EXPECTED, SPREAD = 0.25, 0.2
"""The familiarity at which nothing is added, and the distance from it at which all of SWAY is; middle of the labelled stories."""
GROWN_UP = 8
"""Entries from which on a storyline has habits."""
HABITUAL = 0.05
"""The share of a storyline's entries that say a word from which on it is one of its words."""
_SHOWN = 4
_WORDS = 20_000
"""Words that a storyline remembers at most; those that the fewest of its entries say are forgotten."""


@dataclass(frozen=True, slots=True)
class Familiarity:
    """How much of an entry, by weight, a storyline has said before: `degree` 0..1, with the words that say most of it."""

    degree: float
    words: tuple[str, ...]


class Profile:
    """The words of one storyline's entries, learned as they come, on top of those of its seed article."""

    def __init__(self, seed: Collection[str] = ()) -> None:
        self._seed = frozenset(seed)
        self._counts: Counter[str] = Counter()
        self._size = 0

    def learn(self, read: Facts) -> None:
        """Take in the words of an entry that belongs to the storyline."""
        self._size += 1
        self._counts.update(list(read.told))
        forget_rarest(self._counts, _WORDS)

    def share(self, key: str) -> float:
        """The share of the storyline's entries that tell `key`, 0..1; 0 while it has none, since it has no habits then."""
        return min(1.0, max(0.0, (self._counts[key] - 0.5) / (self._size + 2))) if self._size else 0.0

    def familiarity(self, weights: Mapping[str, float], apart_from: Collection[str]) -> Familiarity | None:
        """How familiar an entry with these weighed words sounds; None while the storyline is too young to say.

        `apart_from` are the folded words found for the terms: they made the match, and count only once.
        """
        if self._size < GROWN_UP and not self._seed:
            return None
        found = tuple(f"w:{word[:5]}" for word in apart_from)
        words = {key: weight**2 for key, weight in weights.items() if key[0] == "w" and not key.startswith(found)}
        known = {key: weight * habit for key, weight in words.items() if (habit := self._habit(key))}
        best = strongest(known, _SHOWN)
        return Familiarity(sum(known.values()) / (sum(words.values()) or 1.0), tuple(key[2:] for key in best))

    def _habit(self, key: str) -> float:
        """How much a word is one of the storyline's own, 0..1; one that a single entry said is none."""
        if key in self._seed:
            return 1.0
        grown = self._size >= GROWN_UP and self._counts[key] > 1
        return min(1.0, self._counts[key] / self._size / HABITUAL) if grown else 0.0


def forget_rarest(counts: Counter[str], most: int) -> None:
    """Where there are more than `most` words, keep half as many, those that were said most often; of equals all or none."""
    if len(counts) <= most:
        return
    least = sorted(counts.values(), reverse=True)[most // 2]
    for word in [word for word, count in counts.items() if count <= least]:
        del counts[word]


def sharpened(match: Match, familiarity: Familiarity | None) -> Match:
    """`match` with the score that its terms and the storyline's habits give together. What is excluded stays so."""
    if familiarity is None or not match.score:
        return match
    distance = (familiarity.degree - EXPECTED) / SPREAD
    sway = round(SWAY * max(-1.0, min(1.0, distance)), 3)
    score = round(max(0.0, min(1.0, match.score + sway)), 3)
    return replace(match, score=score, familiarity=round(score - match.score, 3), familiar=familiarity.words)
