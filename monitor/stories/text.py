"""Text as the matcher sees it: folded words with their places, in any script."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain
from typing import NamedTuple

from anyascii import anyascii
from Stemmer import Stemmer

from monitor.model import Entry
from monitor.stories.memo import Memo

TITLE_CAP = 400
SUMMARY_CAP = 1_500
"""Characters of a title and a summary that are looked at (T5): news says what is new in its first lines."""

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]{1,2}\b)?\d*|\d+(?:[.,]\d+)*")
_INITIALS = re.compile(r"\b(?:[^\W\d_]\.){2,}")
_POSSESSIVE = re.compile(r"['\u2019][^\W\d_]{1,2}$")
_INVISIBLE = re.compile(
    r"[\u00ad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
    r"\U000e0001\U000e0020-\U000e007f]"
)
"""Unicode's format characters; none is printable, by which most texts are known to have none."""
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")
"""Scripts that set no spaces between words, or glue particles to them (Thai, Lao, Burmese, Khmer, Chinese, Japanese, Korean)."""

_DASHES = "|\u2013\u2014-"
_BEFORE_OUTLET = re.compile(rf"\s+[{_DASHES}]\s+")

_AROUND = ".,:;!?()[]\"'\u2018\u2019\u201c\u201d\u201e\u2013\u2014-"
"""What most often stands beside a word; letters between such marks are one word, which need not be looked for."""
_REMEMBERED = 80_000
"""Pieces between spaces, some 200 bytes each. Of 48 in an entry 8 are not remembered; with half as many 11, which costs matching a tenth."""
_SHORT = 40
"""Characters of what is remembered; in scripts without spaces a whole sentence stands between two of them."""

_LANGUAGES = {
    "en": "english", "pl": "polish", "de": "german", "fr": "french", "es": "spanish", "it": "italian",
    "pt": "portuguese", "nl": "dutch", "cs": "czech", "sv": "swedish", "ru": "russian",
}  # fmt: skip
_LATIN = ("en", "pl", "de", "fr", "es")


class Word(NamedTuple):
    """One word of a text: folded for comparing, and as it was written."""

    folded: str
    surface: str


@dataclass(frozen=True, slots=True)
class Text:
    """A title or a summary, ready for matching."""

    words: tuple[Word, ...]
    unspaced: str
    """The whole text, folded, where it has a script without spaces; else empty."""


def clean(text: str) -> str:
    """`text` in compatibility form without invisible characters (T1, T2): soft hyphens, joiners, direction marks, tags."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", text)
    return text if text.isprintable() else _INVISIBLE.sub("", text)


def read(text: str) -> Text:
    """Split `text` into words; `U.S.` becomes `US`, `Kim's` becomes `kim`, `1,000` becomes `1000`."""
    text = clean(text)
    words = tuple(chain.from_iterable(map(_pieces.__getitem__, text.split())))
    return Text(words, _joined(text).casefold() if not text.isascii() and _UNSPACED.search(text) else "")


def _joined(text: str) -> str:
    return _INITIALS.sub(lambda initials: initials.group().replace(".", ""), text) if "." in text else text


class _Pieces(Memo[str, tuple[Word, ...]]):
    """What stands between two spaces -> its words; found once and remembered, since no word goes beyond a space.

    A news stream repeats itself so much that this is several times as fast as looking for words in whole texts.
    """

    def __missing__(self, piece: str) -> tuple[Word, ...]:
        return super().__missing__(piece) if len(piece) <= _SHORT else self.found(piece)

    def found(self, piece: str) -> tuple[Word, ...]:
        """Its words."""
        surface = piece.strip(_AROUND)
        if not surface.isalpha():
            return tuple(map(self._word, _WORD.findall(_joined(piece))))
        return self[surface] if surface in self else (self._word(surface),)

    def _word(self, surface: str) -> Word:
        """The word of a piece that is known without what stands beside it, or a new one."""
        return self[surface][0] if surface in self else Word(fold(surface), surface)


_pieces = _Pieces(_REMEMBERED)


@lru_cache(maxsize=16)
def read_entry(entry: Entry) -> tuple[Text, Text]:
    """The title and the summary of `entry`, within their caps; the outlet's name at a title's end is left out.

    Matching, facts, form and weighing all ask for it, one after the other: it is read once.
    """
    return read(headline(entry)), read(entry.summary[:SUMMARY_CAP])


def headline(entry: Entry) -> str:
    """The title of `entry` within its cap, without the outlet's name at its end and without invisible characters."""
    return without_outlet(clean(entry.title[:TITLE_CAP]).strip(), entry.outlet)


def without_outlet(title: str, outlet: str) -> str:
    """`title` without a closing ` - Outlet` or ` | Outlet`."""
    if not outlet or not any(map(title.__contains__, _DASHES)) or not _BEFORE_OUTLET.search(title):
        return title
    _, separator, tail = _BEFORE_OUTLET.sub(" | ", title).rpartition(" | ")
    if separator and fold_all(tail) in (fold_all(outlet), fold_all(outlet).split(" ", 1)[0]):
        return title[: len(title) - len(tail)].rstrip(" |-\u2013\u2014")
    return title


def fold(surface: str) -> str:
    """One word in the form in which words are compared: no case, no accents on Latin letters, no possessive ending.

    The same string where it has that form already, so that it is not kept twice.
    """
    if surface[0].isdigit():
        return re.sub(r"[.,](?=\d{3}\b)", "", surface)
    word = (surface if surface.isalpha() else _POSSESSIVE.sub("", surface)).casefold()
    if word == surface:
        word = surface
    if word.isascii() or not any(map(_is_latin, word)):
        return word
    return "".join(map(_ascii, word)).casefold()


@lru_cache(maxsize=20_000)
def _is_latin(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith("LATIN")


_ascii = lru_cache(maxsize=20_000)(anyascii)
"""A letter -> the letters that it is written with in ASCII."""


@lru_cache(maxsize=20_000)
def fold_all(text: str) -> str:
    """`text` as folded words with single spaces between them."""
    return " ".join(word.folded for word in read(text).words)


def is_unspaced(text: str) -> bool:
    """Whether `text` is in a script whose words cannot be told apart by spaces."""
    return bool(_UNSPACED.search(text))


@lru_cache(maxsize=32)
def _stemmer(language: str) -> Stemmer:
    return Stemmer(_LANGUAGES[language], 0)


@lru_cache(maxsize=10_000)
def stem(word: str, language: str) -> str:
    """The stem of a folded word in `language` (two letters; English where we know no better). Snowball's algorithms."""
    language = language if language in _LANGUAGES else "en"
    return str(_stemmer("ru" if "\u0400" <= word[0] <= "\u04ff" else language).stemWord(word))


def stems(word: str) -> frozenset[str]:
    """The stems of a folded word in the languages that mix in one stream; two words that share one are inflections."""
    stemmers = _latin() if word.isascii() else (_stemmer("ru"),)
    return frozenset([found for stemmer in stemmers if len(found := stemmer.stemWord(word)) > 2])  # noqa: PLR2004 - too short to mean anything


@cache
def _latin() -> tuple[Stemmer, ...]:
    return tuple(map(_stemmer, _LATIN))


def language(entry: Entry) -> str:
    """The two letters of the entry's language, `en` where the feed does not say."""
    return entry.language[:2].lower() or "en"
