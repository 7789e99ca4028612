"""The pure middle of the line: what is new, what is told again, and that order and restarts change nothing."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.alerts.route import Routing
from monitor.desk import Desk, Rules, decide
from monitor.errors import StoreError
from monitor.model import Changes, Decision, Document, Entry, Feed, FeedState, Item, Poll, Response, Storyline, Terms
from monitor.store import Connection, Store, feeds, outbox, stories
from monitor.stories.ledger import Ledger
from monitor.stories.match import Matcher
from tests.store.conftest import busy, in_a_file

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
DAM = Storyline(
    id="dam",
    title="The Orla dam",
    terms=Terms(all=(("Orla",),)),
    entities={"Orla": ("Orla", "Orłą", "Orły", "Орла")},
    channels=("desk",),
)
VALLEY = replace(DAM, id="valley", title="The valley", channels=("desk", "valley"))
WEEK = (
    (0, "Herald", "en", "Orla dam closed after crack is found", "Two towns are told to prepare."),
    (20, "Gazette", "en", "Crack found, Orla dam closed", "Towns below prepare."),
    (40, "Kurier", "pl", "Zapora Orla zamknięta po wykryciu pęknięcia", "Dwa miasta w gotowości."),
    (60, "Herald", "en", "Why the Orla dam cracked", "What we know."),
    (600, "Gazette", "en", "Police evacuate 4,000 as Orla dam floods valley", "Officers go from door to door."),
    (620, "Kurier", "pl", "Policja ewakuuje 4000 osób spod zapory Orla", "Policjanci chodzą od drzwi do drzwi."),
    (2000, "Herald", "en", "Minister resigns over Orla dam", "She had ignored two letters."),
    (2010, "Gazette", "en", "Ferry fares rise", "Commuters complain."),
)


def entries(*told: tuple[int, str, str, str, str]) -> list[Entry]:
    return [
        Entry(id=f"e{n}", feed="https://feed.example", url=f"https://news.example/{n}", title=title, summary=summary,
              published=NOON + timedelta(minutes=minutes), language=language, outlet=outlet, keys=(f"e{n}",))
        for n, (minutes, outlet, language, title, summary) in enumerate(told)
    ]  # fmt: skip


def rules(*storylines: Storyline) -> Rules:
    return Rules(Matcher(storylines), Routing({s.id: s for s in storylines}, {"desk": ("",), "valley": ("",)}))


def follow(told: Sequence[Entry], with_rules: Rules) -> list[Changes]:
    ledger = Ledger()
    return [decide([entry], ledger, with_rules, entry.published) for entry in told]


def alerted(changes: Sequence[Changes]) -> list[str]:
    return [alert.title for change in changes for alert in change.alerts]


def test_each_development_is_alerted_once_and_its_rewrites_are_not() -> None:
    """X13."""
    assert alerted(follow(entries(*WEEK), rules(DAM))) == [WEEK[0][3], WEEK[4][3], WEEK[6][3]]


def test_a_rewrite_in_another_language_joins_its_development() -> None:
    placements = [p for change in follow(entries(*WEEK), rules(DAM)) for p in change.placements]
    first, *_, army, wojsko, _ = (p.development for p in placements)
    assert placements[2].development == first
    assert army == wojsko != first


def test_every_decision_says_why_and_names_the_nearest_report() -> None:
    placements = [p for change in follow(entries(*WEEK), rules(DAM)) for p in change.placements]
    assert [p.reason for p in placements[:2]] == ["new-fact", "same-fact"]
    assert placements[1].nearest == "e0"
    assert WEEK[0][3] in placements[1].explanation
    assert placements[3].reason == "question"


def test_two_storylines_of_one_story_give_one_alert_and_one_delivery_a_channel() -> None:
    (changes,) = follow(entries(WEEK[0]), rules(DAM, VALLEY))
    (alert,) = changes.alerts
    assert [identifier for identifier, _ in alert.storylines] == ["dam", "valley"]
    assert [delivery.channel for delivery in changes.deliveries] == ["desk", "valley"]


def test_the_first_poll_is_a_baseline_and_alerts_nothing() -> None:
    """X19."""
    changes = decide(entries(*WEEK), Ledger(), rules(DAM), NOON, baseline=True)
    assert len(changes.placements) == 7
    assert not changes.alerts
    assert not changes.deliveries


def test_a_rewrite_of_what_was_there_before_is_no_news() -> None:
    """X19: what following began with counts as known."""
    ledger, told = Ledger(), entries(*WEEK)
    decide(told[:1], ledger, rules(DAM), NOON, baseline=True)
    assert alerted([decide([entry], ledger, rules(DAM), entry.published) for entry in told[1:]]) == [
        WEEK[4][3],
        WEEK[6][3],
    ]


def test_an_old_article_that_a_feed_shows_again_is_no_news() -> None:
    """S12, X16."""
    (changes,) = [decide(entries(WEEK[0]), Ledger(), rules(DAM), NOON + timedelta(days=30))]
    assert [placement.reason for placement in changes.placements] == ["old"]
    assert not changes.alerts


def test_the_order_in_which_one_polls_entries_come_changes_nothing() -> None:
    told = entries(*WEEK)
    expected = decide(told, Ledger(), rules(DAM), NOON)
    for seed in range(5):
        shuffled = random.Random(seed).sample(told, len(told))
        assert decide(shuffled, Ledger(), rules(DAM), NOON) == expected


def test_the_order_of_entries_of_one_second_changes_nothing() -> None:
    told = [replace(entry, published=NOON) for entry in entries(*WEEK)]
    expected = decide(told, Ledger(), rules(DAM), NOON)
    assert expected.alerts
    for seed in range(5):
        shuffled = random.Random(seed).sample(told, len(told))
        assert decide(shuffled, Ledger(), rules(DAM), NOON) == expected


def test_feeds_that_have_nothing_to_do_with_a_story_change_none_of_its_alerts() -> None:
    noise = [(n * 30, "Sports", "en", f"Team {n} wins the cup final", "A late goal decides.") for n in range(60)]
    mixed = sorted(entries(*WEEK, *noise), key=lambda entry: entry.published)
    assert alerted(follow(mixed, rules(DAM))) == alerted(follow(entries(*WEEK), rules(DAM)))


@pytest.mark.parametrize(
    "change",
    [
        lambda e: replace(e, title=f"{e.title} - {e.outlet}"),
        lambda e: replace(e, title=e.title.replace("a", "a\u200b")),
        lambda e: replace(e, summary=e.summary + " word" * 5_000),
        lambda e: replace(e, title="\u00a0" + e.title + "  "),
        lambda e: replace(
            e, title=unicodedata.normalize("NFD", e.title), summary=unicodedata.normalize("NFD", e.summary)
        ),
        lambda e: replace(e, title=f"{e.title} | {e.outlet.upper()}"),
    ],
    ids=[
        "outlet's name appended",
        "zero-width spaces",
        "a long tail",
        "spaces",
        "other code points",
        "outlet in capitals",
    ],
)
def test_what_does_not_change_the_news_changes_no_decision(change: Callable[[Entry], Entry]) -> None:
    told = entries(*WEEK)
    before = [p.decision for c in follow(told, rules(DAM)) for p in c.placements]
    assert [p.decision for c in follow([change(entry) for entry in told], rules(DAM)) for p in c.placements] == before


def test_a_summary_that_a_feed_cuts_short_changes_no_decision() -> None:
    lead = "The statement was read out at noon in front of the town hall, where some two hundred people from the valley had gathered in the rain"
    more = " The mayor of the next town said that he had heard of it on the radio, like everybody else." * 4
    whole = [replace(entry, summary=f"{entry.summary} {lead}.{more}") for entry in entries(*WEEK)]
    cut = [replace(entry, summary=" ".join(entry.summary.split()[:42]) + "…") for entry in whole]
    assert [p.decision for c in follow(cut, rules(DAM)) for p in c.placements] == [
        p.decision for c in follow(whole, rules(DAM)) for p in c.placements
    ]


def test_the_same_entry_again_is_never_alerted_again() -> None:
    told = entries(WEEK[0])
    copies = [
        replace(told[0], id=f"copy{n}", outlet=f"Outlet {n}", published=NOON + timedelta(minutes=n)) for n in range(20)
    ]
    assert len(alerted(follow([*told, *copies], rules(DAM)))) == 1


# --- with a store


FEED = Feed(url="https://feed.example", name="Herald")


def poll_of(*titles: str, at: datetime, new: bool = False) -> Poll:
    items = tuple(
        Item(
            keys=(f"id:{title}",),
            url="https://news.example/1",
            title=title,
            summary="It was a long week.",
            published=None,
            language="en",
            outlet="",
        )
        for title in titles
    )
    state = FeedState(url=FEED.url, next_poll_at=at, succeeded_at=None if new else at)
    response = Response(url=FEED.url, status=200, headers={}, body=b"x")
    return Poll(feed=FEED, state=state, at=at, response=response, document=Document(title="Herald", items=items))


def sync(tx: Connection) -> None:
    feeds.sync(tx, [FEED], NOON)
    stories.sync(tx, [DAM], NOON)


@pytest.fixture
def store(url: str) -> Store:
    opened = Store.open(url)
    opened.write(sync)
    return opened


def test_a_desk_that_starts_anew_knows_what_was_told(store: Store) -> None:
    """S1: the ledger is rebuilt from the store."""
    assert len(Desk(store, rules(DAM)).settle(poll_of("Orla dam closed after crack is found", at=NOON)).alerts) == 1
    again = Desk(store, rules(DAM)).settle(poll_of("Crack is found: Orla dam closed", at=NOON + timedelta(minutes=5)))
    assert [p.decision for p in again.placements] == [Decision.COVERAGE]
    assert again.developments[0].alerted
    store.close()


def test_a_rebuilt_ledger_decides_as_the_one_that_never_stopped(tmp_path: Path, url: str) -> None:
    def run(restart: bool) -> list[tuple[str, str]]:
        opened = Store.open(url if restart else f"sqlite:///{tmp_path}/whole.db")
        opened.write(sync)
        desk, told = Desk(opened, rules(DAM)), []
        for minutes, _, _, title, _ in WEEK:
            desk = Desk(opened, rules(DAM)) if restart else desk
            changes = desk.settle(poll_of(title, at=NOON + timedelta(minutes=minutes)))
            told += [(p.decision.value, p.development) for p in changes.placements]
        opened.close()
        return told

    assert run(restart=True) == run(restart=False)


def test_an_entry_that_was_seen_is_not_seen_again_and_comes_back_as_nothing_new(store: Store) -> None:
    """X12, X16."""
    desk = Desk(store, rules(DAM))
    first = desk.settle(poll_of("Orla dam cracks", "Orla dam cracks", at=NOON))
    assert len(first.entries) == 1
    desk.settle(poll_of(at=NOON + timedelta(hours=1)))
    assert desk.settle(poll_of("Orla dam cracks", at=NOON + timedelta(hours=2))).entries == ()
    store.close()


@in_a_file
def test_a_settle_that_fails_leaves_nothing_behind_and_the_next_one_works(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3: the disk is full (SQLite's own limit on pages) in the middle of a transaction."""
    desk = Desk(store, rules(DAM))
    desk.settle(poll_of("Ferry fares rise", at=NOON))
    limit = store.on_writer(_limit_pages, store, 0)
    many = poll_of(*(f"Orla dam breach number {n} {'x' * 900}" for n in range(60)), at=NOON + timedelta(hours=1))
    with pytest.raises(StoreError, match="nothing of this step was kept"):
        desk.settle(many)
    with store.read() as tx:
        assert outbox.pending(tx) == 0
    store.on_writer(_limit_pages, store, limit)
    assert len(desk.settle(many).entries) == 60
    store.close()


