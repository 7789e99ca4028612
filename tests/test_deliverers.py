"""Several deliverers on one store, each a process: none sends what another has, and what one leaves behind another takes up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from monitor.alerts.digest import THREAD
from monitor.alerts.policy import Policy
from monitor.deliver import LEASE, deliver
from monitor.model import Delivery, DeliveryState
from monitor.store import Store, outbox
from monitor.store.schema import deliveries
from tests.alerts.receiver import Clock, Receiver, one, queue, refusing, state_of
from tests.store.conftest import in_postgresql

PROGRAM = """
import logging, os, signal, sys, time
from datetime import timedelta
from monitor import deliver as line
from monitor.store import Store, postgresql

url, place, lease, stops, lasts = sys.argv[1:]
logging.basicConfig(format="%(message)s")
line.LEASE = timedelta(seconds=float(lease))
looked = []

def stop(where):
    if stops == where and not looked:
        looked.append(where)
        os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(1)  # this thread may go on for a moment

class Channel:
    def send(self, alert, delivery, transcript):
        with open(place, "a") as taken:
            taken.write(f"{os.getpid()} {delivery.id}\\n")
        time.sleep(float(lasts))
        stop("sending")

claim = line._claim
def claiming(*given):
    found = claim(*given)
    if found:
        stop("claiming")
    return found
line._claim = claiming

class Stopping(Store):
    def write(self, work):
        made = super().write(work)
        if isinstance(made, tuple):
            stop("claimed")
        return made

postgresql._SPELL = "2s"
store = Stopping.open(url)
store.hold(shared=True)
print("ready", flush=True)
while True:
    if not line.deliver(store, "mail", Channel(), store.now):
        time.sleep(0.05)
