"""The second straight line: claim, send, record; and what becomes of a delivery that is not taken."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.deliver import LEASE, PAUSE, RETRIES, after_failure, deliver
from monitor.errors import DeliveryError
from monitor.model import Delivery, DeliveryState
from monitor.secret import Secret
from monitor.store import Store, outbox
from tests.alerts.receiver import Clock, Receiver, deliver_all, one, queue, refusing, state_of
from tests.alerts.samples import NOON, make_delivery

# --- one delivery


def test_a_delivery_that_is_taken_is_sent_once(store: Store, clock: Clock) -> None:
    queue(store, one())
    receiver = Receiver()
    assert deliver(store, "mail", receiver, clock)
    assert not deliver(store, "mail", receiver, clock)
    clock.pass_by(timedelta(days=9))
    assert not deliver(store, "mail", receiver, clock)
    assert receiver.taken == ["d-1-mail"]
    assert state_of(store, "d-1-mail") == ("sent", 1, "")


def test_a_channel_sends_only_what_is_its_own(store: Store, clock: Clock) -> None:
    queue(store, one(1, "mail"), one(1, "hook"))
    receiver = Receiver()
    deliver_all(store, receiver, clock, "hook")
    assert receiver.taken == ["d-1-hook"]


def test_the_transcript_reaches_the_caller(store: Store, clock: Clock) -> None:
    queue(store, one())
    told: list[str] = []
    deliver(store, "mail", Receiver(), clock, told.append)
    assert told == ["> Two valleys below the Orla dam are evacuated"]


def test_a_refused_try_comes_again_by_the_table_until_it_is_dead(store: Store, clock: Clock) -> None:
    """D2, D20: ten tries over 75 hours and a half, each not before its time, under the same id"""
    queue(store, one())
    receiver = Receiver(refusing("retry"))
    for wait in RETRIES:
        assert deliver(store, "mail", receiver, clock)
        clock.pass_by(wait - timedelta(microseconds=1))
        assert not deliver(store, "mail", receiver, clock)
        clock.pass_by(wait * 0.1 + timedelta(microseconds=1))
    assert deliver(store, "mail", receiver, clock)
    assert state_of(store, "d-1-mail") == ("dead", 10, "not now")
    clock.pass_by(timedelta(days=30))
    assert not deliver(store, "mail", receiver, clock)
    assert receiver.tried == ["d-1-mail"] * 10
    assert sum(RETRIES, timedelta()) == timedelta(hours=75, minutes=35, seconds=5)


def test_tries_that_a_crash_cut_short_take_nothing_from_the_three_days() -> None:
    """D20, D29."""
    tried = make_delivery(attempts=len(RETRIES) + 1, created_at=NOON)
    settled = after_failure(tried, DeliveryError("no"), NOON + timedelta(hours=40))
    assert settled.state == DeliveryState.PENDING
    assert settled.due_at >= NOON + timedelta(hours=40) + RETRIES[-1]
    assert after_failure(tried, DeliveryError("no"), NOON + timedelta(hours=76)).state == DeliveryState.DEAD


def test_a_dead_delivery_that_a_person_queues_again_has_its_tries_back(store: Store, clock: Clock) -> None:
    """D20"""
    queue(store, one())
    receiver = Receiver(refusing("retry"))
    while state_of(store, "d-1-mail")[0] == "pending":
        deliver(store, "mail", receiver, clock)
        clock.pass_by(timedelta(hours=30))
    store.write(lambda tx: outbox.retry(tx, ["d-1-mail"], clock()))
    receiver.answer = lambda _delivery: None
    deliver_all(store, receiver, clock)
    assert receiver.taken == ["d-1-mail"]


def test_a_receiver_that_names_a_time_is_left_alone_until_then(store: Store, clock: Clock) -> None:
    """D15"""
    queue(store, one())
    receiver = Receiver(refusing("retry", after=timedelta(minutes=20)))
    deliver(store, "mail", receiver, clock)
    clock.pass_by(timedelta(minutes=20) - timedelta(seconds=1))
    assert not deliver(store, "mail", receiver, clock)
    clock.pass_by(timedelta(seconds=1))
    assert deliver(store, "mail", receiver, clock)


def test_a_receiver_that_asks_for_haste_does_not_burn_the_tries() -> None:
    settled = after_failure(make_delivery(attempts=4), DeliveryError("busy", after=timedelta(0)), NOON)
    assert settled.due_at >= NOON + RETRIES[3]


@settings(deadline=None)
@given(st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True), st.integers(1, 9))
def test_jitter_is_small_differs_and_can_be_foretold(identifier: str, attempt: int) -> None:
    delivery = make_delivery(id=identifier, attempts=attempt)
    settled = after_failure(delivery, DeliveryError("no"), NOON)
    assert RETRIES[attempt - 1] <= settled.due_at - NOON <= RETRIES[attempt - 1] * 1.1 + timedelta(microseconds=1)
    assert settled == after_failure(delivery, DeliveryError("no"), NOON)


def test_a_hundred_refused_deliveries_do_not_come_back_at_one_moment() -> None:
    due = {after_failure(make_delivery(id=f"d-{n}", attempts=3), DeliveryError("no"), NOON).due_at for n in range(100)}
    assert len(due) > 50


def test_what_is_refused_for_good_is_tried_no_more_and_holds_up_nothing(store: Store, clock: Clock) -> None:
    """D2"""
    queue(store, one(1), one(2))
    receiver = Receiver(
        lambda delivery: refusing("final", message="550 no such user")(delivery) if delivery.id == "d-1-mail" else None
    )
    deliver_all(store, receiver, clock)
    assert receiver.taken == ["d-2-mail"]
    assert state_of(store, "d-1-mail") == ("failed", 1, "550 no such user")


# --- the whole channel


def test_a_refused_login_rests_the_channel_and_costs_no_try(store: Store, clock: Clock) -> None:
    """D6: one login an hour, not one a delivery"""
    queue(store, *(one(number, thread=f"t-{number}") for number in range(50)))
    receiver = Receiver(refusing("pause", message="login refused"))
    for _ in range(3):
        deliver_all(store, receiver, clock)
        clock.pass_by(PAUSE)
    assert len(receiver.tried) == 3
    assert state_of(store, receiver.tried[0]) == ("pending", 0, "login refused")
    receiver.answer = lambda _delivery: None
    deliver_all(store, receiver, clock)
    assert len(receiver.taken) == 50


def test_a_receiver_that_is_gone_turns_the_channel_off_until_a_person_resumes_it(store: Store, clock: Clock) -> None:
    """D14"""
    queue(store, one(1, "hook"), one(2, "hook"))
    receiver = Receiver(refusing("disable", message="410 gone"))
    deliver_all(store, receiver, clock, "hook")
    clock.pass_by(timedelta(days=30))
    deliver_all(store, receiver, clock, "hook")
    assert len(receiver.tried) == 1
    with store.read() as tx:
        assert outbox.backlog(tx, clock())["hook"].paused == "410 gone"
    store.write(lambda tx: outbox.resume(tx, "hook"))
    receiver.answer = lambda _delivery: None
    deliver_all(store, receiver, clock, "hook")
    assert receiver.taken == ["d-1-hook", "d-2-hook"]


def test_a_channel_at_rest_leaves_the_others_at_work(store: Store, clock: Clock) -> None:
    """D25"""
    queue(store, one(1, "mail"), one(1, "hook"))
    deliver(store, "mail", Receiver(refusing("pause")), clock)
    receiver = Receiver()
    deliver_all(store, receiver, clock, "hook")
    assert receiver.taken == ["d-1-hook"]


def test_alerts_of_a_thread_keep_their_order_and_other_threads_do_not_wait(store: Store, clock: Clock) -> None:
    """D1"""
    queue(store, one(1), one(2), one(3, thread="ferry"), one(4, target="bob@desk.example"))
    receiver = Receiver(
        lambda delivery: refusing("retry")(delivery) if delivery.id == "d-1-mail" and len(receiver.tried) < 3 else None
    )
    deliver_all(store, receiver, clock)
    assert receiver.taken == ["d-3-mail", "d-4-mail"]
    clock.pass_by(timedelta(minutes=10))
    deliver_all(store, receiver, clock)
    assert receiver.taken[2:] == ["d-1-mail", "d-2-mail"]


def test_three_days_of_a_dead_server_lose_repeat_and_shuffle_nothing(store: Store, clock: Clock) -> None:
    """D1, goal 3"""
    back = NOON + timedelta(hours=72)
    receiver = Receiver(lambda delivery: refusing("retry")(delivery) if clock() < back else None)
    for hour in range(72):
        queue(store, *(one(hour * 3 + n, thread=f"t-{n}") for n in range(3)))
        deliver_all(store, receiver, clock)
        clock.pass_by(timedelta(hours=1))
    for _ in range(30):
        deliver_all(store, receiver, clock)
        clock.pass_by(timedelta(hours=1))
    assert len(receiver.taken) == len(set(receiver.taken)) == 216
    for n in range(3):
        numbers = [int(identifier.split("-")[1]) for identifier in receiver.taken]
        thread = [number for number in numbers if number % 3 == n]
        assert thread == sorted(thread)


# --- crashes and poison


def test_a_crash_in_a_try_frees_the_delivery_after_its_lease_under_the_same_id(store: Store, clock: Clock) -> None:
    """D29, S1"""
    queue(store, one())

    def crash(_delivery: Delivery) -> None:
        raise KeyboardInterrupt

    receiver = Receiver(crash)
    with pytest.raises(KeyboardInterrupt):
        deliver(store, "mail", receiver, clock)
    assert not deliver(store, "mail", receiver, clock)
    clock.pass_by(LEASE)
    receiver.answer = lambda _delivery: None
    assert deliver(store, "mail", receiver, clock)
    assert receiver.tried == ["d-1-mail"] * 2


def test_a_poison_alert_ends_alone(store: Store, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """D23"""
    queue(store, one(1), one(2))

    def choke(delivery: Delivery) -> None:
        if delivery.id == "d-1-mail":
            raise ValueError("surrogates not allowed")

    receiver = Receiver(choke)
    deliver_all(store, receiver, clock)
    assert receiver.taken == ["d-2-mail"]
    assert state_of(store, "d-1-mail") == (
        "failed",
        1,
        "The alert could not be sent: ValueError: surrogates not allowed",
    )
    assert "state=poisoned" in caplog.text


def test_a_secret_in_an_error_is_masked_wherever_it_goes(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """C16, goal 20; T13: nor does it add lines to the log"""
    monkeypatch.setattr("monitor.secret._revealed", set())
    monkeypatch.setenv("HUSH", "canary-4711-hush")
    said = f"535 no: {Secret(env='HUSH').reveal()}\r\nfake=line"
    queue(store, one())
    deliver(store, "mail", Receiver(refusing("pause", message=said)), clock)
    assert state_of(store, "d-1-mail")[2] == "535 no: <secret> fake=line"
    with store.read() as tx:
        assert outbox.paused(tx, "mail", clock()) == "535 no: <secret> fake=line"
    assert "canary" not in caplog.text
    assert [record.getMessage().count("\n") for record in caplog.records] == [0] * len(caplog.records)


def test_what_happened_is_logged_in_stage_words(store: Store, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "monitor")
    queue(store, one())
    deliver(store, "mail", Receiver(), clock)
    assert caplog.messages == ["deliver channel=mail delivery=d-1-mail state=sent attempt=1 error="]
