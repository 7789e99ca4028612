"""The page full of strangers' words: they stand there as words, whatever they are, in HTML, JSON and Atom."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import feedparser
import pytest
from flask.testing import FlaskClient

from monitor.alerts.render import line
from monitor.model import Entry
from monitor.store import Store, views
from monitor.web import app
from tests.alerts.receiver import Clock
from tests.sinks.reading import Page, is_plain, leads_to_the_web, read
from tests.sinks.strings import LINKS, STRINGS
from tests.store.conftest import in_a_file
from tests.web import newsroom
from tests.web.sites import FERRY, make_config, make_site

_AT_ONCE = 150


def entries(start: int) -> Iterator[Entry]:
    """Entries of the story with the strings in every field that a stranger fills."""
    for n in range(start, min(start + _AT_ONCE, len(STRINGS))):
        words = STRINGS[n].encode("utf-8", "replace").decode()  # no database holds half a character
        honest = newsroom.entry(
            n, "Herald", f"Tarn ferry union strike {words}", f"{words} {words}", LINKS[n % len(LINKS)]
        )
        yield replace(honest, id=f"x{n}", keys=(f"x{n}",), outlet=words or "Herald", language=words[:30])


def pages(client: FlaskClient, store: Store) -> Iterator[str]:
    """Every view of what is in the store."""
    with store.read() as tx:
        timeline = views.timeline(tx, "ferry", 500)
    yield "/"
    yield "/stories/ferry"
    for development in timeline[::9]:
        yield f"/developments/{development['id']}"
        yield f"/reports/{development['reports'][0]['id']}"


@pytest.fixture
def ours(store: Store, clock: Clock) -> set[tuple[str, str]]:
    """Tags and attributes of our own templates, of an honest story."""
    newsroom.fill(store)
    clock.now = newsroom.NOON
    client = app.create(make_site(store, clock, newsroom.config())).test_client()
    found = {(tag, name) for path in pages(client, store) for tag, name, _ in read(client.get(path).text).tags}
    return found | {("a", "rel"), ("option", "value"), ("bdi", "")}


@in_a_file
@pytest.mark.parametrize("start", range(0, len(STRINGS), _AT_ONCE))
def test_words_of_strangers_are_words_on_every_view(
    tmp_path_factory: pytest.TempPathFactory, ours: set[tuple[str, str]], clock: Clock, start: int
) -> None:
    """T1, T7, T9, T10, T16, W2, W5."""
    store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('strangers')}/monitor.db")
    newsroom.fill(store, list(entries(start)))
    client = app.create(make_site(store, clock, newsroom.config())).test_client()
    for path in pages(client, store):
        answer = client.get(path)
        assert answer.status_code == 200
        shown = read(answer.text)
        assert {(tag, name) for tag, name, _ in shown.tags} <= ours, path
        assert all(is_plain(text) for text in shown.texts["bdi"])
        check_addresses(shown)
    check_for_programs(client)
    store.close()


def check_addresses(shown: Page) -> None:
    for link in shown.links:
        assert (link.startswith(("/", "#")) and not link.startswith("//")) or leads_to_the_web(link), link
    loaded = {value for _, name, value in shown.tags if name in ("src", "action", "formaction")}
    assert all(re.match(r"/[a-z]", value) for value in loaded)


def check_for_programs(client: FlaskClient) -> None:
    """T15."""
    told = client.get("/stories/ferry.json").get_json()
    assert all(line(mark["title"]) == mark["title"] for mark in told["timeline"])
    feed = feedparser.parse(client.get("/stories/ferry.atom").data)
    assert not feed.bozo
    assert all(leads_to_the_web(entry.link) for entry in feed.entries)


def test_a_question_and_a_title_of_the_configuration_are_words_too(store: Store, clock: Clock) -> None:
    storyline = replace(FERRY, title="<u>Tarn</u>", question="<script>alert(1)</script>")
    newsroom.fill(store, of=make_config(storylines=(storyline,)))
    client = app.create(make_site(store, clock)).test_client()
    for path in ("/", "/stories/ferry"):
        assert "<u>" not in client.get(path).text
        assert "<script>" not in client.get(path).text
