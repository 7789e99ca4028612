"""The phrases that say the terms, and which of them a text may have: proposed by their two rarest words (`said.py` verifies them).

Each distinct word of the stream is compared with the words of all terms once (`vocabulary.py`). What it stands for as it is written, what
it may say by itself and beside which words it may say more is remembered (`Index`); from then on a text costs a dictionary look-up a word,
and for a word with such partners one intersection with those of the text. Words go by numbers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from operator import itemgetter

from monitor.stories.memo import Memo
from monitor.stories.said import IN_SUMMARY, SHORT, Known, Phrase, Said, is_acronym
from monitor.stories.text import Text, fold, is_unspaced, read
from monitor.stories.vocabulary import SAME, Standing, Vocabulary

_LONG = 4
"""Phrases of more words are looked for by their rarest word alone; else every word's partners would be looked for as far as the longest reaches."""
_REMEMBERED = 100_000
"""Words as they are written, and as many sets of words of the terms that they stand for."""
_SURFACE, _NONE = itemgetter(1), frozenset[int]()
_UNKNOWN = Known((), (), (), _NONE, ())


class Phrases:
    """All phrases of all terms. Not thread-safe: it remembers the words it has seen."""

    def __init__(self, names: Iterable[tuple[int, str, str]]) -> None:
        """Of `names`: the number of a term, the term as the user wrote it, and one of the phrases that say it."""
        read_names = [(term, name, said, () if is_unspaced(said) else read(said).words) for term, name, said in names]
        self._vocabulary = Vocabulary(chain.from_iterable(words for *_, words in read_names))
        self._common = Counter([word.folded for *_, words in read_names for word in words])
        self._numbers = {word: number for number, word in enumerate(("", *self._common))}
        self._longest = max((len(words) for *_, words in read_names), default=0)
        of: dict[int, list[Phrase]] = defaultdict(list)
        for term, name, said, words in read_names:
            of[term] += (
                [self._phrase(name, said, tuple([word.folded for word in words]))] if words or is_unspaced(said) else ()
            )
        self._of = [tuple(of[term]) for term in range(len(of))]
        """For each term the phrases that say it."""

    def _phrase(self, name: str, said: str, written: tuple[str, ...]) -> Phrase:
        words = tuple(sorted(written, key=len, reverse=True)) if len(written) > 1 else written
        before = (
            tuple(words[:place].count(word) for place, word in enumerate(words)) if len({*words}) < len(words) else ()
        )
        exacting = len(words) == 1 and (len(words[0]) <= SHORT or is_acronym(said))
        rarest, other, *_ = *sorted(words, key=lambda word: (self._common[word], -len(word))), "", ""
        one, two, *numbers = map(self._numbers.__getitem__, (rarest, other, *words))
        return Phrase(name, said, tuple(numbers), one, two, words[0] if words else "", exacting, before)

    def rarest(self, term: int) -> list[int]:
        """One word of each phrase of a term, without which it is not said."""
        return [phrase.rarest for phrase in self._of[term]]

    def index(self, hopes: Iterable[int]) -> Index:
        """Finds those hopes whose term an entry may say; `hopes` has the term of each."""
        return Index(self._vocabulary, self._numbers, self._of, self._longest, hopes)


class _Alike(Memo[tuple[Standing, ...], Known]):
    """What a word stands for -> what is known of it; forms of one word mostly share that."""

    def __init__(
        self,
        numbers: Mapping[str, int],
        alone: Mapping[int, tuple[int, ...]],
        beside: Mapping[int, Mapping[int, tuple[int, ...]]],
    ) -> None:
        """Of `alone`: the rarest word of a phrase -> the hopes; of `beside`: the same by the next rarest of all that have it."""
        super().__init__(_REMEMBERED)
        self._numbers, self._alone, self._beside = numbers, alone, beside
        self._partners = {one: frozenset(others) for one, others in beside.items()}

    def found(self, standings: tuple[Standing, ...]) -> Known:
        """Which hopes it may raise, and beside which words."""
        ours = tuple([self._numbers[standing.ours] for standing in standings])
        qualities = tuple([standing.quality for standing in standings])
        alone = tuple([hope for one in ours for hope in self._alone.get(one, ())])
        anchors = [one for one in ours if one in self._beside]
        partners = [self._partners[one] for one in anchors]
        near = partners[0] if len(partners) == 1 else _NONE.union(*partners)
        return Known(ours, qualities, alone, near, tuple([self._beside[one] for one in anchors]))


class Index(Memo[str, Known]):
    """Finds which of some terms an entry may say. Remembers what each word of the stream, as it is written, stands for."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        numbers: Mapping[str, int],
        phrases: Sequence[tuple[Phrase, ...]],
        longest: int,
        hopes: Iterable[int],
    ) -> None:
        """Of `longest`: how many words the longest phrase has."""
        super().__init__(_REMEMBERED)
        self._vocabulary, self._phrases = vocabulary, phrases
        self._gap = (_UNKNOWN,) * longest
        """Between a title and a summary: no phrase reaches farther than it has words."""
        self._reach = 0
        """Two words of a phrase stand no farther from one another."""
        alone, beside = defaultdict[int, list[int]](list), defaultdict[int, dict[int, list[int]]](dict)
        for hope, term in enumerate(hopes):
            for phrase in phrases[term]:
                if 1 < len(phrase.words) <= _LONG:
                    self._reach = max(self._reach, len(phrase.words))
                    beside[phrase.rarest].setdefault(phrase.next_rarest, []).append(hope)
                else:
                    alone[phrase.rarest].append(hope)
        self._wordless = tuple(alone.get(0, ()))
        """The hopes that phrases without words may raise."""
        self._alike = _Alike(
            numbers,
            {one: tuple(some) for one, some in alone.items()},
            {one: {other: tuple(some) for other, some in others.items()} for one, others in beside.items()},
        )

    def found(self, surface: str) -> Known:
        """What a word stands for that was not seen yet."""
        standings = self._vocabulary[fold(surface)]
        if not surface[0].isupper():
            standings = tuple([standing for standing in standings if not standing.name])
        return self._alike[standings] if standings else _UNKNOWN  # most words stand for nothing

    def said(self, title: Text, summary: Text) -> Said:
        """What an entry says of all terms."""
        known = [*map(self.__getitem__, map(_SURFACE, title.words)), *self._gap]
        begin = len(known)
        known += map(self.__getitem__, map(_SURFACE, summary.words))
        return Said(self._phrases, title, summary, begin, known)

    def proposed(self, said: Said) -> dict[int, float]:
        """The hopes whose terms an entry may say, and how surely it may at most."""
        title = self._propose(said, said.known[: said.begin], 0)
        summary = self._propose(said, said.known[said.begin :], said.begin)
        if 0 in said.places:
            title += self._wordless
        return dict.fromkeys(summary, IN_SUMMARY) | dict.fromkeys(title, SAME)

    def _propose(self, said: Said, known: Iterable[Known], begin: int) -> list[int]:
        """The hopes for whose terms the rarest words stand in a text, near one another if they are two; some of them twice."""
        hopes: list[int] = []
        places, words = said.places, said.words
        window = (2 << 2 * self._reach) - 1
        for place, word in enumerate(known, begin):
            if word.alone:
                hopes += word.alone
            if word.partners and not word.partners.isdisjoint(words):
                around = window << place >> self._reach
                for other in word.partners & words:
                    if places[other] & around:
                        for beside in word.beside:
                            hopes += beside.get(other, ())
        return hopes
