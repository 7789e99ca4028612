"""Stories at a glance."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from flask.testing import FlaskClient

from monitor.model import Mute, StoryState
from monitor.store import Store, mutes, stories
from monitor.web import app
from tests.alerts.receiver import Clock
from tests.sinks.reading import read
from tests.web.newsroom import NOON
from tests.web.sites import FERRY, make_site


def test_a_card_tells_state_question_last_development_and_what_is_open(page: FlaskClient) -> None:
    shown = read(page.get("/").text)
    assert shown.texts["h2"] == ["The Tarn ferry"]
    (card,) = [text for text in shown.texts["li"] if "The Tarn ferry" in text]
    for words in (
        "developing", "Does the Tarn ferry sail again, and who pays?", "Last development, 1 hour ago",
        "Court orders Tarn ferry union back to work", "1 report: Gazette", "6 reports",
    ):  # fmt: skip
        assert words in " ".join(card.split()), words


def test_the_small_picture_says_in_words_what_it_shows(page: FlaskClient) -> None:
    labels = {value for _, name, value in read(page.get("/").text).tags if name == "aria-label"}
    assert "Reports in the last seven days: 6 in all, at most 3 in three hours" in labels


def test_a_storyline_that_somebody_silenced_says_so(page: FlaskClient, told: Store) -> None:
    assert "silenced" not in page.get("/").text
    told.write(lambda tx: mutes.mute(tx, Mute(storyline="ferry", until=NOON + timedelta(hours=1))))
    assert "silenced" in page.get("/").text


def test_what_was_reported_days_ago_is_open_no_more(page: FlaskClient, clock: Clock) -> None:
    clock.pass_by(timedelta(days=8))
    shown = page.get("/").text
    assert "0 reports in the last seven days" in shown
    assert "not corroborated" not in shown


def test_where_nothing_is_followed_the_page_says_how_to_begin(store: Store, clock: Clock) -> None:
    assert '<a href="/add">Add a story</a>' in app.create(make_site(store, clock)).test_client().get("/").text


def test_many_stories_stand_on_pages_the_liveliest_first(store: Store, clock: Clock) -> None:
    followed = tuple(replace(FERRY, id=f"ferry-{n:02}", title=f"Ferry {n:02}") for n in range(45))
    store.write(lambda tx: stories.sync(tx, followed, NOON))
    store.write(lambda tx: stories.stand(tx, "ferry-44", StoryState.SURGE, NOON))
    client = app.create(make_site(store, clock)).test_client()
    first, second = (read(client.get(path).text) for path in ("/", "/?page=2"))
    assert first.texts["h2"] == ["Ferry 44", *(f"Ferry {n:02}" for n in range(39))]
    assert second.texts["h2"] == [f"Ferry {n:02}" for n in range(39, 44)]
    assert "/?page=2" in first.links
    assert "/?page=1" in second.links
    assert "nothing is followed" not in client.get("/?page=9").text.lower()
