"""The numbers of a headline with what they count, so that two reports' numbers can be compared only where they count the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from monitor.model import Entry
from monitor.stories.facts import concepts, small_words, word_list, word_set
from monitor.stories.text import Word, headline, language, read, stem

_CLAUSE = re.compile(r"[,;:!?…]+(?:\s+|$)|\s[|\u2013\u2014-]\s|\.\s|[\"\u201c\u201d\u201e«»()]")
_NO_COUNT = re.compile(r"\b(?=\S*\d)\w+(?:[.,]\d+)*[-\u2010\u2013/:](?=\w)\S*|[#№]\s?\d+|\b\d+(?:st|nd|rd|th)\b")
"""Names, scores, ranges, dates and ranks: `Su-35`, `3-2`, `10-15`, `11/9`, `#1`, `2nd`."""
_SIGNS = {"%": " percent ", "$": " dollar ", "€": " euro ", "£": " pound "}
_MEASURES = ("percent", "dollar", "euro", "pound", "zloty")
_HARM = frozenset(f"a:{act}" for act in ("die", "injure", "murder", "arrest", "evacuate", "missing", "save", "strand", "hostage", "expel"))  # fmt: skip
"""What befalls people by number; `kills 30 and wounds 100` names it before the number."""
_MOVES = frozenset(f"a:{act}" for act in ("rise", "fall", "lead", "add", "hit", "approve", "arrive"))
"""What numbers themselves do: a toll rises to, tops or passes one."""
_BEFORE, _AFTER = 4, 3
"""Words around a number among which stands what it counts."""
_YEARS = range(1900, 2100)
_THOUSAND = 1_000


@dataclass(frozen=True, slots=True)
class Quantity:
    """So many of something: `30 soldiers killed` is 30, `soldier`, `a:die`."""

    value: float
    measure: str
    """`percent`, a currency, or nothing."""
    noun: str
    """The stem of the word counted; empty for people and for what is not named."""
    act: str
    """What befalls them; empty where it is not said."""
    label: str
    """What is counted, as it was written; empty where that stands before the number."""

    def counts_as(self, other: Quantity) -> bool:
        """Whether both count the same thing, told by the same noun, the same act, or both; and neither says otherwise."""
        if (self.measure, self.noun) != (other.measure, other.noun):
            return False
        if self.act and other.act:
            return self.act == other.act
        return bool(self.noun)


def quantities(entry: Entry) -> tuple[Quantity, ...]:
    """What the title of `entry` counts, in order. A number whose unit is not known, a time, a rank or a name is left out."""
    return _quantities(headline(entry), language(entry))


@lru_cache(maxsize=4_000)
def _quantities(title: str, tongue: str) -> tuple[Quantity, ...]:
    told = _NO_COUNT.sub(" ", title)
    found: list[Quantity] = []
    for clause in _CLAUSE.split(told):
        words = read("".join(_SIGNS.get(c, c) for c in clause)).words
        numbers = (place for place, word in enumerate(words) if word.folded[0].isdigit())
        found += [quantity for place in numbers if (quantity := _read(words, place, tongue))]
    return tuple(found)


def _read(words: Sequence[Word], place: int, tongue: str) -> Quantity | None:
    """The quantity whose number stands at `place`, if it is one."""
    clause = [word.folded for word in words[:place]]
    before = clause[-_BEFORE:]
    value, width = _value(words, place)
    if value <= 0 or (before and (before[-1] in _unit("ceiling") or before[-1][0].isdigit())):
        return None
    if before[-2:] == ["up", "to"]:
        return None
    behind = _until_number(words[place + width :])
    near = {word.folded for word in (*words[max(0, place - _BEFORE) : place], *behind) if word.surface != "May"}
    if (behind and behind[0].folded in _unit("time")) or near & _unit("feared"):
        return None
    measure = _measure([*before[-1:], *(word.folded for word in behind[:1])])
    behind = [word for word in behind if word.folded not in _unit(measure)] if measure else behind
    noun, label = _noun(behind, tongue)
    act = "a:die" if _is_toll(clause) else _act(before, behind)
    if measure and not noun and not act:
        noun = _measured(before, tongue)
    return Quantity(value, measure, noun, act, label) if noun or act else None


def _value(words: Sequence[Word], place: int) -> tuple[float, int]:
    """(the number at `place` with the thousands and millions that follow it, how many words it takes); 0 for a year."""
    digits, width = words[place].folded, 1
    while place + width < len(words) and len(digits) <= 6 and re.fullmatch(r"\d{3}", words[place + width].folded):  # noqa: PLR2004
        digits, width = digits + words[place + width].folded, width + 1  # `1 000`
    try:
        value = float(digits.replace(",", "."))
    except ValueError:
        return 0.0, 1
    times = _multipliers().get(words[place + width].folded, 1.0) if place + width < len(words) else 1.0
    if times == 1.0 and words[place].surface.isdigit() and width == 1 and value in _YEARS and value % 100:
        return 0.0, 1
    return value * times, width + (times > 1)


def _until_number(words: Sequence[Word]) -> list[Word]:
    found: list[Word] = []
    for word in words[:_AFTER]:
        if word.folded[0].isdigit():
            break
        found.append(word)
    return found


def _measure(near: Sequence[str]) -> str:
    return next((name for name in _MEASURES if any(word in _unit(name) for word in near)), "")


def _noun(behind: Sequence[Word], tongue: str) -> tuple[str, str]:
    """(stem of what is counted, the words that say it): the word behind the number, unless it is a small one, people, or an act."""
    if not behind or behind[0].folded in small_words():
        return "", ""
    first, *rest = behind
    if first.folded in _unit("people"):
        return "", " ".join(word.surface for word in behind[: 1 + bool(rest and _acts(rest[0].folded))])
    return ("" if _acts(first.folded) else stem(first.folded, tongue)), first.surface


def _is_toll(clause: Sequence[str]) -> bool:
    """Whether a clause leads up to a number of the dead: `death toll from blast rises to`."""
    moves = clause[-1:] and (clause[-1] in _unit("about") or _MOVES.intersection(_acts(clause[-1])))
    return bool(moves) and any(word in _unit("toll") for word in clause)


def _act(before: Sequence[str], behind: Sequence[Word]) -> str:
    """What befalls those counted: harm told right before the number, else what stands behind it, else what led up to it."""
    close = _led_up(before)
    if close in _HARM:
        return close
    after = next((act for word in behind for act in _acts(word.folded) if act not in _MOVES), "")
    return after or close


def _led_up(before: Sequence[str]) -> str:
    """The act before a number with nothing between them but `at least`, `rises to` and the like."""
    for word in reversed(before):
        happens = _acts(word)
        if happens and not _MOVES.issuperset(happens):
            return next(act for act in happens if act not in _MOVES)
        if not happens and word not in _unit("about"):
            return ""
    return ""


def _measured(before: Sequence[str], tongue: str) -> str:
    """The stem of what is measured: `inflation` in `inflation rises to 5 %`."""
    left = (w for w in reversed(before) if w not in _unit("about") and not _MOVES.intersection(_acts(w)))
    return next((stem(word, tongue) for word in left if word not in small_words()), "")


def _acts(word: str) -> list[str]:
    return [name for name in concepts(word) if name[0] == "a"]


def _unit(name: str) -> frozenset[str]:
    return word_set("units", name)


@cache
def _multipliers() -> dict[str, float]:
    return {word: float(value) for value, words in word_list("multipliers").items() for word in " ".join(words).split()}
