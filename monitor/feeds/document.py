"""Feed documents of every dialect, read into one shape. Runs in a parse child; imports nothing it does not need."""

from __future__ import annotations

import hashlib
import html
import io
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin

import feedparser
import nh3

from monitor.errors import FeedError
from monitor.feeds import dates, markup, ordinary
from monitor.feeds.aggregators import unwrapped
from monitor.feeds.urls import NOT_IN_A_NAME, joined, resolved, same_link
from monitor.model import Document, Item

ENTRIES = 5_000
_TITLE_CAP, _SUMMARY_CAP, _KEY_CAP = 1_000, 10_000, 500
_TTL_CAP = 10_080
_HEAD = 100_000
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_MARKUP = re.compile(r"<[a-zA-Z/!?]|&[#\w]+;")
_BLOCKS = re.compile(r"<\s*/?\s*(?:p|br|div|li|ul|ol|h[1-6]|tr|td|blockquote)\b[^>]*>", re.IGNORECASE)
_JSON_FEED = re.compile(r"jsonfeed\.org/version|^1(\.[01])?$")
_BRIDGE_ERROR = re.compile(r"^Bridge returned error\b", re.IGNORECASE)


def parse_bytes(body: bytes, *, url: str, content_type: str = "") -> Document:
    """Read a feed document that came from `url`. Raises FeedError when it is none."""
    start = body[:1_000].lstrip(b"\xef\xbb\xbf\x00 \t\r\n")
    if start[:1] in (b"{", b"["):
        return _read_json(body, url)
    return _read_xml(body, url, content_type)


# --- RSS, RDF, Atom, CDF


def _read_xml(body: bytes, url: str, content_type: str) -> Document:
    headers = {"content-location": url} | ({"content-type": content_type} if content_type else {})
    body = markup.disarmed(body, headers)
    plain = ordinary.read(body)
    return _by_ordinary(plain, body, url) if plain else _by_feedparser(body, url)


def _by_ordinary(feed: ordinary.Feed, body: bytes, url: str) -> Document:
    """The document as feedparser would have it, of what it would read out of such a feed."""
    raw = [_ordinary_item(item, url) for item in feed.items]
    return _document(_plain(feed.title, _TITLE_CAP), raw, body, (feed.ttl, feed.links, url))


def _ordinary_item(item: Mapping[str, str], url: str) -> dict[str, Any]:
    permalink = joined(url, item["permalink"]) if item.get("permalink") else ""
    guid = permalink or item.get("guid", "")
    return {
        "guid": guid,
        "url": resolved(item.get("link", "") or permalink, url) or resolved(guid, ""),
        "title": item.get("title", ""),
        "summary": item.get("description", ""),
        "published": dates.read(item.get("pubDate", "")),
        "language": "",
        "outlet": "",
    }


def _by_feedparser(body: bytes, url: str) -> Document:
    headers = {"content-location": url, "content-type": markup.UTF_8}
    try:
        parsed = feedparser.parse(
            io.BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
        )
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        AssertionError,
        LookupError,
        OverflowError,
    ) as error:
        raise FeedError("unreadable", f"The feed cannot be read: {type(error).__name__}.") from None
    if not parsed.get("version") and not parsed.entries:
        raise FeedError("not-a-feed", _no_feed(body))
    base = str(parsed.feed.get("link") or url)
    title = _plain(str(parsed.feed.get("title") or ""), _TITLE_CAP)
    raw = [_xml_item(entry, urljoin(url, base)) for entry in parsed.entries]
    complete = (
        not parsed.bozo or not isinstance(parsed.get("bozo_exception"), Exception) or _harmless(parsed.bozo_exception)
    )
    wishes = (str(parsed.feed.get("ttl") or ""), parsed.feed.get("links") or (), url)
    return _document(title, raw, body, wishes, complete=complete)


def _document(
    title: str,
    raw: list[dict[str, Any]],
    body: bytes,
    wishes: tuple[str, Iterable[Mapping[str, str]], str],
    *,
    complete: bool = True,
) -> Document:
    """The items of a feed, and its wishes: its ttl, its links, and where it came from."""
    ttl, links, url = wishes
    hub, topic = _hub(links, url)
    return Document(
        title=title,
        items=_told_apart(raw),
        left_out=max(0, len(raw) - ENTRIES),
        complete=complete,
        ttl=min(int(ttl[:9]), _TTL_CAP) if ttl.isdecimal() else 0,
        skip_hours=_bits(int(hour) % 24 for hour in _asked(body, b"skipHours", b"hour") if hour.isdigit()),
        skip_days=_bits(_DAYS.index(day) for day in _asked(body, b"skipDays", b"day") if day in _DAYS),
        hub=hub,
        topic=topic,
    )


