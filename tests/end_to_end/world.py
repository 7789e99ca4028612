"""The world around the daemon, all of it real and on loopback: feeds, a mail server, a webhook receiver, and the process."""

from __future__ import annotations

import functools
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from sqlalchemy import select, update
from standardwebhooks import Webhook

from monitor.model import Delivery
from monitor.store import Store, feeds, outbox
from monitor.store.schema import deliveries, entries

SIGNING_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PASSWORD = "correct-horse-battery"
on_both = pytest.mark.parametrize("world", ["sqlite", "postgresql"], indirect=True)
on_postgresql = pytest.mark.parametrize("world", ["postgresql"], indirect=True)
"""Where the store is."""


def _set() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


@dataclass
class FeedServer:
    """Serves RSS feeds whose entries the test adds while it runs, with ETags."""

    port: int = 0
    entries: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    """Web pages by their paths, beside the feeds."""
    requests: list[tuple[str, int]] = field(default_factory=list)
    hold: threading.Event = field(default_factory=_set)
    """While it is cleared, requests are taken and not answered; `held` counts those."""
    held: int = 0

    def publish(self, feed: str, title: str, summary: str = "") -> None:
        self.entries.setdefault(feed, []).append((title, summary))

    def url(self, feed: str) -> str:
        return f"http://127.0.0.1:{self.port}/{feed}"

    def document(self, feed: str) -> str:
        items = "".join(
            f"<item><title>{escape(title)}</title><description>{escape(summary)}</description><guid>{feed}-{number}</guid>"
            f"<link>http://127.0.0.1:{self.port}/{feed}/{number}</link></item>"
            for number, (title, summary) in enumerate(self.entries.get(feed, []))
        )
        return f"<?xml version='1.0'?><rss version='2.0'><channel><title>{feed}</title>{items}</channel></rss>"


