"""Recordings: JSON Lines of entries (.gz too) and feed documents, read back as entries."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from monitor.errors import FeedError, MonitorError
from monitor.feeds.document import parse_bytes
from monitor.feeds.identity import entries_of
from monitor.model import Entry, Feed, FeedState, Poll

_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


class ReplayError(MonitorError):
    """A recording cannot be read."""


def entries(paths: Iterable[Path]) -> Iterator[Entry]:
    """The entries recorded in `paths`, in the order of the files. Raises ReplayError with file and line."""
    for path in paths:
        body = _bytes(path)
        if body.lstrip()[:1] == b"<" or _is_json_feed(body):
            yield from _document(path, body)
        else:
            yield from _lines(path, body)


def labels(path: Path) -> dict[str, str]:
    """Entry id -> label, from JSON Lines {"id", "label"}. Raises ReplayError with file and line."""
    found: dict[str, str] = {}
    for number, line in enumerate(_bytes(path).splitlines(), 1):
        if line.strip():
            record = _record(path, number, line)
            try:
                found[str(record["id"])] = str(record["label"])
            except KeyError as missing:
                raise ReplayError(
                    f'{path}:{number}: a label needs {missing}; write {{"id": ..., "label": ...}}.'
                ) from None
    return found


def _bytes(path: Path) -> bytes:
    try:
        body = path.read_bytes()
        return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or "it is not a whole gzip file"
        raise ReplayError(f"{path}: cannot be read: {why}.") from None


def _is_json_feed(body: bytes) -> bool:
    return body.lstrip()[:1] == b"{" and b"jsonfeed.org/version" in body[:2_000]


def _lines(path: Path, body: bytes) -> Iterator[Entry]:
    for number, line in enumerate(body.splitlines(), 1):
        if line.strip():
            yield _entry(path, number, _record(path, number, line))


def _record(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise ReplayError(f"{path}:{number}: is not a JSON object; a recording has one entry a line.")
    return record


def _entry(path: Path, number: int, record: dict[str, Any]) -> Entry:
    def text(key: str) -> str:
        value = record.get(key)
        if not isinstance(value, str):
            return ""
        return value if value.isascii() else value.encode("utf-8", "replace").decode()

    identifier = text("id")
    if not identifier:
        raise ReplayError(f'{path}:{number}: the entry has no "id"; give each entry its own text.')
    published = _moment(text("published"))
    if published is None:
        raise ReplayError(f'{path}:{number}: "published" is not a date; write it like 2024-05-01T12:00:00+00:00.')
    return Entry(
        id=identifier, feed=text("feed"), url=text("url"), title=text("title"), summary=text("summary"),
        published=published, language=text("lang"), outlet=text("source"), keys=(identifier,),
    )  # fmt: skip


def _moment(text: str) -> datetime | None:
    """The moment that is named, if weeks before and after it can be counted, too."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if _EARLIEST <= moment <= _LATEST else None


def _document(path: Path, body: bytes) -> Iterator[Entry]:
    """A feed document on disk; what it leaves undated counts as published when the file was written."""
    at = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
    url = path.resolve().as_uri()
    try:
        document = parse_bytes(body, url=url, content_type="")
    except FeedError as error:
        raise ReplayError(f"{path}: {error}") from None
    yield from entries_of(Poll(feed=Feed(url=url), state=FeedState(url=url, next_poll_at=at), at=at, document=document))
