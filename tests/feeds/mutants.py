"""Feed documents damaged in ways that happen and in ways that are meant, always the same by number; and what must hold of
whatever a parse child makes of one.

Runs in parse children too, so it imports no test tools.
"""

from __future__ import annotations

import random
import re
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from monitor.feeds.document import ENTRIES
from monitor.feeds.identity import entries_of
from monitor.feeds.parse import Sent, _parse
from monitor.model import Document, Feed, FeedState, Item, Poll

SEED = 20_240_305
URL = "https://herald.example/news/feed"
SMALL, LARGE = 1_500, 16_000
"""Bytes: nearly all mutants are made of files up to the first, some of files up to the second."""
REASONS = frozenset({"not-a-feed", "unreadable", "parse-crash"})
"""Why parsing may fail."""
NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)

Operator = Callable[[bytes, random.Random, bytes], bytes]
"""(document, dice, another document) -> a damaged document."""

_TAG = re.compile(rb"</?([A-Za-z][\w:.-]*)")
_TEXT = re.compile(rb">([^<>]{1,200})<|: ?\"([^\"]{1,200})\"")
_NUMBER = re.compile(rb"\d+")
_DATE = re.compile(rb"\d{4}-\d\d-\d\d[T ]?[\d:.]*(?:Z|[+-]\d\d:?\d\d)?|\w{3}, \d{1,2} \w{3} \d{4} [\d:]+ ?[\w+-]*")
_VALUE = re.compile(rb"(?<=:) ?(\"[^\"]*\"|\d+|null|true|\[\]|\{\})|(?<==)(\"[^\"<>]*\")")
_ENTRY = re.compile(rb"<(item|entry)\b.*<(title|link|guid|id|description|summary)\b", re.DOTALL)
_ENCODING = re.compile(rb"encoding=(['\"])[^'\"]*['\"]")

NUMBERS = (
    b"0",
    b"-1",
    b"99999999999999999999",
    b"1e999",
    b"NaN",
    b"null",
    b"1" * 400,
    b"0x7f",
    "٣".encode(),
    "²".encode(),
    b"1.5",
    b"",
)
DATES = (
    b"1970-01-01T00:00:00Z", b"0000-00-00T00:00:00Z", b"9999-12-31T23:59:59+14:00", b"0001-01-01T00:00:00+14:00", b"2024-13-45T99:99:99Z",
    b"2024-02-30", b"Tue, 32 Mar 2024 25:61:61 GMT", b"Tue, 05 Mar 2024 12:00:60 GMT", b"1709640000", b"Di, 5 M\xc3\xa4r 2024", b"Tue, 05 Mar 99999 12:00:00 +9999",
    b"2024-W10-2", b"20240305T120000Z", b"Tue, 05 Mar 2024 12:00:00 CET", "2026年3月5日".encode(), b"2024-03-05T12:00:00+99:99",
)  # fmt: skip
TEXTS = (
    b"<![CDATA[<script>alert(1)</script>]]>", b"&#xD800;&#xDFFF;", b"&#0;&#x1b;[2J", b"&#x202e;gnp.exe", b"<![CDATA[", b"]]>", b"<!--", b"&nbsp;&amp;nbsp;&amp;amp;nbsp;",
    b"javascript:alert(1)", b"data:text/html,x", b"http://[::1", b"http://a.example:99999999/", b"//b.example/x", b"http:///", b"https://\xc3\xbc.example/ a",
    b"http://a.example/\r\nX: y", b"\xed\xa0\x80", b"\xff\xfe", b"\xf4\x90\x80\x80", b"%s{0.__class__}${x}{{7*7}}", b"&lt;" * 300, b"<a>" * 50, b"urn:uuid:1",
    b"http://\\@a.example/", b"https://a.example/?utm_source=%FF&=%00", b"\\ud800\\u0000", b"Bridge returned error 500!", "\ufffe\uffff\u0085\u2028".encode(),
)  # fmt: skip
CODECS = ("utf-16", "utf-16-be", "utf-32", "cp1252", "utf-7", "cp500", "shift_jis", "utf-8-sig", "koi8-r", "gb18030")
DECLARED = (
    b"utf-8",
    b"utf-16",
    b"windows-1252",
    b"ebcdic-cp-us",
    b"no-such-charset",
    b"utf-7",
    b"idna",
    b"rot13",
    b"unicode_escape",
    b"",
)
VALUES = (
    b"null",
    b"1e999",
    b"-0.0",
    b"NaN",
    b"[]",
    b"{}",
    b"true",
    b'"\\ud800"',
    b'"\\u0000\\u0085"',
    b'""',
    b"[" * 300,
    b'[null, {"a": 1}]',
    b"9" * 5_000,
    b'"http://[/"',
)
TYPES = (
    "text/xml",
    "",
    "application/rss+xml; charset=utf-16",
    "text/html; charset=windows-1252",
    "application/json",
    "text/plain; charset=none",
)
DOCTYPES = (
    b'<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/hostname">]>', b'<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd">', b"<!DOCTYPE r [<!ENTITY % p 'x'> %p;]>",
    b"<!DOCTYPE r [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]>", b"<!DOCTYPE html>", b"<!DOCTYPE r [<!ENTITY a '&a;'>", b"<!DOCTYPE", b'<!ENTITY x "]>">',
)  # fmt: skip
NAMES = (
    b"item",
    b"entry",
    b"title",
    b"link",
    b"guid",
    b"id",
    b"pubDate",
    b"updated",
    b"description",
    b"content:encoded",
    b"channel",
    b"rss",
    b"source",
    b"ttl",
    b"html",
    b"svg",
)


