"""The store in a file of SQLite: how it is opened, and who may write."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, event

from monitor.errors import StoreError
from monitor.store import file

_SETTLED, _SETTLED_WHOLE = 0.1, 2.0
"""Seconds after which another write shows in a file's time; some file systems note whole ones only."""
_WHOLE = 1_000_000_000
_PAGES, _CACHE = 4_000, 8_000
"""Pages in the journal before they are put in their places, and kB of pages that the writer remembers: most are written several times
before that, and are read again for each poll. Four times as many as SQLite takes by itself make first polls cheaper by a sixteenth."""


class Sqlite:
    """A file, and the connections to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._journal = f"{path}-wal"
        self.readers = _engine(path, "query_only=ON")
        self.writer = _engine(path, "wal_autocheckpoint=0")
        self._lock: int | None = None
        self._glancing = threading.Lock()
        self._glances: sqlite3.Connection | None = None

    @property
    def shown(self) -> str:
        """The file."""
        return str(self.path)

    @property
    def address(self) -> str:
        """The file's."""
        return f"sqlite:///{self.path}"

    def exists(self) -> bool:
        """Whether the file is there."""
        try:
            return self.path.exists()
        except OSError:  # a folder that may not be looked into: opening tells it
            return True

    def prepare(self) -> None:
        """Make the file, or judge the one that is there."""
        file.prepare(self.path)

    def begin_read(self, tx: Connection) -> None:
        """One snapshot, from the first statement on."""
        tx.exec_driver_sql("BEGIN")

    def glance(self, text: str, values: Any) -> Sequence[Any]:
        """By a connection that stays open: to take one from the pool and to give it back takes longer than the look."""
        with self._glancing:
            if self._glances is None:
                self._glances = sqlite3.connect(
                    self.path, timeout=file.BUSY_SECONDS, isolation_level=None, check_same_thread=False
                )
                self._glances.execute("PRAGMA query_only=ON")
            return self._glances.execute(text, values).fetchall()

    def stamp(self) -> object:
        """The journal's time and size: every write is added to it. None while it is so young that another write may leave both as they are."""
        try:
            journal = os.stat(self._journal)  # noqa: PTH116 - once a second, and a Path is made anew for it
        except OSError:
            return None
        settled = _SETTLED if journal.st_mtime_ns % _WHOLE else _SETTLED_WHOLE
        return (journal.st_mtime_ns, journal.st_size) if time.time() - journal.st_mtime > settled else None

    def begin_write(self, tx: Connection) -> None:
        """SQLite has one writer at a time; to be it from the beginning spares a refusal half-way."""
        tx.exec_driver_sql("BEGIN IMMEDIATE")

    def mark(self, tx: Connection) -> None:
        """By SQLite's own field for it."""
        tx.exec_driver_sql(f"PRAGMA application_id={file.APPLICATION}")

    def hold(self, *, shared: bool) -> None:
        """Lock the file; look whether every page is sound. Raises StoreHeld, and StoreError when one is damaged (S5), or is to be shared."""
        if shared:
            raise StoreError(f"{self.shown} is a file of SQLite, which one process follows; several with roles need a store in PostgreSQL.")  # fmt: skip
        self._lock = file.hold(self.path)
        file.check(self.path)
        # Only the holder checkpoints: SQLite 3.51.2 and older may corrupt the file when two do (0.10).
        self.writer.dispose()
        self.writer = _engine(self.path, f"wal_autocheckpoint={_PAGES}", f"cache_size=-{_CACHE}")

    def rest(self) -> None:
        """Of the pages; those that are read again are in the system's own memory."""
        with self.writer.connect() as tx:
            tx.exec_driver_sql("PRAGMA shrink_memory")

    def now(self) -> datetime:
        """The machine's time: whoever uses the file is on it."""
        return datetime.now(UTC)

    def close(self) -> None:
        """Let go of the files."""
        with self._glancing:
            if self._glances is not None:
                self._glances.close()
                self._glances = None
        self.readers.dispose()
        self.writer.dispose()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _engine(path: Path, *own: str) -> Engine:
    """An engine whose connections keep what they commit, even when the power fails (S2), with settings of its own."""
    engine = sqlalchemy.create_engine(
        URL.create("sqlite", database=str(path)),
        json_serializer=_as_json,
        connect_args={"timeout": file.BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # BEGIN is ours, so that a migration rolls back whole
        with suppress(sqlite3.OperationalError):  # another process is at it, and it needs doing once only
            connection.execute("PRAGMA journal_mode=WAL")
        for pragma in ("synchronous=FULL", "foreign_keys=ON", f"journal_size_limit={file.JOURNAL_CAP}", *own):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _as_json(value: Any) -> str:
    """As the standard library writes it, which takes three times as long for a few texts, such as the keys of an entry."""
    if type(value) is tuple:
        with suppress(TypeError):  # not all of it is text
            return f"[{', '.join(map(encode_basestring_ascii, value))}]"
    return json.dumps(value)
