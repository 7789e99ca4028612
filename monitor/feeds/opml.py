"""Lists of feeds as OPML, in and out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from monitor.errors import MonitorError
from monitor.model import Feed


class OpmlError(MonitorError):
    """A file is not a list of feeds."""


def read(text: bytes, file: str) -> list[Feed]:
    """The feeds of an OPML file, each once, in order. Raises OpmlError, naming `file`."""
    if re.search(rb"<!(?:DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise OpmlError(f"{file} holds a DOCTYPE, which an OPML file does not need; remove it.")
    try:
        root = ET.fromstring(text)  # noqa: S314 - without a DOCTYPE there are no entities to abuse
    except ET.ParseError as error:
        raise OpmlError(f"{file}:{error.position[0]} is not proper XML: {error.msg}.") from None
    found: dict[str, Feed] = {}
    for outline in root.iter("outline"):
        url = (outline.get("xmlUrl") or outline.get("xmlurl") or "").strip()
        if url.startswith(("http://", "https://")):
            name = (outline.get("title") or outline.get("text") or "").strip()
            found.setdefault(url, Feed(url=url, name="" if name == url else name))
    if not found:
        raise OpmlError(f"{file} names no feeds; each feed is an <outline> with an xmlUrl.")
    return list(found.values())


def write(feeds: Iterable[Feed]) -> str:
    """An OPML file of these feeds."""
    root = ET.Element("opml", version="2.0")
    ET.SubElement(ET.SubElement(root, "head"), "title").text = "Feeds"
    body = ET.SubElement(root, "body")
    for feed in feeds:
        ET.SubElement(body, "outline", type="rss", text=feed.name or feed.url, xmlUrl=feed.url)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
