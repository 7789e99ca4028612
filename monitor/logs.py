"""Logging: for people on a terminal, with priorities for the journal, as JSON on request. Never a secret, never a flood."""

from __future__ import annotations

import codecs
import json
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from monitor.secret import mask

Format = Literal["auto", "text", "journal", "json"]

_PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\U0001fffe\U0001ffff\U000e0000-\U000e0fff\U0010fffe\U0010ffff]"
)
"""Control characters, line breaks of all kinds, what turns the direction of writing or hides, lone surrogates, and what is no character."""
_COUNTERS = re.compile(r"(?<=\w)=\d+(?=\s|$)")
_written_out = codecs.getencoder("unicode_escape")  # found now: where no file can be opened, that is to be told (P11)
_QUIET = 60.0
_REMEMBERED = 1_000
_NOISY = {
    "apscheduler": logging.ERROR, "urllib3": logging.ERROR, "asyncio": logging.ERROR,
    "procrastinate": logging.CRITICAL, "psycopg": logging.CRITICAL,
}  # fmt: skip
"""What others log, where we say it ourselves."""


def set_up(form: Format = "auto", *, debug: bool = False) -> None:
    """Log to standard error; `auto` tells the journal from a terminal."""
    if form == "auto":
        form = "journal" if _is_journal() else "text"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Line(form, dated=not sys.stderr.isatty()))
    handler.addFilter(Once())
    logging.basicConfig(level=logging.DEBUG if debug else logging.INFO, handlers=[handler], force=True)
    for noisy, level in _NOISY.items():
        logging.getLogger(noisy).setLevel(level)


def one_line(text: str) -> str:
    """`text` with secrets masked and control characters written out (T13)."""
    text = mask(text)
    if text.isascii() and text.isprintable():
        return text
    return _UNPRINTABLE.sub(lambda match: _written_out(match.group())[0].decode(), text)


class Line(logging.Formatter):
    """A record as one line, whatever stands in it."""

    def __init__(self, form: Format, *, dated: bool = True) -> None:
        super().__init__()
        self._form = form
        self._time = "%Y-%m-%d %H:%M:%SZ" if dated else "%H:%M:%SZ"

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        text = record.getMessage()
        if record.exc_info:
            text += " | " + self.formatException(record.exc_info)
        text = one_line(text)
        if self._form == "journal":
            return f"<{_PRIORITY.get(record.levelno, 6)}>{text}"
        at, level = datetime.fromtimestamp(record.created, tz=UTC), record.levelname.lower()
        if self._form == "json":
            return json.dumps(
                {"time": at.isoformat(), "level": level, "logger": record.name, "message": text}, ensure_ascii=False
            )
        return f"{at.strftime(self._time)} {level:7} {text}"


class Once(logging.Filter):
    """The same complaint passes once a minute; the next one tells how many were kept back (P8).

    Complaints that differ in counters only (`attempt=3`) are the same.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._last: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record passes."""
        if record.levelno < logging.WARNING:
            return True
        with self._lock:
            kept_back = self._kept_back(_COUNTERS.sub("=#", record.getMessage()))
        if kept_back:
            record.msg, record.args = f"{record.getMessage()} ({kept_back} more like it in the last minutes)", None
        return kept_back is not None

    def _kept_back(self, complaint: str) -> int | None:
        """How many of its like were kept back before this one, which passes; None when it does not pass either."""
        now = self._clock()
        passed, kept_back = self._last.get(complaint, (now - _QUIET, 0))
        if now - passed < _QUIET:
            self._last[complaint] = (passed, kept_back + 1)
            return None
        self._last.pop(complaint, None)
        if len(self._last) >= _REMEMBERED:
            del self._last[next(iter(self._last))]  # the one that passed longest ago
        self._last[complaint] = (now, 0)
        return kept_back


def _is_journal() -> bool:
    """Whether standard error is the journal itself: a file or terminal it was sent on to wants no priorities (systemd.exec(5))."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        ours = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return (device, inode) == (str(ours.st_dev), str(ours.st_ino))
