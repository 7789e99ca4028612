"""The addresses in mails, over real HTTP: looking changes nothing, saying yes does it once, for its reader alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
import requests
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.channels.email import compose
from monitor.alerts.links import Deed, Links, read, token
from monitor.errors import MonitorError
from monitor.model import DeliveryState, Hold, Mute
from monitor.serve import Server
from monitor.store import Store, links, mutes, outbox
from monitor.web import app
from tests.alerts.receiver import Clock
from tests.alerts.samples import NOON, make_alert, make_delivery
from tests.web.sites import make_site

ALERT, DELIVERY = make_alert(), make_delivery()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store.open(url)
    opened.write(lambda tx: outbox.add(tx, [ALERT], [DELIVERY]))
    yield opened
    opened.close()


@pytest.fixture
def page(store: Store, clock: Clock) -> Iterator[Links]:
    key = store.write(links.key)
    server = Server(app.create(make_site(store, clock, page=False)), "127.0.0.1:0")
    server.start()
    yield Links(f"http://127.0.0.1:{server.port}", key)
    server.close()


def standing(store: Store, clock: Clock) -> tuple[Mute, ...]:
    with store.read() as tx:
        return mutes.standing(tx, clock.now)


def test_to_look_at_an_address_changes_nothing(page: Links, store: Store, clock: Clock) -> None:
    for deed in Deed:
        for _ in range(2):
            answer = requests.get(page.to(deed, DELIVERY), timeout=5)
            assert answer.status_code == 200
            assert "The Orla dam" in answer.text
            assert '<form method="post">' in answer.text
    assert standing(store, clock) == ()


def test_one_click_unsubscribes_this_reader_from_the_alerts_storylines(page: Links, store: Store, clock: Clock) -> None:
    """RFC 8058: a POST without cookies or login, answered without a redirect."""
    url = page.to(Deed.UNFOLLOW, DELIVERY)
    answer = requests.post(url, data={"List-Unsubscribe": "One-Click"}, allow_redirects=False, timeout=5)
    assert answer.status_code == 200
    assert "You follow this no more." in answer.text
    assert "Set-Cookie" not in answer.headers
    assert standing(store, clock) == tuple(
        Mute(storyline=storyline, channel="mail", target="ann@desk.example") for storyline in ("minister", "orla-dam")
    )


def test_a_silence_lasts_eight_hours_and_an_address_works_once(page: Links, store: Store, clock: Clock) -> None:
    url = page.to(Deed.SILENCE, DELIVERY)
    assert "8 hours" in requests.post(url, timeout=5).text
    assert {mute.until for mute in standing(store, clock)} == {NOON + timedelta(hours=8)}
    clock.pass_by(timedelta(hours=9))
    assert "used already, on 5 March 2026" in requests.post(url, timeout=5).text
    assert "used already" in requests.get(url, timeout=5).text
    assert standing(store, clock) == ()


def test_who_left_can_follow_again_and_what_was_held_comes(page: Links, store: Store, clock: Clock) -> None:
    requests.post(page.to(Deed.SILENCE, DELIVERY), timeout=5)
    late = make_delivery(id="d-late", state=DeliveryState.HELD, hold=Hold.SILENCE, due_at=NOON + timedelta(hours=8))
    store.write(lambda tx: outbox.add(tx, [], [late]))
    shown = requests.get(page.to(Deed.SILENCE, DELIVERY), timeout=5).text
    again = re.search(r'href="(/links/follow[^"]+)"', shown)
    assert again is not None
    assert "follow this again" in requests.post(page.base_url + again[1], timeout=5).text
    assert standing(store, clock) == ()
    with store.read() as tx:
        assert [delivery.id for delivery, _ in outbox.held(tx, "mail", NOON)] == ["d-late"]


@pytest.mark.parametrize(
    "name",
    ["silence.d-1f00-new-4b1d3c9e07.00000000000000000000000000000000", "x", "%00", "..%2f..%2fetc", "silence", "é.é.é"],
)
def test_what_nobody_signed_is_not_there(page: Links, store: Store, clock: Clock, name: str) -> None:
    """W5."""
    for method in ("GET", "POST"):
        answer = requests.request(method, f"{page.base_url}/links/{name}", timeout=5)
        assert answer.status_code == 404
        assert "Traceback" not in answer.text
    assert standing(store, clock) == ()


def test_an_address_of_a_delivery_that_is_forgotten_is_not_there(page: Links) -> None:
    assert requests.get(page.to(Deed.SILENCE, make_delivery(id="d-gone")), timeout=5).status_code == 404


def test_every_answer_forbids_strangers_everything(page: Links) -> None:
    """W2."""
    for path in ("/nothing", page.to(Deed.SILENCE, DELIVERY).removeprefix(page.base_url), "/static/page.css"):
        headers = requests.get(page.base_url + path, timeout=5).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"


def test_a_long_body_is_refused(page: Links, store: Store, clock: Clock) -> None:
    assert requests.post(page.to(Deed.SILENCE, DELIVERY), data=b"x" * 100_000, timeout=5).status_code in (200, 413)
    assert requests.post(page.base_url + "/links/x", data=b"x" * 100_000, timeout=5).status_code in (404, 413)


def test_a_title_is_text_on_the_page(store: Store, page: Links) -> None:
    """T9."""
    alert = make_alert(id="a-x", storylines=(("dam", "<script>alert(1)</script>"),))
    delivery = make_delivery(id="d-x", alert="a-x")
    store.write(lambda tx: outbox.add(tx, [alert], [delivery]))
    shown = requests.get(page.to(Deed.SILENCE, delivery), timeout=5).text
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown


def test_an_address_that_is_taken_is_told(page: Links) -> None:
    """P16."""
    port = int(page.base_url.rpartition(":")[2])
    with pytest.raises(MonitorError, match=rf"cannot be served at 127\.0\.0\.1:{port}: .* Free the address"):
        Server(Flask("other"), f"127.0.0.1:{port}")


# --- the mail


def test_a_mail_has_the_addresses_in_its_head_and_its_body() -> None:
    signed = Links("https://news.example.org/", b"key")
    mail = compose(ALERT, DELIVERY, "monitor@desk.example", signed).decode()
    url = signed.to(Deed.UNFOLLOW, DELIVERY)
    assert f"List-Unsubscribe: \r\n <{url}>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in mail
    body = mail.replace("=\r\n", "")
    assert body.count(url.rpartition(".")[2]) == 3
    assert "Silence this for 8 hours" in body


def test_a_mail_without_a_base_address_has_none() -> None:
    assert b"List-Unsubscribe" not in compose(ALERT, DELIVERY, "monitor@desk.example")


# --- the signature


@given(st.sampled_from(list(Deed)), st.from_regex(r"[a-z0-9._-]{1,80}", fullmatch=True), st.binary(min_size=1))
def test_a_token_reads_back_and_under_no_other_key(deed: Deed, delivery: str, key: bytes) -> None:
    assert read(token(deed, delivery, key), key) == (deed, delivery)
    assert read(token(deed, delivery, key), key + b"x") is None


@given(st.text(), st.integers(0, 60), st.characters())
def test_no_other_text_is_a_token(text: str, at: int, letter: str) -> None:
    ours = token(Deed.SILENCE, "d-1", b"key")
    changed = ours[: at % len(ours)] + letter + ours[at % len(ours) + 1 :]
    assert changed == ours or read(changed, b"key") is None
    assert read(text, b"key") is None
