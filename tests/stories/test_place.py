"""Each signal of novelty: what two reports share, when a doubtful one is told, and what binds a development together."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from monitor.model import Decision, Entry, Match, Placement
from monitor.stories import nearest
from monitor.stories.bound import Bounds
from monitor.stories.facts import facts
from monitor.stories.judgement import log_odds
from monitor.stories.ledger import Ledger
from monitor.stories.pair import difference, independent, likelihood, pair_features
from monitor.stories.place import COMPARED, DOUBTFUL, RULED_OUT, SAME_FACT, SPEAKERS, SURE, TOGETHER, WINDOW, place
from monitor.stories.report import Report
from tests.stories.conftest import MakeEntry

ROUNDING = 1e-9
MATCHES = (Match(storyline="mill", score=1.0, evidence=()),)
Take = Callable[..., Placement]


class Line:
    """Reports placed one after the other, with the form that each is given."""

    def __init__(self) -> None:
        self.ledger = Ledger()

    def weigh(self, entry: Entry) -> Report:
        report = self.ledger.note_entry(entry, facts(entry), MATCHES)
        assert report is not None
        return report

    def take(self, entry: Entry, newsworthy: float = 0.95) -> Placement:
        report = replace(self.weigh(entry), newsworthy=newsworthy)
        placement = place(report, MATCHES, self.ledger)
        development = self.ledger.note(placement, report)
        if placement.decision is not Decision.COVERAGE:
            self.ledger.mark_alerted(development, "a")
        return placement


@pytest.fixture
def line() -> Line:
    return Line()


def alike(line: Line, first: Entry, second: Entry) -> float:
    earlier = line.weigh(first)
    return likelihood(line.weigh(second), earlier)


# --- what two reports share


@pytest.mark.parametrize(
    ("rewrite", "other"),
    [
        ("Fire at Harrow paper mill kills two", "Harrow paper mill to cut 300 jobs"),
        ("Two dead in blaze at the Harrow paper mill", "Harrow paper mill owner sues insurer"),
        ("Pożar w papierni Harrow: dwie osoby nie żyją", "Papiernia Harrow kupiona przez inwestora"),
    ],
)
def test_the_same_fact_in_other_words_is_more_alike_than_another_fact(
    rewrite: str, other: str, entry: MakeEntry
) -> None:
    first = "Blaze at Harrow paper mill kills two workers"
    language = "pl" if "papier" in rewrite else "en"
    told = entry(rewrite, minutes=30, outlet="Gazette", language=language)
    else_ = entry(other, minutes=30, outlet="Gazette", language=language)
    assert alike(Line(), entry(first), told) > alike(Line(), entry(first), else_)


def test_the_same_words_are_less_alike_the_later_they_come(entry: MakeEntry) -> None:
    title = "Inspectors close the Harrow paper mill"
    by_gap = [alike(Line(), entry(title), entry(title, minutes=gap, outlet="Gazette")) for gap in (10, 600, 4_000)]
    assert by_gap == sorted(by_gap, reverse=True)


def test_another_number_in_the_headline_makes_two_reports_less_alike(entry: MakeEntry) -> None:
    def to(number: int) -> float:
        first = entry("Harrow paper mill cuts 300 jobs")
        return alike(Line(), first, entry(f"Paper mill in Harrow cuts {number} jobs", minutes=60, outlet="Gazette"))

    assert to(300) > to(900)


@pytest.mark.parametrize(
    ("earlier", "later", "sign"),
    [
        ("Owner to sell the Harrow mill", "Harrow mill will be sold", "both_plan"),
        ("Owner sells the Harrow mill", "Owner to sell the Harrow mill", "later_plan"),
        ("Owner to sell the Harrow mill", "Owner sells the Harrow mill", "earlier_plan"),
        ("Owner sells the Harrow mill", "Harrow mill sold", "same_act"),
        ("Owner sells the Harrow mill", "Police search the Harrow mill", "other_act"),
    ],
)
def test_what_is_planned_and_what_is_done_are_told_apart(
    earlier: str, later: str, sign: str, line: Line, entry: MakeEntry
) -> None:
    first = line.weigh(entry(earlier))
    found = pair_features(line.weigh(entry(later, minutes=9)), first)
    plans, acts = ("both_plan", "later_plan", "earlier_plan"), ("same_act", "other_act")
    for signs in (plans, acts):
        if sign in signs:
            assert [name for name in signs if found[name]] == [sign]


def test_a_likeness_is_weighed_by_language_and_by_time(line: Line, entry: MakeEntry) -> None:
    first = line.weigh(entry("Owner sells the Harrow mill"))
    at_once = pair_features(line.weigh(entry("Owner sells the Harrow mill", outlet="Gazette")), first)
    polish = entry("Właściciel sprzedaje papiernię Harrow", minutes=600, language="pl")
    in_polish = pair_features(line.weigh(polish), first)
    assert at_once["words_in_one_language"] == at_once["words"] > 0 == in_polish["words_in_one_language"]
    assert at_once["words_by_the_hour"] == 0 < in_polish["words_by_the_hour"]


def test_copy_of_one_agency_is_no_independent_word(line: Line, entry: MakeEntry) -> None:
    lead = "The owner of the mill said on Friday that it would close by the end of the year, the agency reported."
    ours = line.weigh(entry("Harrow mill to close", lead))
    same_lead = line.weigh(entry("Mill in Harrow shuts at year's end", lead, outlet="Gazette"))
    same_title = line.weigh(entry("Harrow mill to close", "A sad day for the town.", outlet="Gazette"))
    own_words = line.weigh(entry("Harrow loses its mill", "Nobody in town had seen it coming.", outlet="Gazette"))
    assert not independent(same_lead, ours)
    assert not independent(same_title, ours)
    assert not independent(line.weigh(entry("Harrow loses its mill", "Nobody saw it.")), ours)  # the same outlet
    assert independent(own_words, ours)


def test_a_difference_is_told_by_meaning_across_languages(line: Line, entry: MakeEntry) -> None:
    ours = line.weigh(entry("Police arrest owner of the Harrow mill"))
    theirs = line.weigh(entry("Policja aresztowała dyrektora, zarzuty po pożarze", language="pl"))
    told = difference(ours, theirs)
    assert "arrest" in told.both
    assert "Harrow" in told.later
    assert "fire" in told.earlier


# --- when a report is told


def test_a_sure_report_is_told_at_once(line: Line, entry: MakeEntry) -> None:
    assert line.take(entry("Owner closes the Harrow mill"), SURE).reason == "new-fact"


def test_a_doubtful_report_waits_and_an_independent_one_releases_it(line: Line, entry: MakeEntry) -> None:
    told = line.take(entry("Owner closes the Harrow mill", "Work ends in May."), 0.69)
    assert (told.decision, told.reason) == (Decision.COVERAGE, "waiting")
    copy = line.take(entry("Owner closes the Harrow mill", "Work ends in May.", minutes=3, outlet="Gazette"), 0.69)
    assert copy.reason == "waiting"
    second = line.take(entry("Harrow mill: the owner closes it", "Hundreds lose work.", minutes=6, outlet="Post"), 0.69)
    assert (second.decision, second.reason) == (Decision.NEW, "second-outlet")
    assert "Herald" in second.explanation or "Gazette" in second.explanation
    assert line.take(entry("Owner to close Harrow mill", minutes=9, outlet="Sun"), 0.9).reason == "same-fact"


def test_several_that_are_each_too_doubtful_add_up(line: Line, entry: MakeEntry) -> None:
    doubt = 0.6
    assert 1 - (1 - doubt) ** 2 < TOGETHER < 1 - (1 - doubt) ** 3
    titles = ("Owner closes the Harrow mill", "Harrow mill is closed by owner", "The Harrow mill: owner closes it down")
    reasons = [
        line.take(entry(title, f"Words of {n} alone.", minutes=n, outlet=f"Outlet {n}"), doubt).reason
        for n, title in enumerate(titles)
    ]
    assert reasons == ["waiting", "waiting", "second-outlet"]


def test_coverage_is_never_told_however_many_bring_it(line: Line, entry: MakeEntry) -> None:
    for n in range(12):
        told = entry(f"Why the Harrow mill matters, part {n}?", f"Thoughts {n}.", minutes=n, outlet=f"Outlet {n}")
        assert line.take(told, DOUBTFUL - 0.01).decision is Decision.COVERAGE


def test_the_same_words_after_the_window_are_news_again(line: Line, entry: MakeEntry) -> None:
    title, later = "Fire breaks out at the Harrow mill", WINDOW.total_seconds() / 60
    assert line.take(entry(title)).decision is Decision.NEW
    assert line.take(entry(title, minutes=60, outlet="Gazette")).decision is Decision.COVERAGE
    assert line.take(entry(title, minutes=later + 90, outlet="Gazette")).decision is Decision.NEW


def test_a_rewrite_in_another_language_is_coverage(line: Line, entry: MakeEntry) -> None:
    assert line.take(entry("Police arrest owner of Harrow mill after fire")).decision is Decision.NEW
    polish = entry(
        "Policja aresztowała właściciela papierni Harrow po pożarze", minutes=20, outlet="Kurier", language="pl"
    )
    assert line.take(polish).decision is Decision.COVERAGE


def test_reports_of_different_acts_are_different_developments(line: Line, entry: MakeEntry) -> None:
    first = line.take(entry("Police arrest owner of Harrow mill"))
    second = line.take(entry("Harrow mill workers vote to strike over pay", minutes=300, outlet="Gazette"))
    assert second.decision is Decision.NEW
    assert second.development != first.development


# --- what binds a development together


Alike = Callable[[dict[tuple[str, str], float]], None]


@pytest.fixture
def alike_by(monkeypatch: pytest.MonkeyPatch) -> Alike:
    """Give how alike two outlets' reports are, later first; all others are of one fact."""

    def give(known: dict[tuple[str, str], float]) -> None:
        monkeypatch.setattr(Bounds, "of", lambda _, reports: [math.inf for _ in reports])
        monkeypatch.setattr(Bounds, "fine", lambda *_: math.inf)
        monkeypatch.setattr(Bounds, "of_strangers", lambda *_, **__: math.inf)
        monkeypatch.setattr(nearest, "likelihood", lambda a, b: known.get((a.entry.outlet, b.entry.outlet), 0.9))

    return give