"""


@dataclass
class Office:
    """A store and the deliverers that work on it."""

    store: Store
    url: str
    folder: Path
    running: ExitStack

    def start(
        self, *, lease: float = LEASE.total_seconds(), stops: str = "", lasts: float = 0
    ) -> subprocess.Popen[bytes]:
        """One more, which has begun; `stops` says where it stops itself (SIGSTOP), once: claiming, claimed or sending."""
        with (self.folder / "log").open("ab") as log:
            made = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, self.url, str(self.folder / "taken"), str(lease), stops, str(lasts)],
                stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        self.running.callback(self.end, made)
        assert made.stdout is not None
        assert made.stdout.readline() == b"ready\n", self.log
        return made

    @staticmethod
    def end(process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.communicate()

    @property
    def taken(self) -> list[tuple[int, str]]:
        """(pid, id) of everything that was sent, in its order."""
        path = self.folder / "taken"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(int(pid), identifier) for pid, identifier in map(str.split, lines)]

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def wait_for(self, what: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not what():
            assert time.monotonic() < deadline, f"it did not happen; sent was {self.taken}; the log says:\n{self.log}"
            time.sleep(0.05)

    def is_idle(self) -> bool:
        with self.store.read() as tx:
            return outbox.pending(tx) == 0


def everything(store: Store) -> list[tuple[object, ...]]:
    """What the store holds of deliveries."""
    with store.read() as tx:
        return [tuple(row) for row in tx.execute(select(deliveries).order_by(deliveries.c.number))]


@pytest.fixture
def office(store: Store, url: str, tmp_path: Path) -> Iterator[Office]:
    with ExitStack() as running:
        yield Office(store, url, tmp_path, running)


def until_stopped(process: subprocess.Popen[bytes]) -> None:
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)


@in_postgresql
def test_three_deliverers_send_each_alert_once_and_keep_the_order_of_each_thread(office: Office) -> None:
    """D1: also where a message that tells several stands between, which waits for what was before it, and is waited for."""
    for _ in range(3):
        office.start(lasts=0.01)
    told = [(n, THREAD if n in (20, 41) else f"t-{n % 4}", ("ann", "bob")[n % 3 % 2]) for n in range(60)]
    queued = [replace(one(n, thread=thread, target=target)) for n, thread, target in told]
    for start in range(0, 60, 7):
        queue(office.store, *queued[start : start + 7])
    office.wait_for(office.is_idle)
    sent = [int(identifier.split("-")[1]) for _, identifier in office.taken]
    assert sorted(sent) == list(range(60))
    for thread, target in {(thread, target) for _, thread, target in told}:
        ours = [n for n, t, to in told if t == thread and to == target]
        assert [n for n in sent if n in ours] == ours
    for wall, target in [(n, to) for n, thread, to in told if thread == THREAD]:
        theirs = [n for n, _, to in told if to == target]
        before = sent[: sent.index(wall)]
        assert [n for n in before if n in theirs and n > wall] == []
        assert {n for n in theirs if n < wall} <= set(before)
    assert len({pid for pid, _ in office.taken}) > 1, "several of them had work"


@in_postgresql
def test_one_that_was_stopped_with_a_claim_leaves_it_to_the_next(office: Office) -> None:
    """S14: when it goes on, its lease is over, and it sends nothing of it."""
    queue(office.store, one(1), one(2))
    stopped = office.start(lease=2, stops="claimed")
    until_stopped(stopped)
    other = office.start(lease=2)
    office.wait_for(office.is_idle)
    stopped.send_signal(signal.SIGCONT)
    office.wait_for(lambda: "delivery=d-1-mail late" in office.log)
    assert office.taken == [(other.pid, "d-1-mail"), (other.pid, "d-2-mail")]
    queue(office.store, one(3))
    other.kill()
    office.wait_for(office.is_idle)
    assert sorted(identifier for _, identifier in office.taken) == ["d-1-mail", "d-2-mail", "d-3-mail"]
    assert state_of(office.store, "d-1-mail") == ("sent", 2, "")


@in_postgresql
def test_one_that_was_stopped_while_it_wrote_holds_up_the_others_for_a_while_only(office: Office) -> None:
    """S14: the server ends what stands still; when it goes on, it has claimed nothing."""
    queue(office.store, one(1), one(2))
    stopped = office.start(stops="claiming")
    until_stopped(stopped)
    other = office.start()
    office.wait_for(office.is_idle)
    stopped.send_signal(signal.SIGCONT)
    assert stopped.wait(30) == 1
    assert "nothing of this step was kept" in office.log
    assert office.taken == [(other.pid, "d-1-mail"), (other.pid, "d-2-mail")]
    assert state_of(office.store, "d-1-mail") == ("sent", 1, "")


@in_postgresql
def test_what_came_of_a_try_is_not_kept_when_another_has_taken_the_delivery_meanwhile(office: Office) -> None:
    """S14: a message may come twice then, under one id; but what the second one came to stays."""
    queue(office.store, one(1))
    stopped = office.start(lease=2, stops="sending")
    until_stopped(stopped)
    other = office.start(lease=2)
    office.wait_for(office.is_idle)
    before = everything(office.store)
    stopped.send_signal(signal.SIGCONT)
    office.wait_for(lambda: "delivery=d-1-mail lost" in office.log)
    assert office.taken == [(stopped.pid, "d-1-mail"), (other.pid, "d-1-mail")]
    assert everything(office.store) == before


@in_postgresql
def test_what_one_had_claimed_that_was_killed_is_sent_by_another_when_its_lease_is_over(office: Office) -> None:
    """D29."""
    queue(office.store, one(1), one(2), one(3, thread="ferry"))
    killed = office.start(lease=2, stops="claimed")
    until_stopped(killed)
    killed.kill()
    office.start(lease=2)
    office.wait_for(office.is_idle)
    assert [identifier for _, identifier in office.taken if identifier != "d-3-mail"] == ["d-1-mail", "d-2-mail"]
    assert sorted(identifier for _, identifier in office.taken) == ["d-1-mail", "d-2-mail", "d-3-mail"]


# --- the same within one process


def test_what_comes_of_a_try_whose_claim_has_ended_changes_nothing(store: Store, clock: Clock) -> None:
    """S14: neither the delivery, nor, where the login was refused, the channel."""
    queue(store, one())
    first = store.write(lambda tx: outbox.claim(tx, "mail", clock(), LEASE))
    clock.pass_by(LEASE)
    second = store.write(lambda tx: outbox.claim(tx, "mail", clock(), LEASE))
    assert first is not None
    assert second is not None
    sent = replace(first.delivery, state=DeliveryState.SENT, sent_at=clock())
    assert not store.write(lambda tx: outbox.record(tx, sent, first))
    assert state_of(store, "d-1-mail") == ("pending", 2, "")
    clock.pass_by(timedelta(seconds=1))
    refused = replace(second.delivery, attempts=1, error="no login", due_at=clock())
    assert store.write(lambda tx: outbox.record(tx, refused, second))
    assert not store.write(lambda tx: outbox.record(tx, sent, first))
    assert state_of(store, "d-1-mail") == ("pending", 1, "no login")


def test_a_channel_is_not_put_to_rest_by_a_try_whose_claim_has_ended(store: Store, clock: Clock) -> None:
    """S14: whoever has it now finds out for itself."""
    queue(store, one())
    others: list[object] = []

    def stand_still(delivery: Delivery) -> None:
        clock.pass_by(LEASE)
        others.append(store.write(lambda tx: outbox.claim(tx, "mail", clock(), LEASE)))
        refusing("pause")(delivery)

    deliver(store, "mail", Receiver(stand_still), clock)
    assert others[0] is not None
    assert state_of(store, "d-1-mail") == ("pending", 2, "")
    with store.read() as tx:
        assert outbox.paused(tx, "mail", clock()) == ""


def test_what_another_is_sending_counts_among_what_an_hour_has_room_for(store: Store, clock: Clock) -> None:
    """Else as many more would come as there are deliverers."""
    limited = Policy(limit=1)
    queue(store, one(1))
    other = Receiver()

    def meanwhile(_delivery: Delivery) -> None:
        queue(store, one(2, thread="ferry"))
        assert not deliver(store, "mail", other, clock, policy=limited)

    assert deliver(store, "mail", Receiver(meanwhile), clock, policy=limited)
    assert other.tried == []
    assert state_of(store, "d-2-mail")[0] == "held"
    clock.pass_by(timedelta(hours=1))
    assert deliver(store, "mail", other, clock, policy=limited)
