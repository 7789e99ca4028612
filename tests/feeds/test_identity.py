"""How an item is recognised: by what its feed leaves alone, whatever else it changes; and never taken for another one."""

from __future__ import annotations

import pytest

from monitor.feeds.document import parse_bytes
from monitor.feeds.identity import entries_of
from monitor.feeds.urls import same_link
from monitor.model import Feed, FeedState, Item, Poll
from tests.feeds.conftest import NOON
from tests.feeds.test_document import item, parse, rss


def same(one: Item, other: Item) -> bool:
    """Whether the second is known once the first was seen."""
    return not set(one.keys).isdisjoint(other.keys)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("<guid>s=1</guid><link>https://a.example/1</link>", "<guid>s=2</guid><link>https://a.example/1</link>"),
        ("<guid isPermaLink='false'>s=1</guid>", "<guid isPermaLink='false'>s=2</guid>"),
        ("<guid>s=1</guid><link>https://a.example/</link>", "<guid>s=2</guid><link>https://a.example</link>"),
        ("<guid>1</guid><link>https://a.example/1?at_medium=RSS</link>", "<link>http://www.a.example/1/</link>"),
        ("<guid>http://a.example/?p=1</guid>", "<guid isPermaLink='false'>https://www.a.example/?p=1&amp;utm_source=rss</guid>"),
    ],
    ids=["the link stays", "no link", "a link to the front page", "the guid goes", "the guid's scheme and tracking"],
)  # fmt: skip
def test_an_item_is_known_again_whatever_its_guid_has_become(first: str, then: str) -> None:
    """X8, X10, X14: its link, or else its title and summary, speak for it."""
    told = "<title>Dam breaks</title><description>Two towns.</description>"
    assert same(item(told + first), item(told + then))


@pytest.mark.parametrize(
    "items",
    [
        ["<title>a</title><guid>x</guid><link>https://a.example/1</link>", "<title>b</title><guid>x</guid><link>https://a.example/2</link>"],
        ["<title>a</title><guid>1</guid><link>https://a.example/all</link>", "<title>b</title><guid>2</guid><link>https://a.example/all</link>"],
        ["<title>a</title><guid>1</guid><link>https://a.example/</link>", "<title>b</title><guid>2</guid><link>https://a.example/</link>"],
        ["<title>a</title><link>https://a.example/all</link>", "<title>b</title><link>https://a.example/all</link>"],
        ["<title>a</title><link>https://a.example/?1</link>", "<title>b</title><link>https://a.example/?2</link>"],
        [f"<title>a</title><guid>{'x' * 600}1</guid>", f"<title>b</title><guid>{'x' * 600}2</guid>"],
        ["<title>a</title><description>1</description>", "<title>a</title><description>2</description>"],
    ],
    ids=["one guid", "one link", "the front page", "one link and no guid", "a nameless parameter", "long guids", "one title"],
)  # fmt: skip
def test_items_that_share_something_are_not_taken_for_each_other(items: list[str]) -> None:
    """X8, X11: neither in one document, nor when the second comes later, after the first was seen."""
    first, second = parse(rss(*items)).items
    assert not same(first, second)


def test_a_link_to_the_front_page_is_no_key_from_the_start() -> None:
    """X11: a feed that shows one item at a time, each with the site's own address as its link."""
    one, other = (item(f"<title>{n}</title><guid>{n}</guid><link>https://a.example</link>") for n in (1, 2))
    assert not same(one, other)


def test_an_edited_item_stays_the_same_item() -> None:
    """X12, X15: title, text and date may change."""
    before = item("<title>Dam cracks</title><guid>1</guid><pubDate>Tue, 05 Mar 2024 12:00:00 GMT</pubDate>")
    after = item(
        "<title>Dam breaks</title><guid>1</guid><description>d</description><pubDate>Tue, 05 Mar 2024 13:00:00 GMT</pubDate>"
    )
    assert same(before, after)


@pytest.mark.parametrize(
    "text",
    ["<link>https://a.example/1</link>", "<description>Two towns are told to leave.</description>", "<guid>1</guid>", "<title>Dam breaks</title>"],
)  # fmt: skip
def test_an_item_with_one_thing_only_is_one_item_that_is_known_again(text: str) -> None:
    """X8, X9: no title, no link, no date, or none of the three."""
    first, again = item(text), item(text)
    assert first == again
    assert all(first.keys)
    assert first.keys


def test_keys_and_addresses_hold_no_control_characters() -> None:
    """X6."""
    odd = item(
        "<title>t</title><guid isPermaLink='false'>a&#x7f;b&#9;c</guid><link>https://a.example/&#x7f;x&#x2028;y</link>"
    )
    assert odd.keys == ("id:abc", "url://a.example/xy")
    assert odd.url == "https://a.example/xy"


@pytest.mark.parametrize("half", ["&#xD800;", "&#xdfff;", "&#55296;", "&#57343;", "&#x00DABC;"])
def test_half_a_character_is_replaced_and_costs_nothing_else(half: str) -> None:
    """X6: the neighbours stay, and so do whole characters of nearly the same number."""
    whole = rss(
        f"<title>Dam {half} breaks</title><guid>1</guid>",
        "<title>&#xD7FF;&#xE000;&#55295;&#57344;</title><guid>2</guid>",
    )
    for codec in ("utf-8", "utf-16"):
        first, second = parse_bytes(whole.encode(codec), url="https://herald.example/").items
        assert first.title == "Dam \ufffd breaks"
        assert second.title == "\ud7ff\ue000\ud7ff\ue000"


def test_what_tells_articles_apart_in_an_address_stays() -> None:
    """X14: all parameters but those that only say where a reader comes from."""
    assert (
        len({same_link(f"https://a.example/{rest}") for rest in ("1", "2", "1?id=1", "1?id=2", "1?1", "1?2", "1?a&b")})
        == 7
    )


def test_an_id_lasts_and_begins_by_its_feed() -> None:
    """What a poll brings stands side by side in an index of ids, however many other feeds there are."""
    document = parse(rss(*(f"<title>{n}</title><guid>{n}</guid>" for n in range(20))))

    def ids(url: str) -> list[str]:
        poll = Poll(feed=Feed(url=url), state=FeedState(url=url, next_poll_at=NOON), at=NOON, document=document)
        return [entry.id for entry in entries_of(poll)]

    one, other = ids("https://a.example/rss"), ids("https://b.example/rss")
    assert one == ids("https://a.example/rss")
    assert len({*one, *other}) == 40
    assert all(len(found) == 16 and set(found) <= set("0123456789abcdef") for found in (*one, *other))
    assert {found[:4] for found in one}.isdisjoint(found[:4] for found in other)
    assert len({found[:4] for found in one}) == 1
