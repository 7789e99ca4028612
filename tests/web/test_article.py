"""A story added on the page: an article in, storylines looked over, and followed without a comment of the configuration lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from monitor.config import load
from monitor.store import Store
from monitor.web import app
from tests.alerts.receiver import Clock
from tests.web.sites import make_config, make_site, sent

VOLCANO = (Path(__file__).parents[1] / "articles/volcano.txt").read_text()
CONFIG = """# mine
feeds: [https://herald.example/feed]   # one
storylines:
  - {id: ferry, title: Ferry, terms: {any: [ferry]}}
channels: {console: {type: console}}
"""
Start = Callable[..., FlaskClient]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "monitor.yaml"
    made.write_text(CONFIG)
    return made


@pytest.fixture
def reloads() -> list[bool]:
    return []


@pytest.fixture
def client(store: Store, clock: Clock, path: Path, reloads: list[bool]) -> FlaskClient:
    site = replace(make_site(store, clock, make_config(source=path)), reload=lambda: reloads.append(True))
    return app.create(site).test_client()


def post(client: FlaskClient, address: str, **fields: Any) -> TestResponse:
    return sent(client, "/add", address, **fields)


def form_of(answer: TestResponse) -> dict[str, str]:
    """What the form of proposed storylines would send, as a browser reads it."""
    assert answer.status_code == 200, answer.text
    inputs = re.findall(r'<input [^>]*name="([^"]+)" value="([^"]*)"', answer.text)
    areas = re.findall(r'<textarea [^>]*?name="([^"]+)"[^>]*>\n?(.*?)</textarea>', answer.text, re.DOTALL)
    return {name: unescape(value) for name, value in (*inputs, *areas) if name != "csrf"}


def test_an_article_proposes_storylines_which_are_followed_as_they_were_adjusted(
    client: FlaskClient, path: Path, reloads: list[bool]
) -> None:
    form = form_of(post(client, "/add", text=VOLCANO))
    kept = {name: value for name, value in form.items() if not name.startswith("keep-") or name == "keep-0"}
    done = post(client, "/add/follow", **kept | {"title-0": "The volcano, again", "any-0": "ash cloud, airport"})
    assert done.status_code == 303
    assert "followed from now on" in client.get(done.headers["Location"]).text
    assert reloads == [True]
    _, added = load(path).storylines
    assert (added.title, added.terms.any) == ("The volcano, again", ("ash cloud", "airport"))
    assert added.terms.all
    assert VOLCANO.split("\n")[0] in added.seed
    assert "# mine" in path.read_text()
    assert "# one" in path.read_text()


def test_nothing_is_followed_before_it_was_looked_over(client: FlaskClient, path: Path, reloads: list[bool]) -> None:
    post(client, "/add", text=VOLCANO)
    assert path.read_text() == CONFIG
    assert reloads == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "one of them"),
        ({"text": "x", "url": "y"}, "one of them"),
        ({"text": "Short."}, "article"),
        ({"url": "file:///etc/passwd"}, "no web address"),
        ({"url": "http://10.0.0.1/"}, "a private address"),
    ],
)
def test_what_is_no_article_is_said_in_a_sentence(client: FlaskClient, fields: dict[str, str], said: str) -> None:
    answer = post(client, "/add", **fields)
    assert answer.status_code == 409
    assert said in answer.text


def test_nothing_chosen_and_nothing_to_look_for_are_said(client: FlaskClient, path: Path) -> None:
    form = form_of(post(client, "/add", text=VOLCANO))
    none = {name: value for name, value in form.items() if not name.startswith("keep-")}
    assert "at least one storyline" in post(client, "/add/follow", **none).text
    assert "has no terms" in post(client, "/add/follow", **form | {"all-0": " \n, ", "any-0": ""}).text
    assert path.read_text() == CONFIG


def test_where_the_configuration_cannot_be_written_the_lines_are_shown(client: FlaskClient, path: Path) -> None:
    form = form_of(post(client, "/add", text=VOLCANO))
    path.write_text(
        "{feeds: [https://herald.example/feed], storylines: [{id: ferry, title: F, terms: [ferry]}], channels: {c: {type: console}}}"
    )
    answer = post(client, "/add/follow", **form)
    assert answer.status_code == 409
    assert "storylines:" in answer.text
    assert "reload the monitor" in answer.text


def test_an_article_cannot_put_markup_on_the_page(client: FlaskClient) -> None:
    answer = post(client, "/add", text=VOLCANO.replace("Kelva", "<b onclick=x>Kelva</b>"))
    assert "<b onclick" not in answer.text
