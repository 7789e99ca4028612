"""How a headline reads: its words, their pairs, their endings and its marks, weighed as signs of an event or of something else.

The weights stand in words/event.tsv, made by benchmarks/quality/train.py from headlines that people judged. Names are left out
of them, so that no story is known by its names.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from itertools import pairwise

from monitor.model import Entry
from monitor.stories.facts import strongest
from monitor.stories.text import Text, headline, language, read_entry, stem

_LEAD = 25
"""Words of a summary that are looked at."""
_IN_SUMMARY, _ENDING, _FORM, _LENGTH = 0.6, 0.5, 1.5, 3.0
"""How much a sign counts by its kind, and the length to which all signs of an entry together are brought."""
_MARKS = "?!:\"“„‘'|–-;,"
_CAPITALISED = 0.8
_LONG = 4


def signs(entry: Entry, cues: Mapping[str, float]) -> dict[str, float]:
    """The signs in an entry's title and lead, with their strengths; `cues` are those of form_features.

    Keys: `t:` a stem or a pair of stems in the title (`^` its start, `$` its end), `s:` a stem in the summary, `e:` a word's
    ending by language, `p:` a mark or a length, `f:` a cue. Their Euclidean length is the same for every entry.
    """
    title, summary = read_entry(entry)
    tongue = language(entry)
    found = dict.fromkeys(_words(title, summary, tongue), 1.0)
    found = {key: _IN_SUMMARY if key[0] == "s" else _ENDING if key[0] == "e" else 1.0 for key in found}
    found |= dict.fromkeys(_marks(entry, title, summary), 1.0)
    found |= {f"f:{name}": _FORM * value for name, value in cues.items() if value}
    length = math.sqrt(sum(value * value for value in found.values()))
    return {key: _LENGTH * value / length for key, value in found.items()}


def likelihood(found: Mapping[str, float]) -> float:
    """How surely an entry with these signs reports an event: 0..1."""
    weights = event_weights()
    return 1 / (1 + math.exp(-(weights["bias"] + sum(weights.get(key, 0.0) * value for key, value in found.items()))))


def telling(found: Mapping[str, float], count: int) -> list[tuple[str, float]]:
    """The signs that speak most for an event (above 0) or against it, in words, each with its part of the log-odds."""
    weights = event_weights()
    parts = {key: weights[key] * value for key, value in found.items() if key in weights}
    telling_most = strongest({key: abs(part) for key, part in parts.items()}, count)
    return [(described(key), round(parts[key], 2)) for key in telling_most]


def described(sign: str) -> str:
    """A sign's key in words."""
    kind, _, rest = sign.partition(":")
    if kind == "f":
        return f"cue of form: {rest.removeprefix('cue_').replace('_', ' ')}"
    if kind == "e":
        return f"words in -{rest.rpartition(':')[2]}"
    if kind == "p" and rest in _MARKS:
        return f"the mark {rest}"
    if kind == "p":
        return f"{rest.rstrip(' 0123456789')}’s length" if rest[-1].isdigit() else rest
    if rest.startswith("^ "):
        return f"opens with “{rest[2:]}…”"
    if rest.endswith(" $"):
        return f"ends with “{rest[:-2]}…”"
    return " ".join(f"“{word}…”" for word in rest.split()) + (" in the summary" if kind == "s" else "")


@cache
def event_weights() -> dict[str, float]:
    """Sign -> its weight; `bias` is the intercept."""
    text = resources.files("monitor.stories").joinpath("words", "event.tsv").read_text(encoding="utf-8")
    lines = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return {key: float(weight) for weight, key in lines}


def _words(title: Text, summary: Text, tongue: str) -> Iterator[str]:
    stems = [_stem(word.folded, tongue) for word in title.words]
    yield from (f"t:{word}" for word in stems)
    yield from (f"t:{first} {second}" for first, second in pairwise(["^", *stems, "$"]))
    yield from (f"s:{_stem(word.folded, tongue)}" for word in summary.words[:_LEAD])
    for word in title.words:
        if len(word.folded) > _LONG and word.folded[0].isalpha():
            yield f"e:{tongue}:{word.folded[-3:]}"
            yield f"e:{tongue}:{word.folded[-2:]}"


def _stem(word: str, tongue: str) -> str:
    return "0" if word[0].isdigit() else stem(word, tongue)


def _marks(entry: Entry, title: Text, summary: Text) -> Iterator[str]:
    line = headline(entry)
    yield from (f"p:{mark}" for mark in _MARKS if mark in line)
    yield f"p:title {min(len(title.words) // 3, 6)}"
    lead = len(summary.words[:_LEAD])
    yield f"p:summary {lead // 8}" if lead else "p:no summary"
    if lead < _LEAD and entry.summary.rstrip().endswith("?"):
        yield "p:summary asks"
    later = title.words[1:]
    if later and sum(word.surface[0].isupper() for word in later) > _CAPITALISED * len(later):
        yield "p:capitals"
