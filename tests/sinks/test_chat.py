"""Chats and their like, by Apprise and real servers: strangers' words call nobody, link nowhere and show no picture in any markup."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import markdown
import pytest

from monitor.alerts import render
from monitor.alerts.channels import AppriseSettings, open_channel
from monitor.alerts.channels.apprise import harmless
from tests.alerts.samples import make_delivery
from tests.alerts.servers import mail_server
from tests.alerts.test_apprise import ADDRESSES, Service, nowhere, service
from tests.sinks import samples
from tests.sinks.reading import read
from tests.sinks.strings import HOST, STRINGS

__all__ = ["service"]

CALLS = re.compile(r"[@!<]\w|<[@#!:/]|@&|\]\(|\]\[|\]:|`|~~~")
"""What begins a mention, a command, a link, a picture or code in the markup of Slack, Discord, Mattermost, Teams or Telegram."""
ADDRESS = re.compile(r"\w+://[^\s\"<>]*")
OURS = re.compile(r"https://herald\.example/[^\s@!`<>|]*")
DRAWN = {"main", "a", "p", "em", "strong", "h1", "h2", "h3", "ul", "ol", "li", "blockquote", "hr", "br", "table", "thead", "tbody", "tr", "th", "td", "sub", "sup", "dl", "dt", "dd", "abbr"}  # fmt: skip
SERVICES = [*ADDRESSES, "mmost://127.0.0.1:{port}/abcdefghij"]


def sent(url: str, service: Service) -> list[tuple[str, str]]:
    """What the service at `url` is sent for each of the alerts."""
    service.body = b"ok" if url.startswith("slack") else b'{"ok": true}'
    settings = AppriseSettings(type="apprise", urls={"desk": url.format(port=service.port)})
    channel = open_channel(settings, nowhere)
    for alert in samples.chats():
        channel.send(alert, make_delivery(channel="chat", target="desk"), lambda _line: None)
    return service.posts


def values(told: Any) -> Iterator[str]:
    """Every text in a message's JSON but the name of its format."""
    if isinstance(told, str):
        yield told
    elif isinstance(told, dict):
        for name, value in told.items():
            if name != "$schema":
                yield from values(value)
    elif isinstance(told, list):
        for value in told:
            yield from values(value)


def opened(body: str) -> list[str]:
    """The texts in a message, whatever it is written in."""
    if body.startswith("{"):
        return list(values(json.loads(body)))
    if body.startswith("<"):
        return [element.text or "" for element in ET.fromstring(body).iter()]
    return [text for texts in parse_qs(body).values() for text in texts]


@pytest.mark.parametrize("url", SERVICES, ids=lambda url: url.partition(":")[0])
def test_strangers_words_call_nobody_link_nowhere_and_show_no_picture(url: str, service: Service) -> None:
    """T3, T7, T10, T11, T15, T16."""
    posts = sent(url, service)
    assert len(posts) == len(samples.chats())
    for alert, (_, body) in zip(samples.chats(), posts, strict=True):
        texts = opened(body)
        if url.startswith("tgram"):
            texts = [read(text).texts["b"][0] + text.partition("</b>")[2] for text in texts if "<b>" in text]
        plain = [text.replace("\\", "") for text in texts]
        assert not [found for text in plain for found in CALLS.findall(OURS.sub("", text))]
        assert {a for text in plain for a in ADDRESS.findall(text)} <= {a for text in plain for a in OURS.findall(text)}
        for page in (read(f"<main>{markdown.markdown(text, extensions=['extra'])}</main>") for text in texts):
            assert {tag for tag, _, _ in page.tags} <= DRAWN
            assert all(
                link.startswith("mailto:\u2060") for link in page.links
            )  # its loose reading of <...@...>: no address
        read_as = unescape if url.startswith("slack") else str
        assert any(harmless(render.subject(alert)).strip() in read_as(text) for text in texts)


def test_what_telegram_and_slack_read_as_markup_is_only_ours(service: Service) -> None:
    """T11: what they look for is in plain `<`, and of that the one has a headline in bold, the other nothing."""
    for _, body in sent(ADDRESSES[6], service):
        page = read(json.loads(body)["text"])
        assert {tag for tag, name, _ in page.tags if not name} == {"b"}
        assert page.links == []
    service.posts.clear()
    for _, body in sent(ADDRESSES[4], service):
        (told,) = json.loads(body)["attachments"]
        assert "<" not in told["title"] + told["text"]


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_mail_by_apprise_has_no_header_of_theirs_either(tmp_path: Path) -> None:
    """T8."""
    with mail_server(tmp_path, security="none") as box:
        settings = AppriseSettings(
            type="apprise", urls={"desk": f"mailto://127.0.0.1:{box.port}/?from=m@desk.example&to=ann@desk.example"}
        )
        channel = open_channel(settings, nowhere)
        for alert in (*samples.chats()[::4], *samples.direct()[::12]):
            channel.send(alert, make_delivery(channel="chat", target="desk"), lambda _line: None)
    assert {recipient for recipient, _ in box.taken} == {"ann@desk.example"}
    written = set()
    for _, raw in box.taken:
        message = message_from_bytes(raw, policy=default)
        assert isinstance(message, EmailMessage)
        written.add(tuple(message.keys()))
        assert HOST not in str(message["To"])
    assert len(written) == 1
    assert not {"Bcc", "Cc"} & set(written.pop())


def test_no_string_keeps_a_trap() -> None:
    """T11: straight through the escape of this sink."""
    for words in STRINGS:
        assert not CALLS.search(harmless(render.line(words)))
        assert not ADDRESS.search(harmless(words))