# --- ways to damage a document


def _place(body: bytes, dice: random.Random) -> int:
    return dice.randint(0, len(body))


def _instead(pattern: re.Pattern[bytes], body: bytes, dice: random.Random, new: bytes) -> bytes:
    """`body` with one of the pattern's findings, which the dice choose, replaced; what a group of it found, if it has groups."""
    found = list(pattern.finditer(body))
    if not found:
        return body
    chosen = dice.choice(found)
    start, end = chosen.span(chosen.lastindex or 0)
    return body[:start] + new + body[end:]


def flip_bits(body: bytes, dice: random.Random, _other: bytes) -> bytes:
    damaged = bytearray(body)
    for _ in range(dice.randint(1, 8) if body else 0):
        damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
    return bytes(damaged)


def delete(body: bytes, dice: random.Random, _other: bytes) -> bytes:
    start = _place(body, dice)
    return body[:start] + body[start + dice.choice((1, 2, 10, 100)) :]


def duplicate(body: bytes, dice: random.Random, _other: bytes) -> bytes:
    start = _place(body, dice)
    end = start + dice.choice((1, 5, 50, 500))
    return body[:end] + body[start:end] * dice.randint(1, 5) + body[end:]


def truncate(body: bytes, dice: random.Random, _other: bytes) -> bytes:
    return body[: _place(body, dice)]


def splice(body: bytes, dice: random.Random, other: bytes) -> bytes:
    return body[: _place(body, dice)] + other[_place(other, dice) :]


def two_roots(body: bytes, _dice: random.Random, other: bytes) -> bytes:
    return body + other


def mangle_number(body: bytes, dice: random.Random, _other: bytes) -> bytes:
    return _instead(_NUMBER, body, dice, dice.choice(NUMBERS))


def mangle_date(body: bytes, dice: random.Random, _other: bytes) -> bytes:
    return _instead(_DATE, body, dice, dice.choice(DATES))


def mistype(body: bytes, dice: random.Random, _other: bytes) -> bytes:
    """A value of another type, as JSON knows them; or another attribute."""
    return _instead(_VALUE, body, dice, dice.choice(VALUES))


def swap_names(body: bytes, dice: random.Random, _other: bytes) -> bytes:
    """One tag name becomes another, everywhere or at one place only."""
    names = sorted(set(_TAG.findall(body)))
    if not names:
        return body
    old, new = dice.choice(names), dice.choice((*NAMES, *names))
    return re.sub(rb"(?<=[</])%b\b" % re.escape(old), new, body, count=dice.choice((0, 1)))


def reencode(body: bytes, dice: random.Random, _other: bytes) -> bytes:
    """Written in another encoding, while it declares the old one or any."""
    text = body.decode("utf-8", "replace")
    encoded = text.encode(dice.choice(CODECS), "replace")
    return declare(encoded, dice, b"") if dice.random() < 0.3 else encoded


