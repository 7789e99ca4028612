"""When a feed is polled next (faults H18-H24), and which of the due ones go now."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.errors import FeedError
from monitor.feeds import opml, rhythm, schedule
from monitor.feeds.identity import entries_of
from monitor.model import Document, Entry, Feed, FeedState, Item, Poll, Response
from tests.feeds.conftest import NOON

URL = "https://herald.example/feed"
FEED = Feed(url=URL, every=timedelta(minutes=10))
STATE = FeedState(url=URL, next_poll_at=NOON, etag='"old"', failures=0)
OK = Response(url=URL, status=200, headers={"etag": '"new"', "last-modified": "x"}, body=b"x", digest="d")


def wait(poll: Poll) -> timedelta:
    return schedule.after(poll).next_poll_at - NOON


def polled(response: Response = OK, *, document: Document | None = None) -> Poll:
    return Poll(feed=FEED, state=STATE, at=NOON, response=response, document=document or Document(title="H", items=()))


def failed(failures: int = 0, error: FeedError | None = None) -> Poll:
    return Poll(
        feed=FEED, state=replace(STATE, failures=failures), at=NOON, error=error or FeedError("timeout", "Too slow.")
    )


def within_a_tenth(found: timedelta, wanted: timedelta) -> bool:
    return wanted <= found <= wanted * 1.1


def test_a_success_is_followed_by_the_interval_and_up_to_a_tenth_more() -> None:
    assert within_a_tenth(wait(polled()), FEED.every)
    assert schedule.after(polled()) == schedule.after(polled())


def test_the_wishes_of_a_feed_and_its_server_lengthen_the_interval_up_to_a_day() -> None:
    """H21."""
    assert within_a_tenth(
        wait(polled(replace(OK, headers={"cache-control": "public, max-age=3600"}))), timedelta(hours=1)
    )
    assert within_a_tenth(wait(polled(document=Document(title="", items=(), ttl=120))), timedelta(hours=2))
    expires = {"date": "Tue, 05 Mar 2024 12:00:00 GMT", "expires": "Tue, 05 Mar 2024 12:30:00 GMT"}
    assert within_a_tenth(wait(polled(replace(OK, headers=expires))), timedelta(minutes=30))
    assert within_a_tenth(wait(polled(replace(OK, headers={"cache-control": "max-age=99999999"}))), schedule.LONGEST)
    assert within_a_tenth(wait(polled(replace(OK, headers={"expires": "0", "cache-control": "max-age=1"}))), FEED.every)


def test_validators_are_kept_as_they_are_but_not_of_a_broken_document() -> None:
    """H8, H15, H17."""
    kept = schedule.after(polled())
    assert (kept.etag, kept.last_modified) == ('"new"', "x")
    assert kept.body_hash == "d"
    broken = schedule.after(polled(document=Document(title="H", items=(), complete=False)))
    assert (broken.etag, broken.last_modified, broken.body_hash) == ("", "", "")
    assert schedule.after(polled(replace(OK, headers={"etag": '"x"', "cache-control": "no-store"}))).etag == ""
    assert schedule.after(polled(Response(url=URL, status=304, headers={}, not_modified=True))).etag == '"old"'


@pytest.mark.parametrize(("failures", "minutes"), [(0, 10), (1, 20), (2, 40), (7, 1280), (8, 1440), (400, 1440)])
def test_failures_double_the_wait_up_to_a_day_and_never_end_it(failures: int, minutes: int) -> None:
    """H24."""
    assert within_a_tenth(wait(failed(failures)), timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        (timedelta(hours=2), timedelta(hours=2)),
        (timedelta(seconds=-5), FEED.every),
        (timedelta(days=3650), schedule.LONGEST),
    ],
)
def test_the_servers_wish_is_obeyed_within_reason(asked: timedelta, granted: timedelta) -> None:
    """H18-H20."""
    assert within_a_tenth(wait(failed(error=FeedError("throttled", "Less.", retry_after=asked))), granted)


def test_health_is_told_and_forgotten_with_the_next_success() -> None:
    ill = schedule.after(failed(2))
    assert (ill.failures, ill.error, ill.succeeded_at) == (3, "Too slow.", None)
    well = schedule.after(replace(polled(), state=ill))
    assert (well.failures, well.error, well.succeeded_at) == (0, "", NOON)
    assert schedule.after(failed(error=FeedError("gone", "Over.", gone=True))).gone


NOTHING_NEW = Response(url=URL, status=304, headers={}, not_modified=True)


def test_a_wish_holds_also_where_nothing_changed() -> None:
    """H21: what the document asked for is remembered, since a 304 brings none."""
    asked = schedule.after(polled(document=Document(title="", items=(), ttl=120)))
    assert within_a_tenth(wait(replace(polled(NOTHING_NEW), document=None, state=asked)), timedelta(hours=2))


def test_hours_and_days_that_a_feed_wants_to_be_spared_are_spared() -> None:
    """H21: skipHours and skipDays, but no longer than a day."""
    lunch = Document(title="", items=(), skip_hours=1 << 12 | 1 << 13)
    assert timedelta(hours=2) <= wait(polled(document=lunch)) <= timedelta(hours=2.1)
    tuesday = Document(title="", items=(), skip_days=1 << NOON.weekday())
    assert timedelta(hours=12) <= wait(polled(document=tuesday)) <= timedelta(hours=12.1)
    always = Document(title="", items=(), skip_hours=2**24 - 1)
    assert schedule.LONGEST <= wait(polled(document=always)) <= schedule.LONGEST * 1.1


# --- rhythm


def brought(state: FeedState, entries: int, days: int) -> FeedState:
    """The feed after `days` in which it brought so many entries, evenly."""
    gap = timedelta(days=days) / max(1, entries)
    state = rhythm.noted(state, 30, NOON - timedelta(days=days))
    for number in range(1, entries + 1):
        state = rhythm.noted(state, 1, NOON - timedelta(days=days) + gap * number)
    return state


@pytest.mark.parametrize(("entries", "days"), [(300, 3), (300, 30), (30, 30), (600, 60), (7, 7)])
def test_a_pace_is_learned_from_what_arrives(entries: int, days: int) -> None:
    assert rhythm.pace(brought(STATE, entries, days), NOON) == pytest.approx(entries / days, rel=0.15)


def test_what_was_there_at_the_first_poll_or_gathered_while_nobody_looked_is_no_measure() -> None:
    """S13: a clock that jumps ten years ahead makes no feed slow."""
    assert rhythm.pace(rhythm.noted(STATE, 500, NOON - timedelta(days=4)), NOON) == 0
    away = rhythm.noted(replace(brought(STATE, 100, 10), polled_at=NOON), 500, NOON + timedelta(days=3653))
    assert (away.known_since, away.arrived) == (NOON + timedelta(days=3653), 0)
    assert rhythm.rest(FEED, away, NOON + timedelta(days=3654)) == FEED.every


@pytest.mark.parametrize(
    ("entries", "days", "minutes"),
    [(300, 7, 10), (112, 7, 22), (7, 7, 40), (0, 7, 40), (0, 2, 10)],
    ids=["43 a day", "16 a day", "one a day", "nothing", "nothing, but not long observed"],
)
def test_a_feed_rests_by_its_own_rhythm_between_every_and_the_slowest(entries: int, days: int, minutes: int) -> None:
    rested = rhythm.rest(FEED, brought(STATE, entries, days), NOON)
    assert rested / timedelta(minutes=1) == pytest.approx(minutes, rel=0.1)
    assert rhythm.rest(replace(FEED, slowest=timedelta(minutes=5)), brought(STATE, entries, days), NOON) == FEED.every


def test_a_feed_of_a_story_that_moves_is_polled_at_its_floor_however_slow_it_was() -> None:
    slow = replace(polled(), state=brought(STATE, 1, 20))
    assert schedule.is_slow(slow)
    assert within_a_tenth(schedule.after(slow).next_poll_at - NOON, timedelta(minutes=40))
    assert within_a_tenth(schedule.after(slow, lively=True).next_poll_at - NOON, FEED.every)
    not_before = schedule.after(slow).not_before
    assert not_before is not None
    assert within_a_tenth(not_before - NOON, FEED.every)


# --- feeds that move


def moved(state: FeedState, hours: float, to: str = "https://new.example/feed", **changes: Any) -> FeedState:
    poll = replace(polled(replace(OK, moved_to=to)), state=state, at=NOON + timedelta(hours=hours), **changes)
    return schedule.after(poll)


def test_a_permanent_redirect_is_believed_when_it_held_for_a_day_and_three_polls() -> None:
    """H10."""
    state = replace(STATE, title="H")
    for hours in (0, 1, 23):
        state = moved(state, hours)
        assert state.address == ""
    assert moved(state, 24).address == "https://new.example/feed"
    assert moved(moved(state, 20, to=""), 24).address == ""
    assert moved(moved(state, 20, to="https://other.example/"), 24).address == ""
    assert moved(moved(moved(replace(STATE, title="H"), 0), 90), 91).address != ""


def test_a_redirect_to_another_feed_or_with_a_login_is_followed_but_never_believed() -> None:
    """H10, H13."""
    parked = Document(title="This domain is for sale", items=())
    keyed = replace(FEED, headers={"X-Plan": "desk"})
    for changes in ({"document": parked}, {"feed": keyed}):
        state = replace(STATE, title="H")
        for hours in (0, 12, 24, 48):
            state = moved(state, hours, **changes)
        assert state.address == ""
    here = replace(STATE, title="H")
    for hours in (0, 12, 24):
        here = moved(here, hours, to="https://herald.example/new", feed=keyed)
    assert here.address == "https://herald.example/new"


def test_a_failure_at_the_new_address_brings_the_feed_back_to_the_one_that_is_configured() -> None:
    """H10."""
    there = replace(STATE, address="https://new.example/feed")
    assert schedule.after(replace(polled(), state=there)).address == "https://new.example/feed"
    assert schedule.after(replace(failed(), state=there)).address == ""


# --- offences


def test_a_feed_that_kills_its_parser_twice_is_tried_once_a_day() -> None:
    """P14, X4."""
    crash = FeedError("parse-crash", "Too much.")
    once = schedule.after(failed(error=crash))
    assert not once.is_quarantined
    twice = schedule.after(replace(failed(error=crash), state=once))
    assert twice.is_quarantined
    assert within_a_tenth(twice.next_poll_at - NOON, schedule.LONGEST)
    assert not schedule.after(replace(polled(), state=twice)).is_quarantined
    other = schedule.after(replace(failed(), state=once))
    assert other.offences == 1


# --- entries


def the_entry(**changes: Any) -> Entry:
    item = Item(keys=("id:1", "url:x"), url="", title="t", summary="", published=None, language="pl", outlet="")
    document = Document(title="The Herald", items=(item._replace(**changes),))
    (made,) = entries_of(replace(polled(), document=document))
    return made


def test_an_entry_is_dated_by_its_feed_unless_that_lies_in_the_future_or_is_missing() -> None:
    """X17."""
    assert the_entry().published == NOON
    assert the_entry(published=NOON + timedelta(days=3650)).published == NOON
    assert the_entry(published=NOON - timedelta(hours=1)).published == NOON - timedelta(hours=1)


def test_an_entrys_id_lasts_and_its_outlet_is_the_best_name_there_is() -> None:
    assert the_entry() == the_entry()
    assert the_entry().outlet == "The Herald"
    assert the_entry(outlet="The Post").outlet == "The Post"
    assert the_entry(keys=("id:2",)).id != the_entry().id


# --- lists of feeds


def test_a_list_of_feeds_comes_back_as_it_was_written() -> None:
    feeds = [Feed(url="https://a.example/rss?x=1&y=2", name="A & B"), Feed(url="https://b.example/", name="Łódź")]
    assert [(f.url, f.name) for f in opml.read(opml.write(feeds).encode(), "list.opml")] == [
        (f.url, f.name) for f in feeds
    ]


@pytest.mark.parametrize("text", [b"<opml>", b"<opml/>", b"<!DOCTYPE x [<!ENTITY a 'b'>]><opml/>", b"words"])
def test_a_file_that_lists_no_feeds_is_told_by_name(text: bytes) -> None:
    with pytest.raises(opml.OpmlError, match=r"list\.opml"):
        opml.read(text, "list.opml")
