"""The operator hears of trouble once when it begins and once when it is over, by a channel that is not part of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.alerts.notice import Operator, Trouble
from monitor.alerts.policy import Policy
from monitor.alerts.route import Routing
from monitor.deliver import deliver
from monitor.feeds import rhythm
from monitor.model import AlertKind, Changes, Feed, FeedState
from monitor.notices import OFTEN, RENAMED, is_too_quiet, look
from monitor.store import Connection, Store, feeds, outbox
from tests.alerts.receiver import Clock, Receiver, one, queue, refusing
from tests.alerts.samples import NOON

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FEED = "https://herald.example/rss"
ROUTING = Routing(storylines={}, targets={"mail": ("ann@desk.example",), "hook": ("",)})


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store.open(url)
    opened.write(lambda tx: feeds.sync(tx, [Feed(url=FEED)], NOON))
    yield opened
    opened.close()


def looked(
    store: Store, now: datetime, *known: Trouble, operator: Operator | None = None, routing: Routing = ROUTING
) -> Changes:
    return look(store, operator or Operator(), routing, now, known)


def titles(changes: Changes) -> list[str]:
    return [alert.title for alert in changes.alerts]


def polled(store: Store, **learned: object) -> None:
    state = replace(FeedState(url=FEED, title="Valley Herald", next_poll_at=NOON), **learned)  # type: ignore[arg-type]
    store.write(lambda tx: feeds.save(tx, state))


# --- feeds


def test_a_feed_that_died_is_told_once_and_its_return_once(store: Store) -> None:
    polled(store, failures=9, error="The server answered 500.", succeeded_at=NOON - 2 * DAY)
    first = looked(store, NOON)
    assert titles(first) == ["The feed Valley Herald does not answer"]
    assert "The server answered 500." in first.alerts[0].explanation
    for hour in range(1, 50):
        assert not looked(store, NOON + hour * HOUR).alerts
    polled(store, succeeded_at=NOON + 50 * HOUR)
    assert titles(looked(store, NOON + 51 * HOUR)) == ["Well again: The feed Valley Herald does not answer"]
    assert not looked(store, NOON + 52 * HOUR).alerts


@pytest.mark.parametrize(
    "learned",
    [
        {"failures": 3, "error": "500", "succeeded_at": NOON - HOUR},
        {"failures": 2, "error": "no such host"},
        {"succeeded_at": NOON - 9 * DAY},
    ],
    ids=["down for an hour", "new and not reached yet", "healthy, not polled for long"],
)
def test_a_feed_that_may_come_back_is_nobodys_trouble(store: Store, learned: dict[str, object]) -> None:
    polled(store, **learned)
    assert not looked(store, NOON).alerts


def test_a_feed_that_says_it_has_ended_or_never_answered_is_told(store: Store) -> None:
    polled(store, failures=5, error="It is a web page, not a feed.")
    assert "a web page, not a feed" in looked(store, NOON).alerts[0].explanation
    polled(store)
    looked(store, NOON)
    polled(store, gone=True)
    assert "(410)" in looked(store, NOON).alerts[0].explanation


def observed(entries: int, over: timedelta) -> FeedState:
    """A feed that brought so many entries, evenly, until noon."""
    state = rhythm.noted(FeedState(url=FEED, next_poll_at=NOON), 30, NOON - over)
    for number in range(1, entries + 1):
        state = rhythm.noted(state, 1, NOON - over + over / entries * number)
    return state


def test_a_feed_is_too_quiet_only_by_its_own_history() -> None:
    """X22."""
    busy, slow = observed(300, 30 * DAY), observed(20, 30 * DAY)
    assert not is_too_quiet(busy, NOON + 2 * DAY)
    assert is_too_quiet(busy, NOON + 2.1 * DAY)
    assert not is_too_quiet(observed(4, 28 * DAY), NOON + 300 * DAY)
    assert not is_too_quiet(slow, NOON + 12 * DAY)
    assert is_too_quiet(slow, NOON + 16 * DAY)


def test_a_quiet_feed_is_told_with_what_it_used_to_bring(store: Store) -> None:
    learned = observed(48, 2 * DAY)
    polled(
        store,
        succeeded_at=NOON + 9 * DAY,
        **{name: getattr(learned, name) for name in ("known_since", "arrived", "arrived_at", "pace")},
    )
    assert not looked(store, NOON + DAY).alerts
    told = looked(store, NOON + 5 * DAY)
    assert titles(told) == ["The feed Valley Herald has gone quiet"]
    assert "about 24 a day" in told.alerts[0].explanation


def test_a_feed_whose_ids_change_at_each_poll_is_told_of_once(store: Store) -> None:
    """X10."""
    polled(store, succeeded_at=NOON, renamed=2)
    assert not looked(store, NOON).alerts
    polled(store, succeeded_at=NOON, renamed=3)
    assert titles(looked(store, NOON)) == ["The feed Valley Herald gives its entries other ids at each poll"]
    assert not looked(store, NOON + HOUR).alerts


def test_a_feed_that_harms_its_parser_again_and_again_is_told_of_once(store: Store) -> None:
    """P14, X4."""
    polled(store, failures=1, offences=1, error="Too much.")
    assert not looked(store, NOON).alerts
    polled(store, failures=2, offences=2, error="Too much.")
    told = looked(store, NOON)
    assert titles(told) == ["The feed Valley Herald is in quarantine"]
    assert "Too much. It is tried once a day only" in told.alerts[0].explanation
    assert not looked(store, NOON + HOUR).alerts
    polled(store, succeeded_at=NOON + DAY)
    assert titles(looked(store, NOON + DAY)) == ["Well again: The feed Valley Herald is in quarantine"]


def test_a_look_reads_only_the_feeds_that_there_may_be_something_to_tell_of(store: Store) -> None:
    def follow(tx: Connection) -> None:
        feeds.sync(tx, [Feed(url=FEED), *(Feed(url=f"https://{n}.example/") for n in range(50))], NOON)

    store.write(follow)
    polled(store, succeeded_at=NOON, renamed=3)
    with store.read() as tx:
        found = feeds.conspicuous(tx, renamed=RENAMED, arrived=OFTEN, quiet_since=NOON)
    assert [state.url for state in found] == [FEED]


# --- channels


def test_a_channel_that_fails_is_told_by_another_one_and_so_is_its_end(store: Store, clock: Clock) -> None:
    """D20, D25."""
    queue(store, one(1))
    deliver(store, "mail", Receiver(refusing("retry", message="the server is down")), clock)
    assert not looked(store, NOON + timedelta(minutes=20)).alerts
    told = looked(store, NOON + HOUR)
    assert titles(told) == ["The channel mail does not deliver"]
    assert "the server is down" in told.alerts[0].explanation
    assert [d.channel for d in told.deliveries] == ["hook"]
    assert not looked(store, NOON + 2 * HOUR).alerts
    clock.pass_by(3 * HOUR)
    deliver(store, "mail", Receiver(), clock)
    assert titles(looked(store, clock.now)) == ["Well again: The channel mail does not deliver"]


def test_a_channel_that_rests_is_told_at_once(store: Store, clock: Clock) -> None:
    """D6, D14."""
    queue(store, one(1))
    deliver(store, "mail", Receiver(refusing("disable", message="gone (410)")), clock)
    told = looked(store, NOON)
    assert titles(told) == ["The channel mail rests"]
    assert "gone (410)" in told.alerts[0].explanation
    assert "monitor retry --all" in told.alerts[0].explanation


def test_what_was_given_up_is_told_once_with_the_way_to_send_it_again(store: Store, clock: Clock) -> None:
    """D20: dead letter, a notice by another channel."""
    queue(store, one(1), one(2))
    deliver(store, "mail", Receiver(refusing("final", message="no such mailbox")), clock)
    deliver(store, "mail", Receiver(refusing("final", message="no such mailbox")), clock)
    told = looked(store, NOON)
    assert titles(told) == ["Alerts by mail were not delivered"]
    assert "2 alerts were given up" in told.alerts[0].explanation
    store.write(lambda tx: outbox.retry(tx, None, NOON))
    assert not looked(store, NOON).alerts


def test_a_notice_about_the_only_channel_makes_no_loop(store: Store, clock: Clock) -> None:
    """D27."""
    alone = replace(ROUTING, targets={"mail": ("ann@desk.example",)})
    queue(store, one(1))
    deliver(store, "mail", Receiver(refusing("retry")), clock)
    for hour in range(1, 9):
        assert looked(store, NOON + hour * HOUR, routing=alone).deliveries == ()


def test_notices_go_where_the_operator_wants_them(store: Store) -> None:
    polled(store, gone=True)
    told = looked(store, NOON, operator=Operator(channels=("hook",)))
    assert [(d.channel, d.thread) for d in told.deliveries] == [("hook", "-operator")]


def test_a_notice_respects_quiet_hours(store: Store) -> None:
    polled(store, gone=True)
    night = replace(ROUTING, policies={"mail": Policy(quiet="11:00-14:00")})
    assert [(d.state, d.due_at) for d in looked(store, NOON, routing=night).deliveries] == [("held", NOON + 2 * HOUR)]


# --- the configuration


def test_trouble_that_does_not_show_in_the_store_is_told_while_it_lasts(store: Store) -> None:
    """C13."""
    wrong = Trouble(subject="configuration", title="The configuration is wrong", said="monitor.yaml:3: what is this?")
    assert titles(looked(store, NOON, wrong)) == ["The configuration is wrong"]
    assert titles(looked(store, NOON, wrong)) == []
    over = looked(store, NOON)
    assert [(alert.kind, alert.title) for alert in over.alerts] == [
        (AlertKind.NOTICE, "Well again: The configuration is wrong")
    ]