@pytest.mark.parametrize(("to_told", "same"), [(RULED_OUT + 0.01, True), (RULED_OUT - 0.01, False)])
def test_coverage_that_has_drifted_from_what_was_told_is_a_development_of_its_own(
    to_told: float, same: bool, line: Line, entry: MakeEntry, alike_by: Alike
) -> None:
    alike_by({("Post", "Herald"): to_told})
    first = line.take(entry("Owner may close the Harrow mill"))
    for n in range(4):
        line.take(entry(f"Harrow mill, day {n}", minutes=n, outlet="Gazette"))
    last = line.take(entry("Owner closes the Harrow mill", minutes=9, outlet="Post"))
    assert (last.development == first.development) is same
    assert (last.decision is Decision.COVERAGE) is same


def test_a_few_likest_reports_speak_for_a_development_of_many(line: Line, entry: MakeEntry, alike_by: Alike) -> None:
    alike_by({("Post", "Gazette"): SAME_FACT - 0.3})
    first = line.take(entry("Owner closes the Harrow mill"))
    for n in range(SPEAKERS - 1):
        line.take(entry(f"Harrow mill closes, {n}", minutes=n))
    for n in range(4 * SPEAKERS):
        line.take(entry(f"Harrow mill closed, {n}", minutes=9, outlet="Gazette"))
    assert line.take(entry("Mill closes", minutes=12, outlet="Post")).development == first.development


