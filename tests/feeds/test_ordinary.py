"""The fast way and feedparser's give the same document, wherever the fast way is taken; and it is taken where it should be."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress

import pytest

from monitor.errors import FeedError
from monitor.feeds import document, markup, ordinary
from monitor.feeds.document import parse_bytes
from tests.feeds import mutants
from tests.feeds.test_parse import corpus

URL = "https://herald.example/feed"
PLAIN = (
    "<title>Dam breaks &amp; floods &#8212; “valley”</title><link>https://herald.example/1?a=1&amp;b=2</link><guid isPermaLink='false'>1</guid>"
    "<description><![CDATA[<p>Three <b>towns</b> are told to leave.</p>]]></description><pubDate>Tue, 05 Mar 2024 12:00:00 GMT</pubDate>"
)
OTHER = (
    "<title>  Two\n lines </title><link>/relative</link><guid>2</guid><category>x</category>",
    "<title>No link</title><guid>https://herald.example/3</guid>",
    "<title>No guid</title><description>&lt;p&gt;escaped &amp;amp; twice&lt;/p&gt;</description>",
    "<description>no title</description><pubDate>yesterday</pubDate>",
    "<title/><link/><guid/><description/><pubDate/>",
    "<title>Ł — 댐 😀</title><guid isPermaLink='true'>relative/guid</guid><author>ann@x.example</author>",
)


def rss(*items: str, channel: str = "<title>The Herald</title><link>https://herald.example/</link>") -> bytes:
    told = "".join(f"<item>{item}</item>" for item in items)
    return f"<?xml version='1.0' encoding='UTF-8'?><rss version='2.0'><channel>{channel}{told}</channel></rss>".encode()


def both(body: bytes) -> bool:
    """Whether the fast way takes a document; then the slow one agrees."""
    body = markup.disarmed(body, {"content-location": URL})
    plain = ordinary.read(body)
    if plain is None:
        return False
    assert document._by_ordinary(plain, body, URL) == document._by_feedparser(body, URL)
    return True


@pytest.mark.parametrize("item", [PLAIN, *OTHER])
def test_an_ordinary_item_is_read_the_fast_way_as_feedparser_reads_it(item: str) -> None:
    assert both(rss(item, PLAIN))


def test_the_wishes_of_a_channel_are_read_the_fast_way_too() -> None:
    channel = (
        "<title>H &amp;amp; K</title><link>https://herald.example/</link><description>x</description><language>en</language><ttl>90</ttl>"
        "<skipDays><day>Sunday</day></skipDays><link xmlns='http://www.w3.org/2005/Atom' rel='hub' href='https://hub.example/'/>"
        "<link xmlns='http://www.w3.org/2005/Atom' rel='self' href='https://herald.example/rss'/>"
    )
    assert both(rss(PLAIN, channel=channel))
    read = parse_bytes(rss(PLAIN, channel=channel), url=URL)
    assert (read.ttl, read.skip_days, read.hub, read.topic) == (
        90,
        64,
        "https://hub.example/",
        "https://herald.example/rss",
    )


@pytest.mark.parametrize(
    "body",
    [
        rss(PLAIN.replace("<title>", "<title>twice</title><title>")),
        rss(PLAIN.replace("<link>", "<link xml:base='/x'>")),
        rss(PLAIN + "<source url='https://x.example'>X</source>"),
        rss(PLAIN + "<content:encoded xmlns:content='http://purl.org/rss/1.0/modules/content/'>x</content:encoded>"),
        rss(PLAIN + "<dc:date xmlns:dc='http://purl.org/dc/elements/1.1/'>2024-03-05</dc:date>"),
        rss(PLAIN.replace("Dam", "<b>Dam</b>")),
        rss(PLAIN.replace("Dam", "\x93Dam")),
        rss(PLAIN).replace(b"<rss", b"<rss xml:lang='pl'"),
        rss(PLAIN).replace(b"</channel>", b""),
        rss(),
        b"<?xml version='1.0' encoding='utf-8'?><?xml version='1.0' encoding='x-nobody-knows'?>" + rss(PLAIN).partition(b"?>")[2],
        b"<feed xmlns='http://www.w3.org/2005/Atom'><entry><title>x</title></entry></feed>",
    ],
)  # fmt: skip
def test_whatever_is_not_plainly_ordinary_goes_the_slow_way(body: bytes) -> None:
    assert not both(body)


@pytest.mark.shared
def test_both_ways_agree_on_every_document_of_the_corpus() -> None:
    assert sum(both(body) for body in _small(path.read_bytes() for path in corpus())) > 40


@pytest.mark.no_cover
@pytest.mark.shared
def test_both_ways_agree_on_mutants_of_ordinary_documents() -> None:
    stock = [body for body in _small(path.read_bytes() for path in corpus()) if both(body)] + [rss(PLAIN, *OTHER)] * 20
    dice = random.Random(11)
    taken = 0
    for body in stock:
        for change in (*mutants.QUICK, *mutants.SLOW):
            taken += sum(both(made) for made in _small([change(body, dice, dice.choice(stock))]))
    assert taken > 150


def _small(bodies: Iterator[bytes] | list[bytes]) -> Iterator[bytes]:
    """Those that feedparser can read within moments, and that are XML."""
    for body in bodies:
        if len(body) < 20_000 and body.lstrip()[:1] == b"<":
            with suppress(FeedError):
                parse_bytes(body, url=URL)
                yield body
