"""An alert in words: the same facts in text, HTML and JSON, and nothing of a feed's making but letters."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from monitor.alerts import render, templates
from monitor.alerts.route import sample_alert
from monitor.model import Alert, AlertKind, Link
from tests.alerts.samples import HOSTILE, NOON, alerts, make_alert

TAGS = {
    "html", "head", "meta", "title", "style", "body", "div", "table", "tr", "td", "p", "h1", "h2", "a", "span", "bdi", "br",
}  # fmt: skip
ATTRIBUTES = {
    "lang",
    "charset",
    "name",
    "content",
    "class",
    "style",
    "role",
    "width",
    "cellpadding",
    "cellspacing",
    "align",
    "dir",
    "href",
    "rel",
}


class Page(HTMLParser):
    """What a mail client would see: elements, attributes, and words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.styles: set[str] = set()
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]
        self.styles |= {value or "" for name, value in attrs if name == "style"}

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_subject_says_what_is_new_after_the_storyline(alert: Alert) -> None:
    assert render.subject(alert) == "[The Orla dam] Two valleys below the Orla dam are evacuated"


def test_the_subject_of_an_update_says_so() -> None:
    assert render.subject(make_alert(kind=AlertKind.UPDATE)).startswith("[The Orla dam] Update: Two valleys")


def test_a_long_storyline_leaves_room_for_the_headline() -> None:
    """T14"""
    subject = render.subject(
        make_alert(storylines=(("x", "Will the minister resign over the dam? " * 5),), title="Dam bursts " * 40)
    )
    assert len(subject) <= render.SUBJECT_CAP
    assert subject.startswith("[Will the minister resign over the")
    assert "] Dam bursts Dam bursts" in subject


def test_text_html_and_json_tell_the_same_facts(alert: Alert) -> None:
    facts = [
        alert.title, alert.summary, alert.explanation, "new-fact", "The Orla dam", "Will the minister resign?", "evacuation", "evacuated",
        "Valley Herald", "Upland Radio", "Cracks in the dam",
    ]  # fmt: skip
    in_html, in_json = Page(render.html(alert)), json.dumps(render.payload(alert))
    for fact in facts:
        assert fact in render.text(alert)
        assert fact in in_html.words
        assert fact in in_json
    for told in (render.text(alert), in_html.words):
        assert "5 March 2026, 12:00 UTC" in told
        assert "4 March 2026, 12:00 UTC" in told
    assert in_html.links == ["https://herald.example/orla"]
    assert "https://herald.example/orla" in render.text(alert)


def test_a_link_shows_the_host_it_leads_to() -> None:
    """T16"""
    link = Link(outlet="Bank", title="Bank", url="https://bank.example@evil.example/login", published=NOON)
    page = Page(render.html(make_alert(reports=(link,))))
    assert page.links == ["https://evil.example/login"]
    assert "evil.example" in page.words


@settings(max_examples=150, deadline=None)
@given(alerts)
def test_no_alert_brings_markup_scripts_or_remote_content_into_the_mail(hostile: Alert) -> None:
    """T1, T7, T9, T10, X9"""
    written = render.html(hostile)
    page = Page(written)
    assert page.tags <= TAGS
    assert page.attributes <= ATTRIBUTES
    assert all(link.startswith(("http://", "https://")) for link in page.links)
    assert not any("url(" in style or "@import" in style for style in page.styles)
    assert len(written.encode()) < 100_000


@settings(max_examples=150, deadline=None)
@given(alerts)
def test_any_alert_has_a_clean_subject_a_text_and_a_small_payload(hostile: Alert) -> None:
    """T8, T14, T15"""
    subject, text = render.subject(hostile), render.text(hostile)
    assert 0 < len(subject) <= render.SUBJECT_CAP
    assert subject == " ".join(subject.split())
    assert subject.encode()
    assert not set(text) & set(map(chr, [*range(10), *range(11, 32), 127, 0x85, 0x2028, 0x2029, 0x202E]))
    payload = json.dumps(render.payload(hostile), ensure_ascii=False, allow_nan=False).encode()
    assert len(payload) <= render.PAYLOAD_CAP
    assert json.loads(payload)["data"]["alert"] == hostile.id


