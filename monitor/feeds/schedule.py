"""When a feed is polled next. Pure: time comes in, nothing is drawn by lot."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from monitor.feeds import moves, rhythm
from monitor.model import FeedState, Poll, Response

LONGEST = timedelta(hours=24)
"""No server and no failure keeps a feed away for longer."""
CRASHES = ("parse-crash", "crash")
"""The reasons of a poll's error that count as an offence."""
_JITTER = 0.1
_HOUR = timedelta(hours=1)


def after(poll: Poll, news: int = 0, *, lively: bool = False) -> FeedState:
    """What is known of a feed after a poll that brought `news` new entries: its validators, its health, its rhythm, its next time.

    A feed that is `lively`, because it carries a storyline that moves, is polled as often as it may be.
    """
    if poll.error is not None:
        return _after_failure(replace(poll.state, polled_at=poll.at), poll)
    response = poll.response
    assert response is not None, "a poll has a response or an error"
    state = rhythm.noted(moves.heeded(poll.state, poll), news, poll.at)
    if not response.not_modified:
        state = _as_told(state, poll, response)
    wish = max(poll.feed.every, _wish(state, response))
    usual = poll.feed.every if lively else rhythm.rest(poll.feed, state, poll.at)
    not_before, next_poll_at = (_time(wait, state, poll.at) for wait in (wish, max(wish, usual)))
    return replace(
        state, polled_at=poll.at, succeeded_at=poll.at, failures=0, error="", gone=False, offences=0,
        not_before=not_before, next_poll_at=next_poll_at,
    )  # fmt: skip


def is_slow(poll: Poll) -> bool:
    """Whether the feed would rest longer than `every` by its own rhythm."""
    return rhythm.rest(poll.feed, poll.state, poll.at) > poll.feed.every


def _after_failure(state: FeedState, poll: Poll) -> FeedState:
    """Back off exponentially, never giving up; obey the server's own wish, within reason (H18-H24)."""
    error = poll.error
    assert error is not None
    failures = state.failures + 1
    offences = state.offences + 1 if error.reason in CRASHES else state.offences
    state = replace(moves.undone(state), failures=failures, error=str(error), gone=error.gone, offences=offences)
    wait = min(poll.feed.every * 2 ** min(failures - 1, 16), LONGEST)
    if error.retry_after is not None:
        wait = min(max(error.retry_after, poll.feed.every), LONGEST)
    if state.is_quarantined:
        wait = LONGEST
    at = poll.at + _spread(wait, state.url, poll.at)
    return replace(state, not_before=at, next_poll_at=at)


def _as_told(state: FeedState, poll: Poll, response: Response) -> FeedState:
    """Keep ETag and Last-Modified byte for byte (H15), but not of a document that was broken (H8) or is not to be kept (H17)."""
    document = poll.document
    complete = document is None or document.complete
    kept = complete and "no-store" not in response.headers.get("cache-control", "").lower()
    learned: dict[str, Any] = {
        "etag": response.headers.get("etag", "") if kept else "",
        "last_modified": response.headers.get("last-modified", "") if kept else "",
        "body_hash": response.digest if complete else "",
    }
    if document is None:
        return replace(state, **learned)
    return replace(
        state, **learned,
        title=state.title if moves.is_another(poll) else document.title,
        ttl=document.ttl, skip_hours=document.skip_hours, skip_days=document.skip_days,
        hub=response.hub or document.hub, topic=response.topic if response.hub else document.topic,
    )  # fmt: skip


def _wish(state: FeedState, response: Response) -> timedelta:
    """How long the feed and its server ask to be left alone (H21)."""
    wishes = [timedelta(minutes=state.ttl)]
    if age := re.search(r"max-age=\"?(\d{1,9})", response.headers.get("cache-control", "")):
        wishes.append(timedelta(seconds=int(age.group(1))))
    elif "expires" in response.headers and "date" in response.headers:
        with suppress(ValueError, TypeError, OverflowError):
            wishes.append(
                parsedate_to_datetime(response.headers["expires"]) - parsedate_to_datetime(response.headers["date"])
            )
    return min(max(wishes), LONGEST)


def _time(wait: timedelta, state: FeedState, at: datetime) -> datetime:
    """The time after `wait`, and a little more, that the feed does not ask to be spared; at most LONGEST is waited."""
    due = at + _spread(min(wait, LONGEST), state.url, at)
    while due - at < LONGEST and _is_spared(state, due):
        due = (due + _HOUR).replace(minute=0, second=0, microsecond=0) + _HOUR * _JITTER * _share(state.url, at)
    return due


def _is_spared(state: FeedState, at: datetime) -> bool:
    return bool(state.skip_hours >> at.hour & 1 or state.skip_days >> at.weekday() & 1)


def _spread(wait: timedelta, url: str, at: datetime) -> timedelta:
    """`wait` and up to a tenth more, different for each feed and time, so that feeds do not march in step."""
    return wait + wait * _JITTER * _share(url, at)


def _share(url: str, at: datetime) -> float:
    return int.from_bytes(hashlib.blake2b(f"{url} {at.isoformat()}".encode(), digest_size=2).digest()) / 65_535
