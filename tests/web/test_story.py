"""One story: developments in order with their reports, far and fast; and for programs and feed readers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import feedparser
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection

from monitor.model import Development, Match, Placement
from monitor.model.stories import Decision
from monitor.store import Store, stories, views
from monitor.web import app
from monitor.web.corroboration import independent
from tests.alerts.receiver import Clock
from tests.sinks.reading import read
from tests.web.newsroom import BEGIN, config, entry
from tests.web.sites import make_site


def headlines(client: FlaskClient, path: str = "/stories/ferry") -> list[str]:
    """The developments of a page, as they stand there."""
    return [text.strip() for text in read(client.get(path).text).texts.get("h3", [])]


def test_developments_stand_the_latest_first_with_what_nobody_was_told(page: FlaskClient) -> None:
    assert headlines(page) == [
        "Court orders Tarn ferry union back to work",
        "Life on the Tarn ferry: a union man remembers",
        "Police arrest two over blaze on Tarn ferry",
        "Union calls strike at Tarn ferry",
    ]
    assert page.get("/stories/ferry").text.count("nobody was told") == 1


def test_copy_of_one_agency_corroborates_nothing(page: FlaskClient) -> None:
    """Three outlets, two in their own words: the Globe's are the Herald's."""
    shown = page.get("/stories/ferry").text
    assert "2 independent outlets" in shown
    assert shown.count("same words") == 1
    told = [entry(0, "Herald", "A", "x"), entry(1, "Globe", "A", "x"), entry(2, "Post", "Other words", "y")]
    assert independent(tuple(told)) == {"herald-0", "post-2"}


def test_each_report_tells_outlet_language_score_and_leads_to_its_article_safely(page: FlaskClient) -> None:
    shown = read(page.get("/stories/ferry").text)
    (row,) = [
        text for text in shown.texts["li"] if "Tarn ferry: union calls crews out" in text and "Herald" not in text
    ]
    assert re.search(r"Gazette .* UTC en ?score 1\.00 ", " ".join(row.split()))
    outside = [link for link in shown.links if not link.startswith(("/", "#"))]
    assert set(outside) == {"https://herald.example/0", "https://gazette.example/20", "https://globe.example/25", "https://herald.example/90", "https://post.example/200", "https://gazette.example/300"}  # fmt: skip
    rels = {value for tag, name, value in shown.tags if (tag, name) == ("a", "rel")}
    assert rels == {"noopener noreferrer"}


def test_alerts_stand_with_their_channels_and_the_failed_ones_say_so(page: FlaskClient) -> None:
    shown = page.get("/stories/ferry").text
    assert shown.count('class="channel sent">console</span>') == 3
    assert shown.count('class="channel dead">hook: dead</span>') == 3


def test_without_a_script_the_timeline_is_a_picture_with_words(page: FlaskClient) -> None:
    labels = [value for _, name, value in read(page.get("/stories/ferry").text).tags if name == "aria-label"]
    assert any(label.startswith("Reports on “The Tarn ferry” from 5 Mar 2024") for label in labels)


@pytest.mark.parametrize("name", ["nothing", "%00", "ferry%2f..", "ferry%27--", "F" * 5_000])
def test_a_story_that_there_is_not_is_not_there(page: FlaskClient, name: str) -> None:
    for path in (
        f"/stories/{name}",
        f"/stories/{name}.json",
        f"/stories/{name}.atom",
        f"/developments/{name}",
        f"/reports/{name}",
    ):
        answer = page.get(path)
        assert answer.status_code == 404
        assert "Traceback" not in answer.text
        assert "FFFF" not in answer.text


# --- for programs


def test_a_program_gets_coverage_developments_and_alerts(page: FlaskClient) -> None:
    told = page.get("/stories/ferry.json").get_json()
    assert told["title"] == "The Tarn ferry"
    assert sum(count for _, count in told["coverage"]) == told["reports"] == 6
    assert all(at % 3_600 == 0 for at, _ in told["coverage"])
    assert [(d["title"], d["reports"]) for d in told["timeline"]] == [
        ("Union calls strike at Tarn ferry", 3),
        ("Police arrest two over blaze on Tarn ferry", 1),
        ("Court orders Tarn ferry union back to work", 1),
    ]
    (alert,) = told["timeline"][0]["alerts"]
    assert (alert["kind"], alert["channels"]) == ("new", {"console": "sent", "hook": "dead"})


def test_a_feed_reader_gets_the_developments_under_ids_that_stay(page: FlaskClient) -> None:
    answer = page.get("/stories/ferry.atom")
    assert answer.mimetype == "application/atom+xml"
    feed = feedparser.parse(answer.data)
    assert not feed.bozo
    assert feed.feed.title == "The Tarn ferry"
    assert [(e.title, e.link) for e in feed.entries] == [
        ("Court orders Tarn ferry union back to work", "https://gazette.example/300"),
        ("Police arrest two over blaze on Tarn ferry", "https://herald.example/90"),
        ("Union calls strike at Tarn ferry", "https://herald.example/0"),
    ]
    assert feed.entries[2].summary == "3 reports by 3 outlets: Herald, Gazette, Globe."
    again = feedparser.parse(page.get("/stories/ferry.atom").data)
    assert [e.id for e in again.entries] == [e.id for e in feed.entries]


# --- a long story


def _many(number: int) -> Iterable[tuple[Placement, Development]]:
    match = Match(storyline="ferry", score=0.8, evidence=())
    for n in range(number):
        one = entry(n, f"Outlet {n % 40}", f"Report number {n} of the Tarn ferry union")
        told = Placement(
            entry=one, matches=(match,), decision=Decision.NEW, development=f"d-{n // 10:06}", reason="new-fact", explanation="New."
        )  # fmt: skip
        grown = Development(
            id=f"d-{n // 10:06}", title=one.title, storylines=("ferry",), first_report=one.id, started_at=one.published,
            last_report_at=one.published, outlets=(one.outlet,), reports=10, alerted=True,
        )  # fmt: skip
        yield told, grown


@pytest.fixture
def long(store: Store, clock: Clock) -> FlaskClient:
    """Six thousand reports of six hundred developments, one a minute."""
    rows = list(_many(6_000))

    def keep(tx: Connection) -> None:
        stories.sync(tx, config().storylines, BEGIN)
        stories.save(tx, [p.entry for p, _ in rows], [p for p, _ in rows], [d for _, d in rows[::10]], BEGIN)

    store.write(keep)
    clock.now = BEGIN + timedelta(minutes=6_000)
    return app.create(make_site(store, clock, config())).test_client()


def cpu(work: Callable[[], Any]) -> float:
    """Seconds of processor time, the least of three tries."""

    def once() -> float:
        begin = time.process_time()
        work()
        return time.process_time() - begin

    return min(once() for _ in range(3))


def test_a_long_story_is_paged_and_every_page_is_quick(long: FlaskClient) -> None:
    """W7: its cost is that of a page, not that of the past."""
    seen: list[str] = []
    path = "/stories/ferry"
    for _ in range(4):
        seen += headlines(long, path)
        (path,) = re.findall(r'href="([^"]+)#developments-title" rel="next"', long.get(path).text)
    assert len(seen) == len(set(seen)) == 100
    assert seen[0] == "Report number 5990 of the Tarn ferry union"
    for quick in ("/stories/ferry", path, "/"):
        assert cpu(lambda: long.get(quick)) < 0.2, quick  # noqa: B023 - called at once


@pytest.mark.parametrize("query", ["before=x", "before=2024-01-01", "before=" + "9" * 400, "before=2024-03-05T12:00:00~%00", "before=0001-01-01T00:00:00+14:00~x"])  # fmt: skip
def test_a_place_that_cannot_be_read_begins_with_the_latest_or_shows_nothing(page: FlaskClient, query: str) -> None:
    """W5."""
    assert page.get(f"/stories/ferry?{query}").status_code == 200


@pytest.mark.parametrize("query", ["page=1e9", "page=-1", "page=0", "page=" + "9" * 99, "page=\u0661"])
def test_a_page_that_there_is_not_is_the_first(page: FlaskClient, told: Store, query: str) -> None:
    with told.read() as tx:
        first = views.timeline(tx, "ferry")[0]
    answer = page.get(f"/developments/{first['id']}?{query}")
    assert answer.status_code == 200
    assert "Union calls strike" in answer.text