# --- the likest are found without comparing with each


def is_bounded(report: Report, ledger: Ledger) -> None:
    """No earlier report is likelier than each of its bounds says."""
    compared = ledger.newest(report.entry.published - WINDOW, report.storylines, COMPARED)
    bounds = Bounds(report, compared)
    exact = {shelved.number: log_odds(likelihood(report, shelved.report)) for shelved in compared}
    coarse, fine = bounds.of(list(compared)), list(map(bounds.fine, compared))
    assert all(c >= f - ROUNDING for c, f in zip(coarse, fine, strict=True))
    assert all(f >= e for f, e in zip(fine, exact.values(), strict=True))
    sharing = {shelved.number for shelved in bounds.sharing}
    for same in (False, True):
        strangers = bounds.strangers(compared, same=same)
        assert sharing.isdisjoint(shelved.number for shelved in strangers)
        for at, first in enumerate(strangers):
            assert all(bounds.of_strangers(first, same=same) >= exact[one.number] for one in strangers[at:])


@pytest.mark.no_cover
def test_the_nearest_is_the_one_that_comparing_with_each_finds(line: Line, entry: MakeEntry) -> None:
    acts = (
        "burns",
        "floods",
        "reopens",
        "hires 40 people",
        "sues its insurer",
        "is sold",
        "cuts 300 jobs",
        "is inspected",
    )
    places = ("boiler house", "paper store", "loading bay", "canteen", "old wing")
    for number in range(120):
        title = f"Harrow mill {places[number % 5]} {acts[number % 8]}{', the mill says' * (number % 7 == 0)}"
        outlet, language = ("Herald", "Gazette", "Post")[number % 3], ("en", "pl")[number % 11 == 0]
        report = line.weigh(entry(title, minutes=7 * number, outlet=outlet, language=language))
        known = list(line.ledger.reports_since(report.entry.published - WINDOW, report.storylines))
        is_bounded(report, line.ledger)
        placement = place(report, MATCHES, line.ledger)
        if known:
            assert placement.nearest == max(known, key=lambda earlier: likelihood(report, earlier)).entry.id
        line.ledger.note(placement, report)


