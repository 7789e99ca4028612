"""Mail servers on loopback: one that behaves, with TLS and a login, and one that misbehaves at the verb it is told."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "monitor", "Kärnten-über-alle-Berge"


@dataclass
class Mailbox:
    """What a mail server took, and what it shall answer instead."""

    port: int = 0
    ca_file: str = ""
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    connections: int = 0
    answers: dict[str, str | Iterator[str]] = field(default_factory=dict)
    """Verb or recipient -> what is answered instead of 250, always or a few times."""

    def answer(self, what: str) -> str:
        answer = self.answers.get(what, "250 OK")
        return answer if isinstance(answer, str) else next(answer, "250 OK")


class Handler:
    """Answers as the mailbox says."""

    def __init__(self, box: Mailbox) -> None:
        self.box = box

    async def handle_MAIL(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self.box.answer("MAIL")

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.box.answer(address)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        answer = self.box.answer("DATA")
        if answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.box.taken += [(recipient, envelope.content) for recipient in envelope.rcpt_tos]
        return answer


@contextmanager
def mail_server(
    folder: Path, *, security: str = "starttls", mechanisms: tuple[str, ...] = ("LOGIN", "PLAIN")
) -> Iterator[Mailbox]:
    """A server on `localhost` that takes mail after a login inside TLS (`starttls`, `tls`), or from anybody (`none`)."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    box = Mailbox(ca_file=str(folder / "ca.pem"))

    def authenticate(_server: SMTP, _session: Session, _envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        box.logins.append(mechanism)
        said = (data.login, data.password) if isinstance(data, LoginPassword) else ()
        return AuthResult(success=said == (USER.encode(), PASSWORD.encode()), handled=False)

    class Counting(SMTP):
        def connection_made(self, transport: Any) -> None:
            if transport.get_extra_info("peername"):
                box.connections += 1
            super().connection_made(transport)

    class Server(Controller):
        def factory(self) -> SMTP:
            return Counting(self.handler, **self.SMTP_kwargs)

    options: dict[str, Any] = {"tls_context": context, "require_starttls": True} if security == "starttls" else {}
    options |= {"ssl_context": context, "auth_require_tls": False} if security == "tls" else {}
    options |= {"auth_required": True, "authenticator": authenticate} if security != "none" else {}
    options["auth_exclude_mechanism"] = {"LOGIN", "PLAIN"} - set(mechanisms)
    server = Server(Handler(box), hostname="127.0.0.1", port=_free_port(), server_hostname="localhost", **options)
    server.start()
    box.port, box.connections = server.port, 0
    try:
        yield box
    finally:
        server.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Scripted:
    """A mail server without TLS that answers each verb from a script: a reply, `drop` (hang up), `hang` (say nothing) or `drip`.

    Verbs: `hello` (on connecting), `ehlo`, `mail`, `rcpt`, `data`, `body` (after the final dot) and `quit`.
    """

    GOOD: Mapping[str, str] = {
        "hello": "220 localhost", "ehlo": "250-localhost\r\n250 SIZE 1000000", "helo": "250 localhost", "mail": "250 OK", "rcpt": "250 OK",
        "data": "354 go on", "body": "250 taken", "quit": "221 bye",
    }  # fmt: skip

    def __init__(self, **script: str) -> None:
        self.script = {**self.GOOD, **script}
        self.heard: list[str] = []
        self.mails: list[bytes] = []
        self._released = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.settimeout(10)
                with connection, connection.makefile("rb") as lines, suppress(OSError):
                    self._talk(connection, lines)

    def _talk(self, connection: socket.socket, lines: Any) -> None:
        if not self._answer(connection, "hello"):
            return
        for raw in lines:
            self.heard.append(raw.decode("latin-1").rstrip())
            verb = raw.split()[0].decode("latin-1").lower() if raw.split() else ""
            if not self._answer(connection, verb):
                break
            if verb == "data" and self.script["data"].startswith("354") and not self._take(connection, lines):
                break
            if verb == "quit":
                return
        self.heard += [left.decode("latin-1").rstrip() for left in lines]

    def _take(self, connection: socket.socket, lines: Any) -> bool:
        mail: list[bytes] = []
        for raw in lines:
            if raw == b".\r\n":
                self.mails.append(b"".join(mail))
                return self._answer(connection, "body")
            mail.append(raw.removeprefix(b".") if raw.startswith(b"..") else raw)
        return False

    def _answer(self, connection: socket.socket, verb: str) -> bool:
        answer = self.script.get(verb, "500 what")
        if answer == "drop":
            connection.shutdown(socket.SHUT_RDWR)
            return False
        while answer == "drip" and not self._released.wait(0.02):
            connection.sendall(b"2")
        if answer in ("hang", "drip"):
            return True
        connection.sendall(answer.encode() + b"\r\n")
        return True
