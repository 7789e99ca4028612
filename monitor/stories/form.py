"""What kind of piece an entry is: the report of an event, or an explainer, a live blog, a round-up, an opinion.

Form is recognised by cues that hold for any topic: how the headline opens, words of the trade, the section in the address.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from monitor.model import Entry
from monitor.stories.facts import cue_list, title_concepts
from monitor.stories.headline import likelihood, signs
from monitor.stories.text import Word, headline, read, read_entry

_SECTIONS = re.compile(
    r"/(opinions?|opinie|commentisfree|comment|analys[ei]s|analyza|live|live-updates|live-?blog|newsfeed|videos?|gallery|in-pictures|"
    r"pictures?|podcasts?|newsletters?|explainers?|briefings?|longform|features?|interactive|magazine|first-thing|views|"
    r"editorials?|columns?|komentarze|publicystyka|blogs?|kommentare|meinung|tribunes?|opinion(?:es)?|reviews?|lifestyle|quiz)(?=/|-|$)"
)
_AUTHOR = re.compile(r"\s\|\s+[^\W\d_]+(?:\s+[^\W\d_.'-]+){1,3}$")
_LONG_TITLE = 14
_ASKS = " ? "
"""The cue that is a mark, and looked for in the text as it is."""


def form_features(entry: Entry) -> dict[str, float]:
    """The cues of form in an entry, each 0..1; see words/event.tsv for what each is worth."""
    title, _ = read_entry(entry)
    line = headline(entry)
    told = title_concepts(title)
    features = {f"cue_{name}": float(_has(cues, line)) for name, cues in cue_list("forms").items()}
    features |= {
        "summary_roundup": float(
            any(_has(cue_list("forms")[name], entry.summary[:300]) for name in ("live", "roundup"))
        ),
        "section": float(bool(_SECTIONS.search(entry.url.lower()))),
        "author": float(bool(_AUTHOR.search(line))),
        "quote_opens": float(line[:1] in "\"'\u2018\u201c\u201e\u00ab"),
        "quote": float(any(mark in line for mark in '"\u2018\u201c\u201e\u00ab')),
        "title_length": min(len(title.words), _LONG_TITLE * 2) / _LONG_TITLE,
        "acts": min(sum(name[0] == "a" for name in told), 4) / 4,
        "things": min(sum(name[0] == "t" for name in told), 4) / 4,
        "no_act": float(not any(name[0] == "a" for name in told)),
        "title_case": _capitals(line),
    }
    return features


def newsworthiness(entry: Entry) -> float:
    """How surely an entry reports an event, by its form and its words alone: 0..1."""
    return likelihood(signs(entry, form_features(entry)))


def form(entry: Entry) -> str:
    """The form whose cue shows, the strongest first; `report` when none does."""
    features = form_features(entry)
    if features["section"]:
        return "section"
    return next(
        (name for name in cue_list("forms") if features[f"cue_{name}"]), "opinion" if features["author"] else "report"
    )


def _has(cues: tuple[str, ...], text: str) -> bool:
    words = read(text).words
    line = ("" if _opens_with_initials(words) else "^") + " " + " ".join(word.folded for word in words) + " "
    return any(cue in line for cue in cues) or (_ASKS in cues and "?" in text)


def _opens_with_initials(words: Sequence[Word]) -> bool:
    """`WHO declares` asks nothing."""
    first, second = [word.surface for word in words[:2]] if len(words) > 1 else ("", "")
    return len(first) > 1 and first.isupper() and not second.isupper()


def _capitals(headline: str) -> float:
    """The share of words after the first that begin with a capital."""
    words = headline.split()
    return sum(after[:1].isupper() for _, after in pairwise(words)) / max(1, len(words) - 1)
