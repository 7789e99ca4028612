"""Everything that can go wrong and that a caller can act on.

MonitorError                 one plain sentence; never carries a secret
├── ConfigError              the YAML: every problem at once, each with file and line
├── SecretError              a secret could not be read
├── FeedError                a feed could not be fetched or parsed; the poll's outcome, never the daemon's end
├── StoreError               the database
│   └── StoreHeld            another process already follows stories on this store
└── DeliveryError            a channel did not take an alert; says whether to try again
"""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal


class MonitorError(Exception):
    """One plain sentence: what is wrong, where, and what to do."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a config file; `line` counts from 1, 0 when no line can be named."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}" if self.line else f"{self.file}: {self.message}"


class ConfigError(MonitorError):
    """The configuration cannot be used; `problems` holds every mistake found, in order of file and line."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class SecretError(MonitorError):
    """A secret named in the configuration is missing, empty or unreadable."""


class FeedError(MonitorError):
    """A poll failed. `reason` is a short stable code for tables and metrics, such as `timeout` or `not-a-feed`.

    `retry_after` is the server's own wish (Retry-After), `gone` its word that the feed has ended (410).
    """

    def __init__(self, reason: str, message: str, *, retry_after: timedelta | None = None, gone: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_after = retry_after
        self.gone = gone


class StoreError(MonitorError):
    """The database refused; nothing of the transaction was kept."""


class StoreHeld(StoreError):  # noqa: N818 - reads as what happened
    """Another process holds the store; `pid` names it."""

    def __init__(self, message: str, pid: int) -> None:
        super().__init__(message)
        self.pid = pid


def is_shortage(error: BaseException) -> bool:
    """Whether the machine, not what was asked of it, is at fault: no memory, or too many files open. It passes (P11)."""
    return isinstance(error, MemoryError) or getattr(error, "errno", None) in (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


_FOR_PROGRAMS = re.compile(r"^\[SSL[^\]]*\] | \(_ssl\.c:\d+\)$")


def plainly(error: BaseException) -> str:
    """What went wrong below, without the numbers and names that programs give it: `Connection refused`."""
    told = getattr(error, "verify_message", None) or getattr(error, "strerror", None) or str(error)
    return _FOR_PROGRAMS.sub("", told)


Verdict = Literal["retry", "final", "pause", "disable"]


class DeliveryError(MonitorError):
    """A channel did not take a delivery.

    `verdict` says what follows: `retry` later (after `after`, if the receiver named a time), `final` for this
    delivery only, `pause` the whole channel (login refused), `disable` it until a person looks (410 Gone).
    """

    def __init__(self, message: str, *, verdict: Verdict = "retry", after: timedelta | None = None) -> None:
        super().__init__(message)
        self.verdict = verdict
        self.after = after


def passes(error: BaseException) -> bool:
    """Whether what went wrong mends itself, and nothing of the step was kept: a full disk (S3, S9), too many open files (P11).

    A store that another process has held meanwhile is no longer ours (S14).
    """
    if isinstance(error, StoreHeld):
        return False
    return isinstance(error, StoreError) or (isinstance(error, OSError) and is_shortage(error))
