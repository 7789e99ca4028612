"""The index finds every storyline of which an entry has a term, however it is written, and no other, with the score that it has."""

from __future__ import annotations

import random

import pytest

from benchmarks.speed.matching import KINDS, Stories, compared, made_up
from monitor.model import Storyline, Terms
from monitor.stories.match import Matcher
from tests.stories.conftest import MakeEntry


def test_the_index_finds_what_a_look_at_each_pair_finds() -> None:
    """Phrases with slips, plurals, other endings, hyphens and in another order; with the very same scores."""
    entries = list(made_up(1_000, random.Random(2)))
    found = compared(Stories(entries), entries, 3_000, 200)
    for kind, counts in found.items():
        assert counts["there"] == counts["found"] == counts["right"], kind
    assert all(found[kind]["there"] > 100 for kind in KINDS)
    assert found["any other storyline"]["there"] < 500


@pytest.mark.parametrize(
    ("phrase", "title", "found"),
    [
        ("harbour strike", "Strike of harbour crews", "Strike of harbour"),
        ("harbour strike", "Strike, harbour shut, strike goes on", "Strike harbour"),
        ("harbour strike", "Strikes harbour strike", "harbour strike"),
        ("harbour strike", "Harbour crews begin a long strike", None),
        ("harbour strike", "Harbour, harbour crews begin their strike", None),
        ("harbour strike", "Harbour: a day off. Strike at harbour", "Strike at harbour"),
        ("ferry harbour strike", "Strike at ferry harbour", "Strike at ferry harbour"),
        ("ferry harbour strike", "Strike goes on at ferry harbour", None),
        ("new new harbour", "New harbour", None),
        ("new new harbour", "A new and a new harbour", None),
        ("new new harbour", "A new, new harbour", "new new harbour"),
        ("harbour harbours", "The harbour", None),
    ],
)
def test_a_phrase_is_found_at_the_first_place_where_its_words_stand_near_the_longest(
    phrase: str, title: str, found: str | None, entry: MakeEntry
) -> None:
    """The nearest ones, and of two as near those that are written like it; two words of it never at one place."""
    matches = Matcher([Storyline(id="s", title="s", terms=Terms(any=(phrase,)))]).match(entry(title))
    assert [evidence.found for match in matches for evidence in match.evidence] == ([] if found is None else [found])
