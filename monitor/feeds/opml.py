"""Lists of feeds as OPML, in and out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from monitor.errors import MonitorError
from monitor.model import Feed

_USUAL = Feed(url="")


class OpmlError(MonitorError):
    """A file is not a list of feeds."""


def read(text: bytes, file: str, like: Feed = _USUAL) -> list[Feed]:
    """The feeds of an OPML file, each once, in order, to be polled like one. Raises OpmlError, naming `file`."""
    if re.search(rb"<!(?:DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise OpmlError(f"{file} holds a DOCTYPE, which an OPML file does not need; remove it.")
    named = _Named()
    parser = ET.XMLParser(target=named)  # noqa: S314 - without a DOCTYPE there are no entities to abuse
    try:
        parser.feed(text)
        parser.close()
    except ET.ParseError as error:
        raise OpmlError(f"{file}:{error.position[0]} is not proper XML: {error.msg}.") from None
    if not named.feeds:
        raise OpmlError(f"{file} names no feeds; each feed is an <outline> with an xmlUrl.")
    every, slowest = like.every, like.slowest
    return [Feed(url=url, name=name, every=every, slowest=slowest) for url, name in named.feeds.items()]


class _Named:
    """What outlines name, as the parser comes to them: a tree of a hundred thousand takes longer to make than to read."""

    def __init__(self) -> None:
        self.feeds: dict[str, str] = {}
        """URL -> name."""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        if tag != "outline":
            return
        url = (attributes.get("xmlUrl") or attributes.get("xmlurl") or "").strip()
        if url.startswith(("http://", "https://")):
            name = (attributes.get("title") or attributes.get("text") or "").strip()
            self.feeds.setdefault(url, "" if name == url else name)


def write(feeds: Iterable[Feed]) -> str:
    """An OPML file of these feeds."""
    root = ET.Element("opml", version="2.0")
    ET.SubElement(ET.SubElement(root, "head"), "title").text = "Feeds"
    body = ET.SubElement(root, "body")
    for feed in feeds:
        ET.SubElement(body, "outline", type="rss", text=feed.name or feed.url, xmlUrl=feed.url)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
