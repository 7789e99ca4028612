"""Items of a poll -> entries: with an id that lasts, and a time that can be trusted.

An id is 16 hexadecimal digits, the first four by its feed, the others by the item. So what a poll brings stands side by side in the tables'
indexes: to keep 30 entries changes one page of an index instead of 30.
"""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

from monitor.model import Entry, Item, Poll

_OF_FEED, _OF_ITEM = 2, 6
"""Bytes of an id. Among ten million entries of a thousand feeds two have the same one in one of 5,000 stores."""


def entries_of(poll: Poll) -> tuple[Entry, ...]:
    """The entries of a poll, none where nothing was parsed; what has no usable date counts as published now (X17)."""
    if poll.document is None:
        return ()
    of_feed = _digest(poll.feed.url, _OF_FEED)
    return tuple(_entry(item, poll, of_feed) for item in poll.document.items)


def _digest(text: str, size: int) -> str:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=size).hexdigest()


def _entry(item: Item, poll: Poll, of_feed: str) -> Entry:
    title = poll.document.title if poll.document else ""
    return Entry(
        id=of_feed + _digest(f"{poll.feed.url}\n{item.keys[0]}", _OF_ITEM),
        feed=poll.feed.url,
        url=item.url,
        title=item.title,
        summary=item.summary,
        published=min(item.published or poll.at, poll.at),
        language=poll.feed.language or item.language,
        outlet=item.outlet or poll.feed.name or title or urlsplit(poll.feed.url).hostname or "",
        keys=item.keys,
    )
