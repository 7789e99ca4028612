"""A web page -> the addresses at which its site may have feeds: those it declares, those it links to, the usual places. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

PAGE_CAP = 1_000_000
"""Bytes of a page that are looked at."""
_TYPES = ("application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml")
_FEEDLIKE = re.compile(r"(?:^|[/._=-])(?:rss|feed|feeds|atom|rdf)(?:$|[/._=-]|\d)|\.xml$", re.IGNORECASE)
_USUAL = ("feed", "rss", "rss.xml", "feed.xml", "atom.xml", "index.xml", "feed.json", "feeds/posts/default")


def declared(body: bytes, url: str) -> list[str]:
    """The feeds that a page declares by `<link rel=alternate>`, in its order."""
    return _each(_Reader(body, url).declared)


def linked(body: bytes, url: str) -> list[str]:
    """The addresses that a page links to and that look like feeds."""
    return _each(_Reader(body, url).linked)


def usual(url: str) -> list[str]:
    """Where sites keep their feeds when they do not say where."""
    parts = urlsplit(url)
    folder = url if url.endswith("/") else f"{url.rpartition('/')[0]}/" if parts.path.strip("/") else f"{url}/"
    root = f"{parts.scheme}://{parts.netloc}/"
    return _each(urljoin(base, name) for base in (folder, root) for name in _USUAL)


def _each(urls: Iterator[str] | list[str]) -> list[str]:
    web = (url.partition("#")[0] for url in urls if url.startswith(("http://", "https://")))
    return list(dict.fromkeys(web))


class _Reader(HTMLParser):
    """Reads the links of a page, resolved against its address or its `<base>`."""

    def __init__(self, body: bytes, url: str) -> None:
        super().__init__()
        self.declared: list[str] = []
        self.linked: list[str] = []
        self._base = url
        self.feed(body[:PAGE_CAP].decode("utf-8", "replace"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag leads to."""
        named = {name: value or "" for name, value in attrs}
        target = named.get("href", "").strip()
        if not target or tag not in ("base", "link", "a"):
            return
        try:
            url = urljoin(self._base, target)
        except ValueError:  # brackets around nothing
            return
        if tag == "base":
            self._base = url
        elif tag == "a" and _FEEDLIKE.search(urlsplit(url).path):
            self.linked.append(url)
        elif tag == "link" and "alternate" in named.get("rel", "").lower().split():
            self.declared += [url] if named.get("type", "").split(";")[0].strip().lower() in _TYPES else []