def declare(body: bytes, dice: random.Random, _other: bytes) -> bytes:
    """Another encoding declared than it is in."""
    declared = dice.choice(DECLARED)
    if _ENCODING.search(body):
        return _ENCODING.sub(b'encoding="%b"' % declared, body, count=1)
    return b'<?xml version="1.0" encoding="%b"?>' % declared + body


def nest(body: bytes, dice: random.Random, _other: bytes) -> bytes:
    place, name = _place(body, dice), dice.choice(NAMES)
    deep = dice.choice((10, 100, 400))
    return body[:place] + dice.choice((b"<%b>" % name, b"[", b'{"a":')) * deep + body[place:]


def repeat(body: bytes, dice: random.Random, _other: bytes) -> bytes:
    """One of its elements many times over."""
    elements = list(
        re.finditer(rb"<(item|entry|title|link|guid|id|author|category)\b[^>]*>.{0,400}?</\1>", body, re.DOTALL)
    )
    if not elements:
        return body + body
    chosen = dice.choice(elements)
    return body[: chosen.end()] + chosen.group() * dice.choice((1, 5, 30)) + body[chosen.end() :]


def doctype(body: bytes, dice: random.Random, _other: bytes) -> bytes:
    place = dice.choice((0, body.find(b"?>") + 2, _place(body, dice)))
    use = _instead(_TEXT, body[place:], dice, dice.choice((b"&a;", b"&b;", b"&f;", b"&p;", b"&eacute;")))
    return body[:place] + dice.choice(DOCTYPES) + use


def control(body: bytes, dice: random.Random, _other: bytes) -> bytes:
    place = _place(body, dice)
    return (
        body[:place]
        + bytes(dice.choices((0, 1, 8, 11, 12, 13, 27, 127, 133, 159, 255), k=dice.randint(1, 5)))
        + body[place:]
    )


def huge_attribute(body: bytes, dice: random.Random, _other: bytes) -> bytes:
    tags = list(_TAG.finditer(body))
    place = dice.choice(tags).end() if tags else 0
    many = b"".join(b' a%d="1"' % number for number in range(dice.choice((5, 50, 300))))
    return (
        body[:place]
        + dice.choice((many, b' x="' + b"y" * dice.choice((2_000, 20_000)) + b'"', b' xmlns:z="' + b"z" * 500 + b'"'))
        + body[place:]
    )


def say(body: bytes, dice: random.Random, _other: bytes) -> bytes:
    """A text or a value that somebody chose with care."""
    return _instead(_TEXT, body, dice, dice.choice(TEXTS))


def fill_up(body: bytes, dice: random.Random, _other: bytes) -> bytes:
    """A text of many kilobytes."""
    piece = dice.choice((b"1", b"a ", b"<b>", b"&amp;", b"\n", b"(", b"<!--", b"\xc5\x82", b"@"))
    return _instead(_TEXT, body, dice, piece * dice.choice((300, 2_000)))


QUICK: tuple[Operator, ...] = (
    flip_bits, delete, duplicate, truncate, splice, mangle_number, mangle_date, swap_names, reencode, declare, doctype, control, huge_attribute, say, mistype,
)  # fmt: skip
SLOW: tuple[Operator, ...] = (two_roots, nest, repeat, fill_up)
"""What makes a document larger, and so its parser slower: it comes less often."""


@dataclass(frozen=True, slots=True)
class Stock:
    """The documents that mutants are made of, by kind."""

    full: Sequence[bytes]
    """Small ones with entries."""
    bare: Sequence[bytes]
    """Small ones without."""
    large: Sequence[bytes]
    json: Sequence[bytes]


