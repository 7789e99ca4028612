"""The mail as bytes: parsed back, it has the headers we wrote and no others, whatever a feed put into its words."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr, parsedate_to_datetime

import pytest
from hypothesis import given, settings

from monitor.alerts import render
from monitor.alerts.channels.email import compose
from monitor.model import Alert, Delivery
from tests.alerts.samples import HOSTILE, NOON, alerts, make_alert, make_delivery

SENDER = "Story Monitor <monitor@desk.example>"
HEADERS = [
    "Date", "From", "To", "Subject", "Message-ID", "In-Reply-To", "References", "List-Id", "Auto-Submitted", "X-Auto-Response-Suppress",
    "MIME-Version", "Content-Type",
]  # fmt: skip


def parsed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def subject_of(raw: bytes) -> str:
    """The subject as the older of Python's two parsers reads it: a second opinion."""
    return str(make_header(decode_header(message_from_bytes(raw)["Subject"].replace("\n", "").replace("\r", ""))))


def bodies(raw: bytes) -> tuple[str, str]:
    parts = list(parsed(raw).iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert all(part.get_content_charset() == "utf-8" for part in parts)
    text, html = (part.get_content().replace("\r\n", "\n") for part in parts)
    return text, html


def assert_well_formed(raw: bytes) -> None:
    assert raw.isascii()
    assert all(len(line) <= 78 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert len(raw) < 100_000


def test_the_mail_has_each_header_once(alert: Alert, delivery: Delivery) -> None:
    """Wire rules for mail, T8"""
    message = parsed(compose(alert, delivery, SENDER))
    assert list(message.keys()) == HEADERS
    assert message["From"] == "Story Monitor <monitor@desk.example>"
    assert message["To"] == "ann@desk.example"
    assert message["Subject"] == "[The Orla dam] Two valleys below the Orla dam are evacuated"
    assert parsedate_to_datetime(message["Date"]) == NOON
    assert message["Message-ID"] == "<d-1f00-new-4b1d3c9e07@desk.example>"
    assert message["In-Reply-To"] == message["References"] == "<d-0abc-new-4b1d3c9e07@desk.example>"
    assert message["List-Id"] == "The Orla dam <orla-dam.desk.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"


def test_text_comes_first_and_html_last_and_both_are_what_was_rendered(alert: Alert, delivery: Delivery) -> None:
    text, html = bodies(compose(alert, delivery, SENDER))
    assert text == render.text(alert)
    assert html.rstrip("\n") == render.html(alert).rstrip("\n")


def test_every_try_sends_the_same_bytes(alert: Alert, delivery: Delivery) -> None:
    """D7: whoever got it twice can tell."""
    assert compose(alert, delivery, SENDER) == compose(alert, delivery, SENDER)


@pytest.mark.parametrize("words", HOSTILE)
def test_no_words_of_a_feed_become_a_header(words: str, delivery: Delivery) -> None:
    """T8, faults 0.4: an encoded word in a title must not turn into a Bcc line, on Python 3.11.7 either."""
    raw = compose(make_alert(title=words, storylines=(("orla-dam", words),), outlets=(words,)), delivery, SENDER)
    assert_well_formed(raw)
    assert list(parsed(raw).keys()) == HEADERS
    assert subject_of(raw) == render.subject(make_alert(title=words, storylines=(("orla-dam", words),)))


@settings(max_examples=150, deadline=None)
@given(alerts)
def test_any_alert_reads_back_as_it_was_written(hostile: Alert) -> None:
    """T8, T14, D11"""
    raw = compose(hostile, make_delivery(), SENDER)
    assert_well_formed(raw)
    assert list(parsed(raw).keys()) == HEADERS
    assert subject_of(raw) == render.subject(hostile)
    assert bodies(raw)[0] == render.text(hostile)


@pytest.mark.parametrize("name", ['"Desk, Foreign"', "Дамба", "=?utf-8?q?a=0ABcc:_evil=40x.example?=", "Ω" * 90, ""])
def test_a_senders_name_stays_a_name(name: str, alert: Alert, delivery: Delivery) -> None:
    raw = compose(alert, delivery, f"{name} <monitor@desk.example>")
    assert_well_formed(raw)
    assert list(parsed(raw).keys()) == HEADERS
    assert parseaddr(message_from_bytes(raw)["From"])[1] == "monitor@desk.example"


@pytest.mark.parametrize(
    "sender", ["x\r\nBcc: evil@x.example <monitor@desk.example>", "monitor@desk.example\nBcc: x", "nobody", ""]
)
def test_a_sender_that_the_configuration_should_have_refused_adds_no_header(
    sender: str, alert: Alert, delivery: Delivery
) -> None:
    """C12"""
    raw = compose(alert, delivery, sender)
    assert_well_formed(raw)
    assert list(parsed(raw).keys()) == HEADERS


def test_a_quoted_senders_name_reads_back(alert: Alert, delivery: Delivery) -> None:
    message = parsed(compose(alert, delivery, '"Desk, Foreign" <monitor@desk.example>'))
    assert message["From"].addresses[0].display_name == "Desk, Foreign"


def test_the_first_mail_of_a_storyline_is_the_root_and_answers_none(alert: Alert) -> None:
    first = parsed(compose(alert, make_delivery(id="a", root=""), SENDER))
    second = parsed(compose(alert, make_delivery(id="b", root="a"), SENDER))
    assert (first["In-Reply-To"], first["References"]) == (None, None)
    assert second["In-Reply-To"] == second["References"] == first["Message-ID"]


def test_lines_that_begin_with_a_dot_survive_the_wire(delivery: Delivery) -> None:
    """D11: no line of ours can end the mail early."""
    raw = compose(make_alert(title="." * 50, summary=". .\r\n.\r\nQUIT"), delivery, SENDER)
    assert not re.search(rb"^\.\r\n", raw, re.MULTILINE)
    assert render.text(make_alert(title="." * 50, summary=". .\r\n.\r\nQUIT")) == bodies(raw)[0]


def test_a_mail_without_html_is_plain_text(alert: Alert, delivery: Delivery, monkeypatch: pytest.MonkeyPatch) -> None:
    """D23"""
    monkeypatch.setattr(render, "html", lambda *_: "")
    message = parsed(compose(alert, delivery, SENDER))
    assert message.get_content_type() == "text/plain"
    assert "Two valleys" in message.get_content()
