"""Entry -> Facts: what it tells (by meaning, whatever the language), with which words, names and numbers.

Concepts are read from words/acts.txt and words/things.txt: `arrives`, `dotarł` and `llega` tell one fact in no common letter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib import resources
from itertools import chain
from operator import attrgetter

from monitor.model import Entry
from monitor.stories.memo import Memo
from monitor.stories.text import Text, Word, language, read, read_entry, stem

TITLE, SUMMARY = 1.0, 0.5
"""How much a fact counts by where it is told."""

CONCEPTS = "atp"
"""The kinds of facts that are told by meaning: acts, things and places."""

_LEAD = 40
_REMEMBERED = 20_000
"""Words of a language, some 200 bytes each."""
_SHORTEST_BEGINNING = 3
_NEXT = 2
"""How many words after `to` are looked at for the act that is planned."""
_folded = attrgetter("folded")


@dataclass(frozen=True)
class Facts:
    """What an entry tells; each key with its place's weight. `a:` is an act, `t:` a thing, `n:` a number, `w:` a word's stem."""

    told: Mapping[str, float]
    language: str

    def of(self, kinds: str) -> dict[str, float]:
        """The facts whose kind is one of the letters in `kinds`."""
        return {key: weight for key, weight in self.told.items() if key[0] in kinds}

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The numbers told, as digits."""
        return frozenset(key[2:] for key in self.told if key[0] == "n")

    @cached_property
    def title_numbers(self) -> frozenset[str]:
        """The numbers in the title."""
        return frozenset(key[2:] for key, place in self.told.items() if key[0] == "n" and place == TITLE)


@lru_cache(maxsize=16)
def facts(entry: Entry) -> Facts:
    """Read the facts of an entry from its title and the first words of its summary."""
    title, summary = read_entry(entry)
    tongue = language(entry)
    told = dict.fromkeys(_keys(summary.words[:_LEAD], tongue), SUMMARY)
    for key in _keys(title.words, tongue):
        told[key] = TITLE
    return Facts(told, tongue)


def told_by(text: str) -> frozenset[str]:
    """The facts that a longer text tells, such as a seed article; English where its language is not known."""
    return frozenset(_keys(read(text).words, ""))


def told_by_word(word: str, tongue: str) -> tuple[str, ...]:
    """What a folded word tells in a language, the word itself or the number first; small words tell nothing."""
    return _told(tongue)[word]


def title_concepts(title: Text) -> frozenset[str]:
    """The concepts that a title tells, acts (`a:`) and things (`t:`)."""
    return frozenset(name for word in title.words for name in concepts(word.folded))


def first_act(title: Text) -> frozenset[str]:
    """The first act that a title tells; several where its word may mean each of them, none where it tells no act."""
    told = (frozenset(name for name in concepts(word.folded) if name[0] == "a") for word in title.words)
    return next(filter(None, told), frozenset())


def is_plan(title: Text, tongue: str) -> bool:
    """Whether a title tells what is to come or may be, and not what has happened; see words/plans.txt."""
    words = [word.folded for word in title.words]
    opened = [place for place, word in enumerate(words) if word in _plan_words(f"{tongue}, before an act")]
    return not _plan_words(tongue).isdisjoint(words) or any(
        first_act(Text(title.words[place + 1 : place + 1 + _NEXT], "")) for place in opened
    )


def _plan_words(key: str) -> frozenset[str]:
    return word_set("plans", key) if key in word_list("plans") else frozenset()


def _keys(words: Iterable[Word], tongue: str) -> Iterable[str]:
    return chain.from_iterable(map(_told(tongue).__getitem__, map(_folded, words)))


class _Told(Memo[str, tuple[str, ...]]):
    """Folded word -> what it tells in one language; found once and remembered."""

    def __init__(self, tongue: str) -> None:
        super().__init__(_REMEMBERED)
        self._tongue = tongue

    def found(self, word: str) -> tuple[str, ...]:
        """The word's stem or the number, and its concepts."""
        if word in small_words() or len(word) <= 1:
            return ()
        return (f"n:{word}",) if word[0].isdigit() else (f"w:{stem(word, self._tongue)}", *concepts(word))


@lru_cache(maxsize=32)
def _told(tongue: str) -> _Told:
    return _Told(tongue)


@lru_cache(maxsize=10_000)
def concepts(word: str) -> tuple[str, ...]:
    """The concepts that a folded word tells, as keys of Facts; most words tell none."""
    whole, beginnings = _lexicon()
    found = set(whole.get(word, ()))
    if word[:_SHORTEST_BEGINNING] in _openings():
        for length in range(_SHORTEST_BEGINNING, len(word) + 1):
            found.update(beginnings.get(word[:length], ()))
    return tuple(sorted(found))


@cache
def _openings() -> frozenset[str]:
    """The first letters of all beginnings of words that tell a concept; most words begin otherwise."""
    return frozenset([begun[:_SHORTEST_BEGINNING] for begun in _lexicon()[1]])


@cache
def _lexicon() -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """(whole words -> concepts, beginnings of words -> concepts)."""
    whole: dict[str, set[str]] = {}
    beginnings: dict[str, set[str]] = {}
    for kind, names in (("a", word_list("acts")), ("t", word_list("things")), ("p", word_list("places"))):
        for name, words in names.items():
            for word in " ".join(words).split():
                table = whole if word.endswith(".") else beginnings
                table.setdefault(word.rstrip("."), set()).add(f"{kind}:{name}")
    return whole, beginnings


def strongest(weights: Mapping[str, float], most: int) -> list[str]:
    """The keys of the greatest weights, the greatest first; in order of the alphabet where they are equal."""
    return sorted(weights, key=lambda key: (-weights[key], key))[:most]


@cache
def small_words() -> frozenset[str]:
    """Words that say nothing of what happened, folded, of all languages."""
    return frozenset().union(*(word_set("small", language) for language in word_list("small")))


@cache
def word_set(name: str, key: str) -> frozenset[str]:
    """The single words of one line of words/NAME.txt."""
    return frozenset(" ".join(word_list(name)[key]).split())


@cache
def cue_list(name: str) -> dict[str, tuple[str, ...]]:
    """The cues of each line of words/NAME.txt, as they are searched for in `^ word word word `.

    In the list, `^` stands for the beginning of the text; a cue that ends in `-` is the beginning of a word.
    """
    return {key: tuple(map(_searched, cues)) for key, cues in word_list(name).items()}


def _searched(cue: str) -> str:
    begins, ends = "^ " if cue.startswith("^") else " ", "" if cue.endswith("-") else " "
    return begins + cue.removeprefix("^").removesuffix("-") + ends


@cache
def word_list(name: str) -> dict[str, list[str]]:
    """A list of words/NAME.txt: lines of `key: item | item | ...`; `#` opens a comment."""
    text = resources.files("monitor.stories").joinpath("words", f"{name}.txt").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return {
        key: [item.strip() for item in items.split("|")] for key, _, items in (line.partition(":") for line in lines)
    }
