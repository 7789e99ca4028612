"""What entries tell, by meaning; and how rare it is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.model import History, Storyline, Terms
from monitor.stories.facts import SUMMARY, TITLE, concepts, facts, first_act, is_plan, told_by
from monitor.stories.ledger import Ledger
from monitor.stories.match import Matcher
from monitor.stories.place import place
from monitor.stories.text import read
from tests.stories.conftest import NOON, MakeEntry


@pytest.mark.parametrize(
    ("words", "concept"),
    [
        (("arrested", "aresztowano", "verhaftet", "arrestado"), "a:arrest"),
        (("denies", "zaprzecza", "dementiert", "desmiente"), "a:deny"),
        (("resigned", "dymisja", "rucktritt", "dimite"), "a:resign"),
        (("evacuated", "ewakuowano", "evakuiert", "evacuados"), "a:evacuate"),
    ],
)
def test_one_act_is_one_concept_in_every_language(words: tuple[str, ...], concept: str) -> None:
    for word in words:
        assert concept in concepts(word), word


def test_denial_and_confirmation_are_two_acts(entry: MakeEntry) -> None:
    denies, confirms = facts(entry("Minister denies the deal")), facts(entry("Minister confirms the deal"))
    assert "a:deny" in denies.told.keys() - confirms.told.keys()
    assert "a:confirm" in confirms.told.keys() - denies.told.keys()


def test_a_fact_counts_by_where_it_is_told(entry: MakeEntry) -> None:
    told = facts(entry("Mill burns", "Police arrest two, 40 flee. The mill stands empty.")).told
    assert told["a:arrest"] == SUMMARY
    assert told["n:40"] == SUMMARY
    assert {weight for key, weight in told.items() if key == "w:mill"} == {TITLE}


def test_numbers_are_told_without_their_separators(entry: MakeEntry) -> None:
    assert facts(entry("1,300 flee, 12 missing", "In all 9 buses.")).title_numbers == {"1300", "12"}
    assert facts(entry("1.300 flee")).numbers == {"1300"}


@pytest.mark.parametrize(
    ("planned", "done", "language"),
    [
        ("Minister will visit the dam", "Minister visits the dam", "en"),
        ("Minister to visit the dam", "Minister travels to the dam", "en"),
        ("Dam could collapse", "Dam collapses", "en"),
        ("Minister ma odwiedzić zaporę", "Minister ma nową zaporę", "pl"),
        ("Zapora może runąć", "Zapora runęła", "pl"),
        ("Staudamm soll verkauft werden", "Staudamm verkauft", "de"),
        ("Le barrage pourrait rompre", "Le barrage a rompu", "fr"),
        ("La presa podría ceder", "La presa cede", "es"),
    ],
)
def test_a_plan_is_told_from_what_was_done(planned: str, done: str, language: str) -> None:
    assert is_plan(read(planned), language)
    assert not is_plan(read(done), language)


def test_a_word_of_plans_is_one_in_its_own_language_alone() -> None:
    assert not is_plan(read("Zapora: to atak"), "pl")
    assert not is_plan(read("The dam will fall"), "xx")


def test_the_first_act_of_a_title_is_the_one_it_reports() -> None:
    assert first_act(read("Police arrest owner who denied the sale")) == {"a:arrest"}
    assert first_act(read("The dam")) == frozenset()


def test_a_longer_text_tells_facts_too() -> None:
    assert {"a:arrest", "w:mill"} <= told_by("Police arrested the owner. The mill burned.")


MILL = Storyline(id="mill", title="The mill", terms=Terms(any=("mill",)))


def test_what_all_of_a_story_says_carries_nothing(entry: MakeEntry) -> None:
    ledger, matcher = Ledger([MILL]), Matcher([MILL])
    first = last = None
    for n in range(30):
        told = entry(f"Harrow mill: worker {n} speaks", minutes=n)
        last = ledger.note_entry(told, facts(told), matcher.match(told))
        first = first or last
    assert first is not None
    assert last is not None
    assert last.words.weights["w:harrow"] < first.words.weights["w:harrow"] / 3


def test_a_word_of_everything_that_is_read_weighs_less_than_a_rare_one(entry: MakeEntry) -> None:
    ledger = Ledger([MILL])
    for n in range(200):
        ledger.note_entry(entry(f"Weather report {n}"), facts(entry(f"Weather report {n}")), ())
    told = entry("Mill: weather, turbine")
    report = ledger.note_entry(told, facts(told), Matcher([MILL]).match(told))
    assert report is not None
    assert report.words.weights["w:weather"] < report.words.weights["w:turbin"]


def test_a_ledger_that_is_made_anew_weighs_as_before(entry: MakeEntry) -> None:
    told = [entry(f"Harrow news {n}", "Rain and wind.", minutes=n) for n in range(20)]
    ledger = Ledger([MILL])
    for one in told:
        ledger.note_entry(one, facts(one), ())
    again = Ledger.recall(History(entries=tuple(told)), [MILL])
    probe = entry("Mill stands in rain", minutes=30)
    matches = Matcher([MILL]).match(probe)
    before, after = (known.note_entry(probe, facts(probe), matches) for known in (ledger, again))
    assert before == after


def test_what_is_older_than_the_memory_is_forgotten(entry: MakeEntry) -> None:
    ledger, told = Ledger([MILL]), entry("Mill burns")
    matches = Matcher([MILL]).match(told)
    report = ledger.note_entry(told, facts(told), matches)
    assert report is not None
    ledger.note(place(report, matches, ledger), report)
    ledger.forget_before(NOON)
    assert list(ledger.reports_since(NOON - timedelta(days=1), ["mill"]))
    ledger.forget_before(NOON + timedelta(minutes=1))
    assert not list(ledger.reports_since(NOON - timedelta(days=1), ["mill"]))
