"""The deliveries on the page: what waits and what came of it, dead ones sent again, a channel tried for real."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from monitor.alerts.channels.webhook import WebhookSettings
from monitor.alerts.route import deliveries_for, sample_alert
from monitor.feeds.settings import FetchSettings
from monitor.model import Delivery, DeliveryState
from monitor.secret import Secret
from monitor.store import Store, outbox
from monitor.web import app
from tests.alerts.receiver import Clock
from tests.alerts.test_webhook import Receiver
from tests.web.sites import make_config, make_site, sent

Start = Callable[..., FlaskClient]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of webhooks."""
    there = Receiver()
    yield there
    there.close()


@pytest.fixture
def start(store: Store, clock: Clock) -> Start:
    """A page over the store with these channels."""

    def starting(**channels: Any) -> FlaskClient:
        config = make_config(channels=channels, fetch=FetchSettings(allow_networks=("127.0.0.0/8",)))
        return app.create(make_site(store, clock, config)).test_client()

    return starting


def post(client: FlaskClient, path: str, **fields: Any) -> TestResponse:
    return sent(client, "/deliveries", path, **fields)


def hook(url: str = "https://hook.example/") -> WebhookSettings:
    return WebhookSettings(type="webhook", url=url, secret=Secret(env="HOOK_SECRET"))


def queued(store: Store, clock: Clock, channel: str = "hook", **known: Any) -> Delivery:
    alert = sample_alert(clock())
    [delivery] = deliveries_for(alert, channel, ("",), clock())

    def queue(tx: Any) -> None:
        outbox.add(tx, [alert], [delivery])
        outbox.record(tx, replace(delivery, **known))

    store.write(queue)
    return delivery


def test_each_channel_stands_with_what_waits_and_what_is_dead(start: Start, store: Store, clock: Clock) -> None:
    client = start(hook=hook(), other=hook())
    queued(store, clock)
    store.write(lambda tx: outbox.pause(tx, "other", None, "the login was refused"))
    text = client.get("/deliveries").text
    assert re.search(r"<dt>waiting</dt><dd[^>]*>1</dd>", text)
    assert "Rests: the login was refused" in text


def test_a_dead_delivery_shows_why_and_is_sent_again_once(start: Start, store: Store, clock: Clock) -> None:
    client = start(hook=hook())
    dead = queued(store, clock, state=DeliveryState.DEAD, attempts=10, error="The receiver answers <b>500</b>.")
    text = client.get("/deliveries?state=dead").text
    assert "The receiver answers &lt;b&gt;500&lt;/b&gt;." in text
    assert "sent again" in _told(client, post(client, "/deliveries/retry", delivery=dead.id))
    with store.read() as tx:
        again = outbox.one(tx, dead.id)
    assert again
    assert (again[0].state, again[0].attempts) == (DeliveryState.PENDING, 0)
    assert "Nothing was to be sent again" in _told(client, post(client, "/deliveries/retry", delivery=dead.id))


def test_deliveries_are_shown_by_state_and_channel(start: Start, store: Store, clock: Clock) -> None:
    client = start(hook=hook(), other=hook())
    sent = queued(store, clock, state=DeliveryState.SENT, sent_at=clock(), attempts=1)
    assert f'id="d-{sent.id}"' in client.get("/deliveries?channel=hook").text
    assert "No delivery is like that." in client.get("/deliveries?channel=other").text
    assert "No delivery is like that." in client.get("/deliveries?state=dead").text
    assert client.get("/deliveries?state=lost").status_code == 404


def test_a_channel_is_tried_and_the_whole_conversation_shown_but_no_secret(
    start: Start, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    text = post(start(hook=hook(receiver.url)), "/deliveries/test", channel="hook").text
    assert "</bdi> took the test alert" in text
    assert "POST" in text
    assert "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" not in text
    assert len(receiver.posts) == 1


def test_a_channel_that_refuses_is_told_in_words(
    start: Start, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    receiver.answer(500)
    assert (
        "did not take the test alert" in post(start(hook=hook(receiver.url)), "/deliveries/test", channel="hook").text
    )
    assert post(start(hook=hook()), "/deliveries/test", channel="no").status_code == 409


def _told(client: FlaskClient, answer: TestResponse) -> str:
    assert answer.status_code == 303
    return client.get(answer.headers["Location"]).text
