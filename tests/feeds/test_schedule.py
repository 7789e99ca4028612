"""When a feed is polled next (faults H18-H24), and which of the due ones go now."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.errors import FeedError
from monitor.feeds import opml, schedule
from monitor.feeds.identity import entries_of
from monitor.model import Document, Entry, Feed, FeedState, Item, Poll, Response
from tests.feeds.conftest import NOON

URL = "https://herald.example/feed"
FEED = Feed(url=URL, every=timedelta(minutes=10))
STATE = FeedState(url=URL, next_poll_at=NOON, etag='"old"', failures=0)
OK = Response(url=URL, status=200, headers={"etag": '"new"', "last-modified": "x"}, body=b"x")


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
    assert within_a_tenth(
        wait(polled(document=Document(title="", items=(), ttl=timedelta(hours=2)))), timedelta(hours=2)
    )
    expires = {"date": "Tue, 05 Mar 2024 12:00:00 GMT", "expires": "Tue, 05 Mar 2024 12:30:00 GMT"}
    assert within_a_tenth(wait(polled(replace(OK, headers=expires))), timedelta(minutes=30))
    assert within_a_tenth(wait(polled(replace(OK, headers={"cache-control": "max-age=99999999"}))), schedule.LONGEST)
    assert within_a_tenth(wait(polled(replace(OK, headers={"expires": "0", "cache-control": "max-age=1"}))), FEED.every)


def test_validators_are_kept_as_they_are_but_not_of_a_broken_document() -> None:
    """H8, H15, H17."""
    kept = schedule.after(polled())
    assert (kept.etag, kept.last_modified) == ('"new"', "x")
    assert kept.body_hash
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


def test_a_host_gets_only_as_many_polls_at_a_time_as_it_may() -> None:
    due = [FeedState(url=f"https://{host}.example/{n}", next_poll_at=NOON) for host in "ab" for n in range(4)]
    picked = schedule.pick(due, {"a.example": 1}, per_host=2)
    assert [state.url for state in picked] == ["https://a.example/0", "https://b.example/0", "https://b.example/1"]


# --- entries


def the_entry(**changes: Any) -> Entry:
    item = Item(keys=("id:1", "url:x"), url="", title="t", summary="", published=None, language="pl", outlet="")
    document = Document(title="The Herald", items=(replace(item, **changes),))
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
