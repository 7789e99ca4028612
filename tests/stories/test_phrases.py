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


@pytest.mark.parametrize(
    ("phrase", "title", "summary", "found"),
    [
        ("harbour strike", "The harbour", "Strike goes on", None),
        ("dam on the upper river", "Crews look at the dam on", "The upper river is high", None),
        ("harbour strike", "Harbour strike", "The harbour strike goes on", ("title", 1.0)),
        ("harbour strike", "Harbour news", "The strike: harbour shut", ("summary", 0.8)),
        ("strike", "News", "word " * 40 + "strike", ("summary", 0.5)),
        ("strike", "News", "word " * 39 + "strike", ("summary", 0.8)),
        ("댐", "댐이 무너졌다", "댐이 무너졌다", ("title", 1.0)),
        ("댐", "News", "댐이 무너졌다", ("summary", 0.8)),
        ("댐", "News", "비가 " * 40 + "댐", ("summary", 0.5)),
    ],
)
def test_a_phrase_stands_in_the_title_or_in_the_summary_and_not_in_both(
    phrase: str, title: str, summary: str, found: tuple[str, float] | None, entry: MakeEntry
) -> None:
    """In the title where it can; in a summary it counts less, and after its lead less again."""
    storyline = Storyline(id="s", title="s", terms=Terms(any=(phrase,)), threshold=0.0)
    matches = Matcher([storyline]).match(entry(title, summary))
    told = [(evidence.field, evidence.score) for match in matches for evidence in match.evidence]
    assert told == ([] if found is None else [found])


def test_of_several_names_the_one_counts_that_says_it_best(entry: MakeEntry) -> None:
    """In the title before all others, then by how well it is written, then by which comes first."""
    names = {"union": ("dockers' league", "harbour workers")}
    storyline = Storyline(id="s", title="s", terms=Terms(any=("union",)), entities=names, threshold=0.0)
    matcher = Matcher([storyline])

    def said(title: str, summary: str = "") -> list[str]:
        return [evidence.found for match in matcher.match(entry(title, summary)) for evidence in match.evidence]

    assert said("A unoin of harbour workers") == ["harbour workers"]
    assert said("The harbour workers and their union") == ["harbour workers"]
    assert said("Unions talk", "The union says no") == ["Unions"]
    assert said("News", "Talks with harbour workers, and with the union") == ["harbour workers"]
