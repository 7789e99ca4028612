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
from typing import ClassVar

import trustme
from standardwebhooks import Webhook

from tests.end_to_end.world import SIGNING_SECRET

PATIENCE = 1
"""Seconds that the daemon is told to wait for an answer; who hangs, hangs longer."""
VERBS = ("CONNECT", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "TEXT", "QUIT")
PASSES = {"AUTH": "454 4.7.0 later", "CONNECT": "421 too busy", "TEXT": "451 disk full"}
FAILS = {
    "CONNECT": "554 go away",
    "EHLO": "501 what?",
    "STARTTLS": "501 no",
    "AUTH": "535 5.7.8 wrong",
    "MAIL": "550 not you",
}
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

    def __init__(self, handler: type[BaseRequestHandler], receiver: Receiver) -> None:
        super().__init__(("127.0.0.1", 0), handler, bind_and_activate=False)
        self.receiver = receiver
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)


@contextmanager
def receiving(handler: type[BaseRequestHandler], receiver: Receiver) -> Iterator[Server]:
    with Server(handler, receiver) as server:
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
    threading.Event().wait(1.5 * PATIENCE)
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


class Post(StreamRequestHandler):
    """A webhook's request."""

    server: Server

    timeout = 5

    def handle(self) -> None:
        era = self.server.receiver.era
        where, how = self.server.receiver.plan(*FAULTY_POSTS)
        if where == "before":
            return self.misbehave(how)
        self.rfile.readline()
        headers = dict(self.header(line) for line in iter(self.rfile.readline, b"\r\n") if line)
        size = int(headers.get("content-length", 0))
        body = self.rfile.read(size)
        if not size or len(body) < size:  # the sender was killed on the way
            return None
        Webhook(SIGNING_SECRET).verify(body, headers)
        answer = {"status": int(how) if how.isdigit() else 0, "after": 0}.get(where, 204)
        self.server.receiver.note(headers["webhook-id"].removeprefix("msg_"), "", answer, era)
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


class Conversation(StreamRequestHandler):
    """A session with a mail server that has STARTTLS and a login."""

    server: Server

    timeout = 5
    where = how = to = ""
    era = 0
    answers: ClassVar[dict[str, str]] = {
        "CONNECT": "220 ready", "EHLO": "250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN", "STARTTLS": "220 go", "AUTH": "235 ok",
        "DATA": "354 go", "QUIT": "221 bye",
    }  # fmt: skip

    def handle(self) -> None:
        self.era = self.server.receiver.era
        self.where, self.how = self.server.receiver.plan(*FAULTY_MAILS)
        with suppress(OSError):
            going = self.say("CONNECT")
            while going and (line := self.rfile.readline()):
                going = self.obey(line[:8].decode().split()[0].upper(), line)

    def obey(self, verb: str, line: bytes) -> bool:
        """Answer one command; False when that was the last one."""
        if verb == "RCPT":
            self.to = line.decode().partition("<")[2].partition(">")[0]
        going = self.say(verb)
        if verb == "STARTTLS" and going and self.where != verb:
            self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
            self.rfile = self.connection.makefile("rb")
        if verb == "DATA" and going and self.where != verb:
            going = self.take()
        return going and verb != "QUIT"

    def take(self) -> bool:
        lines = list(iter(self.rfile.readline, b".\r\n"))
        if not lines or not lines[-1].endswith(b"\n"):  # the sender was killed on the way
            return False
        identifier = str(message_from_bytes(b"".join(lines))["Message-ID"]).strip("<>").removesuffix("@desk.example")
        answer = 552 if self.to == TOO_LARGE else 250
        if self.where == "TEXT":
            answer = 451 if self.how == "4xx" else 0
        self.server.receiver.note(identifier, self.to, answer, self.era)
        return self.say("TEXT")

    def say(self, verb: str) -> bool:
        """Answer to `verb`, or misbehave at it; False when the conversation is over."""
        if verb == self.where and self.how in ("hang", "drop"):
            (hang if self.how == "hang" else drop)(self.connection)
            return False
        usual = self.answers.get(verb, "250 ok")
        if verb == self.where:
            usual = PASSES.get(verb, "451 later") if self.how == "4xx" else FAILS.get(verb, "500 no")
        elif verb == "RCPT" and self.to == REFUSED:
            self.server.receiver.refusals += 1
            usual = "550 5.1.1 no such user"
        elif verb == "TEXT" and self.to == TOO_LARGE:
            usual = "552 5.3.4 too large"
        self.connection.sendall(f"{usual}\r\n".encode())
        return True

    def finish(self) -> None:
        with suppress(OSError):
            self.connection.close()


@contextmanager
def hostile_hook(receiver: Receiver) -> Iterator[Server]:
    """A webhook receiver."""
    with receiving(Post, receiver) as server:
        yield server


@contextmanager
def hostile_mail(receiver: Receiver, folder: Path) -> Iterator[Server]:
    """A mail server with STARTTLS and a login."""
    authority = trustme.CA()
    receiver.ca_file = str(folder / "chaos-ca.pem")
    authority.cert_pem.write_to_path(receiver.ca_file)
    with receiving(Conversation, receiver) as server:
        authority.issue_cert("localhost").configure_cert(server.context)
        yield server


@dataclass
class Clock:
    """The daemon's time: real time and an offset that the test moves forward."""

    path: Path
    passed: timedelta = timedelta(0)

    def forward(self, by: timedelta) -> None:
        self.passed += by
        fresh = self.path.with_suffix(".new")
        fresh.write_text(str(self.passed.total_seconds()))
        fresh.replace(self.path)

    def code(self) -> str:
        """What makes a daemon go by it; everything that waits for an answer goes by real seconds still."""
        return f"""
            from datetime import UTC, datetime, timedelta
            from functools import partial
            from pathlib import Path
            from monitor import supervisor
            def now():
                return datetime.now(UTC) + timedelta(seconds=float(Path({str(self.path)!r}).read_text()))
            supervisor.Daemon = partial(supervisor.Daemon, now=now)
        """


def pss(pid: int) -> float:
    """MB that a process and its descendants hold, what they share divided among them."""
    parents: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):
                parent = int(Path(entry.path, "stat").read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(entry.name))
    family, total = [pid], 0
    while family:
        member = family.pop()
        family += parents.get(member, [])
        with suppress(OSError):
            rollup = Path(f"/proc/{member}/smaps_rollup").read_text()
            total += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total / 1024
