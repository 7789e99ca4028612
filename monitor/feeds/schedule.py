"""When a feed is polled next, and which due feeds go now. Pure: time comes in, nothing is drawn by lot."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from monitor.model import FeedState, Poll, Response

LONGEST = timedelta(hours=24)
"""No server and no failure keeps a feed away for longer."""
_JITTER = 0.1


def after(poll: Poll) -> FeedState:
    """What is known of a feed after a poll: its validators, its health, and when it is due again."""
    state = replace(poll.state, polled_at=poll.at)
    if poll.error is not None:
        return _after_failure(state, poll)
    response = poll.response
    assert response is not None, "a poll has a response or an error"
    state = replace(state, succeeded_at=poll.at, failures=0, error="", gone=False)
    if not response.not_modified:
        state = _with_validators(state, poll, response)
    wait = max(poll.feed.every, _wish(poll, response))
    return replace(state, next_poll_at=poll.at + _spread(min(wait, LONGEST), state.url, poll.at))


def _after_failure(state: FeedState, poll: Poll) -> FeedState:
    """Back off exponentially, never giving up; obey the server's own wish, within reason (H18-H24)."""
    error = poll.error
    assert error is not None
    failures = state.failures + 1
    wait = min(poll.feed.every * 2 ** min(failures - 1, 16), LONGEST)
    if error.retry_after is not None:
        wait = min(max(error.retry_after, poll.feed.every), LONGEST)
    return replace(
        state,
        failures=failures,
        error=str(error),
        gone=error.gone,
        next_poll_at=poll.at + _spread(wait, state.url, poll.at),
    )


def _with_validators(state: FeedState, poll: Poll, response: Response) -> FeedState:
    """Keep ETag and Last-Modified byte for byte (H15), but not of a document that was broken (H8) or is not to be kept (H17)."""
    complete = poll.document is None or poll.document.complete
    kept = complete and "no-store" not in response.headers.get("cache-control", "").lower()
    return replace(
        state,
        etag=response.headers.get("etag", "") if kept else "",
        last_modified=response.headers.get("last-modified", "") if kept else "",
        body_hash=hashlib.blake2b(response.body, digest_size=16).hexdigest() if complete else "",
        title=poll.document.title if poll.document else state.title,
    )


def _wish(poll: Poll, response: Response) -> timedelta:
    """How long the feed and its server ask to be left alone (H21)."""
    wishes = [timedelta(0)]
    if poll.document is not None and poll.document.ttl is not None:
        wishes.append(poll.document.ttl)
    if age := re.search(r"max-age=(\d{1,9})", response.headers.get("cache-control", "")):
        wishes.append(timedelta(seconds=int(age.group(1))))
    elif "expires" in response.headers and "date" in response.headers:
        with suppress(ValueError, TypeError, OverflowError):
            wishes.append(
                parsedate_to_datetime(response.headers["expires"]) - parsedate_to_datetime(response.headers["date"])
            )
    return min(max(wishes), LONGEST)


def _spread(wait: timedelta, url: str, at: datetime) -> timedelta:
    """`wait` and up to a tenth more, different for each feed and time, so that feeds do not march in step."""
    share = hashlib.blake2b(f"{url} {at.isoformat()}".encode(), digest_size=2).digest()
    return wait + wait * _JITTER * (int.from_bytes(share) / 65_535)


def pick(due: Sequence[FeedState], busy: Mapping[str, int], per_host: int) -> list[FeedState]:
    """Those of the due feeds that may go now: at most `per_host` polls of one host at a time, counting the `busy` ones."""
    going = Counter(busy)
    picked: list[FeedState] = []
    for state in due:
        name = host(state.url)
        if going[name] < per_host:
            going[name] += 1
            picked.append(state)
    return picked


def host(url: str) -> str:
    """The host that a feed is polled at."""
    return urlsplit(url).hostname or ""
