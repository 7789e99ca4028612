"""Several alerts in one: a chapter a storyline, in order of time, readable in every form and never too long."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alerts import render
from monitor.alerts.channels.console import rows
from monitor.alerts.channels.email import compose
from monitor.alerts.digest import LISTED, fitted, sparkline
from monitor.alerts.digest import compose as digest_of
from monitor.model import Alert, AlertKind, Chapter, Development, Hold, Link, Severity
from monitor.store.alert import from_json, to_json
from tests.alerts.samples import HOSTILE, NOON, make_alert, make_delivery

DAM, MINE = ("dam", "The Orla dam"), ("mine", "The Karst mine")


def told(number: int, storyline: tuple[str, str] = DAM, title: str = "", **changed: object) -> Alert:
    at = NOON + timedelta(minutes=number)
    link = Link(outlet="Herald", title=title, url=f"https://herald.example/{number}", published=at)
    return make_alert(
        id=f"a-{number}", title=title or f"Event {number}", storylines=(storyline,), created_at=at, outlets=("Herald",), reports=(link,),
        development=f"d-{number}", **changed,
    )  # fmt: skip


BACKGROUND = {
    "dam": Chapter(
        storyline="dam", title="The Orla dam", question="Does the dam hold?", state="developing", coverage=(0, 1, 7, 2), folded=12,
        open=(Link(outlet="Whisper", title="Minister said to resign", url="https://whisper.example/1", published=NOON),),
    ),
}  # fmt: skip
GROWN = {
    "d-1": Development(
        id="d-1", title="Event 1", storylines=("dam",), first_report="e", started_at=NOON, last_report_at=NOON,
        outlets=("Herald", "Post"), reports=15,
    ),
}  # fmt: skip
DIGEST = digest_of(
    [told(3, MINE), told(1, severity=Severity.CRITICAL), told(2, kind=AlertKind.UPDATE)],
    Hold.QUIET,
    NOON,
    BACKGROUND,
    GROWN,
)


class Reader(HTMLParser):
    """What a person sees of HTML, and what it would load."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self._hidden = 0
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        self._hidden += tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag == "style"

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words += data.split()


def test_a_digest_has_a_chapter_a_storyline_each_in_order_of_time() -> None:
    assert [(c.storyline, [t.alert for t in c.told]) for c in DIGEST.chapters] == [
        ("dam", ["a-1", "a-2"]),
        ("mine", ["a-3"]),
    ]
    assert (DIGEST.title, DIGEST.severity) == ("3 alerts on 2 storylines", Severity.CRITICAL)
    assert DIGEST.explanation == "What came in your quiet hours."
    assert digest_of([told(1)], Hold.DIGEST, NOON).title == "1 alert on The Orla dam"


def test_the_same_alerts_make_the_same_digest_in_whatever_order() -> None:
    alerts = [told(n) for n in range(5)]
    assert digest_of(alerts, None, NOON) == digest_of(alerts[::-1], None, NOON)


def test_a_digest_comes_back_from_the_store_as_it_was() -> None:
    assert from_json(json.loads(json.dumps(to_json(DIGEST)))) == DIGEST


def test_the_text_reads_like_a_page_of_a_paper() -> None:
    assert (
        render.text(DIGEST)
        == """3 alerts on 2 storylines

What came in your quiet hours.

THE ORLA DAM (developing)
Open: Does the dam hold?
Coverage: ▁▂█▃ (10 reports)

* 5 March 2026, 12:01 UTC (critical): Event 1
  Herald, Post; 15 reports
  https://herald.example/1
* 5 March 2026, 12:02 UTC (update): Event 2
  Herald
  https://herald.example/2

In doubt, and told when other outlets report it:
- Minister said to resign (Whisper)
  https://whisper.example/1

12 reports that told nothing new were folded away.

THE KARST MINE

* 5 March 2026, 12:03 UTC: Event 3
  Herald
  https://herald.example/3

Noticed 5 March 2026, 12:00 UTC
"""
    )


