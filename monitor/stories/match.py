"""Entry x storylines -> matches with their evidence: an index proposes terms, rapidfuzz forgives and verifies.

Each distinct word of the stream is compared with the words of all terms once and remembered (`vocabulary.py`); from then on an
entry costs a dictionary look-up a word, only phrases whose rarest word was seen are looked at, and only storylines with a term.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from monitor.model import Entry, Evidence, Match, Storyline
from monitor.stories.text import Text, Word, fold_all, is_unspaced, read, read_entry
from monitor.stories.vocabulary import SAME, Vocabulary

_ACRONYM = 4
_LEAD = 40
"""Words of a summary that count in full; news says what it is about in its first sentence or two."""


@dataclass(frozen=True, slots=True)
class _Phrase:
    """One way to say a term."""

    term: int
    name: str
    """The term as the user wrote it."""
    text: str
    words: tuple[str, ...]
    before: tuple[int, ...]
    """How often each word stands in the phrase before, as in `Baden-Baden`."""
    longest: str
    acronym: bool


@dataclass(frozen=True, slots=True)
class _Watch:
    """A storyline with its terms' entities written out."""

    storyline: Storyline
    all: tuple[tuple[int, ...], ...]
    any: tuple[int, ...]
    none: tuple[int, ...]


class Matcher:
    """Finds the storylines that an entry belongs to. Not thread-safe: it remembers the words it has seen."""

    def __init__(self, storylines: Sequence[Storyline]) -> None:
        self.storylines = tuple(storylines)
        self._thresholds = {storyline.id: storyline.threshold for storyline in storylines}
        self._phrases: list[_Phrase] = []
        self._unspaced: list[_Phrase] = []
        self._terms: dict[tuple[str, ...], int] = {}
        self._written: list[Word] = []
        self._watches = [self._watch(storyline) for storyline in storylines]
        self._watched: dict[int, list[int]] = defaultdict(list)
        """Term -> the watches that have it."""
        for number, watch in enumerate(self._watches):
            for term in {*watch.any, *watch.none, *chain.from_iterable(watch.all)}:
                self._watched[term].append(number)
        self._vocabulary = Vocabulary(self._written)
        self._by_word = _by_rarest_word(self._phrases)

    def match(self, entry: Entry) -> tuple[Match, ...]:
        """The storylines whose threshold `entry` reaches by its terms alone, best first."""
        return self.reached(self.scores(entry))

    def reached(self, matches: Iterable[Match]) -> tuple[Match, ...]:
        """Those that reach their storyline's threshold."""
        return tuple(match for match in matches if match.score >= self._thresholds[match.storyline])

    def is_near(self, match: Match, lack: float) -> bool:
        """Whether a score reaches its storyline's threshold, or lacks no more than that; both have three decimals."""
        return match.score + lack + 0.001 >= self._thresholds[match.storyline]

    def scores(self, entry: Entry) -> list[Match]:
        """Every storyline of which `entry` has at least one term, with its score, best first; also those that miss."""
        found = self._find(entry)
        watching = sorted({number for term in found for number in self._watched[term]})
        scored = [
            Match(storyline=watch.storyline.id, score=certainty, evidence=evidence)
            for watch in map(self._watches.__getitem__, watching)
            for certainty, evidence in [score(watch, found)]
        ]
        return sorted(scored, key=lambda match: (-match.score, match.storyline))

    # --- the index

    def _watch(self, storyline: Storyline) -> _Watch:
        terms = storyline.terms
        aliases = {fold_all(name): (name, *names) for name, names in storyline.entities.items()}

        def key(term: str) -> int:
            return self._term(term, aliases.get(fold_all(term), (term,)))

        return _Watch(
            storyline,
            tuple(tuple(map(key, group)) for group in terms.all),
            tuple(map(key, terms.any)),
            tuple(map(key, terms.none)),
        )

    def _term(self, term: str, names: tuple[str, ...]) -> int:
        """The number of a term with these names; storylines that share it share the work."""
        if names not in self._terms:
            self._terms[names] = len(self._terms)
            for name in names:
                self._add(self._terms[names], term, name)
        return self._terms[names]

    def _add(self, number: int, term: str, name: str) -> None:
        written = read(name).words
        words = tuple(word.folded for word in written)
        phrase = _Phrase(
            number,
            term,
            name.casefold(),
            words,
            tuple(words[:place].count(word) for place, word in enumerate(words)),
            max(words, key=len, default=""),
            acronym=len(words) == 1 and name.isupper() and len(name) <= _ACRONYM,
        )
        if is_unspaced(name):
            self._unspaced.append(phrase)
        elif words:
            self._phrases.append(phrase)
            self._written.extend(written)

    def _find(self, entry: Entry) -> dict[int, Evidence]:
        """The best evidence for each term that `entry` has."""
        best: dict[int, Evidence] = {}
        for field, text in zip(("title", "summary"), read_entry(entry), strict=True):
            for phrase, found, quality, place in self._phrases_in(text):
                weight = quality * (1.0 if field == "title" else _weight_in_summary(place))
                if phrase.term not in best or weight > best[phrase.term].score:
                    best[phrase.term] = Evidence(term=phrase.name, found=found, field=field, score=round(weight, 3))
        return best

    def _phrases_in(self, text: Text) -> Iterable[tuple[_Phrase, str, float, int]]:
        """Each phrase found, the words found for it, how well they fit, and the place of the first."""
        places: dict[str, list[tuple[int, float]]] = defaultdict(list)
        vocabulary = self._vocabulary
        for place, (folded, surface) in enumerate(text.words):
            for ours, quality, name in vocabulary[folded]:
                if not name or surface[0].isupper():
                    places[ours].append((place, quality))
        for phrase in chain.from_iterable(self._by_word.get(ours, ()) for ours in list(places)):
            if hit := _locate(phrase, places, text.words):
                yield phrase, *hit
        unspaced = self._unspaced if text.unspaced else ()
        for phrase in unspaced:
            if (place := text.unspaced.find(phrase.text)) >= 0:
                yield phrase, phrase.text, SAME, place // 3