@contextmanager
def feed_server() -> Iterator[FeedServer]:
    served = FeedServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            served.held += not served.hold.is_set()
            served.hold.wait(60)
            feed = self.path.strip("/")
            page = served.pages.get(feed)
            body = (served.document(feed) if page is None else page).encode()
            etag = f'"{len(served.entries.get(feed, []))}"'
            status = 304 if self.headers.get("If-None-Match") == etag else 200
            served.requests.append((feed, status))
            self.send_response(status)
            self.send_header("ETag", etag)
            self.send_header("Content-Type", "application/rss+xml" if page is None else "text/html")
            self.send_header("Content-Length", "0" if status == 304 else str(len(body)))
            self.end_headers()
            if status == 200:
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...

    with serving(Handler) as served.port:
        yield served


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], address: str = "127.0.0.1") -> Iterator[int]:
    """A server on loopback, at each address of it where none is named; its port."""
    server = ThreadingHTTPServer((address, 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Hook:
    """A webhook receiver that takes only what is signed rightly."""

    port: int = 0
    received: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    status: int = 204
    hold: threading.Event = field(default_factory=_set)
    held: int = 0

    @property
    def ids(self) -> list[str]:
        return [identifier for identifier, _ in self.received]

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [payload["data"] for _, payload in self.received if payload["type"] == kind]


@contextmanager
def hook_server(address: str = "127.0.0.1") -> Iterator[Hook]:
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.held += not hook.hold.is_set()
            hook.hold.wait(60)
            try:
                payload = Webhook(SIGNING_SECRET).verify(
                    body, {name.lower(): value for name, value in self.headers.items()}
                )
            except Exception as error:  # noqa: BLE001 - whatever it is, the signature is wrong
                hook.refused.append(repr(error))
                self.send_error(401)
                return
            if hook.status < 300:
                hook.received.append((self.headers["webhook-id"], payload))
            self.send_response(hook.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    with serving(Handler, address) as hook.port:
        yield hook


@dataclass
class Mailbox:
    """A mail server with STARTTLS and a login, and what it took."""

    port: int = 0
    ca_file: str = ""
    messages: list[Message] = field(default_factory=list)
    logins: int = 0

    @property
    def ids(self) -> list[str]:
        return [str(message["Message-ID"]) for message in self.messages]

    @property
    def subjects(self) -> list[str]:
        return [str(message["Subject"]) for message in self.messages]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def mail_server(folder: Path, address: str = "127.0.0.1") -> Iterator[Mailbox]:
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", address)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    box = Mailbox(ca_file=str(folder / "ca.pem"))
    authority.cert_pem.write_to_path(box.ca_file)

    class Handler:
        async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
            assert isinstance(envelope.content, bytes)
            box.messages.append(message_from_bytes(envelope.content))
            return "250 taken"

    def authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        box.logins += 1
        return AuthResult(success=isinstance(data, LoginPassword) and data.password == PASSWORD.encode())

    controller = Controller(
        Handler(), hostname=address, port=free_port(), server_hostname="localhost", tls_context=context, require_starttls=True,
        auth_required=True, authenticator=authenticate,
    )  # fmt: skip
    controller.start()
    try:
        box.port = controller.port
        yield box
    finally:
        controller.stop()


@dataclass
class World:
    """A configuration, its servers, and the daemon that follows it."""

    folder: Path
    web: FeedServer
    hook: Hook
    mail: Mailbox
    process: subprocess.Popen[bytes] | None = None
    team: list[subprocess.Popen[bytes]] = field(default_factory=list)
    """The processes that share the work, where several do."""
    page_port: int = field(default_factory=free_port)
    """Where the page is, unless the test says otherwise."""
    postgresql: str = ""
    """The store's address, if it is no file."""

    @property
    def config(self) -> Path:
        return self.folder / "monitor.yaml"

    @property
    def store_url(self) -> str:
        return self.postgresql or f"sqlite:///{self.folder}/monitor.db"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text() if (self.folder / "log").exists() else ""

    def environment(self) -> dict[str, str]:
        passed_on = {name: value for name, value in os.environ.items() if name.startswith(("COV", "PYTHONPATH"))}
        return {"PATH": os.environ["PATH"], "HOOK_SECRET": SIGNING_SECRET, "MAIL_PASSWORD": PASSWORD, **passed_on}

    def write_config(self, *feed_names: str, extra: str = "", channels: str = "[mail, hook]") -> None:
        listed = "".join(f"  - {{url: '{self.web.url(name)}', name: {name}, every: 1m}}\n" for name in feed_names)
        page = "" if "web:" in extra else f"web: {{listen: '127.0.0.1:{self.page_port}'}}\n"
        self.config.write_text(
            f"""store: '{self.store_url}'
defaults: {{channels: {channels}}}
fetch: {{allow_networks: [127.0.0.0/8], per_host: 8}}
entities: {{Orla dam: [Orla dam, River Orla, zapora Orla]}}
storylines:
  - {{id: dam, title: The Orla dam, terms: {{all: [Orla dam]}}}}
{extra}{page}feeds:
{listed}channels:
  mail: {{type: email, host: localhost, port: {self.mail.port}, from: Monitor <monitor@desk.example>, to: [ann@desk.example], username: monitor,
         password: {{env: MAIL_PASSWORD}}, ca_file: {self.mail.ca_file}}}
  hook: {{type: webhook, url: "http://127.0.0.1:{self.hook.port}/news", secret: {{env: HOOK_SECRET}}}}
"""
        )

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "monitor", *arguments, "-c", str(self.config)],
            env=self.environment(), cwd=self.folder, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def json(self, *arguments: str) -> Any:
        """What a command prints with --json; it must succeed."""
        done = self.command(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def start(self, *options: str, code: str = "", **environment: str) -> subprocess.Popen[bytes]:
        """The daemon, with more in its environment; or with `code` run first in the process, to change something in it."""
        how = ["-m", "monitor"]
        if code:
            how = ["-c", textwrap.dedent(code) + "\nfrom monitor.__main__ import main; main()"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *how, "run", "-c", str(self.config), *options],
                env=self.environment() | environment, cwd=self.folder, stdout=log, stderr=log,
            )  # fmt: skip
        return self.process

    def join(self, *roles: str, code: str = "") -> subprocess.Popen[bytes]:
        """One more process, which does a part of the work."""
        self.start(*[word for role in roles for word in ("--role", role)], code=code)
        assert self.process is not None
        self.team.append(self.process)
        return self.process

    @property
    def starts(self) -> int:
        """How often the daemon has begun its work."""
        return self.log.count("run feeds=")

    def has_started(self, after: int) -> bool:
        """Whether the daemon has begun its work, after so many starts before."""
        return self.starts > after

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(timeout=20)

    def polled(self, feed: str) -> int:
        return sum(name == feed for name, _ in self.web.requests)

    def wait_for(self, what: Callable[[], bool], seconds: float = 20) -> None:
        """Wait until `what` holds; fail with the daemon's log when it does not."""
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, f"it did not happen; the log says:\n{self.log}"
            time.sleep(0.05)

    def poll_all(self) -> None:
        """Have the daemon poll every feed now, as `monitor once --all` does, and wait until what came of it is settled."""
        started = datetime.now(UTC)
        with self.opened() as store:
            self.wait_for(lambda: self._settled(store, started), 60)

    def make_due(self) -> None:
        """Have every feed polled at the daemon's next tick."""
        with self.opened() as store:
            store.write(functools.partial(feeds.make_due, now=datetime.now(UTC)))

    def waiting(self) -> int:
        """How many deliveries wait; what is to be tried again later, and is not under way, is tried now."""
        d = deliveries.c
        again = update(deliveries).where(d.state == "pending", (d.attempts == 0) | (d.error != ""))
        with self.opened() as store:
            store.write(lambda tx: tx.execute(again.values(due_at=datetime.now(UTC))))
            with store.read() as tx:
                return outbox.pending(tx)

    def entries(self) -> list[str]:
        """The titles of all entries in the store."""
        with self.opened() as store, store.read() as tx:
            return list(tx.execute(select(entries.c.title)).scalars())

    def deliveries(self) -> list[Delivery]:
        """All deliveries in the store, in the order in which they were queued."""
        columns = [deliveries.c[name] for name in Delivery.__dataclass_fields__]
        with self.opened() as store, store.read() as tx:
            return [Delivery(**row) for row in tx.execute(select(*columns).order_by(deliveries.c.number)).mappings()]

    @contextmanager
    def opened(self) -> Iterator[Store]:
        store = Store.open(self.store_url)
        try:
            yield store
        finally:
            store.close()

    def _settled(self, store: Store, since: datetime) -> bool:
        with store.read() as tx:
            states = feeds.everything(tx)
        waiting = [s.url for s in states if s.polled_at is None or s.polled_at < since]
        resting = [s.url for s in states if s.url in waiting and s.next_poll_at > datetime.now(UTC)]
        for url in resting:
            store.write(functools.partial(feeds.make_due, now=datetime.now(UTC), url=url))
        return bool(states) and not waiting
