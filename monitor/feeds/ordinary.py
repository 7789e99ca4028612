"""The fast way for ordinary documents: RSS 2.0 that is well-formed and holds nothing which feedparser would read in a way of its own.

It gives what feedparser gives, some thirty times as fast; whatever is not plainly ordinary is left to feedparser. Which documents these
are is a list of what they may hold, so that what nobody thought of goes the slow way; tests/feeds/test_ordinary.py holds both ways
against each other on every document of the corpus and on mutants of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree as ET

_FIELDS = frozenset({"title", "link", "description", "pubDate", "guid"})
"""What is read of an item; each stands there once at most."""
_PASSED_OVER = frozenset({"author", "category", "comments", "enclosure"}) | {
    f"{{{namespace}}}{name}"
    for namespace, names in (
        ("http://purl.org/dc/elements/1.1/", ("creator",)),
        ("http://search.yahoo.com/mrss/", ("content", "thumbnail", "credit")),
        ("http://purl.org/rss/1.0/modules/slash/", ("comments", "section", "department")),
        ("http://wellformedweb.org/CommentAPI/", ("commentRss", "comment")),
    )
    for name in names
}
"""What an item may hold besides, and nothing is read of."""
_OF_CHANNEL = frozenset(
    {"title", "link", "description", "language", "ttl", "generator", "lastBuildDate", "pubDate", "copyright", "managingEditor", "webMaster",
     "docs", "item", "category", "skipHours", "skipDays"}
)  # fmt: skip
_LINK = "{http://www.w3.org/2005/Atom}link"
_ADDRESS = re.compile(r"(?![\w+.-]+:///)[^\s<>\\\[\]]{0,500}")
_ODD = re.compile("[\x80-\x9f]")
"""Characters that feedparser takes for those of windows-1252."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A channel and its items, as text; each item has the fields of an RSS item that it holds, and `permalink` where its guid is one."""

    title: str
    ttl: str
    links: tuple[dict[str, str], ...]
    """Its atom:link elements."""
    items: tuple[dict[str, str], ...]


def read(body: bytes) -> Feed | None:
    """The channel of an ordinary document, in UTF-8 and without declarations of entities; None for any other."""
    parser = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True, insert_pis=True))  # noqa: S314 - nothing is declared in it
    try:
        root = ET.fromstring(body, parser)  # noqa: S314
    except (ET.ParseError, ValueError, LookupError):  # LookupError: of an encoding that nobody knows
        return None
    if root.tag != "rss" or root.attrib != {"version": "2.0"} or len(root) != 1 or root[0].tag != "channel":
        return None
    return _channel(root[0])


def _channel(channel: ET.Element) -> Feed | None:
    told: dict[str, str] = {}
    items: list[dict[str, str]] = []
    links: list[dict[str, str]] = []
    for child in channel:
        tag = child.tag
        if tag == "item":
            item = _item(child)
            if item is None:
                return None
            items.append(item)
        elif tag == _LINK:
            links.append(child.attrib)
        elif tag in ("skipHours", "skipDays"):
            continue
        elif tag not in _OF_CHANNEL or tag in told or items or (text := _text(child, tag)) is None:
            return None
        else:
            told[tag] = text
    if not items or channel.attrib or any(link.get("rel") not in ("self", "hub") for link in links):
        return None
    return Feed(told.get("title", ""), told.get("ttl", ""), tuple(links), tuple(items))


def _item(element: ET.Element) -> dict[str, str] | None:
    found: dict[str, str] = {}
    if element.attrib:
        return None
    for child in element:
        tag = child.tag
        if tag not in _FIELDS:
            if tag in _PASSED_OVER and not len(child):
                continue
            return None
        text = _text(child, tag)
        if text is None or tag in found:
            return None
        found[tag] = text
        if tag == "guid" and child.get("isPermaLink", "true") == "true":
            found["permalink"] = text
    return found


def _text(element: ET.Element, tag: str) -> str | None:
    """The text of an element that holds nothing else; None where that is not so, or it is odd."""
    whole = element.text or ""
    if len(element) or (not whole.isascii() and _ODD.search(whole)):
        return None
    text = whole.strip()
    if (tag == "link" or tag == "guid") and not _ADDRESS.fullmatch(text):  # noqa: PLR1714 - a tuple would take longer
        return None
    if (kept := element.keys()) and (tag != "guid" or kept != ["isPermaLink"]):
        return None
    return text
