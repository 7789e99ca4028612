"""An article's bytes -> its headline and text: plain text as it is, a web page without what surrounds the article on it."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Any

from monitor.errors import MonitorError

SIZE_CAP = 5_000_000
"""The most bytes that an article may have, its page included."""
_PAGE = re.compile(rb"<(?:!doctype html|html|head|body|article|main|div|p|h1)\b", re.IGNORECASE)
_FEED = re.compile(rb"<(?:rss|feed|rdf:RDF)\b")
_LANGUAGE = re.compile(rb"<html\b[^>]*?\blang\s*=\s*[\"']?([A-Za-z]{2})", re.IGNORECASE)
_CHARSET = re.compile(r"charset=[\"']?([\w.:-]+)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ufffd]")
_START = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One article. `title`, `language` (two letters) and `outlet` are empty where its page does not tell them."""

    title: str = ""
    text: str
    language: str = ""
    outlet: str = ""


def read_article(body: bytes, source: str, *, content_type: str = "") -> Article:
    """Read an article from a text or a web page; `source` is what the user calls it. Raises MonitorError for anything else."""
    if len(body) > SIZE_CAP:
        raise MonitorError(f"{source} is larger than {SIZE_CAP // 1_000_000} MB; that is no article.")
    if not body.strip():
        raise MonitorError(f"{source} is empty; give an article's text, its page or its address.")
    if body.lstrip().startswith(b"%PDF"):
        raise MonitorError(f"{source} is a PDF; copy the article's text into a file and give that.")
    start = body[:_START]
    if _FEED.search(start):
        raise MonitorError(f"{source} is a feed, not an article; feeds belong under `feeds:` in the configuration.")
    if b"\x00" not in start and ("html" in content_type.lower() or _PAGE.search(start)):
        return _page(body, source)
    return Article(text=_decoded(body, source, content_type))


def _decoded(body: bytes, source: str, content_type: str) -> str:
    """Plain text, in UTF-8 unless it says otherwise."""
    named = _CHARSET.search(content_type)
    encoding = "utf-16" if body[:2] in (b"\xff\xfe", b"\xfe\xff") else named[1] if named else "utf-8-sig"
    try:
        text = body.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        raise MonitorError(
            f"{source} is not text in UTF-8; save the article as plain text in UTF-8, or as a web page."
        ) from None
    if _CONTROL.search(text):
        raise MonitorError(f"{source} is not text; give an article's text, its page or its address.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _page(body: bytes, source: str) -> Article:
    import trafilatura  # noqa: PLC0415 - heavy, and only a page needs it

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # what it complains of is told below
    extracted = trafilatura.bare_extraction(body, include_comments=False, include_tables=False, with_metadata=True)
    found: dict[str, Any] = {} if extracted is None or isinstance(extracted, dict) else extracted.as_dict()
    if not (found.get("text") or "").strip():
        raise MonitorError(f"No article can be found on {source}; copy its text into a file and give that.")
    title, text = " ".join((found.get("title") or "").split()), str(found["text"]).strip()
    first, _, rest = text.partition("\n")
    if title and first.strip().casefold() in title.casefold() and rest.strip():  # the headline once more
        text = rest.strip()
    language = _LANGUAGE.search(body[:_START])
    return Article(
        title=title, text=text, outlet=found.get("sitename") or "",
        language=language[1].decode().lower() if language else str(found.get("language") or ""),
    )  # fmt: skip
