"""Items of an aggregator stand for another site's article: its own address, its publisher, and no list of other headlines."""

from __future__ import annotations

import base64
import re
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

_AGGREGATORS = re.compile(r"google\.|bing\.com", re.IGNORECASE)
_GOOGLE_NEWS = "news.google.com"
_WRAPPED = ("url", "q")
_ADDRESS = re.compile(rb"https?://[!-~]{4,2000}")
_SUFFIX = re.compile(r"^(?P<title>.{10,}\S)\s+[-–—]\s+(?P<outlet>\S.{0,60})$")


def unwrapped(item: dict[str, Any]) -> dict[str, Any]:
    """The item as its publisher would have it; others stay as they are."""
    if not _AGGREGATORS.search(item["url"]):
        return item
    try:
        parts = urlsplit(item["url"])
    except ValueError:
        return item
    if parts.hostname == _GOOGLE_NEWS:
        return item | _of_google_news(item, parts)
    return item | {"url": _named(parts) or item["url"]}


def _of_google_news(item: dict[str, Any], parts: SplitResult) -> dict[str, Any]:
    """Its description lists the headlines of several outlets, none of which is this report's text."""
    suffix = _SUFFIX.match(item["title"])
    outlet = item["outlet"] or (suffix["outlet"] if suffix else "")
    return {"url": _encoded(parts.path) or item["url"], "summary": "", "outlet": outlet}


def _encoded(path: str) -> str:
    """The address inside `/rss/articles/TOKEN`: older tokens are a protocol buffer that holds it, newer ones keep it to themselves."""
    kind, _, token = path.rpartition("/")
    with suppress(ValueError):
        held = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)) if kind.endswith("articles") else b""
        if found := _ADDRESS.search(held):
            return found[0].decode("ascii")
    return ""


def _named(parts: SplitResult) -> str:
    """The address that a redirector names in its query: Google's alerts and Bing's news do."""
    host, path = (parts.hostname or "").removeprefix("www."), parts.path
    if not (
        (re.fullmatch(r"google\.[a-z.]{2,6}", host) and path == "/url")
        or (host == "bing.com" and path.startswith("/news/apiclick"))
    ):
        return ""
    asked = parse_qs(parts.query, max_num_fields=50)
    return next(
        (url for name in _WRAPPED for url in asked.get(name, ()) if url.startswith(("http://", "https://"))), ""
    )