def test_an_old_report_that_comes_late_hides_none_of_those_before_it(line: Line, entry: MakeEntry) -> None:
    """S12."""
    first = line.take(entry("Fire at Harrow paper mill kills two"))
    line.take(entry("Harrow mill turns a hundred", minutes=-9 * 24 * 60, outlet="Post"))
    again = line.take(entry("Two die in fire at Harrow paper mill", minutes=5, outlet="Gazette"))
    assert (again.development, again.decision) == (first.development, Decision.COVERAGE)


# --- what was told before a flood of other reports


@pytest.fixture
def flooded(line: Line, entry: MakeEntry, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Have more reports come than are compared, so many minutes after noon."""
    monkeypatch.setattr("monitor.stories.place.COMPARED", 20)

    def flood(minutes: float) -> None:
        for n in range(20):
            line.take(entry(f"Weaver{n} and spinner{n} quarrel over vat{n}", minutes=minutes, outlet="Flood"))

    return flood


Flood = Callable[[float], None]


def test_what_was_told_before_a_flood_is_not_told_anew(line: Line, entry: MakeEntry, flooded: Flood) -> None:
    first = line.take(entry("Fire at Harrow paper mill kills two workers"))
    flooded(20)
    again = line.take(entry("Two workers killed in fire at the Harrow paper mill", minutes=60, outlet="Gazette"))
    assert (again.decision, again.reason, again.development) == (Decision.COVERAGE, "same-fact", first.development)
    assert again.nearest == first.entry.id
    assert again.explanation.startswith("Told before by Herald: “Fire at Harrow")


def test_another_fact_after_a_flood_is_told(line: Line, entry: MakeEntry, flooded: Flood) -> None:
    line.take(entry("Police arrest owner of Harrow mill"))
    flooded(20)
    other = entry("Harrow mill workers vote to strike over pay", minutes=300, outlet="Gazette")
    assert line.take(other).decision is Decision.NEW


def test_what_was_told_before_the_window_is_news_again_after_a_flood(
    line: Line, entry: MakeEntry, flooded: Flood
) -> None:
    title, later = "Fire at Harrow paper mill kills two workers", WINDOW.total_seconds() / 60
    line.take(entry(title))
    flooded(later)
    assert line.take(entry(title, minutes=later + 9, outlet="Gazette")).decision is Decision.NEW


def test_background_told_before_a_flood_speaks_for_nothing(line: Line, entry: MakeEntry, flooded: Flood) -> None:
    title = "Fire at Harrow paper mill kills two workers"
    line.take(entry(title), 0.2)
    flooded(20)
    assert line.take(entry(title, minutes=60, outlet="Gazette")).decision is Decision.NEW


def test_coverage_from_before_a_flood_speaks_only_for_what_people_were_told(
    line: Line, entry: MakeEntry, flooded: Flood, monkeypatch: pytest.MonkeyPatch
) -> None:
    title = "Fire at Harrow paper mill kills two workers"
    first = line.take(entry(title))
    line.take(entry(title, minutes=1, outlet="Post"))
    flooded(20)
    again = line.weigh(entry(title, minutes=60, outlet="Gazette"))
    assert place(again, MATCHES, line.ledger).development == first.development
    monkeypatch.setattr("monitor.stories.place.likelihood", lambda _, known: 0.01 if known.told else 0.99)
    assert place(again, MATCHES, line.ledger).development != first.development
