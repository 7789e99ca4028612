"""Items of aggregators: the article's own address, its publisher, no list of other headlines."""

from __future__ import annotations

import base64
from html import escape

import pytest

from monitor.feeds.document import parse_bytes
from monitor.model import Item

ARTICLE = "https://herald.example/world/2024/dam-breaks?id=7"


def token(url: str) -> str:
    """As Google News wrote it for years: field 1 = 19, field 4 = the address, field 26 empty."""
    held = b"\x08\x13" + b"\x22" + bytes([len(url)]) + url.encode() + b"\xd2\x01\x00"
    return base64.urlsafe_b64encode(held).decode().rstrip("=")


def read(link: str, title: str = "Dam breaks in valley", rest: str = "") -> Item:
    item = f"<item><title>{escape(title)}</title><link>{escape(link)}</link>{rest}</item>"
    (made,) = parse_bytes(
        f"<rss version='2.0'><channel><title>t</title>{item}</channel></rss>".encode(), url="https://x.example/feed"
    ).items
    return made


def test_a_link_of_google_news_that_holds_the_article_leads_to_it() -> None:
    assert read(f"https://news.google.com/rss/articles/{token(ARTICLE)}?oc=5").url == ARTICLE
    assert read(f"https://news.google.com/articles/{token(ARTICLE)}").url == ARTICLE


@pytest.mark.parametrize(
    "token", ["CBMiAU_yqLNxyz", "CBMi", "%%%", "", "é", base64.b64encode(b"javascript:alert(1)").decode()]
)
def test_a_link_of_google_news_that_holds_none_stays_as_it_is(token: str) -> None:
    link = f"https://news.google.com/rss/articles/{token}?oc=5"
    assert read(link).url == link


def test_the_publisher_is_taken_from_the_source_or_the_end_of_the_title_and_the_list_of_headlines_is_left_out() -> None:
    link = f"https://news.google.com/rss/articles/{token(ARTICLE)}"
    others = (
        "<description>"
        + escape("<ol><li>Dam breaks - Herald</li><li>Ferry fares rise - Post</li></ol>")
        + "</description>"
    )
    source = read(link, "Dam breaks - The Herald", f'{others}<source url="https://herald.example">The Herald</source>')
    assert (source.title, source.outlet, source.summary) == ("Dam breaks", "The Herald", "")
    suffix = read(link, "Dam breaks in the valley - The Herald", others)
    assert (suffix.title, suffix.outlet) == ("Dam breaks in the valley", "The Herald")
    elsewhere = read("https://herald.example/1", "Tigers 3 - Bears 2", others)
    assert (elsewhere.title, elsewhere.outlet) == ("Tigers 3 - Bears 2", "")
    assert "Ferry fares rise" in elsewhere.summary


@pytest.mark.parametrize(
    "link",
    [
        "https://www.google.com/url?rct=j&sa=t&url=https://herald.example/world/2024/dam-breaks%3Fid%3D7&ct=ga",
        "https://www.google.co.uk/url?q=https%3A%2F%2Fherald.example%2Fworld%2F2024%2Fdam-breaks%3Fid%3D7",
        "http://www.bing.com/news/apiclick.aspx?ref=FexRss&url=https%3a%2f%2fherald.example%2fworld%2f2024%2fdam-breaks%3fid%3d7&c=1",
    ],
)  # fmt: skip
def test_a_redirectors_link_leads_to_the_article(link: str) -> None:
    assert read(link).url == ARTICLE


@pytest.mark.parametrize(
    "link",
    ["https://www.google.com/url?url=javascript:alert(1)", "https://google.evil.example/url?url=https://a.example/", "https://a.example/url?url=https://b.example/"],
)  # fmt: skip
def test_other_links_stay_as_they_are(link: str) -> None:
    assert read(link).url == link


def test_an_article_is_the_same_by_whichever_aggregator_it_comes() -> None:
    """X14."""
    by_google = read(f"https://news.google.com/rss/articles/{token(ARTICLE)}")
    by_bing = read(f"http://www.bing.com/news/apiclick.aspx?url={ARTICLE}")
    assert set(by_google.keys) & set(by_bing.keys) & set(read(ARTICLE).keys)
