"""The feeds on the page: how they are and why they rest, a feed tested, found and added, lists in and out."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from monitor.config import load
from monitor.feeds.settings import FetchSettings
from monitor.model import Feed, FeedState
from monitor.store import Store, feeds
from monitor.web import app
from monitor.web.feeds import LISTED
from tests.alerts.receiver import Clock
from tests.web.sites import make_config, make_site, sent, serving

CONFIG = """# mine
feeds:
  - https://herald.example/feed   # the first
storylines:
  - {id: ferry, title: Ferry, terms: {any: [ferry]}}
channels: {console: {type: console}}
"""
RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>The Tarn Herald</title>
<item><title>Ferry &lt;b&gt;sails&lt;/b&gt; again</title><guid>1</guid><pubDate>Mon, 02 Jun 2025 08:00:00 GMT</pubDate></item>
<item><title>Harbour closes</title><guid>2</guid></item></channel></rss>"""
Start = Callable[..., FlaskClient]


@pytest.fixture
def reloads() -> list[bool]:
    return []


@pytest.fixture
def start(store: Store, clock: Clock, reloads: list[bool]) -> Start:
    """A page over the store with a configuration."""

    def starting(**changed: Any) -> FlaskClient:
        config = make_config(fetch=FetchSettings(allow_networks=("127.0.0.0/8",)), **changed)
        store.write(lambda tx: feeds.sync(tx, config.feeds, clock()))
        site = replace(make_site(store, clock, config), reload=lambda: reloads.append(True))
        return app.create(site).test_client()

    return starting


@pytest.fixture
def web() -> Iterator[str]:
    """A site on loopback with a feed and a page that declares it."""

    def page(path: str) -> tuple[str, bytes]:
        if path == "/rss":
            return "application/rss+xml", RSS.encode()
        declared = '<link rel="alternate" type="application/rss+xml" href="/rss">'
        return "text/html", f"<html><head>{declared}</head><body>news</body></html>".encode()

    with serving(page) as address:
        yield address


def post(client: FlaskClient, path: str, **fields: Any) -> TestResponse:
    return sent(client, "/feeds", path, **fields)


def remember(store: Store, clock: Clock, **known: Any) -> None:
    state = FeedState(
        url="https://herald.example/feed", next_poll_at=clock() + timedelta(minutes=15), polled_at=clock()
    )
    store.write(lambda tx: feeds.save(tx, replace(state, **known)))


def test_a_feed_stands_with_its_health_its_next_poll_and_the_reason(start: Start, store: Store, clock: Clock) -> None:
    client = start()
    remember(
        store, clock, succeeded_at=clock(), known_since=clock() - timedelta(days=9), arrived_at=clock(), pace=100.0
    )
    text = client.get("/feeds").text
    assert "1 feed, none of them fails" in text
    assert '<span class="health fine">fine</span>' in text
    assert "in 15 minutes" in text
    assert "every 15 minutes: as configured" in text


def test_a_feed_that_fails_stands_first_with_its_error_in_words_and_nothing_of_it_is_markup(
    start: Start, store: Store, clock: Clock
) -> None:
    herald, other = Feed(url="https://herald.example/feed"), Feed(url="https://a.example/feed")
    client = start(feeds=(other, herald))
    remember(store, clock, failures=2, error='The server said <script>alert("x")</script>.')
    text = client.get("/feeds").text
    assert text.index("herald.example") < text.index("a.example")
    assert "1 is not well" in text
    assert "longer after each failure, of which there were 2" in text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_many_feeds_are_shown_a_page_at_a_time_and_searched(start: Start) -> None:
    client = start(feeds=tuple(Feed(url=f"https://{number:03}.example/feed") for number in range(LISTED + 5)))
    first, second = client.get("/feeds").text, client.get(f"/feeds?from={LISTED}").text
    assert "000.example" in first
    assert f"{LISTED + 4:03}.example" not in first
    assert f"{LISTED + 4:03}.example" in second
    assert client.get("/feeds?q=004.EX").text.count('scope="row"') == 1
    assert "No feed is found." in client.get("/feeds?q=%25").text  # no pattern of the database's


