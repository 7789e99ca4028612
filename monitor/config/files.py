"""The files that a configuration consists of and names. None of them can make the monitor wait or fill its memory."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from monitor.errors import MonitorError


class UnreadableError(MonitorError):
    """A file cannot be used; the message says why, as the end of a sentence."""


def read(path: Path, most: int) -> bytes:
    """The first `most` bytes of a regular file; folders, pipes, devices and dangling links raise UnreadableError (C9)."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe must not be waited for
        if not stat.S_ISREG(os.fstat(number).st_mode):
            os.close(number)
            raise UnreadableError("it is no regular file")
        with os.fdopen(number, "rb") as file:
            return file.read(most)
    except ValueError:
        raise UnreadableError("no file can have this name") from None
    except OSError as error:
        raise UnreadableError((error.strerror or "it cannot be opened").lower()) from None
