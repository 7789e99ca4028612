"""What an article is about besides its names: acts, things and repeated words, each with the words that say it there."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence

from monitor.stories.facts import concepts
from monitor.stories.seed.prose import Sentence, Token, is_small, listed, sentences
from monitor.stories.text import stem
from monitor.stories.vocabulary import likeness

_SHORTEST = 3
_IN_TITLE = 10
"""How much more a word of the headline counts."""
_MOST = 4
_LONG = 5
"""Letters of a stem from which on a word tells something though the lists of concepts do not know it."""


class Topics:
    """The topics of one article. A topic is a concept (`a:` an act, `t:` a thing) or the stem of another word (`w:`)."""

    def __init__(self, title: str, article: Sequence[Sentence], *, names: Collection[str], language: str) -> None:
        """`names` are the folded words of names: they are no topics."""
        self._names = frozenset(names)
        self._language = language
        self._kin: dict[str, list[str]] = {}
        self._sentences: Counter[str] = Counter()
        self._surfaces: dict[str, Counter[str]] = defaultdict(Counter)
        whole = [(_IN_TITLE, sentence) for sentence in sentences(title)] + [(1, sentence) for sentence in article]
        for _, sentence in whole:
            for token in sentence.tokens:
                if known := self._concepts(token.folded):
                    self._kin.setdefault(stem(token.folded, language), known)
        for weight, sentence in whole:
            self._sentences.update(set(self.of(sentence.tokens)))
            for token in sentence.tokens:
                for key in self._keys(token):
                    self._surfaces[key][token.surface.lower()] += weight

    def of(self, words: Iterable[Token]) -> list[str]:
        """The topics that `words` tell, in order, each once."""
        return list(dict.fromkeys(key for word in words for key in self._keys(word)))

    def count(self, topic: str) -> int:
        """The number of sentences that tell it."""
        return self._sentences[topic]

    def tells(self, topic: str) -> bool:
        """Whether the topic says something: a concept, or a word that the article comes back to, a short one more than once."""
        return topic[0] != "w" or self.count(topic) > (1 if len(topic) >= len("w:") + _LONG else 2)

    def words(self, topics: Iterable[str], most: int) -> tuple[str, ...]:
        """Up to `most` words of the article that say these topics: the headline's, and what it says more than once; no two forms of one."""
        columns = [self._chosen(self._surfaces[topic]) for topic in topics]
        found: list[str] = []
        for row in range(max(map(len, columns), default=0)):
            for column in columns:
                if row < len(column) and not any(likeness(column[row], other) for other in found):
                    found.append(column[row])
        return tuple(found[:most])

    @staticmethod
    def _chosen(surfaces: Counter[str]) -> list[str]:
        best = surfaces.most_common(_MOST)
        return [word for number, (word, count) in enumerate(best) if number == 0 or count > 1]

    def _keys(self, token: Token) -> list[str]:
        word = token.folded
        if word in self._names or not self._says_something(token):
            return []
        root = stem(word, self._language)
        if known := self._concepts(word) or self._kin.get(root, []):  # `erupts` tells what `eruption` does
            return [key for key in known if key not in listed("generic")]
        return [] if concepts(word) else [f"w:{root}"]

    @staticmethod
    def _concepts(word: str) -> list[str]:
        return [key for key in concepts(word) if key[0] != "p"]

    def _says_something(self, token: Token) -> bool:
        word = token.folded
        if len(word) < _SHORTEST or word[0].isdigit() or is_small(word) or (token.capital and not token.first):
            return False
        return not any(
            word in listed(kind) for kind in ("dull", "kinds", "pronouns", "calendar", "roles", "honorifics", "press")
        )
