"""What a headline counts, and which numbers may be compared."""

from __future__ import annotations

from itertools import combinations

import pytest

from monitor.stories.quantity import quantities
from tests.stories.conftest import MakeEntry

COUNTED = (
    ("Ship unloads 1,000 containers at Volta port", "en", [(1000, "containers")]),
    ("Blast kills 30 and wounds 100 in market", "en", [(30, ""), (100, "")]),
    ("30 dead, 100 injured in market blast", "en", [(30, "dead"), (100, "injured")]),
    ("Death toll rises to 2,900 after quake", "en", [(2900, "")]),
    ("Inflation falls to 5.2%", "en", [(5.2, "")]),
    ("300 000 barrels of oil stolen", "en", [(300_000, "barrels")]),
    ("1.2m tonnes of grain shipped", "en", [(1_200_000, "tonnes")]),
    ("Wojsko ewakuuje 4000 osób spod zapory", "pl", [(4000, "osób")]),
    ("Bilans ofiar wzrósł do 2,9 tys.", "pl", [(2900, "")]),
    ("Zahl der Toten steigt auf 2.900", "de", [(2900, "")]),
)
NOT_COUNTED = (
    "Dozens killed in blast", "2024 budget approved", "12-year-old boy found", "Rovers win 3-2", "96 hours of air left", "Up to 300 missing",
    "City fears 2,000 dead", "No 10 says talks resume", "Su-35 crashes", "Storm could kill 500", "10-15 people hurt", "Talks end on May 11/12",
)  # fmt: skip
SAME = (
    ("Blast kills 30 in market", "Market blast: 45 people dead", "Death toll from market blast rises to 60"),
    ("1,000 containers lost", "Ship sheds 10,000 containers"),
    ("Inflation rises to 7 percent", "Inflation at 9.5% in May"),
    ("Police arrest 20 over theft", "30 people arrested over theft"),
)


@pytest.mark.parametrize(("title", "language", "expected"), COUNTED)
def test_a_number_is_read_with_what_it_counts(
    title: str, language: str, expected: list[tuple[float, str]], entry: MakeEntry
) -> None:
    assert [(found.value, found.label) for found in quantities(entry(title, language=language))] == expected


@pytest.mark.parametrize("title", NOT_COUNTED)
def test_times_ranks_names_guesses_and_ranges_count_nothing(title: str, entry: MakeEntry) -> None:
    assert quantities(entry(title)) == ()


@pytest.mark.parametrize("titles", SAME)
def test_one_thing_is_recognised_in_other_words_and_nothing_else_is_compared_with_it(
    titles: tuple[str, ...], entry: MakeEntry
) -> None:
    ours = [quantities(entry(title))[0] for title in titles]
    assert all(one.counts_as(other) for one, other in combinations(ours, 2))
    others = [found for rest in SAME if rest is not titles for title in rest for found in quantities(entry(title))]
    assert not any(one.counts_as(other) for one in ours for other in others)


def test_the_dead_are_not_the_injured_and_the_children_not_all_of_them(entry: MakeEntry) -> None:
    dead, injured, children = (
        quantities(entry(title))[0] for title in ("50 people killed", "50 people injured", "3 children killed")
    )
    assert not dead.counts_as(injured)
    assert not dead.counts_as(children)
