"""Secrets are named in the configuration and read where they are used; their text is masked wherever it might show."""

from __future__ import annotations

import base64
import binascii
import html
import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote, urlsplit

from monitor.errors import SecretError

_revealed: set[str] = set()
"""What is masked: each secret that was read, and how else a server may say it."""
_LOGIN_IN_URL = re.compile(r"(?<=://)[^/\s@]+@")
_PIECE = re.compile(r"[^\s/:@?&=#,;]+")
_LEAST, _SURELY = 8, 16
"""Letters that a part of a secret has at least, to be masked by itself: with a digit among them, or without one."""


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret comes from: exactly one of an environment variable, a file, or a systemd credential."""

    env: str = ""
    file: str = ""
    credential: str = ""

    def __post_init__(self) -> None:
        if sum(map(bool, (self.env, self.file, self.credential))) != 1:
            raise ValueError("name exactly one of env, file or credential")

    def reveal(self) -> str:
        """The secret's text without a trailing line break. Raises SecretError when it is missing or empty."""
        text = self._read().rstrip("\r\n")
        if not text:
            raise SecretError(f"{self} is empty; give it a value.")
        if text not in _revealed:
            _revealed.update(_spellings(text))
        return text

    def _read(self) -> str:
        if self.env:
            if self.env not in os.environ:
                raise SecretError(f"{self} is not set; set it where the monitor is started.")
            return os.environ[self.env]
        try:
            return self._path().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise SecretError(f"{self} cannot be read: {why}.") from None

    def _path(self) -> Path:
        if self.file:
            return Path(self.file)
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            raise SecretError(f"{self} exists only under systemd (LoadCredential=); use env or file elsewhere.")
        return Path(folder) / self.credential

    def __str__(self) -> str:
        if self.env:
            return f"environment variable {self.env}"
        return f"secret file {self.file}" if self.file else f"credential {self.credential}"


def mask(text: str) -> str:
    """`text` with every secret that was read so far replaced by `<secret>`, and logins in addresses too."""
    text = _LOGIN_IN_URL.sub("<secret>@", text)
    for secret in sorted(_revealed, key=len, reverse=True):
        text = text.replace(secret, "<secret>")
    return text


def _spellings(text: str) -> set[str]:
    """`text`, and what of it a server may repeat in its answer: its parts, each also quoted or packed as headers and addresses have it."""
    forms = {form for part in {text, *_parts(text)} for form in _forms(part)}
    return {text} | {form for form in forms if len(form) >= _LEAST}


def _parts(text: str) -> Iterator[str]:
    """What is as good as the secret by itself: the token after `Bearer`, the login in `Basic`, the tokens and the path of an address."""
    scheme, _, rest = text.partition(" ")
    if scheme.lower() == "basic":
        with suppress(binascii.Error, UnicodeDecodeError):
            yield from _tokens(base64.b64decode(rest, validate=True).decode())
    if "://" not in text:
        yield from _tokens(text)
        return
    parts = urlsplit(text)
    is_web = parts.scheme in ("http", "https")
    path = f"{parts.path}?{parts.query}".rstrip("/?")
    host = "" if is_web or "." in (parts.hostname or "") else parts.netloc.rpartition("@")[2]
    for piece in (parts.netloc.rpartition("@")[0], host, path, parts.fragment):
        yield from _tokens(piece)
    if is_web and any(True for _ in _tokens(path)):
        yield path


def _tokens(text: str) -> Iterator[str]:
    """The pieces of `text` that no one writes by chance."""
    for piece in _PIECE.findall(text):
        if len(piece) >= _SURELY or (len(piece) >= _LEAST and any(map(str.isdigit, piece))):
            yield piece


def _forms(part: str) -> Iterator[str]:
    for form in (part, unquote(part)):
        yield form
        for quoted in (quote(form, safe=""), quote(form), quote_plus(form)):
            yield quoted
            yield re.sub("%..", lambda escape: escape[0].lower(), quoted)
        for plain in (True, False):
            yield json.dumps(form, ensure_ascii=plain)[1:-1]
        yield html.escape(form)
        yield form.encode().hex()
        yield from _in_base64(form.encode())


def _in_base64(data: bytes) -> Iterator[str]:
    """What `data` looks like within base64, wherever it begins there: without the letters that it shares with its neighbours."""
    for before in range(3):
        packed = base64.b64encode(bytes(before) + data).decode().rstrip("=")
        whole = packed[(0, 2, 3)[before] : len(packed) - bool((before + len(data)) % 3)]
        yield from (whole, whole.translate(str.maketrans("+/", "-_")))
