"""A channel whose receiver does what the test says, deliveries for it, and a clock that stands still."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import select

from monitor.alerts.channels import Transcript
from monitor.deliver import deliver
from monitor.errors import DeliveryError, Verdict
from monitor.model import Alert, Delivery
from monitor.store import Store, outbox
from monitor.store.schema import deliveries as table
from tests.alerts.samples import NOON, make_alert, make_delivery

Answer = Callable[[Delivery], None]


class Clock:
    """Stands still until it is told to go."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, time: timedelta) -> None:
        self.now += time


class Receiver:
    """A channel whose receiver answers as the test says, and remembers what it was handed."""

    def __init__(self, answer: Answer = lambda delivery: None) -> None:
        self.answer = answer
        self.tried: list[str] = []
        self.taken: list[str] = []

    def send(self, alert: Alert, delivery: Delivery, transcript: Transcript) -> None:
        self.tried.append(delivery.id)
        transcript(f"> {alert.title}")
        self.answer(delivery)
        self.taken.append(delivery.id)


def refusing(verdict: Verdict, after: timedelta | None = None, message: str = "not now") -> Answer:
    def answer(_delivery: Delivery) -> None:
        raise DeliveryError(message, verdict=verdict, after=after)

    return answer


def queue(store: Store, *deliveries: Delivery) -> None:
    alerts = {delivery.alert: make_alert(id=delivery.alert) for delivery in deliveries}
    store.write(lambda tx: outbox.add(tx, list(alerts.values()), deliveries))


def waiting_for(release: threading.Event) -> Answer:
    def answer(_delivery: Delivery) -> None:
        release.wait(10)

    return answer


def one(number: int = 1, channel: str = "mail", thread: str = "orla-dam", target: str = "ann@desk.example") -> Delivery:
    return make_delivery(id=f"d-{number}-{channel}", alert=f"a-{number}", channel=channel, thread=thread, target=target)


def state_of(store: Store, identifier: str) -> tuple[str, int, str]:
    columns = select(table.c.state, table.c.attempts, table.c.error)
    with store.read() as tx:
        state, attempts, error = tx.execute(columns.where(table.c.id == identifier)).one()
    return state, attempts, error


def deliver_all(store: Store, receiver: Receiver, clock: Clock, channel: str = "mail") -> None:
    while deliver(store, channel, receiver, clock):
        pass