def _bits(numbers: Iterable[int]) -> int:
    return sum(1 << number for number in set(numbers))


def _asked(body: bytes, group: bytes, name: bytes) -> list[str]:
    """Hours (GMT) or days on which the feed asks not to be polled: RSS 0.91 and 2.0 name them, feedparser passes over them."""
    head = body[:_HEAD]
    if b"<%b>" % group.lower() not in head.lower():
        return []
    found = re.search(rb"<%b>(.{0,2000}?)</%b>" % (group, group), head, re.DOTALL | re.IGNORECASE)
    values = re.findall(rb"<%b>\s*(\w{1,9})\s*</%b>" % (name, name), found[1], re.IGNORECASE) if found else []
    return [value.decode("ascii", "replace").lower() for value in values]


def _hub(links: Iterable[Mapping[str, str]], url: str) -> tuple[str, str]:
    """The WebSub hub that the feed names, and what it calls itself there; empty where it names none."""
    named = {
        rel: resolved(link.get("href", ""), url) for link in reversed([*links]) for rel in link.get("rel", "").split()
    }
    hub = named.get("hub", "")
    return (hub, named.get("self") or url) if hub else ("", "")


def _harmless(problem: Exception) -> bool:
    """A wrong label on a sound document: the charset or the media type was not what the server said."""
    return isinstance(problem, feedparser.CharacterEncodingOverride | feedparser.NonXMLContentType)


def _no_feed(body: bytes) -> str:
    page = re.search(rb"<html|<!doctype html|<body", body[:4_000], re.IGNORECASE)
    return "This is a web page, not a feed; look on it for a feed's address." if page else "This is not a feed."


def _xml_item(entry: Mapping[str, Any], base: str) -> dict[str, Any]:
    content = entry.get("content") or [{}]
    source = entry.get("source") or {}
    return {
        "guid": str(entry.get("id") or ""),
        "url": resolved(_address(entry), base) or resolved(str(entry.get("id") or ""), ""),
        "title": str(entry.get("title") or ""),
        "summary": str(entry.get("summary") or content[0].get("value") or ""),
        "published": _xml_date(entry),
        "language": str((entry.get("title_detail") or {}).get("language") or ""),
        "outlet": str(source.get("title") or "") if isinstance(source, Mapping) else "",
    }


def _address(entry: Mapping[str, Any]) -> str:
    """Where an item leads, as it says; an item of a CDF channel may say so in an element of its own."""
    anchor = entry.get("a")
    return str(entry.get("link") or (anchor.get("href") if isinstance(anchor, Mapping) else "") or "")


def _xml_date(entry: Mapping[str, Any]) -> datetime | None:
    told = dict(entry)  # as the feed has it: feedparser's own mapping passes one date off as another
    texts = (str(told.get(name) or "") for name in ("published", "updated", "created"))
    return next((moment for text in texts if (moment := dates.read(text))), None)


# --- JSON Feed


def _read_json(body: bytes, url: str) -> Document:
    try:
        feed = json.loads(body, parse_constant=lambda _name: None)
    except (ValueError, RecursionError):
        raise FeedError("unreadable", "The feed is not valid JSON.") from None
    if not isinstance(feed, dict) or not _JSON_FEED.search(_str(feed.get("version"))):
        raise FeedError("not-a-feed", "This is JSON, but not a JSON Feed.")
    items = feed.get("items")
    if not isinstance(items, list):
        raise FeedError("unreadable", "The JSON Feed has no list of items.")
    title = _plain(_str(feed.get("title")), _TITLE_CAP)
    language = _str(feed.get("language"))
    raw = [_json_item(item, url, language) for item in items if isinstance(item, dict)]
    return Document(title=title, items=_told_apart(raw), left_out=max(0, len(raw) - ENTRIES))