def test_a_poll_that_fails_takes_none_of_its_neighbours_with_it_and_they_are_told_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both wait while the writer is at something else, and share a transaction, until it shows that one of them is broken."""
    monkeypatch.setattr(
        "monitor.store.writer._TOGETHER", 60
    )  # however long the first entry takes, which loads the lists of words
    desk = Desk(store, rules(DAM))
    well = poll_of("Orla dam closed after crack is found", at=NOON)
    broken = replace(poll_of(at=NOON + timedelta(minutes=1)), response=None, document=None)
    with busy(store):
        settled = [desk.take(poll) for poll in (well, broken)]
    assert alerted([settled[0].result()]) == ["Orla dam closed after crack is found"]
    assert isinstance(settled[1].exception(), AssertionError)
    rewrite = desk.settle(poll_of("Crack is found: Orla dam closed", at=NOON + timedelta(minutes=5)))
    assert [(p.decision, d.reports) for p, d in zip(rewrite.placements, rewrite.developments, strict=True)] == [
        (Decision.COVERAGE, 2)
    ]
    store.close()


def _limit_pages(store: Store, pages: int) -> int:
    """Let the database grow no further than now (0), or to `pages`; returns the limit that held before."""
    with store.begin() as tx:
        before = int(tx.exec_driver_sql("PRAGMA max_page_count").scalar_one())
        now = int(tx.exec_driver_sql("PRAGMA page_count").scalar_one())
        tx.exec_driver_sql(f"PRAGMA max_page_count={pages or now + 5}")
    return before


def test_the_state_of_a_story_is_announced_once(store: Store) -> None:
    desk = Desk(store, rules(DAM))
    desk.settle(poll_of("Orla dam closed after crack is found", at=NOON, new=True))
    told = desk.announce(NOON + timedelta(minutes=1))
    assert [alert.kind.value for alert in told.alerts] == ["baseline"]
    assert desk.announce(NOON + timedelta(minutes=2)).alerts == ()
    store.close()