def _by_rarest_word(phrases: Sequence[_Phrase]) -> Mapping[str, list[_Phrase]]:
    """The phrases by that word of theirs which the fewest of them have: they are looked at only where it stands."""
    common = Counter(chain.from_iterable(phrase.words for phrase in phrases))
    found: dict[str, list[_Phrase]] = defaultdict(list)
    for phrase in phrases:
        found[min(phrase.words, key=lambda word: (common[word], -len(word)))].append(phrase)
    return found


def _locate(
    phrase: _Phrase, places: Mapping[str, list[tuple[int, float]]], words: Sequence[Word]
) -> tuple[str, float, int] | None:
    """Where `phrase` stands: its words close together, in any order. The words found, their quality, the first one's place."""
    if len(phrase.words) == 1:
        return _locate_word(phrase, places[phrase.words[0]], words)
    for word in phrase.words:
        if word not in places:
            return None
    if any(len(places[word]) <= before for word, before in zip(phrase.words, phrase.before, strict=True)):
        return None
    for anchor, _ in places[phrase.longest]:
        near = [
            _nearest(places[word], anchor, before) for word, before in zip(phrase.words, phrase.before, strict=True)
        ]
        first, last = min(place for place, _ in near), max(place for place, _ in near)
        if last - first <= len(phrase.words) and len({place for place, _ in near}) == len(near):
            found = " ".join(word.surface for word in words[first : last + 1])
            return found, min(quality for _, quality in near), first
    return None


def _nearest(at: list[tuple[int, float]], anchor: int, before: int) -> tuple[int, float]:
    """The place nearest to `anchor`, after as many as the phrase has taken for the same word before."""

    def distance(place: tuple[int, float]) -> tuple[int, float]:
        return abs(place[0] - anchor), -place[1]

    return sorted(at, key=distance)[before] if before else min(at, key=distance)


def _locate_word(phrase: _Phrase, at: list[tuple[int, float]], words: Sequence[Word]) -> tuple[str, float, int] | None:
    """A term of one word: short ones as written or in the plural, acronyms in capitals only (`US` is not `us`)."""
    ours = phrase.words[0]
    for place, quality in at:
        surface, folded = words[place].surface, words[place].folded
        if phrase.acronym and not surface[: 1 if len(ours) == _ACRONYM else 2].isupper():
            continue
        if len(ours) <= 3 and folded not in (ours, f"{ours}s"):  # noqa: PLR2004 - `una` is no form of `un`
            continue
        return surface, quality, place
    return None


def _weight_in_summary(place: int) -> float:
    return 0.8 if place < _LEAD else 0.5


def score(watch: _Watch, found: Mapping[int, Evidence]) -> tuple[float, tuple[Evidence, ...]]:
    """How surely an entry with the terms `found` belongs to a storyline, 0..1, and the evidence that counted.

    The groups of `all` count with their mean; a group that is missing halves the rest, so that a miss stays below any
    sensible threshold and can still be explained. Terms of `any` add up as independent witnesses (noisy-or).
    """
    groups = [max((found[t] for t in group if t in found), key=lambda e: e.score, default=None) for group in watch.all]
    witnesses = [found[term] for term in dict.fromkeys(watch.any) if term in found]
    evidence = tuple(dict.fromkeys([e for e in groups if e] + witnesses))
    if vetoes := [found[term] for term in watch.none if term in found]:
        return 0.0, tuple(dict.fromkeys([*vetoes, *evidence]))
    certainty = 1.0
    if groups:
        certainty = sum(e.score for e in groups if e) / len(groups) * 0.5 ** sum(e is None for e in groups)
    if watch.any:
        doubt = 1.0
        for witness in witnesses:
            doubt *= 1 - 0.6 * witness.score
        heard = 1 - doubt
        certainty = certainty * (0.4 + 0.6 * heard if witnesses else 0.4) if groups else heard
    return round(certainty, 3), evidence


def ceiling(storyline: Storyline) -> float:
    """The score of an entry whose headline has every term of `storyline` but those that exclude it: none scores more."""
    (watch,) = Matcher([storyline])._watches  # noqa: SLF001 - our own
    terms = {*watch.any, *(term for group in watch.all for term in group)} - set(watch.none)
    return score(watch, {term: Evidence(term="", found="", field="title", score=SAME) for term in terms})[0]
