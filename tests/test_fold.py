"""What is held, or more than a reader takes, is told together: nothing is lost, nothing comes twice, and the order stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from monitor.alerts.channels import Transcript
from monitor.alerts.policy import Policy
from monitor.deliver import deliver
from monitor.errors import DeliveryError
from monitor.fold import fold_due
from monitor.model import Alert, AlertKind, Delivery, DeliveryState, Hold, Severity
from monitor.store import Store, outbox
from monitor.store.schema import deliveries as table
from tests.alerts.receiver import Clock
from tests.alerts.samples import NOON, make_alert, make_delivery

HOUR = timedelta(hours=1)
ANN = "ann@desk.example"


class Reader:
    """A channel that keeps the alerts it was handed; while `refusing`, it takes none."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Alert]] = []
        self.refusing = False

    def send(self, alert: Alert, delivery: Delivery, transcript: Transcript) -> None:
        if self.refusing:
            raise DeliveryError("not now")
        self.got.append((delivery.target, alert))

    def told(self, target: str = ANN) -> list[str]:
        """The alerts a target was told, directly or in a digest, in the order of their telling."""
        alerts = [alert for to, alert in self.got if to == target]
        return [name for alert in alerts for name in _told(alert)]

    def messages(self, target: str = ANN) -> list[list[str]]:
        return [_told(alert) for to, alert in self.got if to == target]


def _told(alert: Alert) -> list[str]:
    if alert.kind is not AlertKind.DIGEST:
        return [alert.id]
    return [told.alert for chapter in alert.chapters for told in chapter.told]


def put(store: Store, number: int, thread: str = "dam", target: str = ANN, **delivery: Any) -> None:
    severity = delivery.pop("severity", Severity.NORMAL)
    at = delivery.get("created_at", NOON + timedelta(seconds=number))
    alert = make_alert(id=f"a-{number}", storylines=((thread, thread.title()),), created_at=at, severity=severity)
    made = make_delivery(id=f"d-{number}-{target[:3]}", alert=alert.id, thread=thread, target=target, **delivery)
    store.write(lambda tx: outbox.add(tx, [alert], [made]))


def hold(hold: Hold, until: timedelta) -> dict[str, Any]:
    return {"state": DeliveryState.HELD, "hold": hold, "due_at": NOON + until}


def run(store: Store, reader: Reader, clock: Clock, **policy: object) -> None:
    while deliver(store, "mail", reader, clock, policy=Policy(**policy)):  # type: ignore[arg-type]
        pass


def states(store: Store) -> dict[str, str]:
    with store.read() as tx:
        return {row.id: row.state for row in tx.execute(select(table.c.id, table.c.state)) if row.id.startswith("d-")}


# --- held deliveries


@pytest.mark.parametrize("why", [Hold.DIGEST, Hold.QUIET, Hold.SILENCE, Hold.LIMIT])
def test_what_was_held_is_told_in_one_message_when_its_time_has_come(store: Store, clock: Clock, why: Hold) -> None:
    for number in (1, 2, 3):
        put(store, number, thread=f"story-{number % 2}", **hold(why, HOUR))
    reader = Reader()
    run(store, reader, clock)
    assert reader.got == []
    clock.pass_by(HOUR)
    run(store, reader, clock)
    assert [sorted(message) for message in reader.messages()] == [["a-1", "a-2", "a-3"]]
    assert set(states(store).values()) == {"folded"}
    clock.pass_by(9 * HOUR)
    run(store, reader, clock)
    assert len(reader.got) == 1


def test_one_alert_that_was_held_comes_as_itself_but_in_a_digest_of_its_own(store: Store, clock: Clock) -> None:
    put(store, 1, **hold(Hold.QUIET, HOUR))
    put(store, 2, target="bob@desk.example", **hold(Hold.DIGEST, HOUR))
    clock.pass_by(HOUR)
    reader = Reader()
    run(store, reader, clock)
    assert [(to[:3], alert.kind) for to, alert in reader.got] == [("ann", "new"), ("bob", "digest")]


def test_each_recipient_has_a_message_of_their_own_with_what_was_held_for_them(store: Store, clock: Clock) -> None:
    put(store, 1, **hold(Hold.QUIET, HOUR))
    put(store, 2, **hold(Hold.QUIET, HOUR))
    put(store, 1, target="bob@desk.example", **hold(Hold.QUIET, HOUR))
    clock.pass_by(HOUR)
    reader = Reader()
    run(store, reader, clock)
    assert reader.messages() == [["a-1", "a-2"]]
    assert reader.messages("bob@desk.example") == [["a-1"]]


