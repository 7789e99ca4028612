"""What the matcher must find, without any index: each word of a text beside each word of a phrase, one storyline at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache

from monitor.model import Entry, Storyline
from monitor.stories.text import Text, Word, fold_all, is_unspaced, read, read_entry
from monitor.stories.vocabulary import SAME, likeness

Place = tuple[int, float]
"""Where a word stands, and how well it stands for one of a phrase."""


class Unindexed:
    """Says of one entry and one storyline what `Matcher.scores` says of an entry and all storylines."""

    def __init__(self, storylines: Iterable[Storyline]) -> None:
        self._common = frozenset(
            word.folded
            for storyline in storylines
            for names in _names(storyline).values()
            for name in names
            if not is_unspaced(name)
            for word in read(name).words
            if not word.surface[0].isupper()
        )
        self._like = lru_cache(maxsize=1_000_000)(self._likeness)

    def score(self, entry: Entry, storyline: Storyline) -> float | None:
        """How surely `entry` belongs to `storyline`; None where it has none of its terms."""
        texts = read_entry(entry)
        found = {
            term: best for term, names in _names(storyline).items() if (best := max(self._weights(texts, names))) > 0
        }
        return _certainty(storyline, found) if found else None

    def _weights(self, texts: tuple[Text, Text], names: Sequence[str]) -> Iterator[float]:
        """What each name of a term counts, in the title and in the summary."""
        title, summary = texts
        for name in names:
            for text, lead, early, late in ((title, 0, 1.0, 1.0), (summary, 40, 0.8, 0.5)):
                hit = self._located(name, text)
                yield round(hit[1] * (early if hit[0] < lead else late), 3) if hit else 0.0

    def _located(self, name: str, text: Text) -> Place | None:
        if is_unspaced(name):
            at = text.unspaced.find(name.casefold())
            return None if at < 0 else (at // 3, SAME)
        ours = tuple(word.folded for word in _read(name).words)
        places = [
            [
                (at, quality)
                for at, word in enumerate(text.words)
                if word.folded[0] == our[0] and (quality := self._like(word, our))
            ]
            for our in ours
        ]
        if not ours or not all(places):
            return None
        return _alone(name, ours[0], places[0], text.words) if len(ours) == 1 else _together(ours, places)

    def _likeness(self, word: Word, ours: str) -> float:
        name = ours not in self._common
        quality = likeness(word.folded, ours, name=name)
        return quality if quality == SAME or not name or word.surface[0].isupper() else 0.0


@cache
def _read(name: str) -> Text:
    return read(name)


def _names(storyline: Storyline) -> dict[str, tuple[str, ...]]:
    """Term -> the names that it goes by."""
    terms, aliases = (
        storyline.terms,
        {fold_all(name): (name, *names) for name, names in storyline.entities.items()},
    )
    every = [*(term for group in terms.all for term in group), *terms.any, *terms.none]
    return {term: aliases.get(fold_all(term), (term,)) for term in every}


def _alone(name: str, ours: str, places: Sequence[Place], words: Sequence[Word]) -> Place | None:
    acronym = name.isupper() and len(name) <= 4
    for place in places:
        folded, surface = words[place[0]]
        capitals = surface[: 1 if len(ours) == 4 else 2].isupper()
        if (capitals or not acronym) and (len(ours) > 3 or folded in (ours, f"{ours}s")):
            return place
    return None


def _together(ours: Sequence[str], places: Sequence[Sequence[Place]]) -> Place | None:
    """The first place and the least quality of a phrase's words, where they stand together in any order."""
    longest = max(range(len(ours)), key=lambda number: len(ours[number]))
    for anchor, _ in places[longest]:
        near = [
            sorted(at, key=lambda place: (abs(place[0] - anchor), -place[1]))[ours[:number].count(our) :][:1]
            for number, (our, at) in enumerate(zip(ours, places, strict=True))
        ]
        taken = [place for some in near for place in some]
        stand = {place for place, _ in taken}
        if len(stand) == len(ours) and max(stand) - min(stand) <= len(ours):
            return min(stand), min(quality for _, quality in taken)
    return None


def _certainty(storyline: Storyline, found: dict[str, float]) -> float:
    terms = storyline.terms
    if any(term in found for term in terms.none):
        return 0.0
    groups = [max((found.get(term, 0.0) for term in group), default=0.0) for group in terms.all]
    certainty = sum(groups) / len(groups) * 0.5 ** groups.count(0.0) if groups else 1.0
    if terms.any:
        doubt = 1.0
        for term in dict.fromkeys(terms.any):
            doubt *= 1 - 0.6 * found.get(term, 0.0)
        certainty *= 0.4 + 0.6 * (1 - doubt) if groups else 1 - doubt
    return round(certainty, 3)
