"""The feeds of the measurement: a process of their own, which counts who asks for what, and how many are at a host at once.

A request is at its host from the moment at which it is read until its answer is written, or its connection is gone.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import resource
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from html import escape
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.speed.web import document

PER_HOST = 4
_ENTRIES = 3
_DOCUMENTS = 500
"""Different ones; every so many feeds carry the same beside what they are told to publish."""
_USUAL, _SLOW, _ONE_IN = (0.02, 0.3), (3.0, 8.0), 40
"""Seconds until an answer; every so many hosts are slow, of which the first is not one."""


@dataclass(slots=True)
class Counted:
    """What the server saw; times by the monotonic clock."""

    asked: dict[int, list[tuple[float, str]]] = field(default_factory=lambda: defaultdict(list))
    """Feed -> when it was asked for, and from where."""
    most: int = 0
    """The most requests at one host at once."""
    at_once: list[tuple[float, str, tuple[str, ...]]] = field(default_factory=list)
    """When a host had more than one, which one, and from where they came."""
    closest: dict[bool, float] = field(default_factory=lambda: {True: 1e9, False: 1e9})
    """Seconds between the starts of two requests at a host, at least: where another worker asked before, and where the same did."""
    by: Counter[str] = field(default_factory=Counter)
    """Where requests came from."""


class Site:
    """What is published, and what was counted."""

    def __init__(self) -> None:
        chance = random.Random(1)
        self._documents = [
            document(n, _ENTRIES, chance).removesuffix("</channel></rss>").encode() for n in range(_DOCUMENTS)
        ]
        self._news: dict[int, list[str]] = defaultdict(list)
        self.counted = Counted()
        self._at: dict[str, list[str]] = defaultdict(list)
        self._last: dict[str, tuple[float, str]] = {}

    def publish(self, feed: int, title: str) -> None:
        """Have a feed tell that from now on."""
        self._news[feed].append(title)

    def answer(self, feed: int, known: str) -> bytes:
        """The whole answer to a request for a feed."""
        news = self._news.get(feed, [])
        tag = f'"{feed}-{len(news)}"'
        if known == tag:
            return f"HTTP/1.1 304 Not Modified\r\nETag: {tag}\r\n\r\n".encode()
        told = "".join(
            f"<item><title>{escape(title)}</title><guid>{feed}-{n}</guid></item>" for n, title in enumerate(news)
        )
        body = self._documents[feed % _DOCUMENTS] + f"{told}</channel></rss>".encode()
        head = f"HTTP/1.1 200 OK\r\nETag: {tag}\r\nContent-Type: application/rss+xml\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body

    def begin(self, host: str, feed: int, source: str) -> None:
        """A request is at a host."""
        now, counted, there = time.monotonic(), self.counted, self._at[host]
        counted.asked[feed].append((now, source))
        counted.by[source] += 1
        if before := self._last.get(host):
            another = before[1] != source
            counted.closest[another] = min(counted.closest[another], now - before[0])
        self._last[host] = (now, source)
        there.append(source)
        counted.most = max(counted.most, len(there))
        if len(there) > 1:
            counted.at_once.append((now, host, tuple(there)))

    def end(self, host: str, source: str) -> None:
        """It is there no more."""
        self._at[host].remove(source)
        if not self._at[host]:
            del self._at[host]


class _Talk(asyncio.Protocol):
    """One connection; requests come one after the other."""

    def __init__(self, site: Site) -> None:
        self._site, self._read = site, b""
        self._answering: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._host, self._source = (transport.get_extra_info(name)[0] for name in ("sockname", "peername"))

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, end, rest = self._read.partition(b"\r\n\r\n")
        if not end or self._answering:
            return
        self._read = rest
        first, *lines = head.decode("latin-1").split("\r\n")
        known = next(
            (line.partition(":")[2].strip() for line in lines if line.lower().startswith("if-none-match:")), ""
        )
        feed = int(first.split()[1].strip("/"))
        self._site.begin(self._host, feed, self._source)
        wait = random.uniform(*(_SLOW if feed // PER_HOST % _ONE_IN == _ONE_IN - 1 else _USUAL))
        self._answering = asyncio.get_running_loop().call_later(wait, self._answer, feed, known)

    def _answer(self, feed: int, known: str) -> None:
        self._transport.write(self._site.answer(feed, known))
        self._end()

    def connection_lost(self, _error: Exception | None) -> None:
        if self._answering:
            self._answering.cancel()
            self._end()

    def _end(self) -> None:
        self._answering = None
        self._site.end(self._host, self._source)


class Web:
    """The process, as another sees it."""

    def __init__(self, line: Connection) -> None:
        self._line = line

    def publish(self, feed: int, title: str) -> None:
        """Have a feed tell that from now on."""
        self._ask("publish", feed, title)

    def counted(self) -> Counted:
        """What was counted until now."""
        counted: Counted = self._ask("counted")
        return counted

    def _ask(self, *words: object) -> Any:
        self._line.send(words)
        return self._line.recv()


@contextmanager
def serving(port: int) -> Iterator[Web]:
    """At each address of this machine."""
    near, far = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(port, far), daemon=True)
    process.start()
    far.close()
    assert near.recv() == "begun"
    try:
        yield Web(near)
    finally:
        process.terminate()
        process.join()


def _serve(port: int, line: Connection) -> None:
    with suppress(KeyboardInterrupt):
        asyncio.run(_until_ended(port, line))


async def _until_ended(port: int, line: Connection) -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    site, loop = Site(), asyncio.get_running_loop()

    def told() -> None:
        match line.recv():
            case ("publish", int(feed), str(title)):
                site.publish(feed, title)
                line.send(None)
            case _:
                line.send(replace(site.counted, asked=dict(site.counted.asked)))

    server = await loop.create_server(lambda: _Talk(site), "0.0.0.0", port, backlog=1000)
    loop.add_reader(line.fileno(), told)
    line.send("begun")
    await server.serve_forever()
