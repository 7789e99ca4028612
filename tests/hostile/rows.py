"""What the hostile half of the web does, row by row of the catalogue (H), and what a monitor must say of each."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import struct
import warnings
import zlib
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache, partial
from itertools import islice
from socket import SO_LINGER, SOL_SOCKET

import trustme

from tests.hostile.web import FORBIDDEN, HOSTILE_NETWORK, Answer, Row, addresses, document, head, until_cut

RSS = document(99, 0)
DRIP = 0.5
Sending = Callable[[asyncio.StreamWriter], Awaitable[None]]


# --- ways to answer


def raw(answer: bytes) -> Answer:
    """These very bytes, then the end of the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(answer)
        await writer.drain()

    return serve


def http(body: bytes = RSS, status: str = "200 OK", *headers: str, length: int | str | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def unmeasured(*headers: str) -> bytes:
    return ("\r\n".join(["HTTP/1.1 200 OK", *headers]) + "\r\n\r\n").encode("latin-1")


CHUNKED = unmeasured("Transfer-Encoding: chunked")


def sending(start: bytes, send: Sending) -> Answer:
    """`start`, and then what `send` does, until the other side has had enough."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(start)
        await until_cut(reader, send(writer))

    return serve


def every(seconds: float, piece: bytes) -> Sending:
    async def send(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(seconds)

    return send


def dripping(start: bytes, piece: bytes) -> Answer:
    return sending(start, every(DRIP, piece))


def flooding(start: bytes, piece: bytes) -> Answer:
    return sending(start, every(0, piece))


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the connection, and not a word more."""
    await reader.read()


async def unread(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the connection, says nothing and hears nothing."""
    await until_cut(reader, asyncio.sleep(3600))


async def plain_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An answer without TLS, where a handshake was to be."""
    writer.write(http())
    await reader.read()


async def slow_hops(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Redirects on and on, each hop slower than a person would bear."""
    while True:
        path = (await head(reader)).split(b" ")[1].decode()
        await asyncio.sleep(7)
        writer.write(http(b"", "302 Found", f"Location: {path}x"))
        await writer.drain()


async def hops(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Always one hop more."""
    while True:
        path = (await head(reader)).split(b" ")[1].decode()
        writer.write(http(b"", "301 Moved", f"Location: {path}x"))
        await writer.drain()


async def ping_pong(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """From one address to another and back."""
    while True:
        path = (await head(reader)).split(b" ")[1]
        writer.write(http(b"", "307 Moved", f"Location: {'/redirect-ping-pong' if path == b'/b' else '/b'}"))
        await writer.drain()


def reset_after(answer: bytes, *, at_once: bool = False) -> Answer:
    """The connection breaks with a reset."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not at_once:
            await head(reader)
            writer.write(answer)
            await writer.drain()
            await asyncio.sleep(0.2)
        writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return serve


async def odd_validators(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Validators that no standard knows; only who sends them back byte for byte is served a second time (H15)."""
    etag, modified = b'W/not "quoted", \xe9\t;', b"the day before yesterday"
    request = await head(reader)
    sent = b"If-None-Match" in request
    same = b"If-None-Match: " + etag + b"\r\n" in request and b"If-Modified-Since: " + modified + b"\r\n" in request
    start = http(status="304 Not Modified", body=b"") if same else http() if not sent else http(b"", "500 Changed")
    writer.write(start.replace(b"\r\n", b"\r\nETag: " + etag + b"\r\nLast-Modified: " + modified + b"\r\n", 1))
    await writer.drain()


# --- bombs


def zeros(megabytes: int) -> bytes:
    """So many megabytes of nothing, packed: one of them over and over, since the packer forgets in between."""
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    return (packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)) * megabytes


def gzip_bomb(megabytes: int) -> bytes:
    return gzip.compress(b"")[:10] + zeros(megabytes)


def deflate_bomb(megabytes: int) -> bytes:
    return b"\x78\x9c" + zeros(megabytes)


# --- TLS


@cache
def authority() -> trustme.CA:
    """Who is trusted here."""
    return trustme.CA()


def tls(issuer: trustme.CA, host: str = "", *, expired: bool = False, old: bool = False) -> ssl.SSLContext:
    """For all addresses of the hostile half, unless a host is named."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    until = datetime.now(UTC) - timedelta(days=2) if expired else None
    hosts = [host] if host else islice(addresses(HOSTILE_NETWORK), 250)
    issuer.issue_cert(*hosts, not_after=until).configure_cert(context)
    if old:
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


# --- the rows

TIMEOUT = partial(Row, reason="timeout", told="took too long", copies=4)
TOO_LARGE = partial(Row, reason="too-large", told="larger than")
REDIRECT = partial(Row, reason="redirect", told="redirects")
PROTOCOL = partial(Row, reason="protocol", told="does not speak proper HTTP")
RESET = partial(Row, reason="connection", told="broke the connection")
TRUNCATED = partial(Row, reason="truncated", told="broke off")
ENCODING = partial(Row, reason="encoding", told="unpack")
NO_FEED = partial(Row, reason="not-a-feed")
UNTRUSTED = partial(Row, reason="tls", told="certificate", answer=raw(http()))
NO_TLS = partial(Row, reason="tls", told="does not speak TLS", https=True)


def slow() -> list[Row]:
    """H1, H2, H4: what takes for ever, if it is let."""
    packed = gzip.compress(bytes(1 << 20))
    return [
        TIMEOUT(name="headers-dripped", answer=dripping(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n")),
        TIMEOUT(name="one-header-dripped", answer=dripping(b"HTTP/1.1 200 OK\r\nX: ", b"y")),
        TIMEOUT(name="status-dripped", answer=dripping(b"HTTP/1.1 200 ", b"O")),
        TIMEOUT(name="body-dripped", answer=dripping(http(b"", length=10**6), b"x")),
        TIMEOUT(name="chunks-dripped", answer=dripping(CHUNKED, b"1\r\nx\r\n")),
        TIMEOUT(name="chunk-size-dripped", answer=dripping(CHUNKED, b"0")),
        TIMEOUT(name="trailers-dripped", answer=dripping(CHUNKED + b"0\r\n", b"X: y\r\n")),
        TIMEOUT(name="packed-dripped", answer=dripping(http(packed[:20], "200 OK", "Content-Encoding: gzip", length=10**6), packed[20:21])),
        TIMEOUT(name="unmeasured-dripped", answer=dripping(unmeasured(), b"<rss>")),
        TIMEOUT(name="silent-after-accept", answer=unread),
        TIMEOUT(name="silent-after-request", answer=silent),
        TIMEOUT(name="silent-handshake", answer=silent, https=True),
        TIMEOUT(name="silent-body", answer=sending(http(b"<rss", length=1000), lambda _: asyncio.sleep(3600))),
        TIMEOUT(name="hops-dripped", answer=slow_hops),
    ]  # fmt: skip


def endless() -> list[Row]:
    """H3, H4, H35: what is larger than anybody can hold."""
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"

    def packed(body: bytes, status: str = "200 OK", *headers: str, coding: str = "gzip") -> Answer:
        return raw(http(body, status, f"Content-Encoding: {coding}", *headers))

    return [
        TOO_LARGE(name="chunks-endless", answer=flooding(CHUNKED, chunk)),
        TOO_LARGE(name="unmeasured-endless", answer=flooding(unmeasured(), b"x" * 0x10000)),
        TOO_LARGE(name="gzip-bomb", answer=packed(gzip_bomb(1000))),
        TOO_LARGE(name="deflate-bomb", answer=packed(deflate_bomb(1000), coding="deflate")),
        TOO_LARGE(name="nested-bomb", answer=packed(gzip.compress(gzip_bomb(1000)), coding="gzip, gzip")),
        TOO_LARGE(name="members-bomb", answer=packed(gzip.compress(bytes(1 << 20)) * 1000)),
        REDIRECT(name="redirect-bomb", answer=packed(gzip_bomb(1000), "302 Found", "Location: file:///etc/passwd")),
        Row(name="error-bomb", reason="http-500", told="500", answer=packed(gzip_bomb(1000), "500 Error")),
        PROTOCOL(name="interim-endless", answer=flooding(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500)),
        PROTOCOL(name="trailers-endless", answer=flooding(CHUNKED + b"0\r\n", b"X: y\r\n" * 1000)),
        PROTOCOL(name="status-endless", answer=flooding(b"HTTP/1.1 200 ", b"O" * 0x10000)),
        PROTOCOL(name="headers-endless", answer=flooding(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000)),
        PROTOCOL(name="chunk-size-endless", answer=flooding(CHUNKED, b"0" * 0x10000)),
    ]  # fmt: skip


def broken() -> list[Row]:
    """H5-H8, H24, H35: what is no proper answer."""
    return [
        ENCODING(name="packed-thrice", told="packed too many times", answer=raw(http(RSS, "200 OK", "Content-Encoding: gzip, gzip, gzip"))),
        ENCODING(name="packed-never", answer=raw(http(RSS, "200 OK", "Content-Encoding: gzip"))),
        ENCODING(name="packed-by-x", answer=raw(http(RSS, "200 OK", "Content-Encoding: x-rot13"))),
        ENCODING(name="packed-by-brotli", answer=raw(http(b"\x8b\x03\x80<rss/>\x03", "200 OK", "Content-Encoding: br"))),
        TRUNCATED(name="short", answer=raw(http(RSS, length=len(RSS) + 50))),
        TRUNCATED(name="chunk-short", answer=raw(CHUNKED + b"ffff\r\n" + RSS)),
        TRUNCATED(name="chunk-never", answer=raw(CHUNKED)),
        Row(name="packed-short", answer=raw(http(gzip.compress(RSS)[:-30], "200 OK", "Content-Encoding: gzip"))),
        TRUNCATED(name="chunk-size-odd", answer=raw(CHUNKED + b"zz\r\n" + RSS + b"\r\n0\r\n\r\n")),
        RESET(name="reset-in-body", answer=reset_after(http(RSS, length=10**5))),
        PROTOCOL(name="lengths-differ", answer=raw(http(RSS, "200 OK", "Content-Length: 5"))),
        Row(name="length-negative", answer=raw(http(RSS, length=-5))),
        Row(name="length-a-word", answer=raw(http(RSS, length="many"))),
        PROTOCOL(name="header-with-cr", answer=raw(http(RSS, "200 OK", "X: a\rSet-Cookie: b"))),
        PROTOCOL(name="etag-with-cr", answer=raw(http(RSS, "200 OK", 'ETag: "a\rb"'))),
        PROTOCOL(name="header-with-nul", answer=raw(http(RSS, "200 OK", 'ETag: "a\0b"'))),
        Row(name="header-without-colon", answer=raw(http(RSS, "200 OK", "no colon here", "Content-Encoding: gzip"))),
        PROTOCOL(name="200-headers", answer=raw(http(RSS, "200 OK", *[f"X-{n}: y" for n in range(200)]))),
        PROTOCOL(name="long-header", answer=raw(http(RSS, "200 OK", "X: " + "y" * 70_000))),
        PROTOCOL(name="status-a-word", answer=raw(b"HTTP/1.1 fine OK\r\n\r\n" + RSS)),
        PROTOCOL(name="another-protocol", answer=raw(b"SSH-2.0-OpenSSH_9\r\n")),
        PROTOCOL(name="binary", answer=raw(bytes(range(256)) * 20)),
        RESET(name="nothing", answer=raw(b"")),
        RESET(name="reset-at-once", answer=reset_after(b"", at_once=True)),
        RESET(name="reset-after-request", answer=reset_after(b"")),
        RESET(name="reset-in-headers", answer=reset_after(b"HTTP/1.1 200 OK\r\nX: y")),
    ]  # fmt: skip


def redirects(forbidden: int) -> list[Row]:
    """H9, H12, H32."""

    def to(location: str) -> Answer:
        return raw(http(b"", "302 Found", f"Location: {location}"))

    private = f"http://{FORBIDDEN}:{forbidden}/"
    return [
        REDIRECT(name="redirect-to-itself", told="in circles", answer=to("/redirect-to-itself")),
        REDIRECT(name="redirect-ping-pong", told="in circles", answer=ping_pong),
        REDIRECT(name="redirect-on-and-on", told="in circles", answer=hops),
        REDIRECT(name="redirect-without-location", answer=raw(http(b"", "301 Moved"))),
        *(
            REDIRECT(name=f"redirect-{name}", told="nowhere useful", answer=to(location))
            for name, location in {
                "empty": "", "file": "file:///etc/passwd", "ftp": "ftp://127.0.20.1/", "script": "javascript:alert(1)", "data": "data:text/xml,<rss/>",
                "gopher": "gopher://127.0.20.1/_x",
            }.items()
        ),
        REDIRECT(name="redirect-down", told="https to http", answer=to("http://127.0.10.1/"), tls=tls(authority())),
        Row(name="redirect-to-private", reason="forbidden", told="private address", answer=to(private)),
        Row(name="redirect-to-private-in-hex", reason="forbidden", told="private address", answer=to(private.replace("127.0.99.99", "0x7f006363"))),
        REDIRECT(name="redirect-to-no-address", told="nowhere useful", answer=to("http://[::1/")),
        Row(name="redirect-to-closed", reason="connection", told="cannot be reached", answer=to("http://127.0.20.1:9/")),
        Row(name="many-choices", reason="http-300", told="300", answer=raw(http(b"", "300 Many"))),
    ]  # fmt: skip


def refusals() -> list[Row]:
    """H14, H18-H20, H22-H24: the server says no."""
    now = datetime.now(UTC)
    hour, day = timedelta(hours=1), timedelta(days=1)
    waits: list[tuple[str, str, tuple[str, ...], timedelta | None]] = [
        ("429-seconds", "429 Slow", ("Retry-After: 7200",), 2 * hour),
        ("429-date", "429 Slow", (f"Retry-After: {format_datetime(now + 3 * hour, usegmt=True)}", f"Date: {format_datetime(now, usegmt=True)}"), 3 * hour),
        ("429-date-by-its-clock", "429 Slow", ("Retry-After: Tue, 05 Mar 2019 14:00:00 GMT", "Date: Tue, 05 Mar 2019 12:00:00 GMT"), 2 * hour),
        ("429-past", "429 Slow", ("Retry-After: Tue, 05 Mar 2019 14:00:00 GMT",), 4 * hour),
        ("429-negative", "429 Slow", ("Retry-After: -5",), 4 * hour),
        ("429-huge", "429 Slow", ("Retry-After: 315360000",), day),
        ("429-longest", "429 Slow", ("Retry-After: " + "9" * 5000,), day),
        ("429-garbage", "429 Slow", ("Retry-After: tomorrow, perhaps",), 4 * hour),
        ("429-alone", "429 Slow", (), 4 * hour),
        ("503-seconds", "503 Down", ("Retry-After: 3600",), hour),
        ("503-date", "503 Down", (f"Retry-After: {format_datetime(now + 3 * hour, usegmt=True)}",), 3 * hour),
        ("503-odd-digits", "503 Down", ("Retry-After: \xb2\xb3",), None),
    ]  # fmt: skip
    waiting = [
        Row(
            name=name, answer=raw(http(b"", status, *headers)), wait=wait,
            reason="throttled" if status[:3] == "429" else f"http-{status[:3]}",
        )
        for name, status, headers, wait in waits
    ]  # fmt: skip
    codes = [400, 401, 403, 404, 405, 418, 451, 500, 502, 504, 599, 999]
    return [
        *waiting,
        *(Row(name=f"{code}", reason=f"http-{code}", told=f"{code}", answer=raw(http(b"", f"{code} No"))) for code in codes),
        Row(name="gone", reason="gone", told="ended for good", answer=raw(http(b"", "410 Gone"))),
        Row(name="bot-wall", reason="bot-wall", told="wall against bots", answer=raw(http(b"", "403 No", "cf-mitigated: challenge"))),
        Row(name="304-unasked", reason="not-modified", told="was not asked", answer=raw(http(b"", "304 Not Modified"))),
    ]  # fmt: skip


def contents() -> list[Row]:
    """H4, H8, H15, H36-H38: what comes instead of a feed, and feeds that are odd and well all the same."""
    page = (
        b"<!doctype html><html><head><title>Log in</title></head><body><form><input type=password></form></body></html>"
    )
    return [
        NO_FEED(name="a-page", answer=raw(http(page, "200 OK", "Content-Type: application/rss+xml"))),
        NO_FEED(name="no-content", answer=raw(b"HTTP/1.1 204 No Content\r\n\r\n")),
        NO_FEED(name="empty", answer=raw(http(b""))),
        NO_FEED(name="other-json", answer=raw(http(b'{"error": "no such feed"}'))),
        Row(name="null-json", reason="not-a-feed", answer=raw(http(b"null", "200 OK", "Content-Type: application/feed+json"))),
        NO_FEED(name="picture", answer=raw(http(b"\x89PNG\r\n\x1a\n" + bytes(500), "200 OK", "Content-Type: image/png"))),
        Row(name="wrong-type", answer=raw(http(RSS, "200 OK", "Content-Type: application/octet-stream"))),
        Row(name="no-length-no-end", answer=raw(unmeasured() + RSS[:-30])),
        Row(name="odd-links", answer=raw(http(RSS, "200 OK", 'Link: <http://[::1/>; rel="hub", <http://[>; rel=self, <>;, ;;'))),
        Row(name="odd-validators", answer=odd_validators),
        Row(name="closes-what-it-keeps", answer=raw(http(RSS, "200 OK", "Connection: keep-alive"))),
        Row(name="lengths-agree", answer=raw(http(RSS, "200 OK", f"Content-Length: {len(RSS)}"))),
    ]  # fmt: skip


def certificates() -> list[Row]:
    """H25."""
    return [
        UNTRUSTED(name="tls-expired", tls=tls(authority(), expired=True)),
        UNTRUSTED(name="tls-wrong-host", tls=tls(authority(), "herald.example")),
        UNTRUSTED(name="tls-stranger", tls=tls(trustme.CA())),
        NO_TLS(name="tls-old", tls=tls(authority(), old=True), answer=raw(http())),
        NO_TLS(name="tls-never", answer=plain_at_once),
        Row(name="tls-well", tls=tls(authority()), answer=raw(http())),
    ]


def all_rows(forbidden: int) -> list[Row]:
    """Every row; `forbidden` is the port at the address that nobody may contact."""
    parts: Iterable[list[Row]] = (
        slow(), endless(), broken(), redirects(forbidden), refusals(), contents(), certificates()
    )  # fmt: skip
    return [row for part in parts for row in part]