def test_what_a_limit_or_silence_held_into_the_night_waits_for_the_morning(store: Store, clock: Clock) -> None:
    put(store, 1, **hold(Hold.SILENCE, HOUR))
    put(store, 2, **hold(Hold.SILENCE, HOUR))
    clock.pass_by(HOUR)
    reader = Reader()
    run(store, reader, clock, quiet="13:00-15:00")
    assert reader.got == []
    clock.pass_by(2 * HOUR)
    run(store, reader, clock, quiet="13:00-15:00")
    assert reader.messages() == [["a-1", "a-2"]]


def test_what_an_outage_kept_until_the_night_waits_for_the_morning_but_what_is_critical(
    store: Store, clock: Clock
) -> None:
    """D1: nothing comes at three in the morning because a server came back then."""
    for number in range(4):
        put(store, number, severity=Severity.CRITICAL if number == 3 else Severity.HIGH, thread=f"story-{number}")
    reader = Reader()
    reader.refusing = True
    deliver(store, "mail", reader, clock)
    reader.refusing = False
    clock.pass_by(HOUR)
    run(store, reader, clock, quiet="13:00-19:00")
    assert reader.messages() == [["a-3"]]
    clock.pass_by(6 * HOUR)
    run(store, reader, clock, quiet="13:00-19:00")
    assert reader.messages()[1:] == [["a-0"], ["a-1", "a-2"]]


# --- what comes together


def test_alerts_of_one_moment_on_one_storyline_go_in_one_message(store: Store, clock: Clock) -> None:
    due = NOON + timedelta(seconds=30)
    for number, thread in ((1, "dam"), (2, "dam"), (3, "mine")):
        put(store, number, thread=thread, due_at=due)
    reader = Reader()
    run(store, reader, clock, group_wait=timedelta(seconds=30))
    assert reader.got == []
    clock.pass_by(timedelta(seconds=30))
    run(store, reader, clock, group_wait=timedelta(seconds=30))
    assert sorted(reader.messages()) == [["a-1", "a-2"], ["a-3"]]


def test_only_what_is_new_is_sent_never_the_group_again(store: Store, clock: Clock) -> None:
    wait = timedelta(seconds=30)
    reader = Reader()
    for number in range(1, 7):
        put(store, number, due_at=clock.now + wait, created_at=clock.now)
        if number % 2 == 0:
            clock.pass_by(wait)
            run(store, reader, clock, group_wait=wait)
    assert reader.messages() == [["a-1", "a-2"], ["a-3", "a-4"], ["a-5", "a-6"]]


# --- the limit


def test_above_the_limit_one_message_tells_all_that_was_folded(store: Store, clock: Clock) -> None:
    """D24."""
    for number in range(100):
        put(store, number, thread=f"story-{number % 7}")
    reader = Reader()
    run(store, reader, clock, limit=5)
    assert [len(message) for message in reader.messages()] == [1, 1, 1, 1, 96]
    assert sorted(reader.told()) == sorted(f"a-{number}" for number in range(100))


def test_what_a_message_folds_is_not_overtaken_while_it_waits(store: Store, clock: Clock) -> None:
    """D1, D24: repeats that come through take room of what is due before the message; that is no reason to tell it after it."""
    reader = Reader()
    reader.refusing = True
    for number in (1, 2):
        put(store, number, thread=f"slow-{number}")
    run(store, reader, clock, limit=5)
    reader.refusing = False
    clock.pass_by(timedelta(seconds=1))
    for number in range(3, 11):
        put(store, number, thread=f"story-{number % 2}")
    with store.read() as tx:
        assert outbox.untried(tx, "mail", clock()) == {ANN: 8}
    store.write(lambda tx: fold_due(tx, "mail", Policy(limit=5), clock()))
    clock.pass_by(timedelta(minutes=1))
    for _ in range(3):
        run(store, reader, clock, limit=5)
        clock.pass_by(HOUR)
    assert sorted(reader.told()) == sorted(f"a-{number}" for number in range(1, 11))
    for parity in (0, 1):
        numbers = [int(name[2:]) for name in reader.told() if int(name[2:]) > 2 and int(name[2:]) % 2 == parity]
        assert numbers == sorted(numbers)


def test_without_room_alerts_wait_for_the_hour_to_end_and_come_together(store: Store, clock: Clock) -> None:
    reader = Reader()
    for number in range(6):
        put(store, number)
        run(store, reader, clock, limit=3)
        clock.pass_by(timedelta(minutes=5))
    assert reader.messages() == [["a-0"], ["a-1"], ["a-2"]]
    clock.pass_by(timedelta(minutes=30))
    run(store, reader, clock, limit=3)
    assert reader.messages()[3:] == [["a-3", "a-4", "a-5"]]


