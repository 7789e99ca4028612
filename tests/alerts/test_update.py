"""An update as each channel tells it: what changed, what was told first, and in the thread of its first alert."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from monitor.alerts import render
from monitor.alerts.channels.console import rows
from monitor.alerts.channels.email import EmailChannel, EmailSettings, compose
from monitor.alerts.route import Routing, route
from monitor.deliver import deliver
from monitor.model import Alert, AlertKind, Decision, Delivery, Link
from monitor.store import Store, outbox
from monitor.store.alert import from_json, to_json
from tests.alerts.receiver import Clock
from tests.alerts.samples import HOSTILE, NOON, make_alert
from tests.alerts.servers import mail_server
from tests.alerts.test_route import DEVELOPMENT, PLACEMENT, ROUTING
from tests.alerts.test_route import ENTRY as FIRST

TOLD = Link(outlet=FIRST.outlet, title=FIRST.title, url=FIRST.url, published=FIRST.published)
LATER = NOON + timedelta(hours=3)
CHANGED = replace(
    PLACEMENT,
    entry=replace(FIRST, id="e-78", title="Union denies that ferry crews walk out", outlet="Gazette", published=LATER),
    decision=Decision.UPDATE,
    reason="contradicted",
    explanation="Update: it is denied: “Union denies that ferry crews walk out” (Gazette).",
)


def routed(routing: Routing = ROUTING) -> tuple[tuple[Alert, tuple[Delivery, ...]], tuple[Alert, tuple[Delivery, ...]]]:
    """The first alert and its update, each with its deliveries."""
    first = route(PLACEMENT, DEVELOPMENT, (), routing, NOON)
    return first, route(CHANGED, DEVELOPMENT, (), routing, LATER, (TOLD, first[0].id))


@pytest.fixture
def update() -> Alert:
    return routed()[1][0]


def test_an_update_goes_where_its_first_alert_went_in_the_same_thread() -> None:
    (_, first), (alert, later) = routed()
    assert alert.kind is AlertKind.UPDATE
    assert [(d.channel, d.target, d.thread) for d in later] == [(d.channel, d.target, d.thread) for d in first]
    assert {d.id for d in first}.isdisjoint(d.id for d in later)


def test_every_text_says_what_changed_and_what_was_told_first(update: Alert) -> None:
    assert render.subject(update) == "[The ferry strike] Update: Union denies that ferry crews walk out"
    text = render.text(update)
    assert "WHAT CHANGED\nUpdate: it is denied: " in text
    assert (
        "FIRST TOLD\n* Harbour Herald, 5 March 2026, 12:00 UTC: Ferry crews walk out\n  https://herald.example/strike"
        in text
    )
    html = render.html(update)
    assert html.startswith("<!doctype html>")
    for words in (
        "What changed",
        "First told",
        "<bdi>Ferry crews walk out</bdi>",
        'href="https://herald.example/strike"',
    ):
        assert words in html
    told = {name: value for name, value, _ in rows(render.shown(update)) if name}
    assert told["changed"] == update.explanation
    assert told["first"] == "5 Mar 12:00  Ferry crews walk out (Harbour Herald)"
    assert "why" not in told


def test_a_first_alert_says_nothing_of_updates() -> None:
    (first, _), _ = routed()
    assert "FIRST TOLD" not in render.text(first)
    assert "First told" not in render.html(first)
    assert render.payload(first)["data"]["first"] is None


def test_the_json_names_the_kind_the_development_the_reason_and_the_first_alert(update: Alert) -> None:
    message = json.loads(json.dumps(render.payload(update)))
    assert message["type"] == "storyline.development.update"
    assert {name: message["data"][name] for name in ("kind", "development", "reason", "follows", "first")} == {
        "kind": "update", "development": "d-5ea", "reason": "contradicted", "follows": "d-5ea-new",
        "first": {"outlet": "Harbour Herald", "title": "Ferry crews walk out", "url": "https://herald.example/strike",
                  "published": "2026-03-05T12:00:00+00:00"},
    }  # fmt: skip


@pytest.mark.parametrize("words", HOSTILE)
def test_what_was_told_first_is_cleaned_as_all_else_is(words: str) -> None:
    alert = render.shown(make_alert(first=Link(outlet=words, title=words, url=words, published=NOON)))
    assert alert.first is not None
    assert "\n" not in alert.first.title
    assert not alert.first.url or alert.first.url.startswith(("http://", "https://"))
    assert "<script" not in render.html(alert)


def test_an_update_comes_back_from_the_outbox_as_it_went_in(update: Alert) -> None:
    assert from_json(json.loads(json.dumps(to_json(update)))) == update
    old = {key: value for key, value in to_json(update).items() if key not in ("first", "follows")}
    assert from_json(old) == replace(update, first=None, follows="")


# --- by mail, through the outbox, to a server


def test_each_recipients_update_answers_the_mail_that_told_them_first(store: Store, tmp_path: Path) -> None:
    """Wire rules for mail: threading."""
    for alert, deliveries in routed():
        store.write(lambda tx, a=alert, d=deliveries: outbox.add(tx, [a], d))  # type: ignore[misc]
    clock = Clock()
    with mail_server(tmp_path, security="none") as box:
        settings = EmailSettings(type="email", host="localhost", port=box.port, sender="monitor@desk.example",
                                 to=("ann@desk.example", "bob@desk.example"), security="none")  # fmt: skip
        clock.pass_by(timedelta(hours=4))
        while deliver(store, "mail", EmailChannel(settings), clock):
            pass
    by_target: dict[str, list[EmailMessage]] = {}
    for target, raw in box.taken:
        message = message_from_bytes(raw, policy=default)
        assert isinstance(message, EmailMessage)
        by_target.setdefault(target, []).append(message)
    assert by_target.keys() == {"ann@desk.example", "bob@desk.example"}
    for first, update in by_target.values():
        assert (first["In-Reply-To"], first["References"]) == (None, None)
        assert update["In-Reply-To"] == first["Message-ID"]
        assert update["References"] == first["Message-ID"]
        assert update["Message-ID"] != first["Message-ID"]
        assert update["List-Id"] == first["List-Id"]


def test_an_update_of_what_following_began_with_answers_the_storyline() -> None:
    update, deliveries = route(CHANGED, DEVELOPMENT, (), ROUTING, LATER, (TOLD, ""))
    message = message_from_bytes(
        compose(update, replace(deliveries[0], root="strike-baseline-1"), "monitor@desk.example"), policy=default
    )
    assert message["In-Reply-To"] == message["References"] == "<strike-baseline-1@desk.example>"
