"""The head of an answer: what is read of it quickly is what the standard library reads of it."""

from __future__ import annotations

import random
import socket
from http.client import HTTPException

from monitor.feeds.head import Reply

LINES = (
    "Date: Tue, 05 Mar 2024 12:00:00 GMT", 'ETag: W/"x"', "Content-Type: application/rss+xml; charset=utf-8", "content-type:text/xml", "Server:  nginx/1.22 ",
    "Connection: keep-alive", "Connection: close", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "Content-Length: 9", "content-length: 5",
    "Content-Length: -1", "Content-Length: +9", "Content-Length: 1_0", "Content-Length: " + "9" * 5000, "X: ", "X-Caf\u00e9: 1", "X: caf\u00e9", " folded", "no colon",
    "Set-Cookie: a=b", "Set-Cookie: c=d", "Content-Length: 7", "x-amz-id-2: 1", "connection: Close", "X_Under: 1", "Keep-Alive: timeout=5", "a:b:c", "Content-Type: multipart/mixed; boundary=x",
)  # fmt: skip
FIRST = ("HTTP/1.1 200 OK", "HTTP/1.1 304 Not Modified", "HTTP/1.1 200", "HTTP/1.1 200 ", "HTTP/1.0 200 OK", "HTTP/1.1 404 No", "HTTP/1.1 100 Go on", "HTTP/2 200", "ICY 200 OK", "HTTP/1.1 0200 OK")  # fmt: skip
ENDS = ("\r\n", "\r\n", "\r\n", "\n", "\r\r\n")


class Slow(Reply):
    """One that never takes the quick way."""

    def _begin_plainly(self) -> bool:
        return False


def said(kind: type[Reply], head: bytes) -> object:
    """All that is known of an answer with such a head, and a body behind it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(head + b"the body\n")
        theirs.shutdown(socket.SHUT_WR)
        answer = kind(ours, method="GET")
        try:
            answer.begin()
        except (HTTPException, ValueError) as error:
            return type(error), str(error)
        told = answer.version, answer.status, answer.code, answer.reason, answer.headers.items(), answer.getheaders()
        frame = answer.chunked, answer.chunk_left, answer.length, answer.will_close, answer.isclosed()
        rest = answer.fp.read() if answer.fp else b""
        answer.close()
        return told, frame, rest


def test_heads_are_read_as_the_standard_library_reads_them() -> None:
    chance, plain = random.Random(1), 0
    for _ in range(3_000):
        lines = [
            chance.choice(FIRST[:3] if chance.random() < 0.7 else FIRST),
            *chance.sample(LINES, chance.randint(1, 4)),
        ]
        end = chance.choice(ENDS)
        head = "".join(line + end for line in [*lines, ""]).encode("latin-1")
        quick = said(Reply, head)
        assert quick == said(Slow, head), head
        plain += isinstance(quick, tuple) and len(quick) > 2
    assert plain > 1_000


def test_most_heads_are_plain() -> None:
    """Otherwise the quick way would be of no use."""
    head = b"HTTP/1.1 304 Not Modified\r\nServer: nginx\r\nDate: Tue, 05 Mar 2024 12:00:00 GMT\r\nConnection: keep-alive\r\n\r\n"
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(head)
        answer = Reply(ours, method="GET")
        assert answer._begin_plainly()
        assert (answer.status, answer.headers["Server"], answer.length) == (304, "nginx", 0)
