"""Addresses: what is plainly written takes a short way, to the same end as what urllib makes of it."""

from __future__ import annotations

from urllib.parse import urljoin

from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.feeds import urls

BASES = ("http://h.example/f/rss.xml", "https://www.h.example", "https://h.example/a/;p?x=1", "http://[::1]/x", "")
PIECES = (
    "http://", "https://", "HTTP://", "//", "www.", "WWW.", "a.example", "A.Example", ".", "..", "/", "?", "#", ";", "&", "=", "a", "B", "%20", "%zz",
    " ", "\t", "é", "日", "utm_source=x", "id=1", "@", "[", "]", ":", ":80", ":0", ":99999", "\\", "\x00", "\u2028", "mailto:", "~", "_", "-", "+", "'",
)  # fmt: skip
ADDRESSES = st.lists(st.sampled_from(PIECES), max_size=7).map("".join) | st.builds(
    "{}{}".format, st.sampled_from(["http://", "https://"]), st.lists(st.sampled_from(PIECES), max_size=6).map("".join)
)


@settings(max_examples=1_000)
@given(ADDRESSES, st.sampled_from(BASES))
@example("https://www./a", "")
@example("https://a.example/b;", "http://h.example/")
@example("7-12", "http://h.example/f/rss.xml")
def test_a_link_is_joined_to_its_base_as_urllib_does_it(link: str, base: str) -> None:
    try:
        expected = urljoin(base, link)
    except ValueError:
        return
    assert urls.joined(base, link) == expected


@settings(max_examples=1_000)
@given(ADDRESSES)
@example("https://www./a")
@example("https://www.a.example/b/?")
def test_the_short_way_tells_links_apart_as_the_long_one(link: str) -> None:
    assert urls.same_link(link) == urls._same_link(link)


@settings(max_examples=1_000)
@given(ADDRESSES, st.sampled_from(BASES))
def test_the_short_way_resolves_a_link_as_the_long_one(link: str, base: str) -> None:
    assert urls.resolved(link, base) == urls._resolved(link, base)
