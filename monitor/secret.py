"""Secrets are named in the configuration and read where they are used; their text is masked wherever it might show."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from monitor.errors import SecretError

_revealed: set[str] = set()
_LOGIN_IN_URL = re.compile(r"(?<=://)[^/\s@]+@")


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
        _revealed.add(text)
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