def test_html_tells_what_the_text_tells_and_loads_nothing() -> None:
    page = Reader(render.html(DIGEST))
    for fact in (
        "Does the dam hold?",
        "Event 1",
        "15 reports",
        "(critical)",
        "Minister said to resign",
        "12 reports that",
        "▁▂█▃",
    ):
        assert fact in " ".join(page.words)
    assert {link for link in page.links if link} == {
        f"https://{host}" for host in ("herald.example/1", "herald.example/2", "herald.example/3", "whisper.example/1")
    }
    assert not page.tags & {"script", "img", "svg", "link", "iframe", "form"}


def test_its_subject_stands_for_all_digests_of_a_reader() -> None:
    assert render.subject(DIGEST) == "[Digest] Urgent: 3 alerts on 2 storylines"


def test_a_webhook_gets_the_chapters() -> None:
    message = render.payload(DIGEST)
    assert message["type"] == "digest"
    dam, _ = message["data"]["chapters"]
    assert (dam["state"], dam["coverage"], dam["folded"]) == ("developing", [0, 1, 7, 2], 12)
    assert [(t["alert"], t["severity"], t["reports"]) for t in dam["told"]] == [
        ("a-1", "critical", 15),
        ("a-2", "normal", 1),
    ]


def test_the_console_tells_the_chapters() -> None:
    shown = "\n".join(value for _, value, _ in rows(render.shown(DIGEST)))
    for fact in ("The Orla dam", "Event 1", "Event 3", "Does the dam hold?"):
        assert fact in shown


@pytest.mark.parametrize(("storylines", "each"), [(1, 10_000), (500, 3), (40, 60)])
def test_however_much_came_a_mail_stays_whole_and_says_what_is_left_out(storylines: int, each: int) -> None:
    """D9, D24."""
    long = "ő" * 190
    alerts = [
        told(n, (f"s{n % storylines}", f"Storyline {n % storylines} {long}"[:120]), long)
        for n in range(storylines * each)
    ]
    digest = digest_of(alerts, Hold.LIMIT, NOON)
    assert sum(len(c.told) + c.more for c in digest.chapters) == len(alerts)
    assert all(len(c.told) <= LISTED for c in digest.chapters)
    mail = compose(digest, make_delivery(), "monitor@desk.example")
    assert len(mail) < 100_000
    text = message_from_bytes(mail, policy=default).get_body(("plain",))
    assert text is not None
    assert "more before these" in text.get_content() or "more did not fit" in text.get_content()
    assert len(json.dumps(render.payload(digest), ensure_ascii=False).encode()) <= render.PAYLOAD_CAP


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(HOSTILE), st.sampled_from(HOSTILE)), min_size=1, max_size=6))
def test_no_words_of_a_feed_command_a_reader(words: list[tuple[str, str]]) -> None:
    """T1-T16."""
    alerts = [told(n, ("s", story), title) for n, (story, title) in enumerate(words)]
    background = {"s": Chapter(storyline="s", title=words[0][0], question=words[0][1], state=words[0][0])}
    digest = digest_of(alerts, Hold.DIGEST, NOON, background)
    html, text = render.html(digest), render.text(digest)
    assert "<script" not in html.lower()
    assert not Reader(html).tags & {"script", "img", "svg", "iframe", "meta-refresh"}
    assert all(c == "\n" or c.isprintable() or c in "\u200c\u200d\u200e\u200f\u061c\u2068\u2069" for c in text)
    assert "7*7" in text or "49" not in text


def test_a_share_that_is_too_small_keeps_the_newest() -> None:
    small, left_out = fitted(digest_of([told(n) for n in range(30)], None, NOON), 4_000)
    assert left_out == 0
    assert small.chapters[0].told[-1].alert == "a-29"
    assert small.chapters[0].more + len(small.chapters[0].told) == 30


def test_a_sparkline_is_as_high_as_its_values() -> None:
    assert sparkline((0, 0)) == "▁▁"
    assert sparkline((1, 2, 4, 8)) == "▂▃▅█"
    assert sparkline(()) == ""
