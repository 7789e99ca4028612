"""Several desks on one store: each knows what the others decided, and a poll that ends too late spoils nothing."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from monitor.config import load
from monitor.desk import MEMORY, Desk, Rules
from monitor.errors import FeedError
from monitor.feeds.identity import entries_of
from monitor.model import Changes, Decision, Document, Entry, Feed, Feedback, FeedState, Item, Judgement, Poll, Response
from monitor.replay import in_order
from monitor.replay.recorded import entries as recorded
from monitor.store import Store, feedback, feeds, settled, stories
from monitor.store.schema import alerts, deliveries, developments, entries, reports
from monitor.stories.ledger import Ledger
from monitor.stories.profile import Profile
from monitor.stories.shelf import Posting, Shelf
from tests.needed import lacking
from tests.test_desk import DAM, FEED, NOON, WEEK, alerted, poll_of, rules, sync

SHARED = Path(os.environ.get("MONITOR_SHARED", Path(__file__).parents[2] / "shared"))
TITAN = Path(__file__).parents[1] / "benchmarks/quality/stories/titan/titan.yaml"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture(scope="module", params=[2_000, pytest.param(4_000, marks=pytest.mark.soak)])
def titan(request: pytest.FixtureRequest) -> tuple[Rules, list[Entry]]:
    """The rules of a labelled story, and the beginning of its recording: all that is on it, and a tenth of the rest."""
    stream = SHARED / "data/titan/stream.jsonl.gz"
    if not stream.exists():
        lacking(f"no labelled data at {SHARED}; set MONITOR_SHARED")
    with_rules = load(TITAN).rules()
    matcher = with_rules.matcher
    told = in_order(recorded([stream]))[: request.param]
    return with_rules, [e for n, e in enumerate(told) if n % 10 == 0 or matcher.reached(matcher.scores(e))]


def poll_with(told: Sequence[Entry], at: datetime) -> Poll:
    """A poll, of a feed of its own, that brings these."""
    url = f"https://{told[0].id}.example/rss"
    items = tuple(
        Item(keys=(e.id,), url=e.url, title=e.title, summary=e.summary, published=e.published, language=e.language, outlet=e.outlet)
        for e in told
    )  # fmt: skip
    response = Response(url=url, status=200, headers={}, body=b"x")
    state = FeedState(url=url, next_poll_at=at, succeeded_at=at)
    return Poll(feed=Feed(url=url), state=state, at=at, response=response, document=Document(title="", items=items))


def polls_of(told: Sequence[Entry], chance: random.Random, pause: timedelta) -> list[Poll]:
    """All of it, some at a time and in no order; the last one is polled when the last entry has been there for a week."""
    shuffled = chance.sample(told, len(told))
    sizes = iter(lambda: chance.choice((1, 1, 2, 5)), 0)
    some: list[list[Entry]] = []
    while shuffled:
        size = next(sizes)
        some.append(shuffled[:size])
        del shuffled[:size]
    return [poll_with(ours, told[-1].published + number * pause) for number, ours in enumerate(some)]


@contextmanager
def desks(url: str, with_rules: Rules, count: int) -> Iterator[list[Desk]]:
    """So many, each with a store of its own, as if each were a process; all of them have begun when there was nothing."""
    opened = [Store.open(url) for _ in range(count)]
    made = [Desk(store, with_rules) for store in opened]
    for desk in made:
        ledger_of(desk, NOON)
    yield made
    for store in opened:
        store.close()


def kept(url: str) -> list[list[tuple[Any, ...]]]:
    """All that desks write of stories, row by row."""
    store = Store.open(url)
    with store.read() as tx:
        found = [
            [tuple(row) for row in tx.execute(select(table).order_by(*table.primary_key.columns))]
            for table in (entries, reports, developments, alerts)
        ]
        queued = tx.execute(select(deliveries.c.id, deliveries.c.created_at).order_by(deliveries.c.number))
        found.append([tuple(row) for row in queued])
    store.close()
    return found


def contents(thing: Any) -> Any:
    """All that a ledger holds, so that two of them can be compared."""
    if isinstance(thing, dict):
        return {key: contents(value) for key, value in thing.items()}
    if isinstance(thing, Posting):
        return thing.numbers, thing.shares, thing.titles
    return contents(vars(thing)) if isinstance(thing, Ledger | Profile | Shelf) else thing


def ledger_of(desk: Desk, now: datetime) -> Ledger:
    """What a desk remembers, when it has caught up."""
    desk._store.on_writer(desk._catch_up, now)
    assert desk._memory is not None
    return desk._memory.ledger


@pytest.mark.parametrize(("count", "pause"), [(2, MINUTE), (3, MINUTE), (3, 5 * HOUR)])
def test_several_desks_in_turn_decide_as_one_alone_to_the_letter(
    titan: tuple[Rules, list[Entry]], tmp_path: Path, url: str, count: int, pause: timedelta
) -> None:
    """Whatever comes when, and whichever of them gets it; also while the oldest is forgotten."""
    with_rules, told = titan
    chance = random.Random(count)
    polls, alone = polls_of(told, chance, pause), f"sqlite:///{tmp_path}/alone.db"
    with desks(alone, with_rules, 1) as (one,):
        expected = [one.settle(poll) for poll in polls]
        remembered = contents(ledger_of(one, polls[-1].at))
    with desks(url, with_rules, count) as several:
        assert [chance.choice(several).settle(poll) for poll in polls] == expected
        for desk in several:
            assert contents(ledger_of(desk, polls[-1].at)) == remembered
    assert kept(url) == kept(alone)
    assert len(alerted(expected)) > 3


def test_a_desk_that_followed_the_others_knows_what_a_fresh_one_recalls(
    titan: tuple[Rules, list[Entry]], url: str
) -> None:
    with_rules, told = titan
    polls = [poll_with([entry], entry.published) for entry in told[:200]]
    last = polls[-1].at
    with desks(url, with_rules, 2) as (one, other):
        for poll in sorted(polls, key=lambda poll: (poll.at, entries_of(poll)[0].id)):
            one.settle(poll)
        assert contents(ledger_of(other, last)) == contents(ledger_of(one, last))
        with one._store.read() as tx:
            fresh = Ledger.recall(stories.history(tx, last - MEMORY), with_rules.matcher.storylines)
        assert contents(ledger_of(other, last)) == contents(fresh)


def test_one_that_is_too_far_behind_reads_the_past_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settled, "KEPT", 3)
    with desks(url, rules(DAM), 2) as (one, other):
        for minutes, _, _, title, _ in WEEK[:-1]:
            one.settle(poll_of(title, at=NOON + minutes * MINUTE))
        with one._store.read() as tx:
            assert settled.between(tx, settled.Revisions(0, 0), settled.revisions(tx)) is None
        again = other.settle(poll_of("Minister resigns over Orla dam!", at=NOON + 2005 * MINUTE))
    assert [placement.decision for placement in again.placements] == [Decision.COVERAGE]


def test_what_was_forgotten_meanwhile_cannot_be_followed_and_the_past_is_read_again(url: str) -> None:
    with desks(url, rules(DAM), 2) as (one, other):
        one.settle(poll_of(WEEK[0][3], at=NOON))
        one._store.write(lambda tx: stories.prune(tx, NOON + HOUR, NOON - HOUR))
        told = other.settle(poll_of(WEEK[6][3], at=NOON + 2000 * MINUTE))
        assert alerted([told]) == [WEEK[6][3]]
        with one._store.read() as tx:
            fresh = Ledger.recall(stories.history(tx, NOON - MEMORY), [DAM])
        assert contents(ledger_of(other, NOON)) == contents(fresh)


def test_what_a_person_says_through_any_process_is_heeded_by_every_desk(url: str) -> None:
    with desks(url, rules(DAM), 2) as (one, other):
        (told,) = one.settle(poll_of(WEEK[0][3], at=NOON)).entries
        other.settle(poll_of(WEEK[7][3], at=NOON + MINUTE))
        wrong = Feedback(entry=told.id, storyline="dam", judgement=Judgement.WRONG, score=1.0, given_at=NOON)

        def say(tx: Any) -> None:
            feedback.replace(tx, told, [wrong])
            feedback.move(tx, told, None, NOON)

        Store.write(one._store, say)
        for number, desk in enumerate((other, one)):
            again = desk.settle(poll_of(f"Crack is found: Orla dam closed {number}", at=NOON + 5 * MINUTE))
            assert [placement.decision for placement in again.placements] == [Decision.COVERAGE]


def test_a_fact_that_comes_to_many_desks_at_one_moment_is_new_once(url: str) -> None:
    """Each has the report of another outlet; whoever is second knows of the first."""
    with desks(url, rules(DAM), 4) as several, ThreadPoolExecutor(4) as pool:
        for _, _, _, title, _ in (WEEK[0], WEEK[4], WEEK[6]):
            polls = [
                replace(poll_of(f"{title} - {name}", at=NOON), feed=Feed(url=f"https://{name}.example"))
                for name in ("Herald", "Courier", "Post", "Gazette")
            ]
            changes = list(pool.map(Desk.settle, several, polls))
            assert len(alerted(changes)) == 1
            assert sum(len(change.placements) for change in changes) == 4


# --- polls that end too late


def state_of(desk: Desk) -> FeedState:
    with desk._store.read() as tx:
        found = feeds.one(tx, FEED.url)
    assert found is not None
    return found


def unchanged(state: FeedState, at: datetime) -> Poll:
    return Poll(
        feed=FEED, state=state, at=at, response=Response(url=FEED.url, status=304, headers={}, not_modified=True)
    )


def failed(state: FeedState, at: datetime) -> Poll:
    return Poll(feed=FEED, state=state, at=at, error=FeedError("timeout", "It took too long to answer."))


@pytest.fixture
def desk(store: Store) -> Desk:
    """One that has polled its feed once."""
    store.write(sync)
    made = Desk(store, rules(DAM))
    made.settle(replace(poll_of("Ferry fares rise", at=NOON), state=state_of(made)))
    return made


def is_rhythm(before: FeedState, after: FeedState) -> bool:
    """Whether nothing of a feed has changed but how much it has brought."""
    return after == replace(before, arrived=after.arrived, arrived_at=after.arrived_at, pace=after.pace)


@pytest.mark.parametrize("late", [unchanged, failed])
def test_a_poll_that_brings_nothing_and_ends_after_a_later_one_changes_nothing(desk: Desk, late: Any) -> None:
    """S14: whoever polled was stopped for longer than it may take, so the feed was given to somebody else."""
    began = state_of(desk)
    desk.settle(replace(poll_of("Orla dam closed after crack is found", at=NOON + HOUR), state=began))
    known = state_of(desk)
    assert desk.settle(late(began, NOON + MINUTE)) == Changes()
    assert state_of(desk) == known
    desk.settle(late(known, NOON + 2 * HOUR))
    assert state_of(desk).polled_at == NOON + 2 * HOUR


def test_a_poll_that_ends_after_a_later_one_brings_what_only_it_has_seen(desk: Desk) -> None:
    """S14: nothing is lost, and what is known of the feed stays."""
    began = state_of(desk)
    desk.settle(failed(began, NOON + HOUR))
    known = state_of(desk)
    late = desk.settle(replace(poll_of("Orla dam closed after crack is found", at=NOON + MINUTE), state=began))
    assert alerted([late]) == ["Orla dam closed after crack is found"]
    assert is_rhythm(known, state_of(desk))
    assert state_of(desk).failures == 1
    assert state_of(desk).arrived == known.arrived + 1


@pytest.mark.parametrize("other", [unchanged, failed])
def test_of_two_first_polls_the_later_one_to_end_brings_news_only_if_the_other_went_well(
    store: Store, other: Any
) -> None:
    """S14, X19: a baseline there is once, and it is not taken for one that there never was."""
    store.write(sync)
    desk = Desk(store, rules(DAM))
    began = state_of(desk)
    desk.settle(other(began, NOON + HOUR))
    late = desk.settle(replace(poll_of("Orla dam closed after crack is found", at=NOON + MINUTE), state=began))
    assert bool(alerted([late])) == (other is unchanged)
    assert not state_of(desk).is_new


def test_a_feed_that_was_hastened_while_it_was_polled_has_still_been_polled_by_nobody_else(desk: Desk) -> None:
    """What commands and other parts write is no poll."""
    began = state_of(desk)
    desk._store.write(lambda tx: feeds.make_due(tx, NOON + MINUTE))
    desk.settle(unchanged(began, NOON + MINUTE))
    assert state_of(desk).polled_at == NOON + MINUTE
