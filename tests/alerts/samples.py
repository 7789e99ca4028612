"""An alert with everything in it, the delivery that carries it, and what the worst of feeds would put there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from monitor.model import Alert, AlertKind, Delivery, Evidence, Link

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)

_ALERT = Alert(
    id="d-1f00-new",
    kind=AlertKind.NEW,
    reason="new-fact",
    explanation="New: it tells of an evacuation; the nearest earlier report is 31% alike.",
    created_at=NOON,
    storylines=(("orla-dam", "The Orla dam"), ("minister", "Will the minister resign?")),
    development="d-1f00",
    title="Two valleys below the Orla dam are evacuated",
    summary="Some 4,200 people left their homes overnight.",
    evidence=(Evidence(term="evacuation", found="evacuated", field="title", score=0.9),),
    outlets=("Valley Herald", "Upland Radio"),
    reports=(Link(outlet="Valley Herald", title="Two valleys", url="https://herald.example/orla", published=NOON),),
    known_before=(Link(outlet="Upland Radio", title="Cracks in the dam", url="", published=NOON - timedelta(days=1)),),
)


def make_alert(**changed: Any) -> Alert:
    """The alert of the dam, with some fields changed."""
    return replace(_ALERT, **changed)


def make_delivery(**changed: Any) -> Delivery:
    """Its delivery by mail to Ann, not the first of its storyline, with some fields changed."""
    delivery = Delivery(
        id="d-1f00-new-4b1d3c9e07", alert="d-1f00-new", channel="mail", target="ann@desk.example", thread="orla-dam",
        due_at=NOON, created_at=NOON, root="d-0abc-new-4b1d3c9e07",
    )  # fmt: skip
    return replace(delivery, **changed)


HOSTILE = [
    "=?utf-8?q?a=0ABcc:_evil=40x.example?=",
    "Dam breaks\r\nBcc: evil@x.example\r\n\r\n<script>alert(1)</script>",
    "Dam\x85breaks\u2028now\u2029\x0b\x0c\x1c\x00\x1b[31m\x7f",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>' onmouseover='x",
    "{{ 7*7 }} {% raw %} ${x} %s {0.__class__} `x`",
    "user\u202egpj.exe\u2066\u2069\ufeff\u200b\U000e0041",
    "lone \ud800 surrogate \udfff",
    "<style>body{background:url(//evil.example/x)}</style><meta http-equiv=refresh content=0>",
    "[bold red]markup[/] :boom:",
    "👩‍👩‍👧‍👦🇵🇱🇯🇵👍🏽" * 60,
    "سد أورلا يبلغ أعلى منسوب",
    "e\u0301" * 400,
    "",
    " \t\n ",
    "x" * 5_000,
    ".\r\n.\r\nQUIT\r\n",
]
HOSTILE_URLS = [
    "javascript:alert(1)", "java\nscript:alert(1)", "data:text/html,<script>", "file:///etc/passwd", "//evil.example",
    "https://bank.example\\@evil.example/", "https://bank.example@evil.example/", "http://[::1", "https://", "ftp://x.example/",
    'https://herald.example/"><script>', "https://herald.example/a b\r\nBcc: x", "https://bücher.example/ä?q=ü#é",
    "https://x.example/" + "a" * 3_000, "https://x.example:99999/", "https://xn--80ak6aa92e.com/", "https://a..b.ü/", "http://x.example./\u202e",
]  # fmt: skip

_anything = st.text(st.characters(exclude_categories=()), max_size=400) | st.sampled_from(HOSTILE)
_addresses = st.sampled_from([*HOSTILE_URLS, "https://herald.example/1"]) | _anything
_links = st.lists(
    st.builds(Link, outlet=_anything, title=_anything, url=_addresses, published=st.just(NOON)), max_size=14
).map(tuple)
_evidence = st.builds(Evidence, term=_anything, found=_anything, field=_anything, score=st.floats(0, 1))

alerts = st.builds(
    make_alert,
    kind=st.sampled_from(AlertKind),
    reason=_anything,
    explanation=_anything,
    title=_anything,
    summary=_anything,
    storylines=st.lists(st.tuples(st.just("orla-dam"), _anything), max_size=3).map(tuple),
    outlets=st.lists(_anything, max_size=30).map(tuple),
    evidence=st.lists(_evidence, max_size=14).map(tuple),
    reports=_links,
    known_before=_links,
    first=_links.map(lambda links: links[0] if links else None),
)
"""Alerts as the worst of feeds would have them."""
