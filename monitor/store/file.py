"""The database file: made for its owner only, judged before anything touches it, held by one process at a time."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from monitor.errors import StoreError, StoreHeld

APPLICATION = 0x53544D4E
"""SQLite's application_id: tells our files from anybody else's."""
BUSY_SECONDS = 10.0


def path_of(url: str) -> Path:
    """The file that `url` names. Raises StoreError for any other kind of store."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError("The store's address cannot be read; write sqlite:///FILE.") from None
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        raise StoreError(
            f"The store {parsed.render_as_string()} is of a kind this version cannot use; write sqlite:///FILE."
        )
    return Path(str(parsed.database))


def prepare(path: Path) -> None:
    """Make the file where there is none; refuse one that is damaged or another program's, and leave it as it is (S5)."""
    with _openable(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.exists() and path.stat().st_size:
            _judge(path)
            return
        journal = Path(f"{path}-wal")
        if journal.exists() and journal.stat().st_size:  # SQLite would delete it, and with it the last that was kept
            raise _damaged(path)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))  # S16: SQLite gives its other files the same mode


def check(path: Path) -> None:
    """Read every page. Raises StoreError when one is damaged (S5)."""
    with _openable(path), _probe(path) as probe:
        if probe.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise _damaged(path)


def hold(path: Path) -> int:
    """Lock the file for this process; the lock lasts until the descriptor is closed, or the process ends. Raises StoreHeld."""
    with _openable(path):
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        pid = int(os.read(lock, 20) or b"0")
        os.close(lock)
        raise StoreHeld(f"{path} is already followed by the process with pid {pid}; stop it first.", pid) from None
    os.ftruncate(lock, os.pwrite(lock, str(os.getpid()).encode(), 0))
    return lock


def _judge(path: Path) -> None:
    with _probe(path) as probe:
        tables = probe.execute("SELECT count(*) FROM sqlite_master").fetchone()
        owner = probe.execute("PRAGMA application_id").fetchone()
    if tables != (0,) and owner != (APPLICATION,):
        raise StoreError(f"{path} is a database of another program; give the monitor a file of its own.")


@contextmanager
def _probe(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write, so that nothing is changed by looking."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)) as probe:
        yield probe


@contextmanager
def _openable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise StoreError(f"{path} cannot be opened: {why}; check who owns the folder and the file.") from None
    except sqlite3.DatabaseError:
        raise _damaged(path) from None


def _damaged(path: Path) -> StoreError:
    return StoreError(
        f"{path} is damaged or not a database; it was left as it is. Move it aside, or put a backup in its place."
    )
