"""An SMTP session that tells what is said, bounds how long it lasts, and keeps the password to itself."""

from __future__ import annotations

import base64
import smtplib
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from monitor.secret import mask

LONGEST = 90.0
"""Seconds that a whole session may last, however slowly the server drips its answers (D8, D10)."""
_GOODBYE = 2.0
_GO_ON = 334
_NO_NAME = "[127.0.0.1]"
"""What we call ourselves: asking the network for a better name can hang, and servers that take logins do not look."""


class Session(smtplib.SMTP):
    """A session that begins in the clear; every line of it goes to `transcript`, without the login's secrets."""

    def __init__(
        self, host: str, port: int, transcript: Callable[[str], None], *, timeout: float, **options: Any
    ) -> None:
        self._transcript = transcript
        self._hiding = self._over = False
        self._end = threading.Timer(LONGEST, self._cut)
        self._end.daemon = True
        self._end.start()
        try:
            super().__init__(host, port, local_hostname=_NO_NAME, timeout=timeout, **options)
        except BaseException:
            self.close()
            raise

    def log_in(self, user: str, password: str) -> tuple[int, bytes]:
        """Log in once, by a way the server offers; returns what it said. One try, so that no account is locked (D6)."""
        self._hiding = True
        try:
            if "PLAIN" in self.esmtp_features.get("auth", "").upper().split():  # ours, since smtplib's takes only ASCII
                return self.docmd("AUTH", f"PLAIN {_base64(f'{chr(0)}{user}{chr(0)}{password}')}")
            for step in ("AUTH LOGIN", _base64(user), _base64(password)):
                code, said = self.docmd(step)
                if code != _GO_ON:
                    break
            return code, said
        finally:
            self._hiding = False

    def leave(self) -> None:
        """Say goodbye, briefly: the mail's fate is settled, whatever the server answers."""
        with suppress(smtplib.SMTPException, OSError):
            if self.sock:
                self.sock.settimeout(_GOODBYE)
            self.quit()

    def close(self) -> None:
        """Hang up."""
        self._end.cancel()
        super().close()

    def putcmd(self, cmd: str, args: str = "") -> None:
        """Tell the command, then send it."""
        self._transcript("> (login)" if self._hiding else mask(f"> {cmd} {args}".strip()))
        super().putcmd(cmd, args)

    def getreply(self) -> tuple[int, bytes]:
        """Read the answer, then tell it."""
        code, said = super().getreply()
        if self._over:  # what came so far is no answer
            raise smtplib.SMTPServerDisconnected(f"it took longer than {LONGEST:.0f} seconds")
        for line in said.decode("utf-8", "replace").splitlines() or [""]:
            self._transcript(mask(f"< {code} {line}".rstrip()))
        return code, said

    def _cut(self) -> None:
        """Wake whoever waits for the server: the connection is over."""
        self._over = True
        if self.sock:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


class TlsSession(Session, smtplib.SMTP_SSL):
    """A session inside TLS from its first byte; `context` says whom to trust."""


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
