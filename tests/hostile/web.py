"""A web on loopback, half of it hostile: each row of the catalogue has an address of its own, beside feeds that are well."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Serves one connection; whoever calls it closes the connection after it."""
ANOTHER_ENTRY_AFTER = 20
"""So many polls of a healthy feed bring another entry; each feed counts from elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One hostile feed: what it does, and what the store must say of it."""

    name: str
    answer: Answer
    reason: str = ""
    """The code in the log; empty for a feed that is odd, and well."""
    told: str = ""
    """What the sentence in the store says, among other things."""
    tls: ssl.SSLContext | None = None
    https: bool = False
    wait: timedelta | None = None
    """How long the server asks to be left alone; the feed is not made due before."""
    copies: int = 1

    @property
    def scheme(self) -> str:
        return "https" if self.tls is not None or self.https else "http"


@dataclass
class Web:
    """Where everything is, and what was asked for when (seconds of the wall clock)."""

    healthy: list[str] = field(default_factory=list)
    hostile: dict[str, Row] = field(default_factory=dict)
    """URL -> what it does."""
    polled: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """URL of a healthy feed -> when it was asked for."""
    held: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """URL of a hostile feed -> how long each of its connections lasted."""
    forbidden: list[str] = field(default_factory=list)
    """Connections to addresses that nobody may contact."""


async def head(reader: asyncio.StreamReader) -> bytes:
    """The head of a request."""
    return await reader.readuntil(b"\r\n\r\n")


async def until_cut(reader: asyncio.StreamReader, sending: Awaitable[None]) -> None:
    """Send until the other side has had enough."""
    tasks = [asyncio.ensure_future(sending), asyncio.ensure_future(reader.read())]
    _, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception) and not isinstance(outcome, OSError):
            raise outcome


def document(number: int, polls: int) -> bytes:
    """A healthy feed after so many polls; all of them tell of the Orla dam, now and then something more."""
    items = "".join(
        f"<item><guid>{number}-{k}</guid><link>http://herald.example/{number}/{k}</link>"
        f"<title>Orla dam: engineers find crack number {number * 100 + k}</title></item>"
        for k in range(1 + (number + polls) // ANOTHER_ENTRY_AFTER)
    )
    return f"<?xml version='1.0'?><rss version='2.0'><channel><title>Herald {number}</title>{items}</channel></rss>".encode()


def _healthy(web: Web, number: int) -> Answer:
    url = web.healthy[number]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await head(reader)
            web.polled[url].append(time.time())
            polls = len(web.polled[url])
            etag = f'"{number}-{(number + polls) // ANOTHER_ENTRY_AFTER}"'
            if f"If-None-Match: {etag}\r\n".encode() in request:
                writer.write(f"HTTP/1.1 304 Not Modified\r\nETag: {etag}\r\n\r\n".encode())
            else:
                body = document(number, polls)
                writer.write(f"HTTP/1.1 200 OK\r\nETag: {etag}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()

    return answer


def _noted(web: Web, url: str, row: Row) -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        began = time.monotonic()
        try:
            await row.answer(reader, writer)
        finally:
            web.held[url].append(time.monotonic() - began)

    return answer


def addresses(network: int) -> Iterator[str]:
    """The addresses 127.0.`network`.1 and so on."""
    return (f"127.0.{network + n // 250}.{1 + n % 250}" for n in range(10_000))


HEALTHY_NETWORK, HOSTILE_NETWORK, FORBIDDEN = 10, 20, "127.0.99.99"
NETWORKS = "[127.0.10.0/23, 127.0.20.0/23]"
"""What a monitor must be allowed to contact here."""


class _Site:
    """Servers of one web, in an event loop."""

    def __init__(self, web: Web) -> None:
        self.web = web
        self._listening: list[asyncio.Server] = []
        self._connections: set[asyncio.Task[Any]] = set()

    async def listen(self, host: str, answer: Answer, port: int = 0, **kwargs: Any) -> int:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
            try:
                await answer(reader, writer)
                writer.close()
            except (
                OSError,
                EOFError,
                asyncio.LimitOverrunError,
                asyncio.CancelledError,
            ):  # the daily bread of this web
                writer.transport.abort()

        server = await asyncio.start_server(serve, host, port, **kwargs)
        self._listening.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def open(self, healthy: int, rows: Sequence[Row]) -> None:
        web = self.web
        for number, host in zip(range(healthy), addresses(HEALTHY_NETWORK), strict=False):
            web.healthy.append("")
            port = await self.listen(host, lambda r, w, n=number: _healthy(web, n)(r, w))  # type: ignore[misc]
            web.healthy[number] = f"http://{host}:{port}/feed"
        each = [row for row in rows for _ in range(row.copies)]
        for row, host in zip(each, addresses(HOSTILE_NETWORK), strict=False):
            with socket.create_server((host, 0)) as free:
                port = int(free.getsockname()[1])
            url = f"{row.scheme}://{host}:{port}/{row.name}"
            web.hostile[url] = row
            await self.listen(
                host, _noted(web, url, row), port, ssl=row.tls, **({"ssl_handshake_timeout": 60} if row.tls else {})
            )

    async def forbid(self, port: int) -> None:
        async def count(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.web.forbidden.append(str(writer.get_extra_info("sockname")))

        await self.listen(FORBIDDEN, count, port)

    async def close(self) -> None:
        for server in self._listening:
            server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await asyncio.sleep(0.05)  # transports are closed at the loop's next turns


@asynccontextmanager
async def _site(healthy: int, rows: Sequence[Row], forbidden: int) -> AsyncIterator[Web]:
    site = _Site(Web())
    try:
        await site.open(healthy, rows)
        await site.forbid(forbidden)
        yield site.web
    finally:
        await site.close()


@contextmanager
def serving_web(healthy: int, rows: Sequence[Row], forbidden: int) -> Iterator[Web]:
    """A web in a thread of its own; `forbidden` is the port at the address that nobody may contact."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="hostile web", daemon=True)
    thread.start()
    site = _site(healthy, rows, forbidden)
    try:
        yield asyncio.run_coroutine_threadsafe(site.__aenter__(), loop).result(30)
    finally:
        asyncio.run_coroutine_threadsafe(site.__aexit__(None, None, None), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
