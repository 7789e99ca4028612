"""Mail, with what strangers would write in each of its fields: parsed back it has our headers, our tags, and their words as words."""

from __future__ import annotations

from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import compat32, default
from email.utils import getaddresses

import pytest

from monitor.alerts import render
from monitor.alerts.channels.email import compose
from monitor.alerts.links import Links
from monitor.model import Alert
from tests.alerts.samples import make_delivery
from tests.sinks import samples
from tests.sinks.reading import harmless_page, is_plain
from tests.sinks.strings import HEADERS, STRINGS

SENDER = "Story Monitor <monitor@desk.example>"
LINKS = Links("https://news.example.org", b"an invented key")
WRITTEN = [
    "Date", "From", "To", "Subject", "Message-ID", "In-Reply-To", "References", "List-Id", "Auto-Submitted", "X-Auto-Response-Suppress",
    "List-Unsubscribe", "List-Unsubscribe-Post", "MIME-Version", "Content-Type",
]  # fmt: skip
WAYS = {"by the front door": samples.by_the_front_door, "straight": samples.direct, "digests": samples.digests}


def composed(alert: Alert) -> bytes:
    return compose(alert, make_delivery(id=f"{alert.id}-x", alert=alert.id), SENDER, LINKS)


def parsed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    return message


@pytest.mark.no_cover
@pytest.mark.parametrize("way", WAYS)
def test_a_mail_has_our_headers_our_tags_and_strangers_words_as_words(way: str) -> None:
    """T3, T7, T8, T9, T10, T14, T16, X6."""
    for alert in WAYS[way]():
        raw = composed(alert)
        message, shown = parsed(raw), render.shown(alert)
        assert list(message.keys()) == WRITTEN
        assert {name for name, address in getaddresses([message["To"], message["From"]])} == {"", "Story Monitor"}
        assert raw.isascii()
        assert all(
            len(line) <= 78 or line.startswith(b" <https://news.example.org/links/") for line in raw.split(b"\r\n")
        )
        assert len(render.subject(alert)) <= render.SUBJECT_CAP
        assert read_by_the_other_parser(raw) == render.subject(alert)
        text, html = (part.get_content().replace("\r\n", "\n") for part in message.iter_parts())
        assert is_plain(text)
        page = harmless_page(html)
        assert page.texts["h1"] == [shown.title]
        for words in (shown.title, shown.summary, shown.explanation):
            assert words in text
            assert words in page.texts["body"][0]


def read_by_the_other_parser(raw: bytes) -> str:
    subject = message_from_bytes(raw, policy=compat32)["Subject"]
    return str(make_header(decode_header(subject.replace("\n", "").replace("\r", ""))))


def test_a_name_from_the_configuration_adds_no_header_either() -> None:
    """T8, C12: what should have been refused there, in the sender, the recipient and the thread's title."""
    (alert,) = samples.direct()[:1]
    for words in (*HEADERS, *STRINGS[::27]):
        delivery = make_delivery(target=f"{words} <ann@desk.example>")
        message = parsed(compose(alert, delivery, f"{words} <monitor@desk.example>", LINKS))
        assert list(message.keys()) == WRITTEN


def test_each_string_went_through_each_field() -> None:
    """That the above means anything: nothing was left out on the way to the fields."""
    assert len(STRINGS) == len(set(STRINGS)) > 800
    listed = [{evidence.term for alert in samples.direct() for evidence in alert.evidence}]
    listed += [{link.title for alert in samples.direct() for link in alert.reports}]
    listed += [{chapter.title for digest in samples.digests() for chapter in digest.chapters}]
    once = [{alert.title for alert in samples.direct()}, {alert.summary for alert in samples.direct()}]
    assert all(set(STRINGS) <= found for found in listed)
    assert all(len(found) > 130 for found in once)
    assert len(samples.by_the_front_door()) > 400
