"""Updates: what changes a development that was told is told once, of each kind, where the storyline wants it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.alerts.route import Routing
from monitor.desk import Desk, Rules, decide
from monitor.model import (
    AlertKind,
    Change,
    Changes,
    Decision,
    Document,
    Entry,
    Feed,
    FeedState,
    Item,
    Poll,
    Response,
    Storyline,
    Terms,
)  # fmt: skip
from monitor.store import Connection, Store, feeds, stories, views
from monitor.stories.ledger import Ledger
from monitor.stories.match import Matcher

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
FERRY = Storyline(id="ferry", title="The ferry", terms=Terms(any=("ferry", "museum")), channels=("desk",))
Told = tuple[float, str, str]
"""Minutes after noon, outlet, headline."""

SUNK = (
    (0, "Herald", "Ferry sinks off Volta, 20 people dead"),
    (60, "Gazette", "Ferry sinks off Volta, 45 people dead"),
    (70, "Post", "Ferry sinks off Volta: 45 people are dead"),
)
DENIED = (
    (0, "Herald", "Minister resigns over ferry contract"),
    (60, "Gazette", "Minister denies he resigns over ferry contract"),
    (70, "Post", "Ministry denies minister resigns over ferry contract"),
)
CORRECTED = (
    (0, "Herald", "Minister resigns over ferry contract"),
    (60, "Gazette", "Correction: minister resigns over ferry contract"),
    (70, "Post", "Correction: deputy minister resigns over ferry contract"),
)
CONFIRMED = (
    (0, "Herald", "Minister reportedly resigns over ferry contract"),
    (30, "Gazette", "Minister resigns over ferry contract"),
    (40, "Tribune", "Ferry contract: transport minister resigns"),
    (60, "Post", "Minister quits over ferry contract"),
    (70, "Sun", "Minister resigns in row over ferry contract"),
)
KINDS = {
    Change.NUMBER: (SUNK, 1, "number-changed", "Update: the number of people dead changed from 20 to 45."),
    Change.CONTRADICTED: (
        DENIED,
        1,
        "contradicted",
        "Update: it is denied: “Minister denies he resigns over ferry contract” (Gazette).",
    ),
    Change.CORRECTED: (
        CORRECTED,
        1,
        "corrected",
        "Update: it is corrected: “Correction: minister resigns over ferry contract” (Gazette).",
    ),
    Change.CORROBORATED: (
        CONFIRMED,
        3,
        "corroborated",
        "Update: 3 outlets now report plainly what was told with reserve: Post, Tribune, Gazette.",
    ),
}


def entries(told: tuple[Told, ...]) -> list[Entry]:
    return [
        Entry(id=f"e{n}", feed="https://feed.example", url=f"https://news.example/{n}", title=title, summary="",
              published=NOON + timedelta(minutes=minutes), language="en", outlet=outlet, keys=(f"e{n}",))
        for n, (minutes, outlet, title) in enumerate(told)
    ]  # fmt: skip


def rules(*storylines: Storyline) -> Rules:
    return Rules(Matcher(storylines), Routing({s.id: s for s in storylines}, {"desk": ("",)}))


def follow(told: tuple[Told, ...], *storylines: Storyline) -> list[Changes]:
    ledger = Ledger(storylines or (FERRY,))
    return [decide([e], ledger, rules(*storylines or (FERRY,)), e.published) for e in entries(told)]


def decisions(changes: list[Changes]) -> list[str]:
    return [placement.decision.value for change in changes for placement in change.placements]


def updates(changes: list[Changes]) -> list[str]:
    return [alert.reason for change in changes for alert in change.alerts if alert.kind is AlertKind.UPDATE]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_told_once_with_its_reason_and_its_rewrite_is_coverage(kind: Change) -> None:
    told, at, reason, sentence = KINDS[kind]
    changes = follow(told)
    assert decisions(changes) == ["new", *["coverage"] * (at - 1), "update", *["coverage"] * (len(told) - at - 1)]
    (alert,) = changes[at].alerts
    assert (alert.kind, alert.reason, alert.explanation) == (AlertKind.UPDATE, reason, sentence)
    assert len({placement.development for change in changes for placement in change.placements}) == 1
    assert [delivery.thread for delivery in changes[at].deliveries] == ["ferry"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_update_names_what_was_told_first_and_the_alert_that_told_it(kind: Change) -> None:
    told, at, _, _ = KINDS[kind]
    changes = follow(told)
    (first,), (update,) = changes[0].alerts, changes[at].alerts
    assert update.first == first.reports[0]
    assert update.follows == first.id
    assert first.first is None
    assert not first.follows


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_that_a_storyline_does_not_want_is_coverage(kind: Change) -> None:
    told, _, _, _ = KINDS[kind]
    others = tuple(other for other in Change if other is not kind)
    assert updates(follow(told, replace(FERRY, updates=others))) == []
    assert updates(follow(told, replace(FERRY, updates=()))) == []
    assert len(updates(follow(told, replace(FERRY, updates=(kind,))))) == 1


def test_the_storyline_that_was_alerted_first_decides_for_both() -> None:
    wharf = replace(FERRY, id="wharf", terms=Terms(any=("Volta",)))
    wanting, silent = replace(FERRY, updates=(Change.NUMBER,)), replace(wharf, updates=())
    assert follow(SUNK, wanting, silent)[0].developments[0].storylines == ("ferry", "wharf")
    assert updates(follow(SUNK, wanting, silent)) == ["number-changed"]
    assert updates(follow(SUNK, replace(FERRY, updates=()), wharf)) == []


@pytest.mark.parametrize(
    "title",
    [
        "Ferry sinks off Volta, 21 people dead",
        "Ferry sinks off Volta, about 23 people dead",
        "Ferry sinks off Volta, dozens dead",
        "Ferry sinks off Volta, 90 people injured",
        "Ferry sinks off Volta 90 years after it was built, 20 people dead",
        "Ferry sinks off Volta, up to 90 people dead",
    ],
)
def test_roundings_and_numbers_of_other_things_change_nothing(title: str) -> None:
    assert updates(follow((SUNK[0], (60, "Gazette", title)))) == []


def test_a_growing_toll_is_told_by_steps_and_not_one_by_one() -> None:
    toll = tuple((60.0 * n, f"Outlet {n}", f"Ferry sinks off Volta, {20 + n} people dead") for n in range(12))
    changes = follow(toll)
    told = [alert.title for change in changes for alert in change.alerts]
    assert told == [toll[0][2], toll[5][2]]


def test_soon_after_an_update_only_a_number_twice_as_large_is_another() -> None:
    after = (
        (80, "Sun", "Ferry sinks off Volta, 60 people dead"),
        (90, "Times", "Ferry sinks off Volta, 95 people dead"),
    )
    assert decisions(follow((*SUNK[:2], *after))) == ["new", "update", "coverage", "update"]
    later = (600, "Sun", "Ferry sinks off Volta, 60 people dead")
    assert decisions(follow((*SUNK[:2], later))) == ["new", "update", "update"]


def test_a_lower_number_needs_a_second_outlet_unless_it_says_so() -> None:
    told = (
        (0, "Herald", "Police arrest 20 over museum theft"),
        (60, "Gazette", "Police arrest 10 over museum theft"),
        (70, "Gazette", "Police arrest 10 over museum theft in Volta"),
        (80, "Post", "Police arrest 10 over theft at museum"),
    )
    assert decisions(follow(told)) == ["new", "coverage", "coverage", "update"]
    revised = (60, "Gazette", "Police arrest 10 over museum theft, down from 20")
    assert decisions(follow((told[0], revised))) == ["new", "update"]


def test_a_report_that_is_older_than_what_was_told_is_no_update() -> None:
    first, late = entries((SUNK[1], SUNK[0]))
    ledger = Ledger((FERRY,))
    for told in (first, late):
        changes = decide([told], ledger, rules(FERRY), NOON + timedelta(hours=2))
    assert decisions([changes]) == ["coverage"]


def test_what_somebody_denies_as_before_or_is_denied_contradicts_nothing() -> None:
    for title in (
        "Minister resigns over ferry contract he still denies",
        "Court denies bail: minister resigns over ferry contract",
    ):
        assert updates(follow((DENIED[0], (60, "Gazette", title)))) == []


def test_what_two_outlets_told_from_the_start_is_not_corroborated() -> None:
    plain = (0, "Herald", "Minister resigns over ferry contract")
    assert updates(follow((plain, *CONFIRMED[1:]))) == []
    copies = tuple((minutes, "Gazette", title) for minutes, _, title in CONFIRMED[1:])
    assert updates(follow((CONFIRMED[0], *copies))) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_poll_and_old_articles_send_no_update(kind: Change) -> None:
    told, at, _, _ = KINDS[kind]
    ledger = Ledger((FERRY,))
    assert decide(entries(told), ledger, rules(FERRY), NOON, baseline=True).alerts == ()
    *before, changing = entries(told[: at + 1])
    ledger = Ledger((FERRY,))
    for entry in before:
        decide([entry], ledger, rules(FERRY), entry.published)
    late = decide([changing], ledger, rules(FERRY), NOON + timedelta(days=9))
    assert [(p.decision, p.reason) for p in late.placements] == [(Decision.COVERAGE, "old")]
    assert late.alerts == ()


def test_what_following_began_with_has_updates_that_follow_no_alert() -> None:
    ledger = Ledger((FERRY,))
    told = entries(DENIED)
    decide(told[:1], ledger, rules(FERRY), NOON, baseline=True)
    (alert,) = decide(told[1:2], ledger, rules(FERRY), told[1].published).alerts
    assert alert.kind is AlertKind.UPDATE
    assert alert.first is not None
    assert alert.first.title == DENIED[0][2]
    assert not alert.follows


# --- with a store


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store.open(url)

    def sync(tx: Connection) -> None:
        feeds.sync(tx, [Feed(url=f"https://{outlet}.example") for outlet in ("Herald", "Gazette", "Post")], NOON)
        stories.sync(tx, [FERRY], NOON)

    opened.write(sync)
    yield opened
    opened.close()


def settle(store: Store, told: Told) -> Changes:
    """One poll of an outlet's feed by a desk that has just started."""
    minutes, outlet, title = told
    at = NOON + timedelta(minutes=minutes)
    item = Item(
        keys=(f"id:{title}",), url="https://news.example/1", title=title, summary="", published=at, language="en", outlet=outlet,
    )  # fmt: skip
    url = f"https://{outlet}.example"
    poll = Poll(
        feed=Feed(url=url), state=FeedState(url=url, next_poll_at=at, succeeded_at=at), at=at,
        response=Response(url=url, status=200, headers={}, body=b"x"), document=Document(title=outlet, items=(item,)),
    )  # fmt: skip
    return Desk(store, rules(FERRY)).settle(poll)


@pytest.mark.parametrize("told", [SUNK, DENIED, CORRECTED], ids=["number", "denied", "corrected"])
def test_a_desk_that_starts_anew_repeats_no_update_and_knows_what_it_follows(
    told: tuple[Told, ...], store: Store
) -> None:
    """S1: the ledger is rebuilt from the store before each poll."""
    first, update, rewrite = (settle(store, one) for one in told)
    assert decisions([first, update, rewrite]) == ["new", "update", "coverage"]
    assert update.alerts[0].follows == first.alerts[0].id
    assert rewrite.alerts == ()
    with store.read() as tx:
        (development,) = views.timeline(tx, "ferry")
        assert [report["decision"] for report in development["reports"]] == ["new", "update", "coverage"]
        assert [row["kind"] for row in views.listed(tx)] == ["update", "new"]
