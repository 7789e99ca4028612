"""What came out of a sink, read as its readers would read it: HTML by its tags, a terminal's text by its escapes, Markdown by a renderer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from html.parser import HTMLParser
from urllib.parse import urlsplit

import lxml.html

from monitor.alerts import render
from monitor.model import AlertKind
from tests.alerts import mails
from tests.alerts.samples import make_alert

_VOID = {"meta", "br", "link", "img", "input", "base", "hr"}
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;[^;\x1b]*;([^\x1b]*)\x1b\\")


@dataclass
class Page(HTMLParser):
    """A page's tags with their attributes, its links, and its text by the element it stands in."""

    tags: set[tuple[str, str, str]] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    texts: dict[str, list[str]] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    """Comments, declarations, and end tags of what was not begun."""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self.open.append(tag)
        self.texts.setdefault(tag, []).append("")
        self.tags |= {(tag, name, value or "") for name, value in [("", ""), *attrs] if (tag, name) != ("a", "href")}
        self.links += [value or "" for name, value in attrs if (tag, name) == ("a", "href")]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.strange.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        for tag in set(self.open):
            self.texts[tag][-1] += data

    def handle_comment(self, data: str) -> None:
        self.strange.append(data)

    def handle_decl(self, decl: str) -> None:
        if decl.lower() != "doctype html":
            self.strange.append(decl)

    handle_pi = unknown_decl = handle_comment


def read(html: str) -> Page:
    """The page, by Python's parser; it must be closed as it was opened."""
    page = Page()
    page.feed(html)
    page.close()
    assert page.open == []
    assert page.strange == []
    return page


def tags_by_lxml(html: str) -> set[tuple[str, str, str]]:
    """The same by libxml2, which mends what is broken in ways of its own."""
    found = set()
    for element in lxml.html.document_fromstring(html.encode(), parser=lxml.html.HTMLParser(encoding="utf-8")).iter():
        tag = str(element.tag)
        found |= {
            (tag, name, value) for name, value in [("", ""), *element.attrib.items()] if (tag, name) != ("a", "href")
        }
    return found


@cache
def ours() -> frozenset[tuple[str, str, str]]:
    """The tags, attributes and values that our own templates write, whatever is told."""
    honest = [
        mails.alert(),
        mails.digest(),
        make_alert(),
        make_alert(first=mails.link("Herald", "x", 1)),
        make_alert(summary=""),
    ]
    whole = mails.digest().chapters[0]
    bare = replace(whole, more=2, told=(replace(whole.told[0], report=None),), open=(replace(whole.open[0], url=""),))
    honest += [make_alert(kind=AlertKind.DIGEST, chapters=(bare,) * count) for count in (2, 70)]
    honest += [make_alert(reports=(mails.link("Herald", "x", 1),) * 2, known_before=(mails.link("Post", "y", 1),))]
    return frozenset().union(*(read(mails.html_of(alert)).tags for alert in honest))


def harmless_page(html: str) -> Page:
    """`html`, which has none but our own tags, runs nothing and loads nothing; links lead to web pages only (T9, T10, T16)."""
    page = read(html)
    assert {tag for tag in page.tags if not tag[1].startswith("aria-label")} <= ours()
    assert {tag for tag in tags_by_lxml(html) if tag[1] != "aria-label"} <= ours()
    assert not {tag for tag, _, _ in page.tags} & {"script", "img", "link", "iframe", "object", "form", "base", "svg"}
    assert not any(name.startswith("on") or name in ("src", "background") for _, name, _ in page.tags)
    assert not any("url(" in value or "@import" in value for _, _, value in page.tags)
    assert not any("url(" in style or "@import" in style for style in page.texts.get("style", []))
    for link in page.links:
        assert leads_to_the_web(link)
    return page


def leads_to_the_web(link: str) -> bool:
    """Whether an address is plain, and of a web page."""
    return (
        urlsplit(link).scheme in ("http", "https")
        and link == render.safe_url(link)
        and not set(link) & set('<>"`\\ \r\n')
    )


def terminal_text(printed: str) -> str:
    """What a terminal shows; colours and links to the web are the only commands that it is given (T13)."""
    assert all(leads_to_the_web(match[1]) for match in _ESCAPES.finditer(printed) if match[1])
    text = _ESCAPES.sub("", printed)
    assert is_plain(text)
    return text


def is_plain(text: str) -> bool:
    """Whether `text` is made of lines that command nothing, hide nothing and turn nothing around but within a fence of their own."""
    fenced = text.count("\u2068") == text.count("\u2069")
    bare = re.sub("[\n\u2068\u2069\u200c-\u200f\u061c\u00a0\u2000-\u200a\u202f\u205f\u3000]", "", text)
    return fenced and all(character.isprintable() or is_new(character) for character in bare)


def is_new(character: str) -> bool:
    """A character that this Python does not know yet, such as an emoji of next year; it commands nothing."""
    return not re.match(
        "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u206f\ud800-\udfff\ufeff\ufff0-\uffff\U000e0000-\U000e0fff]",
        character,
    )


def all_of(texts: Iterable[str]) -> str:
    """What several readers were shown, together."""
    return "\n".join(texts)
