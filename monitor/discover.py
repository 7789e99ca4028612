"""`monitor discover`: the address of a site -> its feeds, each fetched and read before it is named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from monitor.config import edit
from monitor.config.proposal import with_feeds
from monitor.errors import FeedError, MonitorError
from monitor.feeds import links
from monitor.feeds.fetch import Gate
from monitor.feeds.parse import Parser
from monitor.feeds.settings import FetchSettings
from monitor.model import Document, Feed, Response

TRIED = 12
"""Addresses of one kind that are tried at most: a page may link to a feed for each of its tags."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A feed that is there."""

    url: str
    """Where it answered, after redirects."""
    title: str
    entries: int
    newest: datetime | None


def discover(url: str, settings: FetchSettings, progress: Callable[[str], None] = lambda _url: None) -> list[Found]:
    """The feeds of the site at `url`: itself, else those it declares, else those it links to or keeps in the usual places.

    `progress` is told each address before it is tried. Raises MonitorError when the address cannot be fetched, or leads to none.
    """
    address = url if "://" in url else f"https://{url}"
    gate, parser = Gate(settings), Parser(1)
    try:
        page = gate.page(address)
        itself = _read(page, parser)
        if itself is not None:
            return [itself]
        for addresses in (
            links.declared(page.body, page.url),
            [*links.linked(page.body, page.url), *links.usual(page.url)],
        ):
            found = list(_those_that_are(addresses[:TRIED], gate, parser, progress))
            if found:
                return found
    except FeedError as error:
        raise MonitorError(f"{address} cannot be fetched. {error}") from None
    finally:
        parser.close()
        gate.close()
    raise MonitorError(
        f"No feed was found at {address}; look on the site for “RSS”, or ask a search engine for its feed."
    )


def look(url: str, settings: FetchSettings) -> tuple[Response, Document]:
    """What is at a feed's address at this moment, as a first poll would read it. Raises FeedError."""
    gate, parser = Gate(settings), Parser(1)
    try:
        response = gate.page(url)
        return response, parser.parse(response)
    finally:
        parser.close()
        gate.close()


def put_into(path: Path, feed: Feed) -> None:
    """Put a feed into a configuration, of which nothing else changes. Raises ConfigError, MonitorError."""
    edit.change(path, lambda there: with_feeds(there, [feed]))


def _those_that_are(
    addresses: Iterable[str], gate: Gate, parser: Parser, progress: Callable[[str], None]
) -> Iterator[Found]:
    """Those of the addresses at which there is a feed, each feed once."""
    known: set[str] = set()
    for address in addresses:
        progress(address)
        try:
            found = _read(gate.page(address), parser)
        except FeedError:
            continue
        if found is not None and found.url not in known:
            known.add(found.url)
            yield found


def _read(response: Response, parser: Parser) -> Found | None:
    try:
        document: Document = parser.parse(response)
    except FeedError:
        return None
    newest = max((item.published for item in document.items if item.published), default=None)
    return Found(url=response.url, title=document.title, entries=len(document.items), newest=newest)
