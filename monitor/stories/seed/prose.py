"""An article's text as sentences, and these as words that still know how they stood: capitals, breaks, brackets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from monitor.stories.facts import concepts, small_words, word_set
from monitor.stories.text import clean, fold_all

_END = re.compile(
    r"[.!?\u2026]+[\"'\u2019\u201d\u00bb)\]]*\s+(?=[\"'\u2018\u201c\u201e\u00ab(\[\u2013\u2014-]*\s*[^\W_a-z])"
)
_WORD = re.compile(r"(?:[^\W\d_]\.){2,}|[^\W\d_]+(?:[-'\u2019][^\W\d_]+)*|\d[\d.,]*\d|\d")
_OWNS = re.compile(r"(?:['\u2019]s|(?<=s)['\u2019])$", re.IGNORECASE)
_LETTER = re.compile(r"[^\W\d_]")
_COMPOUND = re.compile(
    r"-(?:led|backed|based|made|born|owned|built|style|era|controlled|occupied|brokered|run|held|like)$"
)
"""`Orla-based` is no name, though it holds one."""


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a sentence."""

    surface: str
    """As written, without a possessive ending and the dots of initials."""
    folded: str
    first: bool
    """It opens its sentence, so that a capital says nothing."""
    joined: bool
    """Nothing but a space lies between it and the word before; a possessive ends there too."""
    bracketed: bool
    """A bracket opens before it."""

    @property
    def capital(self) -> bool:
        """Whether it is written with a capital."""
        return self.surface[0].isupper() and _COMPOUND.search(self.surface) is None

    @property
    def acronym(self) -> bool:
        """Whether it is two to six capitals."""
        return self.surface.isupper() and self.surface.isalpha() and 2 <= len(self.surface) <= 6  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, with its number in the article from 0."""

    number: int
    text: str
    tokens: tuple[Token, ...]


def listed(name: str) -> frozenset[str]:
    """The single words of a list in words/article.txt."""
    return word_set("article", name)


def is_small(folded: str) -> bool:
    """Whether a word says nothing by itself, in any of our languages."""
    return folded in small_words()


def is_common(folded: str) -> bool:
    """Whether a word is one of the news, such as `plant` or `visit`, not a name."""
    return folded in listed("dull") or any(key[0] != "p" for key in concepts(folded))


def sentences(text: str) -> tuple[Sentence, ...]:
    """The sentences of `text`; a line's end is always a sentence's."""
    found = [part for line in clean(text).splitlines() for part in _split(" ".join(line.split()))]
    return tuple(Sentence(number, part, tuple(tokens(part))) for number, part in enumerate(found))


def tokens(text: str) -> Iterator[Token]:
    """The words of a sentence, in order."""
    end, owned, first = 0, False, True
    for match in _WORD.finditer(text):
        gap = text[end : match.start()]
        surface = _OWNS.sub("", match.group())
        folded = fold_all(surface if surface[0].isdigit() else surface.replace(".", ""))
        if not folded:
            continue
        opens = first or any(mark in gap for mark in ":\u201c\u201e\u00ab")
        yield Token(
            surface=surface if surface[0].isdigit() else surface.replace(".", ""), folded=folded, first=opens,
            joined=gap == " " and not owned, bracketed="(" in gap,
        )  # fmt: skip
        end, first = match.end(), False
        owned = surface != match.group()


def has_capitals(text: str) -> bool:
    """Whether `text` is in a script that has capital letters."""
    letters: list[str] = _LETTER.findall(text)
    return sum(letter.lower() != letter.upper() for letter in letters) > len(letters) / 2


def in_title_case(title: str) -> bool:
    """Whether a headline writes most of its words with capitals, which then say nothing."""
    longer = [token for token in tokens(title) if len(token.folded) > 3 and token.folded[0].isalpha()]  # noqa: PLR2004
    return len(longer) > 3 and sum(token.capital for token in longer) > 0.7 * len(longer)  # noqa: PLR2004


def _split(line: str) -> Iterator[str]:
    start = 0
    for match in _END.finditer(line):
        before = line[start : match.start()].rsplit(None, 1)
        last = before[-1].lstrip("(\u201c\u201e\"'").casefold() if before else ""
        if match.group().startswith(".") and not match.group().startswith("..") and _is_short_form(last):
            continue
        yield line[start : match.end()].strip()
        start = match.end()
    if line[start:].strip():
        yield line[start:].strip()


def _is_short_form(word: str) -> bool:
    return len(word) == 1 or bool(re.fullmatch(r"(?:[^\W\d_]\.)+[^\W\d_]", word)) or word in listed("abbreviations")
