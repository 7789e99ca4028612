"""The tree that a mail program builds of a storyline's mails: the first is its root, updates hang on their development."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.message import Message

import pytest

from monitor.alerts.channels import Transcript
from monitor.alerts.channels.email import compose
from monitor.alerts.route import delivery_for
from monitor.deliver import deliver
from monitor.errors import DeliveryError
from monitor.model import Alert, AlertKind, Delivery
from monitor.store import Store, outbox
from tests.alerts.receiver import Clock
from tests.alerts.samples import HOSTILE, NOON, make_alert

PEOPLE = ("ann@desk.example", "bob@desk.example")
STORIES = ("dam", "mine", "ferry")


class Mailboxes:
    """Keeps each person's mails in the order in which they came; refuses now and then, after which the same bytes come."""

    def __init__(self, moods: random.Random) -> None:
        self.mails: dict[str, list[Message]] = {person: [] for person in PEOPLE}
        self._moods, self._refused = moods, dict[str, bytes]()

    def send(self, alert: Alert, delivery: Delivery, transcript: Transcript) -> None:
        mail = compose(alert, delivery, "monitor@desk.example")
        assert self._refused.setdefault(delivery.id, mail) == mail, "the same bytes at every try"
        if self._moods.random() < 0.2:
            raise DeliveryError("not now")
        self.mails[delivery.target].append(message_from_bytes(mail))


def parents(mails: list[Message]) -> dict[str, str]:
    """Each mail's parent as JWZ's algorithm has it: the last of its references that is there."""
    there = {mail["Message-ID"] for mail in mails}
    return {
        mail["Message-ID"]: next((ref for ref in reversed((mail["References"] or "").split()) if ref in there), "")
        for mail in mails
    }


@pytest.mark.no_cover
@pytest.mark.parametrize("count", [100, pytest.param(500, marks=pytest.mark.soak)])
def test_the_threading_tree_is_right(count: int, store: Store) -> None:
    """Goal 18: in-order arrival at each person, whatever the server refuses for a while."""
    chance, clock = random.Random(18), Clock()
    first_of: dict[str, str] = {}
    kinds: dict[str, tuple[str, str]] = {}
    for number in range(count):
        story = chance.choice(STORIES)
        known = [name for name, (its, follows) in kinds.items() if its == story and not follows]
        follows = chance.choice(known) if known and chance.random() < 0.4 else ""
        alert = make_alert(
            id=f"a{number}", kind=AlertKind.UPDATE if follows else AlertKind.NEW, follows=follows, title=chance.choice(HOSTILE),
            storylines=((story, chance.choice(HOSTILE)),), created_at=NOON + timedelta(minutes=number),
        )  # fmt: skip
        kinds[alert.id] = (story, follows)
        first_of.setdefault(story, alert.id)
        queued = [delivery_for(alert, "mail", person, NOON) for person in PEOPLE]
        store.write(lambda tx, alert=alert, queued=queued: outbox.add(tx, [alert], queued))  # type: ignore[misc]
    boxes = Mailboxes(chance)
    while store_is_busy(store):
        while deliver(store, "mail", boxes, clock):
            pass
        clock.pass_by(timedelta(hours=30))
    for person, mails in boxes.mails.items():
        ids = {name: f"<{delivery_for(make_alert(id=name), 'mail', person, NOON).id}@desk.example>" for name in kinds}
        assert len(mails) == count
        tree = parents(mails)
        for name, (story, follows) in kinds.items():
            parent = ids[follows] if follows else "" if first_of[story] == name else ids[first_of[story]]
            assert tree[ids[name]] == parent


def store_is_busy(store: Store) -> bool:
    with store.read() as tx:
        return outbox.pending(tx) > 0


def test_a_root_is_a_mail_that_came_not_one_that_was_refused(store: Store) -> None:
    refused, second, third = (
        delivery_for(make_alert(id=f"a{n}", storylines=(("dam", "Dam"),)), "mail", PEOPLE[0], NOON) for n in range(3)
    )
    seen: list[tuple[str, str]] = []

    class Receiver:
        def send(self, alert: Alert, delivery: Delivery, transcript: Transcript) -> None:
            if delivery.id == refused.id:
                raise DeliveryError("no such mailbox", verdict="final")
            seen.append((delivery.id, delivery.root))

    store.write(lambda tx: outbox.add(tx, [make_alert(id=f"a{n}") for n in range(3)], [refused, second, third]))
    while deliver(store, "mail", Receiver(), Clock()):
        pass
    assert seen == [(second.id, ""), (third.id, second.id)]
    assert replace(second, root="").root == ""
