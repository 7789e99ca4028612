"""What would happen, tried on the page: a headline, a link, and other terms on what was read, saved where they please."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from monitor.config import load
from monitor.feeds.settings import FetchSettings
from monitor.model import Entry, Terms
from monitor.store import Store, stories
from monitor.web import app
from tests.alerts.receiver import Clock
from tests.web.sites import make_config, make_site, sent, serving

CONFIG = """# mine
feeds: [https://herald.example/feed]
storylines:
  - id: ferry
    title: The Tarn ferry
    terms:
      all:
        - [Tarn]          # the river
        - [ferry, strike, union]
channels: {console: {type: console}}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "monitor.yaml"
    made.write_text(CONFIG)
    return made


@pytest.fixture
def client(store: Store, clock: Clock, path: Path) -> FlaskClient:
    config = make_config(source=path, fetch=FetchSettings(allow_networks=("127.0.0.0/8",)))
    return app.create(make_site(store, clock, config)).test_client()


@pytest.fixture
def read(store: Store, clock: Clock) -> Callable[..., None]:
    """Have the store know of entries with these headlines, an hour apart."""

    def reading(*titles: str) -> None:
        entries = [
            Entry(id=f"e{n}", feed="f", url=f"https://herald.example/{n}", title=title, summary="", language="en", outlet=f"Outlet {n}",
                  published=clock() - timedelta(hours=len(titles) - n), keys=(f"e{n}",))
            for n, title in enumerate(titles)
        ]  # fmt: skip
        store.write(lambda tx: stories.save(tx, entries, [], [], clock()))

    return reading


@pytest.fixture
def article() -> Iterator[str]:
    """An article on loopback."""

    text = "The Tarn ferry sails again after its crew and the union agreed on pay for the summer. " * 6
    head, body = "<title>Tarn ferry sails again</title>", f"<h1>Tarn ferry sails again</h1><p>{text}</p>"
    page = f"<html lang='en'><head>{head}</head><body><article>{body}</article></body></html>".encode()
    with serving(lambda _path: ("text/html", page)) as address:
        yield f"{address}/ferry"


def post(client: FlaskClient, address: str, **fields: Any) -> TestResponse:
    return sent(client, "/try", address, **fields)


def outcome(client: FlaskClient, started: TestResponse) -> str:
    assert started.status_code == 303
    end = time.monotonic() + 20
    while 'http-equiv="refresh"' in (text := client.get(started.headers["Location"]).text):
        assert time.monotonic() < end
        time.sleep(0.05)
    return text


def test_a_headline_is_tried_and_its_terms_are_marked(client: FlaskClient) -> None:
    text = post(client, "/try", text="Strike on the Tarn ends").text
    assert "<mark>Strike</mark>" in text
    assert "<mark>Tarn</mark>" in text
    assert "The Tarn ferry" in text
    assert "It matches no storyline" in post(client, "/try", text="Rain tomorrow <i>").text


def test_the_article_at_an_address_is_tried_by_its_headline(client: FlaskClient, article: str) -> None:
    assert "sails again" in post(client, "/try", text=article).text
    refused = post(client, "/try", text="http://10.0.0.1/x")
    assert refused.status_code == 409
    assert "a private address" in refused.text


def test_other_terms_are_tried_on_what_was_read_and_both_sides_told(
    client: FlaskClient, read: Callable[..., None]
) -> None:
    read("Strike halts Tarn ferry", "Tarn bridge opens to cars", "Rain tomorrow", "Union on the Tarn calls a vote")
    text = outcome(client, post(client, "/try/ferry", all="Tarn", any="bridge, ferry"))
    assert "4 entries were read" in text
    assert re.search(r"Entries that match</th><td[^>]*>2</td><td[^>]*>2</td>", text)
    assert re.search(
        r"Would match too: 1 entry</summary>\s*<ol class=\"items\"><li><bdi>Tarn bridge opens to cars", text
    )
    assert re.search(
        r"Would match no more: 1 entry</summary>\s*<ol class=\"items\"><li><bdi>Union on the Tarn calls a vote", text
    )


def test_a_new_trial_ends_the_one_before(client: FlaskClient, read: Callable[..., None]) -> None:
    read("Strike halts Tarn ferry")
    first = post(client, "/try/ferry", all="Tarn")
    outcome(client, post(client, "/try/ferry", all="ferry"))
    assert client.get(first.headers["Location"]).status_code == 404


def test_terms_that_please_are_saved_and_the_comments_stay(client: FlaskClient, path: Path) -> None:
    saved = post(client, "/try/ferry/save", all="Tarn\nferry, strike, vote", any="bridge", none="film")
    assert saved.status_code == 303
    assert load(path).storylines[0].terms == Terms(
        all=(("Tarn",), ("ferry", "strike", "vote")), any=("bridge",), none=("film",)
    )
    assert "# mine" in path.read_text()
    assert "[Tarn]          # the river" in path.read_text()


def test_terms_that_could_match_nothing_are_refused(client: FlaskClient, path: Path) -> None:
    for address in ("/try/ferry", "/try/ferry/save"):
        answer = post(client, address, all=" \n", none="film")
        assert answer.status_code == 409
        assert "nothing would match" in answer.text
    assert path.read_text() == CONFIG
    assert post(client, "/try/lost", all="Tarn").status_code == 404


def test_where_the_configuration_cannot_be_written_the_terms_are_shown(client: FlaskClient, path: Path) -> None:
    path.write_text(CONFIG.replace("id: ferry", "id: barge"))
    answer = post(client, "/try/ferry/save", all="Tarn")
    assert answer.status_code == 409
    assert "terms: {all: [[Tarn]]}" in answer.text