def test_a_payload_that_would_be_too_large_loses_its_last_links_first() -> None:
    links = tuple(
        Link(outlet="Ω" * 60, title="Ω" * 200, url="https://x.example/" + "a" * 1900, published=NOON) for _ in range(10)
    )
    payload = render.payload(make_alert(reports=links, known_before=links[:3]))
    assert len(json.dumps(payload, ensure_ascii=False).encode()) <= render.PAYLOAD_CAP
    assert 3 <= len(payload["data"]["reports"]) < 10
    assert payload["data"]["known_before"] == []


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        (AlertKind.NEW, "storyline.development.new"),
        (AlertKind.UPDATE, "storyline.development.update"),
        (AlertKind.BASELINE, "storyline.baseline"),
        (AlertKind.TEST, "test"),
    ],
)
def test_the_payload_names_its_type(kind: AlertKind, type_: str) -> None:
    payload = render.payload(make_alert(kind=kind))
    assert payload["type"] == type_
    assert payload["timestamp"] == "2026-03-05T12:00:00+00:00"


def test_an_alert_without_headline_summary_and_link_still_says_something() -> None:
    """X9"""
    bare = make_alert(
        title=" \n",
        summary="",
        reports=(Link(outlet="", title="", url="", published=NOON),),
        evidence=(),
        known_before=(),
    )
    assert render.subject(bare) == "[The Orla dam] A report without a headline"
    assert "A report without a headline" in render.text(bare)
    assert "A report without a headline" in render.html(bare)


def test_text_from_right_to_left_turns_nothing_else_around() -> None:
    """T1"""
    mixed = make_alert(outlets=("أخبار النهر", "Valley Herald"))
    assert "\u2068أخبار النهر\u2069, Valley Herald" in render.text(mixed)
    assert "<bdi>أخبار النهر</bdi>" in render.html(mixed)


def test_the_html_has_a_dark_side(alert: Alert) -> None:
    assert "prefers-color-scheme: dark" in render.html(alert)
    assert 'name="color-scheme" content="light dark"' in render.html(alert)


def test_a_poisoned_alert_is_told_plainly(caplog: pytest.LogCaptureFixture) -> None:
    """D23"""
    poisoned = make_alert(evidence=(None,))
    assert "Two valleys" in render.text(poisoned)
    assert "Two valleys" in render.html(poisoned)
    assert render.payload(poisoned)["data"]["title"].startswith("Two valleys")
    assert "state=poisoned" in caplog.text


@pytest.mark.parametrize("broken", ["{{ alert.nonsense }}", "{% if %}", None])
def test_a_broken_or_missing_template_leaves_a_plain_text(
    broken: str | None, alert: Alert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """D26"""
    for name in ("alert.txt.jinja", "alert.html.jinja"):
        if broken:
            (tmp_path / name).write_text(broken)
    environment = Environment(loader=FileSystemLoader(tmp_path), autoescape=True, undefined=StrictUndefined)
    monkeypatch.setattr(templates, "ours", lambda: environment)
    assert "Two valleys below the Orla dam are evacuated" in render.text(alert)
    assert "https://herald.example/orla" in render.text(alert)
    assert render.html(alert) == ""
    assert "state=failed" in caplog.text


def test_the_sample_shows_every_part_of_an_alert() -> None:
    text = render.text(sample_alert(NOON))
    for part in ("WHY YOU GET THIS", "Storyline:", "Matched:", "Outlets:", "KNOWN BEFORE", "https://example.org/test"):
        assert part in text


@pytest.mark.parametrize("words", HOSTILE)
def test_a_feeds_words_are_literal_in_the_text(words: str) -> None:
    """T7"""
    assert render.line(words, 200) in render.text(make_alert(title=words)).replace("\u2068", "").replace("\u2069", "")
