"""Raw servers on loopback that answer as a test says, down to the last byte."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from monitor.feeds.fetch import Gate
from monitor.feeds.settings import FetchSettings
from monitor.model import Feed, FeedState

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
RSS = (
    b"<?xml version='1.0'?><rss version='2.0'><channel><title>Herald</title><link>https://herald.example/</link>"
    b"<item><title>Dam breaks</title><guid>1</guid><link>/1</link></item></channel></rss>"
)
Answer = Callable[[socket.socket, bytes], None]


class RawServer:
    """Answers each request by calling the test's function with the connection and the request's head."""

    def __init__(self, answer: Answer) -> None:
        self.requests: list[bytes] = []
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}/feed"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += connection.recv(4096) or b"\r\n\r\n"
                head, _, body = head.partition(b"\r\n\r\n")
                length = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
                while length and len(body) < int(length[1]):  # unread, it would reset the connection
                    body += connection.recv(4096)
                head += b"\r\n"
                self.requests.append(head)
                self._answer(connection, head)
            except OSError:
                return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)


Serve = Callable[[Answer | bytes], RawServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server; bytes are sent as they are."""
    running: list[RawServer] = []

    def start(answer: Answer | bytes) -> RawServer:
        running.append(RawServer(answer if callable(answer) else lambda connection, _head: connection.sendall(answer)))
        return running[-1]

    yield start
    for server in running:
        server.close()


def http(body: bytes = RSS, status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    """A whole answer that closes the connection."""
    lines = [
        f"HTTP/1.1 {status}",
        "Connection: close",
        f"Content-Length: {len(body) if length is None else length}",
        *headers,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


MakeGate = Callable[..., Gate]


@pytest.fixture
def gate() -> Iterator[MakeGate]:
    """A gate that may reach loopback, unless the test says otherwise; two seconds for everything."""
    made: list[Gate] = []

    def make(**settings: object) -> Gate:
        defaults: dict[str, object] = {
            "allow_networks": ("127.0.0.0/8",),
            "timeout": timedelta(seconds=2),
            "max_bytes": 200_000,
        }
        made.append(Gate(FetchSettings(**(defaults | settings))))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        each.close()


def feed(url: str) -> tuple[Feed, FeedState]:
    return Feed(url=url), FeedState(url=url, next_poll_at=NOON)