@lru_cache(maxsize=1)
def stock(folder: Path) -> Stock:
    """What there is in the corpus; of JSON only feeds, since there are what other parsers are expected to make of feeds, too."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size <= LARGE)
    bodies = [path.read_bytes() for path in files]
    marked = [body for body in bodies if body.lstrip(b"\xef\xbb\xbf \r\n")[:1] == b"<"]
    small = [body for body in marked if len(body) <= SMALL]
    return Stock(
        full=[body for body in small if _ENTRY.search(body)],
        bare=[body for body in small if not _ENTRY.search(body)],
        large=[body for body in marked if len(body) > SMALL],
        json=[body for body in bodies if b"jsonfeed.org/version" in body],
    )


def mutant(folder: Path, number: int, seed: int = SEED) -> tuple[bytes, str]:
    """The mutant with this number, and the media type it is served as."""
    dice, there = random.Random(f"{seed} {number}"), stock(folder)
    kind = dice.choices((there.full, there.bare, there.large, there.json), (50, 38, 1, 11))[0]
    body, other = dice.choice(kind), dice.choice(there.full)
    for operator in dice.choices(QUICK * 4 + SLOW, k=dice.choice((1, 1, 1, 2, 3))):
        body = operator(body, dice, other)
    return body, dice.choice(TYPES)


# --- what must hold, whatever came in


def violations(document: Document) -> Iterator[str]:
    """What is wrong with a document; nothing, if all is well."""
    if len(document.items) > ENTRIES:
        yield f"{len(document.items)} items"
    if len({item.keys[:1] for item in document.items}) < len(document.items):
        yield "two items with one key"
    wishes = (document.ttl, document.skip_hours, document.skip_days)
    if not all(0 <= wish <= most for wish, most in zip(wishes, (10_080, 2**24 - 1, 2**7 - 1), strict=True)):
        yield f"ttl and hours and days to be skipped of {wishes}"
    if any(address and urlsplit(address).scheme not in ("http", "https") for address in (document.hub, document.topic)):
        yield f"hub {document.hub}, topic {document.topic}"
    yield from _wrong_text("title of the feed", document.title, 1_000)
    for item in document.items:
        yield from _wrong_item(item)
    state = FeedState(url=URL, next_poll_at=NOON)
    for entry in entries_of(Poll(feed=Feed(url=URL), state=state, at=NOON, document=document)):
        if not entry.id or not entry.keys or entry.published > NOON:
            yield f"entry {entry}"


def _wrong_item(item: Item) -> Iterator[str]:
    if not item.keys or not all(item.keys):
        yield f"keys {item.keys}"
    for name, text, most in (
        ("title", item.title, 1_000),
        ("summary", item.summary, 10_000),
        ("outlet", item.outlet, 200),
        ("language", item.language, 20),
        ("url", item.url, 2_000),
        *(("key", key, 500) for key in item.keys),
    ):
        yield from _wrong_text(name, text, most)
    if item.url and not _leads_to_the_web(item.url):
        yield f"url {item.url!r}"
    if item.published is not None and not (item.published.utcoffset() == timedelta(0) and item.published.year >= 1990):
        yield f"date {item.published!r}"


def _wrong_text(name: str, text: str, most: int) -> Iterator[str]:
    if len(text) > most:
        yield f"{name} of {len(text)} characters"
    if not text.isprintable() and (
        odd := sorted({c for c in text if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")})
    ):
        yield f"{name} with {odd!r}"  # so that it can be encoded, too: UTF-8 has no lone surrogates


def _leads_to_the_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", url)


# --- many at a time, in a parse child


@dataclass(slots=True)
class Tally:
    """What became of many documents."""

    outcomes: Counter[str] = field(default_factory=Counter)
    items: int = 0
    slowest: float = 0.0
    """CPU seconds of the one that took longest."""
    wrong: list[str] = field(default_factory=list)
    """Each with the number of its mutant."""

    def add(self, other: Tally) -> None:
        self.outcomes += other.outcomes
        self.items += other.items
        self.slowest = max(self.slowest, other.slowest)
        self.wrong += other.wrong

    def note(self, name: object, outcome: Document | tuple[str, str], seconds: float) -> None:
        """Count one outcome, and look whether all holds."""
        self.slowest = max(self.slowest, seconds)
        if isinstance(outcome, Document):
            self.outcomes["read" if outcome.items else "empty"] += 1
            self.items += len(outcome.items)
            self.wrong += [f"{name}: {what}" for what in violations(outcome)]
        else:
            reason, sentence = outcome
            self.outcomes[f"{reason}: {sentence}"] += 1
            if reason not in REASONS or not sentence:
                self.wrong.append(f"{name}: {outcome}")


def judge(folder: Path, numbers: Iterable[int]) -> Tally:
    """What a child, limits and all, makes of these mutants."""
    tally = Tally()
    for number in numbers:
        body, content_type = mutant(folder, number)
        before = time.process_time()
        sent = _parse(body, URL, content_type)
        outcome = sent.document() if isinstance(sent, Sent) else sent
        tally.note(number, outcome, time.process_time() - before)
    return tally
