"""Items of a poll -> entries: with an id that lasts, and a time that can be trusted."""

from __future__ import annotations

from urllib.parse import urlsplit

from monitor.model import Entry, Item, Poll, entry_id


def entries_of(poll: Poll) -> tuple[Entry, ...]:
    """The entries of a poll, none where nothing was parsed; what has no usable date counts as published now (X17)."""
    if poll.document is None:
        return ()
    return tuple(_entry(item, poll) for item in poll.document.items)


def _entry(item: Item, poll: Poll) -> Entry:
    title = poll.document.title if poll.document else ""
    return Entry(
        id=entry_id(poll.feed.url, f"{poll.feed.url}\n{item.keys[0]}"),
        feed=poll.feed.url,
        url=item.url,
        title=item.title,
        summary=item.summary,
        published=min(item.published or poll.at, poll.at),
        language=poll.feed.language or item.language,
        outlet=item.outlet or poll.feed.name or title or urlsplit(poll.feed.url).hostname or "",
        keys=item.keys,
    )
