"""One thread a channel: none delays another, all of them stop in time, and a dead one is noticed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from monitor.alerts.channels.email import EmailChannel, EmailSettings, compose
from monitor.alerts.channels.webhook import WebhookChannel, WebhookSettings
from monitor.deliver import Deliverer
from monitor.errors import MonitorError, StoreError
from monitor.model import Delivery, DeliveryState, Reply
from monitor.secret import Secret
from monitor.store import Store
from tests.alerts.receiver import Receiver, one, queue, state_of, waiting_for
from tests.alerts.samples import make_alert, make_delivery
from tests.alerts.servers import PASSWORD, USER, mail_server


def started(store: Store, **channels: Receiver | EmailChannel | WebhookChannel) -> Deliverer:
    deliverer = Deliverer(store, channels)
    deliverer.start()
    return deliverer


def wait_for(what: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def test_a_channel_that_hangs_delays_nobody_else(store: Store) -> None:
    """D10, D25"""
    release = threading.Event()
    slow, quick = Receiver(waiting_for(release)), Receiver()
    queue(store, *(one(number, channel) for number in range(5) for channel in ("mail", "hook")))
    deliverer = started(store, mail=slow, hook=quick)
    wait_for(lambda: len(quick.taken) == 5)
    assert slow.taken == []
    release.set()
    wait_for(lambda: len(slow.taken) == 5)
    deliverer.stop(5)
    assert not any(thread.is_alive() for thread in deliverer.threads)


def test_what_is_queued_is_sent_at_the_wake_up(store: Store) -> None:
    receiver = Receiver()
    deliverer = started(store, mail=receiver)
    queue(store, one())
    deliverer.wake()
    wait_for(lambda: receiver.taken == ["d-1-mail"])
    deliverer.stop(5)


def test_stopping_begins_nothing_new_and_does_not_wait_for_ever(store: Store) -> None:
    """P1"""
    release = threading.Event()
    receiver = Receiver(waiting_for(release))
    queue(store, one(1), one(2))
    deliverer = started(store, mail=receiver)
    wait_for(lambda: receiver.tried == ["d-1-mail"])
    deliverer.stop(0.05)
    release.set()
    for thread in deliverer.threads:
        thread.join(5)
    assert receiver.tried == receiver.taken == ["d-1-mail"]
    assert state_of(store, "d-1-mail")[0] == DeliveryState.SENT


def test_each_thread_gives_signs_of_life_also_while_it_talks(store: Store) -> None:
    """P4"""
    beats: list[str] = []
    queue(store, one())
    receiver = Receiver()
    deliverer = Deliverer(store, {"mail": receiver}, beat=beats.append)
    deliverer.start()
    wait_for(lambda: bool(receiver.taken))
    wait_for(lambda: len(beats) >= 3)
    deliverer.stop(5)
    assert set(beats) == {"deliver-mail"}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_is_missing_among_the_living(store: Store) -> None:
    """P5"""

    def die(_delivery: Delivery) -> None:
        raise SystemExit

    queue(store, one())
    deliverer = started(store, mail=Receiver(die), hook=Receiver())
    wait_for(lambda: [thread.name for thread in deliverer.threads if not thread.is_alive()] == ["deliver-mail"])
    deliverer.stop(5)


def test_a_store_that_refuses_for_a_while_stops_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """S3, S9"""
    monkeypatch.setattr("monitor.deliver._STORE_IDLE", 0.01)
    queue(store, one())
    write, refusals = store.write, iter([StoreError("disk full"), StoreError("disk full")])

    def failing(work: Callable[..., object]) -> object:
        for error in refusals:
            raise error
        return write(work)

    monkeypatch.setattr(store, "write", failing)
    receiver = Receiver()
    deliverer = started(store, mail=receiver)
    wait_for(lambda: receiver.taken == ["d-1-mail"])
    deliverer.stop(5)
    assert caplog.text.count("disk full") == 2


# --- all of it, against real receivers


def test_a_development_reaches_a_mailbox_and_a_webhook_though_the_first_answers_are_no(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D3, D4, D15, D25"""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    monkeypatch.setattr("monitor.secret._revealed", set())
    monkeypatch.setattr("monitor.deliver.RETRIES", (timedelta(0),) * 9)
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    monkeypatch.setenv("HOOK_SECRET", secret)
    taken: list[object] = []

    def post(_url: str, body: bytes, headers: object) -> Reply:
        taken.append(Webhook(secret).verify(body, headers))  # type: ignore[arg-type]
        if len(taken) == 1:
            raise MonitorError("reset")
        return Reply(status=503 if len(taken) == 2 else 200, headers={}, body=b"")

    with mail_server(tmp_path) as box:
        box.answers["bob@desk.example"] = "550 no such user"
        mail = EmailChannel(
            EmailSettings(
                type="email", host="localhost", port=box.port, sender="monitor@desk.example", to=(), username=USER,
                password=Secret(env="MAIL_PASSWORD"), ca_file=box.ca_file,
            )
        )  # fmt: skip
        hook = WebhookChannel(
            WebhookSettings(type="webhook", url="http://hook.example/", secret=Secret(env="HOOK_SECRET")), post
        )
        ann, bob = one(1, "mail"), make_delivery(id="d-1-bob", alert="a-1", target="bob@desk.example")
        box.answers["ann@desk.example"] = iter(["451 greylisted", "421 busy"])
        queue(store, ann, bob, one(1, "hook", target=""))
        deliverer = started(store, mail=mail, hook=hook)
        wait_for(lambda: state_of(store, "d-1-bob")[0] == "failed")
        wait_for(lambda: state_of(store, "d-1-mail")[:2] == state_of(store, "d-1-hook")[:2] == ("sent", 3))
        deliverer.stop(5)
    assert box.taken == [
        ("ann@desk.example", compose(make_alert(id="a-1"), replace(ann, root=""), "monitor@desk.example"))
    ]
    assert taken[0] == taken[1] == taken[2]
