"""The files that a configuration consists of and names. None of them can make the monitor wait or fill its memory."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
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


def create(path: Path, data: bytes) -> None:
    """Write a file that is not there yet, readable for all like a configuration. Raises OSError."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace(path: Path, before: bytes, after: bytes) -> None:
    """Put `after` in place of `before` at once, keeping mode, owner and links; raises OSError.

    A crash leaves the one or the other. Raises UnreadableError when the file has changed meanwhile.
    """
    target = path.resolve()
    was = target.stat()
    number, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(after)
            file.flush()
            os.fchmod(file.fileno(), stat.S_IMODE(was.st_mode))
            if (was.st_uid, was.st_gid) != (os.geteuid(), os.getegid()):
                with suppress(PermissionError):
                    os.fchown(file.fileno(), was.st_uid, was.st_gid)
            os.fsync(file.fileno())
        _check_unchanged(target, before)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _check_unchanged(path: Path, before: bytes) -> None:
    if read(path, len(before) + 1) != before:
        raise UnreadableError("it was changed meanwhile; try again")
