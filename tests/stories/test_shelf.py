"""Near-duplicates are found among many reports, by the words that are rare there."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import product

import pytest
from rapidfuzz import fuzz

from monitor.model import Entry
from monitor.stories import shelf as shelf_module
from monitor.stories.facts import facts
from monitor.stories.report import Report
from monitor.stories.shelf import Newest, Shelf, Shelved
from tests.stories.conftest import NOON, MakeEntry

MOST = 5
WHO = ("owner", "weaver", "mayor", "union", "heiress")
DOES = ("sues", "praises", "blames", "fines")
WHAT = ("boiler house", "loading bay", "canteen", "night shift")
WHY = ("after Friday's fire", "over unpaid wages", "in a row over smoke")


def as_report(entry: Entry) -> Report:
    read = facts(entry)
    return Report.of(entry, ("mill",), read, dict.fromkeys(read.told, 1.0))


def shelved(entries: Iterable[Entry]) -> Shelf:
    shelf = Shelf()
    for number, told in enumerate(entries, 1):
        shelf.add(Shelved.of(as_report(told), number))
    return shelf


def near(shelf: Shelf, title: str, entry: MakeEntry, *, language: str = "en", newest: int = 1) -> list[str]:
    """The titles found for another outlet's, leaving out the newest reports."""
    report = as_report(entry(title, minutes=9_999, outlet="Gazette", language=language))
    found = shelf.near(report, shelf.reports[-newest], NOON.timestamp(), MOST)
    return [known.report.entry.title for known in found]


@pytest.fixture
def mill(entry: MakeEntry) -> Shelf:
    titles = [f"Mill {who} {does} {what} {why}" for who, does, what, why in product(WHO, DOES, WHAT, WHY)]
    random.Random(1).shuffle(titles)
    return shelved(entry(title, minutes=number) for number, title in enumerate(titles))


@pytest.mark.parametrize(
    "disguise",
    [
        "Mill heiress fines canteen over unpaid wages",
        "Over unpaid wages, mill heiress fines canteen",
        "BREAKING: Mill heiress fines canteen over unpaid wages | Gazette",
        "Mill heiress fines the canteens over unpaid wage",
        "Mill heires fines canteen over unpaid wages",
        "Heiress fines canteen over wages",
    ],
)
def test_a_near_duplicate_is_found_in_any_disguise(disguise: str, mill: Shelf, entry: MakeEntry) -> None:
    assert near(mill, disguise, entry)[:1] == ["Mill heiress fines canteen over unpaid wages"]


def test_nothing_likelier_is_left_out_than_what_comparing_with_each_finds(mill: Shelf, entry: MakeEntry) -> None:
    lots = random.Random(2)
    older = mill.reports[:-1]
    for known in lots.sample(older, 60):
        words = known.report.entry.title.split()
        words.append(words.pop(lots.randrange(len(words))))
        words.insert(0, "Report:")
        report = as_report(entry(" ".join(words), minutes=9_999))
        found = mill.near(report, mill.reports[-1], NOON.timestamp(), MOST)
        best = max(fuzz.ratio(report.ordered, one.ordered) for one in older)
        assert [fuzz.ratio(report.ordered, one.ordered) for one in found][:1] == [best]


def test_what_shares_less_than_half_of_a_titles_rarest_words_is_no_near_duplicate(entry: MakeEntry) -> None:
    titles = ("Heiress fines canteen", "Weaver praises foreman", "Owner leaves Vienna", "Harrow is quiet")
    shelf = shelved(entry(title, minutes=number) for number, title in enumerate(titles))
    assert near(shelf, "Weaver praises Vienna", entry) == ["Weaver praises foreman"]
    assert near(shelf, "Weaver praises burnt grindstone of guildhall", entry) == []  # nobody told of these
    assert near(shelf, "Heiress praises foreman who leaves Vienna", entry) == []
    assert near(shelf, "Heiress", entry) == []
    assert near(shelf, "", entry) == []


def test_near_duplicates_are_of_one_language(entry: MakeEntry) -> None:
    shelf = shelved([entry("Mill heiress fines canteen"), entry("Harrow is quiet", minutes=1)])
    assert near(shelf, "Mill heiress fines canteen", entry) != []
    assert near(shelf, "Mill heiress fines canteen", entry, language="pl") == []


def test_what_is_too_new_or_too_old_is_left_out(entry: MakeEntry) -> None:
    title = "Mill heiress fines canteen"
    shelf = shelved(entry(title, minutes=minutes, outlet=f"at {minutes}") for minutes in (-1, 0, 1, 2, 3))
    report = as_report(entry(title, minutes=9))
    found = shelf.near(report, shelf.reports[3], NOON.timestamp(), MOST)
    assert sorted(known.report.entry.outlet for known in found) == ["at 0", "at 1"]
    assert shelf.near(report, shelf.reports[0], NOON.timestamp(), MOST) == []
    assert shelf.near(report, shelf.reports[3], report.entry.published.timestamp(), MOST) == []


def test_what_is_forgotten_is_not_found(entry: MakeEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    title = "Mill heiress fines canteen"
    for slack in (0, 1_000):  # the index is made anew, or not yet
        monkeypatch.setattr(shelf_module, "_SLACK", slack)
        shelf = shelved([entry(title), *(entry(f"Harrow has quiet day {n}", minutes=n) for n in range(1, 5))])
        assert near(shelf, title, entry) == [title]
        shelf.drop(1)
        assert near(shelf, title, entry) == []


def test_words_that_too_many_tell_are_not_asked(mill: Shelf, entry: MakeEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a look-up takes no longer the more a storyline repeats itself."""
    monkeypatch.setattr(shelf_module, "_COUNTED", 1)
    assert near(mill, "Mill heiress fines canteen over unpaid wages", entry) == []


def test_the_newest_on_several_shelves_are_told_once_each_the_latest_first(entry: MakeEntry) -> None:
    minutes = (3, 0, 4, 1, 5, 2)  # as they came
    reports = [
        Shelved.of(as_report(entry(f"Harrow is quiet at {at}", minutes=at)), n) for n, at in enumerate(minutes, 1)
    ]
    shelves = Shelf(), Shelf()
    for number, shelved in enumerate(reports):
        for shelf in (shelves[:1], shelves[1:], shelves)[number % 3]:
            shelf.add(shelved)
    newest = Newest(shelves, reports[3].moment, 4)
    assert [shelved.number for shelved in newest] == [5, 3, 1, 6]
    assert (len(newest), newest.newest.number, newest.oldest.number) == (4, 5, 6)
    assert [shelved.number for shelved in newest.of([6, 4, 3, 99])] in ([6, 3], [3, 6])
    assert [shelved.number for shelved in Newest(shelves[:1], reports[3].moment, 4)] == [3, 1, 6, 4]
    assert [shelf.earliest(first) for shelf, first in newest.shelves] == [1, 3]
    assert not Newest(shelves, reports[4].moment + 1, 4)
    assert not Newest((), 0, 4).of([1])
