"""A story as an Atom feed: its developments, the latest first, each leading to its first report. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, tostring

from monitor.alerts.clean import line, safe_url
from monitor.store.views import View
from monitor.web.shown import count, some

_ATOM = "http://www.w3.org/2005/Atom"


def feed(story: View, developments: Sequence[View], first: Mapping[str, Sequence[View]], home: str) -> bytes:
    """The document; `first` has the first report of each development, and `home` is where the page is."""
    here = f"{home}/stories/{story['id']}"
    root = Element("feed", xmlns=_ATOM)
    SubElement(root, "title").text = line(story["title"])
    SubElement(root, "subtitle").text = line(story["question"])
    SubElement(root, "id").text = here
    SubElement(root, "link", rel="self", href=f"{here}.atom")
    SubElement(root, "link", rel="alternate", href=here)
    SubElement(root, "author").append(_named("Story monitor"))
    newest = max((d["started_at"] for d in developments), default=story["followed_since"])
    SubElement(root, "updated").text = _time(newest)
    for development in developments:
        root.append(_entry(development, first.get(development["id"], ()), here))
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _entry(development: View, reports: Sequence[View], here: str) -> Element:
    entry = Element("entry")
    place = f"{here}#d-{development['id']}"
    SubElement(entry, "title").text = line(development["title"])
    SubElement(entry, "id").text = place
    SubElement(entry, "published").text = SubElement(entry, "updated").text = _time(development["started_at"])
    address = next((safe_url(report["entry"].url) for report in reports), "")
    SubElement(entry, "link", rel="alternate", href=address or place)
    if address:
        SubElement(entry, "link", rel="related", href=place)
    outlets = development["outlets"]
    said = f"{count(development['reports'], 'report')} by {count(len(outlets), 'outlet')}: {some(outlets, 6)}."
    SubElement(entry, "summary").text = said
    return entry


def _named(name: str) -> Element:
    element = Element("name")
    element.text = name
    return element


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")
