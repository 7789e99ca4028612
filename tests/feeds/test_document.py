"""Documents of every dialect, and what real and hostile feeds do to them (faults X)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from monitor.errors import FeedError
from monitor.feeds.document import ENTRIES, parse_bytes
from monitor.feeds.urls import same_link
from monitor.model import Document, Item

URL = "https://herald.example/feed"


def parse(text: str | bytes, content_type: str = "") -> Document:
    return parse_bytes(text.encode() if isinstance(text, str) else text, url=URL, content_type=content_type)


def rss(*items: str, channel: str = "<title>Herald</title>") -> str:
    return f"<rss version='2.0'><channel>{channel}{''.join(f'<item>{item}</item>' for item in items)}</channel></rss>"


def item(text: str) -> Item:
    (only,) = parse(rss(text)).items
    return only


DIALECTS = {
    "rss 0.91": "<rss version='0.91'><channel><title>F</title><item><title>Dam breaks</title><link>https://a.example/1</link></item></channel></rss>",
    "rss 2.0": rss("<title>Dam breaks</title><link>https://a.example/1</link>"),
    "rss 1.0": "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'><channel><title>F</title></channel>"
    "<item rdf:about='https://a.example/1'><title>Dam breaks</title><link>https://a.example/1</link></item></rdf:RDF>",
    "atom 0.3": "<feed version='0.3' xmlns='http://purl.org/atom/ns#'><title>F</title><entry><title>Dam breaks</title>"
    "<link rel='alternate' href='https://a.example/1'/></entry></feed>",
    "atom 1.0": "<feed xmlns='http://www.w3.org/2005/Atom'><title>F</title><entry><title>Dam breaks</title><link href='https://a.example/1'/></entry></feed>",
    "rss 0.90": "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://my.netscape.com/rdf/simple/0.9/'><channel><title>F</title></channel>"
    "<item><title>Dam breaks</title><link>https://a.example/1</link></item></rdf:RDF>",
    "rss 0.92": "<rss version='0.92'><channel><title>F</title><item><title>Dam breaks</title><link>https://a.example/1</link></item></channel></rss>",
    "rss without a version": "<rss><channel><title>F</title><item><title>Dam breaks</title><link>https://a.example/1</link></item></channel></rss>",
    "cdf": "<?xml version='1.0'?><!DOCTYPE Channel SYSTEM 'http://www.w3c.org/Channel.dtd'><CHANNEL HREF='https://a.example/' LASTMOD='2024-03-05T12:00'><TITLE>F</TITLE>"
    "<LOGO HREF='https://a.example/l.gif' STYLE='ICON'/><SCHEDULE><INTERVALTIME DAY='1'/></SCHEDULE>"
    "<ITEM HREF='https://a.example/1' LASTMOD='2024-03-05T12:00'><TITLE>Dam breaks</TITLE><ABSTRACT>Two towns</ABSTRACT></ITEM></CHANNEL>",
    "cdf with anchors": "<CHANNEL BASE='https://a.example/'><A HREF='https://a.example/'/><TITLE>F</TITLE><ITEM><A HREF='https://a.example/1'/><TITLE>Dam breaks</TITLE></ITEM></CHANNEL>",
    "json feed 1": json.dumps({"version": "https://jsonfeed.org/version/1", "title": "F", "items": [{"id": "7", "title": "Dam breaks", "url": "https://a.example/1"}]}),
    "json feed": json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": [{"id": 7, "title": "Dam breaks", "url": "https://a.example/1"}]}),
}  # fmt: skip


@pytest.mark.parametrize("text", DIALECTS.values(), ids=DIALECTS)
def test_every_dialect_becomes_the_same_item(text: str) -> None:
    """X26."""
    (only,) = parse(text).items
    assert (only.title, only.url) == ("Dam breaks", "https://a.example/1")


def test_a_channel_of_channels_is_read_whole() -> None:
    """X26: CDF: titles, abstracts, dates, links by base, and the items of channels in a channel."""
    document = parse(
        "<CHANNEL HREF='https://a.example/news/' BASE='https://a.example/news/'><TITLE>F</TITLE>"
        "<ITEM HREF='https://a.example/news/1' LASTMOD='2024-03-05T12:00+01:00'><TITLE>Dam breaks</TITLE><ABSTRACT>Two &amp;amp; more towns</ABSTRACT></ITEM>"
        "<CHANNEL><TITLE>Inner</TITLE><ITEM HREF='https://a.example/news/2'><TITLE>Ferry</TITLE></ITEM></CHANNEL></CHANNEL>",
        "application/x-cdf",
    )
    assert document.title == "F"
    assert [(i.title, i.url) for i in document.items] == [
        ("Dam breaks", "https://a.example/news/1"),
        ("Ferry", "https://a.example/news/2"),
    ]
    assert document.items[0].summary == "Two & more towns"
    assert document.items[0].published == datetime(2024, 3, 5, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["<html><body>Log in</body></html>", "<!doctype html><p>hi", "just words", "", "{}", "[1]", '{"version": "2"}'],
)
def test_what_is_no_feed_is_refused(text: str) -> None:
    """H37."""
    with pytest.raises(FeedError) as caught:
        parse(text)
    assert caught.value.reason == "not-a-feed"


@pytest.mark.parametrize(
    "text", ["{", '{"version": "https://jsonfeed.org/version/1", "items": null}', "[" * 20_000, '{"version": "https://jsonfeed.org/version/1", "items": {}}']
)  # fmt: skip
def test_broken_json_is_a_feed_error(text: str) -> None:
    """X27."""
    with pytest.raises(FeedError):
        parse(text)


def test_odd_json_values_do_no_harm() -> None:
    """X27: null, numbers, NaN and lists where text is wanted."""
    feed = '{"version": "https://jsonfeed.org/version/1", "items": [null, 3, {"id": 1e999, "title": ["x"], "url": 5, "date_published": NaN, "summary": "s"}]}'
    (only,) = parse(feed).items
    assert (only.title, only.url, only.summary, only.published) == ("", "", "s", None)


def test_entity_declarations_never_reach_the_parser() -> None:
    """X1-X3: 30,000 chained entities, and one that names a file."""
    chain = "".join(f'<!ENTITY a{n} "&a{n - 1};">' for n in range(1, 30_000))
    text = (
        f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a0 "x">{chain}<!ENTITY f SYSTEM "file:///etc/passwd">]>'
        + rss("<title>Dam &a9999; &f; breaks</title>")
    )
    (only,) = parse(text).items
    assert "root:" not in only.title
    assert only.title.startswith("Dam")


@pytest.mark.parametrize(
    ("title", "plain"),
    [
        ("<![CDATA[Dam <b>breaks</b> &amp; floods]]>", "Dam breaks & floods"),
        ("Dam &lt;b&gt;breaks&lt;/b&gt;", "Dam breaks"),
        ("Dam&amp;nbsp;breaks &amp;amp; floods", "Dam breaks & floods"),
        ("<![CDATA[<script>alert(1)</script>Dam]]>", "Dam"),
        ("Dam\n   breaks", "Dam breaks"),
        ("Dam\u2028breaks", "Dam breaks"),
        ("2 &lt; 3 and 5 &gt; 4", "2 < 3 and 5 > 4"),
        ("AT&amp;T", "AT&T"),
    ],
)
def test_titles_are_plain_text_in_one_line(title: str, plain: str) -> None:
    """X6, X24, T9."""
    assert item(f"<title>{title}</title><guid>1</guid>").title == plain


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        " javascript:alert(1)",
        "java&#10;script:alert(1)",
        "java&#9;script:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "vbscript:x",
        "mailto:a@b.example",
        "ftp://a.example/",
        "http://[::1",
        "http://a.example:99999999999999/x",
    ],
)
def test_links_that_are_no_web_addresses_are_dropped(link: str) -> None:
    """X25."""
    assert item(f"<title>t</title><link>{link}</link>").url == ""


def test_relative_links_become_absolute() -> None:
    """X25."""
    document = parse(
        rss(
            "<title>t</title><link>/a b</link>",
            "<title>u</title><link>//c.example/x</link>",
            channel="<link>https://herald.example/</link>",
        )
    )
    assert [i.url for i in document.items] == ["https://herald.example/a%20b", "https://c.example/x"]


def test_links_are_relative_to_what_the_document_says() -> None:
    """X25: xml:base of the feed and of the entry."""
    atom = parse(
        "<feed xmlns='http://www.w3.org/2005/Atom' xml:base='https://b.example/news/'><entry><title>t</title><link href='1'/></entry>"
        "<entry xml:base='old/'><title>u</title><link href='2'/></entry><entry xml:base='javascript:x'><title>v</title><link href='https://c.example/3'/></entry></feed>"
    )
    assert [i.url for i in atom.items] == [
        "https://b.example/news/1",
        "https://b.example/news/old/2",
        "https://c.example/3",
    ]


def test_items_are_told_apart_by_link_when_they_share_a_guid() -> None:
    """X11."""
    document = parse(
        rss(*(f"<title>t{n}</title><guid>same</guid><link>https://a.example/{n}</link>" for n in range(3)))
    )
    assert [i.keys for i in document.items] == [(f"url:{same_link(f'https://a.example/{n}')}",) for n in range(3)]


def test_an_item_with_neither_guid_nor_link_is_known_by_its_text() -> None:
    """X8, X9."""
    assert item("<title>Dam breaks</title><description>d</description>").keys == ("text:Dam breaks|d",)


def test_a_document_lists_an_item_once() -> None:
    """X12."""
    assert (
        len(
            parse(
                rss(
                    "<title>t</title><guid>1</guid>",
                    "<title>t again</title><guid>1</guid>",
                    "<title>u</title><guid>2</guid>",
                )
            ).items
        )
        == 2
    )
    assert len(parse(rss(*["<title>t</title><link>https://a.example/1</link>"] * 2)).items) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://www.a.example/1",
        "https://a.example/1/",
        "https://a.example/1?utm_source=rss&utm_medium=x",
        "https://A.example/1#top",
    ],
)
def test_an_address_is_the_same_whatever_is_hung_on_it(url: str) -> None:
    """X14."""
    assert same_link(url) == same_link("https://a.example/1")


def test_an_aggregators_source_is_the_outlet_and_leaves_the_title() -> None:
    only = item(
        "<title>Dam breaks - The Post</title><source url='https://post.example'>The Post</source><guid>1</guid>"
    )
    assert (only.title, only.outlet) == ("Dam breaks", "The Post")


def test_a_bridges_error_is_no_news() -> None:
    assert parse(rss("<title>Bridge returned error 500! (19000)</title><guid>1</guid>")).items == ()


@pytest.mark.parametrize(
    "text",
    [
        rss("<title>Dam & town</title><guid>1</guid>"),
        "<?php ?>\n\n" + rss("<title>Dam</title><guid>1</guid>"),
        rss("<title>Dam</title><guid>1</guid>")[:-20],
        rss("<title>Dam</title><media:content url='x'/><guid>1</guid>"),
        rss("<title>Dam</title><guid>1</guid>") + "<script>junk</script> & more",
        rss("<title>Dam</title><guid>1</guid>") + rss(),
        rss("<title>Dam</title><guid>1</guid><description>a < b <br> <p>c</description>"),
        rss("<title>Dam \x0b</title><guid>1</guid>"),
        rss("<title>Dam &nbsp;&eacute;</title><guid>1</guid>"),
    ],
    ids=[
        "bare ampersand",
        "junk before",
        "cut off",
        "missing namespace",
        "junk after",
        "two roots",
        "bare markup",
        "control character",
        "HTML's entities",
    ],
)
def test_broken_xml_is_salvaged(text: str) -> None:
    """X23: and known to be broken, so that nothing is kept by which its server could say that it has not changed."""
    document = parse(text)
    (only,) = document.items
    assert only.title.startswith("Dam")
    assert document.complete == text.startswith("<?php")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<?xml version='1.0' encoding='utf-8'?><rss><channel><item><title>Łódź</title><guid>1</guid></item></channel></rss>".encode(), "text/xml; charset=iso-8859-1"),
        ("<?xml version='1.0' encoding='windows-1250'?><rss><channel><item><title>Łódź</title><guid>1</guid></item></channel></rss>".encode("cp1250"), "text/xml"),
        ("<?xml version='1.0' encoding='utf-16'?><rss><channel><item><title>Łódź</title><guid>1</guid></item></channel></rss>".encode("utf-16"), ""),
    ],
    ids=["wrong header", "windows-1250", "utf-16"],
)  # fmt: skip
def test_charsets_that_disagree_are_settled(body: bytes, content_type: str) -> None:
    """X7."""
    document = parse(body, content_type)
    assert len(document.items) == 1


def test_of_too_many_items_the_newest_are_kept() -> None:
    """X21."""
    day = datetime(2024, 1, 1, tzinfo=UTC)
    items = (
        f"<title>t{n}</title><guid>{n}</guid><pubDate>{(day + timedelta(minutes=n)).strftime('%a, %d %b %Y %H:%M:%S GMT')}</pubDate>"
        for n in range(ENTRIES + 100)
    )
    document = parse(rss(*items))
    assert len(document.items) == ENTRIES
    assert document.items[0].title == f"t{ENTRIES + 99}"


def test_a_feeds_own_wish_between_polls_is_read() -> None:
    """H21."""
    wishes = (
        "<ttl>90</ttl><skipHours><hour>0</hour><hour> 5 </hour><hour>x</hour></skipHours>"
        "<skipDays><day>Sunday</day><day>Someday</day></skipDays>"
    )
    document = parse(rss("<title>t</title><guid>1</guid>", channel=f"<title>H</title>{wishes}"))
    assert (document.ttl, document.skip_hours, document.skip_days) == (90, 0b100001, 0b1000000)
    assert parse(rss("<title>t</title><guid>1</guid>", channel="<ttl>-5</ttl>")).ttl == 0
