"""Feeds in every dialect with whatever strangers may put into each field: each is read, and what is promised of a document holds."""

from __future__ import annotations

import json
import random
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from monitor.errors import FeedError
from monitor.feeds.document import parse_bytes
from monitor.model import Document
from tests.feeds.mutants import CODECS, DATES, REASONS, TEXTS, URL, violations

HOSTILE = [text.decode("utf-8", "replace") for text in (*TEXTS, *DATES)] + [
    "", " ", "\t\n", "x" * 2_000, "\u0301" * 500, "\u202e\u2066x", "&amp;lt;b&amp;gt;", "=?utf-8?q?a=0ABcc:_evil=40x.example?=", "' OR 1=1 --", "💥" * 300, "\ud800", "\x00\x1b[2J\x85\u2028",
]  # fmt: skip
TEXT = st.sampled_from(HOSTILE) | st.text(st.characters(), max_size=30)
XML_NAMES = (
    "title",
    "link",
    "guid",
    "id",
    "pubDate",
    "updated",
    "description",
    "summary",
    "content",
    "source",
    "author",
    "category",
    "language",
    "ttl",
    "dc:date",
    "content:encoded",
    "enclosure",
    "image",
    "a",
)
JSON_NAMES = (
    "id",
    "url",
    "external_url",
    "title",
    "summary",
    "content_text",
    "content_html",
    "date_published",
    "date_modified",
    "language",
    "author",
    "attachments",
    "tags",
)
VALUES = st.recursive(
    TEXT | st.none() | st.booleans() | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(JSON_NAMES), inner, max_size=3),
    max_leaves=4,
)
FIELDS = st.lists(
    st.tuples(st.sampled_from(XML_NAMES), TEXT, TEXT, st.sampled_from(["text", "cdata", "raw", "attribute"])),
    max_size=5,
)


def element(field: tuple[str, str, str, str]) -> str:
    name, text, other, way = field
    if way == "cdata":
        return f"<{name}><![CDATA[{text}]]></{name}>"
    if way == "attribute":
        return f"<{name} href={quoteattr(text)} url={quoteattr(other)} xml:base={quoteattr(other)} rel='alternate' type='html' isPermaLink={quoteattr(text)}>{escape(text)}</{name}>"
    return f"<{name} type='html'>{text if way == 'raw' else escape(text)}</{name}>"


FRAMES = {
    "rss": ("<rss version='2.0' xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:content='http://purl.org/rss/1.0/modules/content/'><channel>", "item", "</channel></rss>"),
    "rdf": ("<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/' xmlns:dc='http://purl.org/dc/elements/1.1/'>", "item", "</rdf:RDF>"),
    "atom": ("<feed xmlns='http://www.w3.org/2005/Atom' xml:lang='en'>", "entry", "</feed>"),
    "cdf": ("<CHANNEL HREF='https://a.example/'>", "ITEM", "</CHANNEL>"),
}  # fmt: skip


def check(body: bytes, content_type: str = "") -> Document | None:
    """Read, with all that is promised, or refused for a reason that is known."""
    try:
        document = parse_bytes(body, url=URL, content_type=content_type)
    except FeedError as error:
        assert error.reason in REASONS  # noqa: PT017 - either outcome is right
        assert str(error).endswith(".")  # noqa: PT017
        return None
    assert list(violations(document)) == []
    return document


def fuzzed(examples: int) -> settings:
    """The same examples each time; more of them where there is time."""
    return settings(derandomize=True, max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))


@fuzzed(250)
@given(st.sampled_from(sorted(FRAMES)), FIELDS, st.lists(FIELDS, min_size=1, max_size=3))
def test_hostile_values_in_xml_break_no_promise(dialect: str, channel: list[Any], items: list[list[Any]]) -> None:
    """X6, X17, X23-X26, T9."""
    start, name, end = FRAMES[dialect]
    inner = "".join(f"<{name}>{''.join(map(element, fields))}</{name}>" for fields in items)
    check((start + "".join(map(element, channel)) + inner + end).encode("utf-8", "surrogatepass"))


@fuzzed(200)
@given(
    st.dictionaries(st.sampled_from(("title", "language", "icon", "version")), VALUES),
    st.lists(st.dictionaries(st.sampled_from(JSON_NAMES), VALUES) | VALUES, max_size=4),
)
@example(
    {},
    [
        {
            "id": "\ud800",
            "url": "https://a.example/\ud800\x00",
            "title": "\ud800",
            "language": "\ud800\n",
            "date_published": "9999-12-31T23:59:59-14:00",
        }
    ],
)
@example({"title": 1e999}, [{"id": -0.0, "url": "//\u2100.example", "date_published": 1e999}])
def test_hostile_values_in_json_break_no_promise(feed: dict[str, Any], items: list[Any]) -> None:
    """X6, X17, X25, X27."""
    whole = (
        {"version": "https://jsonfeed.org/version/1.1"}
        | {name: value for name, value in feed.items() if name != "version"}
        | {"items": items}
    )
    document = check(json.dumps(whole).encode())
    assert document is not None, "one item never costs the others"


@fuzzed(150)
@given(
    TEXT,
    st.sampled_from(CODECS),
    st.sampled_from([*CODECS, "none", "utf-8", ""]),
    st.sampled_from([*CODECS, "idna", "undefined", "rot13", "\x00", ""]),
    st.randoms(use_true_random=False),
)
def test_any_charset_under_any_name_breaks_no_promise(
    text: str, written: str, declared: str, served: str, dice: random.Random
) -> None:
    """X7."""
    start, name, end = FRAMES[dice.choice(sorted(FRAMES))]
    whole = f"<?xml version='1.0' encoding='{declared}'?>{start}<{name}><title>{escape(text)} Łódź</title><guid>1</guid></{name}>{end}"
    check(whole.encode(written, "replace"), f"text/xml; charset={served}")


@fuzzed(150)
@given(
    st.binary(max_size=100),
    st.sampled_from(
        [
            b"",
            b"<",
            b"<rss><channel><item><title>",
            b"<feed><entry>",
            b'{"version": "https://jsonfeed.org/version/1", "items": [',
            b"<?xml version='1.0' encoding='",
            b"\xff\xfe<\x00",
        ]
    ),
)
def test_any_bytes_break_no_promise(rest: bytes, start: bytes) -> None:
    """X6, X23, X27."""
    check(start + rest)


@pytest.mark.soak
@pytest.mark.parametrize(
    "test",
    [
        test_hostile_values_in_xml_break_no_promise,
        test_hostile_values_in_json_break_no_promise,
        test_any_charset_under_any_name_breaks_no_promise,
        test_any_bytes_break_no_promise,
    ],
)
def test_more_of_the_same(test: Any) -> None:
    """At random, for what the same examples each time do not find."""
    settings(fuzzed(10_000), derandomize=False)(test)()