def _json_item(item: Mapping[str, Any], base: str, language: str) -> dict[str, Any]:
    return {
        "guid": _str(item.get("id")),
        "url": next(
            (resolved(_str(url), base) for name in ("url", "external_url") if isinstance(url := item.get(name), str)),
            "",
        ),
        "title": _str(item.get("title")),
        "summary": _str(item.get("summary")) or _str(item.get("content_text")) or _str(item.get("content_html")),
        "published": dates.read(_str(item.get("date_published"))) or dates.read(_str(item.get("date_modified"))),
        "language": _str(item.get("language")) or language,
        "outlet": "",
    }


def _str(value: object) -> str:
    """Text, or a number as text; anything else is nothing (X27)."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


# --- what all have in common


def _told_apart(raw: list[dict[str, Any]]) -> tuple[Item, ...]:
    """The newest items, cleaned, each with the keys it can be recognised by (X8-X14).

    The guid counts, unless the document has it at items with other links too; then the link, unless it has that at items
    with other titles too, or it leads to a site's front page; the text where there is no link that counts.
    """
    if len(raw) > ENTRIES:
        raw = sorted(raw, key=lambda item: item["published"] or datetime.max.replace(tzinfo=UTC), reverse=True)[
            :ENTRIES
        ]
    raw = [unwrapped(item) for item in raw]
    links = [same_link(item["url"]) for item in raw]
    vague = _with_several((item["guid"], link) for item, link in zip(raw, links, strict=True))
    shared = _with_several((link, item["title"]) for item, link in zip(raw, links, strict=True))
    items: dict[str, Item] = {}
    for item, link in zip(raw, links, strict=True):
        title, summary = _plain(item["title"], _TITLE_CAP), _plain(item["summary"], _SUMMARY_CAP)
        if _BRIDGE_ERROR.match(title) or not (title or summary or item["url"] or item["guid"]):
            continue  # a bridge's own trouble is no news
        outlet = _plain(item["outlet"], 200)
        guid = "" if item["guid"] in vague else item["guid"]
        keys = _keys(guid, "" if link in shared else link, title, summary)
        items.setdefault(keys[0], Item(
            keys=keys, url=item["url"], title=without_source(title, outlet), summary=summary, published=item["published"],
            language=_plain(item["language"], 20), outlet=outlet,
        ))  # fmt: skip
    return tuple(items.values())


def _with_several(pairs: Iterable[tuple[str, str]]) -> set[str]:
    """The names that stand with more than one value."""
    first: dict[str, str] = {}
    return {name for name, value in pairs if first.setdefault(name, value) != value}


def _keys(guid: str, link: str, title: str, summary: str) -> tuple[str, ...]:
    guid = (guid if guid.isprintable() else NOT_IN_A_NAME.sub("", guid)).strip()
    named = f"id:{same_link(guid) if guid.startswith(('http://', 'https://')) else guid}" if guid else ""
    link = f"url:{link}" if "/" in link.removeprefix("//") or "?" in link else ""
    if named and link:
        return _cut(named), _cut(link)
    text = f"text:{title}|{summary[:200]}" if not link and (title or not named) else ""
    return tuple(map(_cut, filter(None, (named, link, text))))


def _cut(key: str) -> str:
    """A key of bounded length, which differs wherever the whole does."""
    if len(key) <= _KEY_CAP:
        return key
    return f"{key[: _KEY_CAP - 33]}~{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}"


def without_source(title: str, outlet: str) -> str:
    """An aggregator's ` - Outlet` at the end of a title repeats the item's source."""
    return (
        title[: -len(outlet)].rstrip(" -|–—")
        if outlet and re.search(rf"\s[-|–—]\s{re.escape(outlet)}$", title)
        else title
    )


def _plain(text: str, cap: int) -> str:
    """Markup to plain text, once, in one line (X6, X24)."""
    if not text:
        return ""
    text = text[: cap * 20]
    if "<" not in text and "&" not in text and "  " not in text and text.isprintable():
        return text.strip()[:cap]  # nothing to do: most titles
    if _MARKUP.search(text):
        text = html.unescape(nh3.clean(_BLOCKS.sub(" ", text), tags=set(), clean_content_tags={"script", "style"}))
        if "&" in text and (again := html.unescape(text)) != text and "<" not in again:
            text = again  # escaped twice
    text = _CONTROL.sub("", text.encode("utf-8", "replace").decode())
    return " ".join(text.split())[:cap]