def test_a_feed_is_tested_without_being_followed(start: Start, web: str) -> None:
    text = post(start(), "/feeds/look", url=f"{web}/rss").text
    assert "The Tarn Herald" in text
    assert "2 entries" in text
    assert "Ferry sails again" in text
    assert "without a date" in text


def test_a_feed_that_cannot_be_read_is_told_in_words(start: Start, web: str) -> None:
    assert "The feed cannot be read" in post(start(), "/feeds/look", url=f"{web}/page").text


def test_the_page_reaches_no_address_that_the_gate_refuses(start: Start) -> None:
    """What it fetches goes by the gate like every poll (H30)."""
    text = post(start(), "/feeds/look", url="http://10.0.0.1/feed").text
    assert "a private address" in text
    assert post(start(), "/feeds/look", url="file:///etc/passwd").status_code == 409


def test_a_site_s_feed_is_found_and_put_into_the_configuration_which_keeps_its_comments(
    start: Start, web: str, tmp_path: Path, reloads: list[bool]
) -> None:
    path = tmp_path / "monitor.yaml"
    path.write_text(CONFIG)
    client = start(source=path)
    found = post(client, "/feeds/find", url=web)
    assert "The Tarn Herald" in found.text
    added = post(client, "/feeds/add", url=f"{web}/rss", name="The Tarn Herald")
    assert added.status_code == 303
    assert reloads == [True]
    assert "# mine" in path.read_text()
    assert "# the first" in path.read_text()
    assert [(feed.url, feed.name) for feed in load(path).feeds] == [
        ("https://herald.example/feed", ""), (f"{web}/rss", "The Tarn Herald"),
    ]  # fmt: skip


def test_what_cannot_be_written_is_said_and_nothing_changes(start: Start, tmp_path: Path, reloads: list[bool]) -> None:
    path = tmp_path / "monitor.yaml"
    path.write_text(CONFIG + "storylines: [again]\n")
    answer = post(start(source=path), "/feeds/add", url="https://new.example/feed")
    assert answer.status_code == 409
    assert path.read_text() == CONFIG + "storylines: [again]\n"
    assert reloads == []


def test_a_list_of_feeds_goes_out_and_comes_back_in(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "monitor.yaml"
    path.write_text(CONFIG)
    out = start(feeds=(Feed(url="https://a.example/1", name="A & co"), Feed(url="https://b.example/2"))).get(
        "/feeds.opml"
    )
    assert out.headers["Content-Disposition"] == "attachment; filename=feeds.opml"
    back = post(start(source=path), "/feeds.opml", list=(io.BytesIO(out.data), "feeds.opml"))
    assert back.status_code == 303
    assert [feed.name for feed in load(path).feeds] == ["", "A & co", ""]


def test_a_long_list_is_taken_and_one_that_is_too_long_refused(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "monitor.yaml"
    path.write_text(CONFIG)
    client = start(source=path)
    outlines = "".join(f'<outline xmlUrl="https://{n}.example/feed"/>' for n in range(3_000))
    assert (
        post(client, "/feeds.opml", list=(io.BytesIO(f"<opml>{outlines}</opml>".encode()), "l.opml")).status_code == 303
    )
    assert len(load(path).feeds) == 3_001
    long = client.post("/feeds.opml", data=bytes(3_000_000), content_type="multipart/form-data; boundary=x")
    assert long.status_code == 413
    assert post(client, "/feeds/add", url="x" * 20_000).status_code == 413


def test_a_feed_is_polled_now_when_asked_for(start: Start, store: Store, clock: Clock) -> None:
    client = start()
    remember(store, clock, gone=True)
    assert post(client, "/feeds/due", url="https://herald.example/feed").status_code == 303
    with store.read() as tx:
        state = feeds.one(tx, "https://herald.example/feed")
    assert state
    assert (state.gone, state.next_poll_at) == (False, clock())
