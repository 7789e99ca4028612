"""Receivers that misbehave by a seeded plan and remember all they were handed, and a clock on which three days are short."""

from __future__ import annotations

import os
import random
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET, socket
from socketserver import BaseRequestHandler, StreamRequestHandler, ThreadingTCPServer
from typing import Any, ClassVar

import trustme
from standardwebhooks import Webhook

from tests.end_to_end.world import SIGNING_SECRET, World

PATIENCE = 0.5
"""Seconds that the daemon is told to wait for an answer; who hangs, hangs longer."""
VERBS = ("CONNECT", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "TEXT", "QUIT")
PASSES = {"AUTH": "454 4.7.0 later", "CONNECT": "421 too busy", "TEXT": "451 disk full"}
FAILS = {"CONNECT": "554 go away", "EHLO": "501 what?", "STARTTLS": "501 no", "AUTH": "535 5.7.8 wrong", "MAIL": "550 not you"}
"""What concerns the whole channel: none of it is an answer for good on a recipient."""
STATUSES = (301, 400, 404, 410, 422, 429, 429, 500, 500, 500, 502, 503, 503)
REFUSED, TOO_LARGE = "gone@desk.example", "full@desk.example"
"""Recipients that get an answer for good: one at RCPT, before there is an id to see; one after the mail."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message that was read to its end, and what was answered: 0 when nothing was."""

    id: str
    to: str
    answer: int
    era: int
    """How many kills and words of a person had been before."""

    @property
    def settled(self) -> bool:
        """Whether the sender knows for good what became of it."""
        return 200 <= self.answer < 300 or (bool(self.to) and self.answer >= 500)

    @property
    def taken(self) -> bool:
        return 200 <= self.answer < 300


@dataclass
class Receiver:
    """How one receiver behaves, and what it was handed, in order."""

    moments: random.Random
    rage: float = 0.0
    """Which share of the conversations goes wrong."""
    era: int = 0
    arrivals: list[Arrival] = field(default_factory=list)
    refusals: int = 0
    """How often the recipient was refused that is refused at RCPT."""
    forged: int = 0
    faults: set[str] = field(default_factory=set)
    """Every way in which a conversation went wrong."""
    port: int = 0
    ca_file: str = ""

    def plan(self, *faults: tuple[str, str]) -> tuple[str, str]:
        """Where the next conversation goes wrong, and how; nowhere, mostly, when it does not rage."""
        if self.moments.random() >= self.rage:
            return "", ""
        chosen = self.moments.choice(faults)
        self.faults.add(" ".join(chosen))
        return chosen

    def note(self, identifier: str, to: str, answer: int, era: int) -> None:
        self.arrivals.append(Arrival(identifier, to, answer, era))


class Server(ThreadingTCPServer):
    """Bound at once, listening when it is told to: until then connections are refused."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64


@contextmanager
def receiving(handler: type[BaseRequestHandler], receiver: Receiver) -> Iterator[Server]:
    with Server(("127.0.0.1", 0), handler, bind_and_activate=False) as server:
        server.server_bind()
        receiver.port = server.server_address[1]
        yield server


@contextmanager
def listening(*servers: Server) -> Iterator[None]:
    """While this lasts, connections are taken."""
    threads = [threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True) for server in servers]
    for server, thread in zip(servers, threads, strict=True):
        server.server_activate()
        thread.start()
    try:
        yield
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()


def hang(connection: socket) -> None:
    """Say nothing for longer than anybody waits."""
    threading.Event().wait(3 * PATIENCE)
    drop(connection)


def drop(connection: socket) -> None:
    """Cut the connection off, with a reset."""
    with suppress(OSError):
        connection.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


FAULTY_POSTS = (
    ("before", "hang"), ("before", "drop"), ("after", "hang"), ("after", "drop"), *(("status", str(s)) for s in STATUSES)
)  # fmt: skip
FAULTY_MAILS = tuple(
    (verb, how)
    for verb in VERBS
    for how in ("hang", "drop", "4xx", "5xx")
    if how != "5xx" or verb in FAILS or verb == "QUIT"
)


@contextmanager
def hostile_hook(receiver: Receiver) -> Iterator[Server]:
    """A webhook receiver."""

    class Handler(StreamRequestHandler):
        timeout = 5

        def handle(self) -> None:
            era = receiver.era
            where, how = receiver.plan(*FAULTY_POSTS)
            if where == "before":
                return self.misbehave(how)
            self.rfile.readline()
            headers = dict(self.header(line) for line in iter(self.rfile.readline, b"\r\n") if line)
            size = int(headers.get("content-length", 0))
            body = self.rfile.read(size)
            if not size or len(body) < size:  # the sender was killed on the way
                return None
            if Webhook(SIGNING_SECRET).verify(body, headers) is None:
                receiver.forged += 1
            answer = {"status": int(how) if how.isdigit() else 0, "after": 0}.get(where, 204)
            receiver.note(headers["webhook-id"], "", answer, era)
            if where == "after":
                return self.misbehave(how)
            later = "Retry-After: 600\r\n" if answer in (429, 503) else ""
            self.wfile.write(f"HTTP/1.1 {answer} so\r\n{later}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
            return None

        @staticmethod
        def header(line: bytes) -> tuple[str, str]:
            name, _, value = line.decode().partition(":")
            return name.lower(), value.strip()

        def misbehave(self, how: str) -> None:
            (hang if how == "hang" else drop)(self.connection)

        def finish(self) -> None:
            with suppress(OSError):
                super().finish()

    with receiving(Handler, receiver) as server:
        yield server
