"""A storyline's habits sharpen its matching, within bounds, and do not drift."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.model import Entry, Storyline, Terms
from monitor.stories.facts import facts
from monitor.stories.ledger import Ledger
from monitor.stories.match import Matcher
from monitor.stories.profile import GROWN_UP, SWAY
from tests.stories.conftest import MakeEntry

QUARRY = Storyline(
    id="quarry",
    title="The Lowick quarry",
    terms=Terms(all=(("Lowick",), ("quarry", "blast", "inspector")), any=("permit",)),
    threshold=0.4,
)
USUAL = "Lowick quarry permit: villagers complain of dust and tremors"


def follow(ledger: Ledger, storyline: Storyline, told: Entry) -> tuple[float, float]:
    """The score of an entry by its terms and in all, as the line takes it in."""
    matcher, read = Matcher([storyline]), facts(told)
    scored = ledger.sharpen(matcher.scores(told), read)
    ledger.note_entry(told, read, matcher.reached(scored))
    return (scored[0].by_terms, scored[0].score) if scored else (0.0, 0.0)


def grown(storyline: Storyline, entry: MakeEntry) -> Ledger:
    ledger = Ledger([storyline])
    for n in range(GROWN_UP):
        follow(ledger, storyline, entry(USUAL, f"Dust lies on the gardens, week {n}."))
    return ledger


def test_a_young_storyline_has_no_habits(entry: MakeEntry) -> None:
    ledger = Ledger([QUARRY])
    for _ in range(GROWN_UP - 1):
        by_terms, score = follow(ledger, QUARRY, entry(USUAL))
        assert score == by_terms


def test_familiar_words_raise_a_score_and_foreign_ones_lower_it_within_bounds(entry: MakeEntry) -> None:
    by_terms, familiar = follow(
        grown(QUARRY, entry), QUARRY, entry("Lowick blast: dust and tremors, villagers complain")
    )
    other_terms, foreign = follow(grown(QUARRY, entry), QUARRY, entry("Lowick blast: goalkeeper celebrates hattrick"))
    assert by_terms == other_terms
    assert foreign < by_terms < familiar
    assert familiar - by_terms <= SWAY + 1e-9
    assert by_terms - foreign <= SWAY + 1e-9


def test_the_seed_article_counts_from_the_first_day(entry: MakeEntry) -> None:
    seeded = replace(QUARRY, seed="Villagers complain of dust and tremors below the Lowick quarry.")
    told = entry("Lowick blast: dust and tremors, villagers complain")
    by_terms, score = follow(Ledger([seeded]), seeded, told)
    assert score > by_terms
    read = facts(told)
    (match,) = Ledger([seeded]).sharpen(Matcher([seeded]).scores(told), read)
    assert {"dust", "tremor"} & set(match.familiar)


def test_what_only_habit_lifts_over_the_threshold_teaches_nothing(entry: MakeEntry) -> None:
    """Drift is bounded: what is matched through habit adds none, so that no chain of weak links grows."""
    storyline = replace(QUARRY, threshold=0.45)
    ledger = grown(storyline, entry)
    taught = follow(ledger, storyline, entry(f"{USUAL}, zebras too"))
    lifted = follow(ledger, storyline, entry("Lowick blast: dust and tremors, villagers complain of zeppelins"))
    assert taught[0] >= storyline.threshold
    assert lifted[0] < storyline.threshold <= lifted[1]
    profile = ledger._profiles["quarry"]
    assert profile.share("w:zebra") > 0
    assert profile.share("w:zeppelin") == 0


@pytest.mark.parametrize("veto", ["football", "Football"])
def test_habit_lifts_nothing_that_is_excluded(veto: str, entry: MakeEntry) -> None:
    excluding = replace(QUARRY, terms=replace(QUARRY.terms, none=("football",)))
    _, score = follow(grown(excluding, entry), excluding, entry(f"{USUAL}, {veto}"))
    assert score == 0
