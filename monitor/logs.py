"""Logging: for people on a terminal, with priorities for the journal, as JSON on request. Never a secret, never a flood."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import time
from datetime import UTC, datetime
from typing import Literal

from monitor.secret import mask

Format = Literal["auto", "text", "journal", "json"]

_PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_QUIET = 60.0


def set_up(form: Format = "auto", *, debug: bool = False) -> None:
    """Log to standard error; `auto` tells the journal from a terminal."""
    if form == "auto":
        form = "journal" if os.environ.get("JOURNAL_STREAM") else "text"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(form))
    handler.addFilter(_Once())
    logging.basicConfig(level=logging.DEBUG if debug else logging.INFO, handlers=[handler], force=True)
    for noisy in ("apscheduler", "urllib3", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


def one_line(text: str) -> str:
    """`text` with secrets masked and control characters written out (T13)."""
    return _CONTROL.sub(lambda match: match.group().encode("unicode_escape").decode(), mask(text))


class _Formatter(logging.Formatter):
    def __init__(self, form: Format) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if record.exc_info:
            text += " | " + self.formatException(record.exc_info)
        text = one_line(text)
        if self._form == "journal":
            return f"<{_PRIORITY.get(record.levelno, 6)}>{text}"
        at = datetime.fromtimestamp(record.created, tz=UTC)
        if self._form == "json":
            return json.dumps({"time": at.isoformat(), "level": record.levelname.lower(), "logger": record.name, "message": text}, ensure_ascii=False)
        return f"{at:%H:%M:%S} {record.levelname.lower():7} {text}"


class _Once(logging.Filter):
    """The same complaint passes once a minute; the next one tells how many were kept back (P8)."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        text, now = re.sub(r"\d+", "#", record.getMessage()), time.monotonic()
        passed, kept_back = self._last.get(text, (-_QUIET, 0))
        if now - passed < _QUIET:
            self._last[text] = (passed, kept_back + 1)
            return False
        if len(self._last) > 1_000:  # noqa: PLR2004 - different complaints remembered
            self._last.clear()
        self._last[text] = (now, 0)
        if kept_back:
            record.msg, record.args = f"{record.getMessage()} ({kept_back} more like it)", None
        return True
