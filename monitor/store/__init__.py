"""What is remembered: one store, one writer. Functions in this package take `tx`, the transaction they are part of."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import sqlalchemy
from sqlalchemy import Connection, Engine, Table, event, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from monitor.errors import StoreError, StoreHeld
from monitor.store.migrations import MIGRATIONS
from monitor.store.schema import meta

__all__ = ["Connection", "Store", "exists", "upsert"]

_APPLICATION = 0x53544D4E
"""SQLite's application_id: tells our files from anybody else's."""
_BUSY = 10_000

P = ParamSpec("P")
T = TypeVar("T")


def exists(url: str) -> bool:
    """Whether there is a store at `url` already; to ask makes none."""
    try:
        return _path(url).exists()
    except OSError:  # a folder that may not be looked into: opening tells it
        return True


class Store:
    """A database with a single writer thread; readers are many and see committed data only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine = self._connect(checkpoints=False)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="writer", initializer=self._note_writer)
        self._writer_thread = 0
        self._lock: int | None = None

    @classmethod
    def open(cls, url: str) -> Store:
        """Open the store at `url` (`sqlite:///path`); create or migrate it where needed.

        Raises StoreError, in one sentence, for a file that is no database, foreign, newer than this program or not writable.
        """
        path = _path(url)
        _prepare(path)
        store = cls(path)
        try:
            store.on_writer(store._migrate)
        except BaseException:
            store.close()
            raise
        path.chmod(0o600)
        return store

    def hold(self) -> None:
        """Become the one process that follows stories on this store, until it is closed; look whether it is sound first.

        Raises StoreHeld when another has it, StoreError when a page is damaged (S5).
        """
        lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid = int(os.read(lock, 20) or b"0")
            os.close(lock)
            raise StoreHeld(
                f"{self._path} is already followed by the process with pid {pid}; stop it first.", pid
            ) from None
        os.ftruncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
        self._lock = lock
        if not _reads(self._path, "PRAGMA quick_check(1)", "ok"):
            raise _damaged(self._path)
        self._engine.dispose()
        self._engine = self._connect(checkpoints=True)

    def on_writer(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` on the writer thread, first come first served, and wait for what it returns or raises."""
        assert threading.get_ident() != self._writer_thread, "the writer would wait for itself"
        return self._writer.submit(work, *args, **kwargs).result()

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction, on the writer thread only: all of it is kept, or nothing. Raises StoreError."""
        assert threading.get_ident() == self._writer_thread, "only the writer writes"
        with _as_store_error(self._path), self._engine.connect() as tx:
            tx.exec_driver_sql("BEGIN IMMEDIATE")
            yield tx
            tx.commit()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view for reading, on any thread. Raises StoreError."""
        with _as_store_error(self._path), self._engine.connect() as tx:
            tx.exec_driver_sql("PRAGMA query_only=1")
            tx.exec_driver_sql("BEGIN")
            try:
                yield tx
            finally:
                tx.rollback()
                tx.exec_driver_sql("PRAGMA query_only=0")

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction on the writer thread and wait for it."""

        def transact() -> T:
            with self.begin() as tx:
                return work(tx)

        return self.on_writer(transact)

    def close(self) -> None:
        """Finish what the writer has begun and let go of the files."""
        self._writer.shutdown()
        self._engine.dispose()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _connect(self, *, checkpoints: bool) -> Engine:
        """An engine whose connections are durable. Only the holder checkpoints: SQLite 3.51.2 and older may corrupt the file when two do (0.10)."""
        engine = sqlalchemy.create_engine(
            f"sqlite:///{self._path}", connect_args={"timeout": _BUSY / 1000, "check_same_thread": False}
        )
        pragmas = (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"wal_autocheckpoint={1000 if checkpoints else 0}",
        )

        @event.listens_for(engine, "connect")
        def _connected(connection: sqlite3.Connection, _record: object) -> None:
            connection.isolation_level = None  # BEGIN is ours, so that a migration rolls back whole
            for pragma in pragmas:
                with suppress(sqlite3.OperationalError):
                    connection.execute(f"PRAGMA {pragma}")

        return engine

    def _note_writer(self) -> None:
        self._writer_thread = threading.get_ident()

    def _migrate(self) -> None:
        with self.begin() as tx:
            version = _version(tx, self._path)
            if version > len(MIGRATIONS):
                raise StoreError(
                    f"{self._path} was written by a newer monitor (schema {version}); install that version."
                )
            if version == len(MIGRATIONS):
                return
            for migration in MIGRATIONS[version:]:
                migration(tx)
            upsert(tx, meta, [{"name": "schema", "value": str(len(MIGRATIONS))}])
            tx.exec_driver_sql(f"PRAGMA application_id={_APPLICATION}")


def upsert(tx: Connection, table: Table, rows: Sequence[dict[str, Any]], *, keep: bool = False) -> None:
    """Insert rows; where one's primary key (or unique id) stands already, overwrite the row, or `keep` what is there."""
    if not rows:
        return
    insert = (sqlite if tx.dialect.name == "sqlite" else postgresql).insert(table)
    if keep:
        tx.execute(insert.on_conflict_do_nothing(), rows)
        return
    changed = {name: insert.excluded[name] for name in rows[0] if name not in table.primary_key.columns}
    tx.execute(insert.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=changed), rows)


def _version(tx: Connection, path: Path) -> int:
    """How many migrations the store has been through; 0 for an empty one. Raises StoreError for a foreign one."""
    tables = sqlalchemy.inspect(tx).get_table_names()
    if not tables:
        return 0
    if "meta" not in tables:
        raise StoreError(f"{path} is a database of another program; give the monitor a file of its own.")
    return int(tx.execute(select(meta.c.value).where(meta.c.name == "schema")).scalar() or 0)


def _path(url: str) -> Path:
    """The file of a SQLite URL. Raises StoreError for any other."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise StoreError(
            f"The store {parsed.render_as_string()} is of a kind this version cannot use; write sqlite:///FILE."
        )
    return Path(parsed.database)


def _prepare(path: Path) -> None:
    """Make the folder, and refuse a file that is no database before anything touches it (S5)."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        empty = not path.exists() or path.stat().st_size == 0
    except OSError as error:
        raise StoreError(
            f"{path} cannot be opened: {error.strerror}; check who owns the folder and the file."
        ) from None
    if not empty and not _reads(path, "SELECT count(*) >= 0 FROM sqlite_master", 1):
        raise _damaged(path)


def _reads(path: Path, query: str, expected: object) -> bool:
    """Whether SQLite can read the file, and answers `query` as expected; nothing is written."""
    probe = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=_BUSY / 1000)
    try:
        return bool(probe.execute(query).fetchone() == (expected,))
    except sqlite3.OperationalError:  # busy, or not ours to open: whoever opens it next says so
        return True
    except sqlite3.DatabaseError:
        return False
    finally:
        probe.close()


def _damaged(path: Path) -> StoreError:
    return StoreError(
        f"{path} is damaged or not a database; it was left as it is. Move it aside, or put a backup in its place."
    )


@contextmanager
def _as_store_error(path: Path) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise StoreError(f"The store {path} refused: {cause}; nothing of this step was kept.") from error
