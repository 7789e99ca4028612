"""Open pages hear of changes over a real socket; so many at once and no more, and none keeps the server from ending."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
import requests

from monitor.model import Mute
from monitor.serve import STREAMS, Server
from monitor.store import Store, feedback, mutes, page
from monitor.web import app, live
from tests.alerts.receiver import Clock
from tests.web import newsroom
from tests.web.sites import make_site


@pytest.fixture
def home(told: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a page that looks for changes ten times a second."""
    monkeypatch.setattr(live, "_EVERY", 0.1)
    server = Server(app.create(make_site(told, clock, newsroom.config())), "127.0.0.1:0")
    server.start()
    yield f"http://127.0.0.1:{server.port}"
    server.close()


def events(home: str) -> tuple[requests.Response, Iterator[str]]:
    """A stream, and the revisions that it tells."""
    answer = requests.get(f"{home}/live", stream=True, timeout=5)
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    lines = answer.iter_lines(chunk_size=1, decode_unicode=True)
    return answer, (line.removeprefix("data: ") for line in lines if line.startswith("data: "))


def revision(store: Store) -> str:
    with store.read() as tx:
        return page.revision(tx)


def test_a_page_hears_of_a_change_within_a_second_or_so(home: str, told: Store) -> None:
    answer, revisions = events(home)
    assert next(revisions) == revision(told)
    told.write(lambda tx: mutes.mute(tx, Mute(storyline="ferry")))
    begin = time.monotonic()
    assert next(revisions) == revision(told)
    assert time.monotonic() - begin < 3
    answer.close()


def test_reports_feedback_silences_and_states_are_changes_and_a_poll_is_none(told: Store) -> None:
    seen = [revision(told)]
    newsroom.fill(told, [newsroom.entry(400, "Herald", "Minister opens Tarn ferry union inquiry")])
    seen.append(revision(told))
    with told.read() as tx:
        given = feedback.revision(tx)
    assert str(given) == seen[-1].rpartition("/")[2]
    told.write(lambda tx: mutes.mute(tx, Mute(storyline="ferry", until=newsroom.NOON + timedelta(hours=1))))
    seen.append(revision(told))
    told.write(lambda tx: mutes.mute(tx, Mute(storyline="ferry", until=newsroom.NOON + timedelta(hours=2))))
    seen.append(revision(told))
    assert len(set(seen)) == len(seen)
    assert revision(told) == seen[-1]


def test_what_a_page_has_done_itself_is_no_news_to_it(told: Store, clock: Clock) -> None:
    watch = live.Watch(make_site(told, clock, newsroom.config()))
    before = watch.revision(60)
    told.write(lambda tx: mutes.mute(tx, Mute(storyline="ferry")))
    assert watch.revision(60) == before
    assert next(watch.changes(lambda: False)) == live._event(revision(told))


def test_who_comes_when_all_streams_are_taken_is_told_at_once_and_asks_again(home: str, told: Store) -> None:
    """W6: a stream keeps a thread, so there are only so many; the page itself goes on."""
    held = [events(home) for _ in range(STREAMS)]
    for _, revisions in held:
        next(revisions)
    late = requests.get(f"{home}/live", timeout=5)
    assert late.text == f"retry: {live._AGAIN}\ndata: {revision(told)}\n\n"
    assert requests.get(f"{home}/", timeout=5).status_code == 200
    for answer, _ in held:
        answer.close()
    deadline = time.monotonic() + 10
    while not hears_of_changes(home, told):  # a place is free again as soon as its reader has left
        assert time.monotonic() < deadline


def hears_of_changes(home: str, store: Store) -> bool:
    """Whether a page that comes now gets a stream that goes on."""
    answer, revisions = events(home)
    first = next(revisions)
    until = newsroom.NOON + timedelta(seconds=time.monotonic())
    store.write(lambda tx: mutes.mute(tx, Mute(storyline="ferry", until=until)))
    second = next(revisions, first)
    answer.close()
    return second != first


def test_the_server_ends_at_once_though_pages_are_open(told: Store, clock: Clock) -> None:
    """P1."""
    server = Server(app.create(make_site(told, clock, newsroom.config())), "127.0.0.1:0")
    server.start()
    held = [events(f"http://127.0.0.1:{server.port}") for _ in range(3)]
    for _, revisions in held:
        next(revisions)
    begin = time.monotonic()
    server.close()
    assert time.monotonic() - begin < 4
    for answer, _ in held:
        answer.close()


def test_to_ask_for_the_head_of_a_stream_takes_no_place(home: str) -> None:
    for _ in range(2 * STREAMS):
        assert requests.head(f"{home}/live", timeout=5).status_code == 200
    answer, revisions = events(home)
    assert next(revisions)
    assert "Content-Length" not in answer.headers
    answer.close()