def test_critical_alerts_pass_a_limit_that_is_reached(store: Store, clock: Clock) -> None:
    for number in range(3):
        put(store, number)
    put(store, 9, severity=Severity.CRITICAL)
    reader = Reader()
    run(store, reader, clock, limit=1)
    assert sorted(map(len, reader.messages())) == [1, 3]
    assert ["a-9"] in reader.messages()


def test_no_limit_sends_every_alert_as_it_is(store: Store, clock: Clock) -> None:
    for number in range(40):
        put(store, number)
    reader = Reader()
    run(store, reader, clock)
    assert reader.messages() == [[f"a-{number}"] for number in range(40)]


# --- order


def test_a_digest_waits_for_what_was_queued_before_it_and_what_comes_after_waits_for_it(
    store: Store, clock: Clock
) -> None:
    put(store, 1, thread="dam")
    reader = Reader()
    reader.refusing = True
    run(store, reader, clock)
    put(store, 2, thread="mine", **hold(Hold.QUIET, timedelta(minutes=1)))
    put(store, 3, thread="mine", **hold(Hold.QUIET, timedelta(minutes=1)))
    clock.pass_by(timedelta(minutes=1))
    run(store, reader, clock)
    put(store, 4, thread="mine")
    reader.refusing = False
    clock.pass_by(9 * HOUR)
    run(store, reader, clock)
    assert reader.told() == ["a-1", "a-2", "a-3", "a-4"]


def test_a_message_that_tells_of_several_and_meets_quiet_hours_goes_as_it_is_after_them(
    store: Store, clock: Clock
) -> None:
    put(store, 0)
    reader = Reader()
    reader.refusing = True
    run(store, reader, clock)
    put(store, 1, **hold(Hold.QUIET, timedelta(minutes=1)))
    put(store, 2, **hold(Hold.QUIET, timedelta(minutes=1)))
    clock.pass_by(timedelta(minutes=2))
    run(store, reader, clock, quiet="12:10-15:00")
    put(store, 3)
    for _ in range(12):
        clock.pass_by(timedelta(minutes=30))
        reader.refusing = clock.now < NOON + 4 * HOUR
        run(store, reader, clock, quiet="12:10-15:00")
    clock.pass_by(24 * HOUR)
    run(store, reader, clock)
    assert reader.told() == ["a-0", "a-1", "a-2", "a-3"]


MINUTES = st.integers(0, 90)
EVENTS = st.lists(
    st.tuples(MINUTES, st.sampled_from(["dam", "mine"]), st.booleans(), st.sampled_from([None, *Hold])), max_size=25
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=EVENTS, limit=st.integers(0, 4), wait=st.sampled_from([0, 5]), refusals=st.sets(st.integers(0, 20)))
def test_whatever_happens_every_alert_is_told_once_and_no_delivery_is_left(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[int, str, bool, Hold | None]], limit: int, wait: int, refusals: set[int]
) -> None:  # fmt: skip
    """D24, D1: quiet hours, digests, limits, group waits and a receiver that refuses now and then, in any mixture."""
    opened, clock, reader = Store.open(f"sqlite:///{tmp_path_factory.mktemp('fold')}/m.db"), Clock(), Reader()
    policy = Policy(limit=limit, group_wait=timedelta(minutes=wait), quiet="14:00-15:00")
    for number, (minute, thread, critical, why) in enumerate(sorted(events, key=lambda e: e[:3])):
        clock.now = NOON + timedelta(minutes=minute)
        reader.refusing = number in refusals
        kind = hold(why, timedelta(minutes=minute + 7)) if why else {"due_at": clock.now}
        severity = Severity.CRITICAL if critical else Severity.LOW
        put(opened, number, thread=thread, created_at=clock.now, severity=severity, **kind)
        while deliver(opened, "mail", reader, clock, policy=policy):
            pass
    reader.refusing = False
    for _ in range(len(events) + 24):
        clock.pass_by(HOUR)
        while deliver(opened, "mail", reader, clock, policy=policy):
            pass
    left = set(states(opened).values())
    opened.close()
    assert sorted(reader.told()) == sorted(f"a-{number}" for number in range(len(events)))
    assert left <= {"sent", "folded"}


def test_a_folded_delivery_names_the_one_that_tells_it(store: Store, clock: Clock) -> None:
    put(store, 1, **hold(Hold.DIGEST, HOUR))
    clock.pass_by(HOUR)
    run(store, Reader(), clock)
    with store.read() as tx:
        rows = {row.id: row for row in tx.execute(select(table))}
    folded = rows["d-1-ann"]
    assert (folded.state, rows[folded.told_by].state) == ("folded", "sent")
    assert replace(make_delivery(), state=DeliveryState(folded.state)).state is DeliveryState.FOLDED
