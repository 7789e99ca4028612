"""What is remembered: one store, one writer. Functions in this package take `tx`, the transaction they are part of."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from sqlalchemy import ColumnElement, Connection, Insert, Table
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.exc import SQLAlchemyError

from monitor.errors import StoreError
from monitor.store import migrations
from monitor.store.database import Database, database

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert

__all__ = ["Connection", "Store", "batches", "begins", "exists", "fields", "upsert"]

_NAMED = 400
"""Values in one IN list: below every engine's limit."""
P = ParamSpec("P")
T = TypeVar("T")


def exists(url: str) -> bool:
    """Whether there is a store at `url` already; to ask makes none."""
    asked = database(url)
    try:
        return asked.exists()
    finally:
        asked.close()


class Store:
    """A database with a single writer thread; readers are many and see committed data only."""

    def __init__(self, kept: Database) -> None:
        self._database = kept
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer", initializer=self._note_writer)
        self._writer_id = 0

    @classmethod
    def open(cls, url: str) -> Store:
        """Open the store at `url` (`sqlite:///path` or `postgresql://...`); create or migrate it where needed.

        Raises StoreError, in one sentence, for a place that is no database, damaged, foreign, newer than this program, not
        writable or not reachable.
        """
        store = cls(database(url))
        try:
            with _as_store_error(store.shown):
                store._database.prepare()
            store.on_writer(store._migrate)
        except BaseException:
            store.close()
            raise
        return store

    @property
    def shown(self) -> str:
        """What to call the store in a sentence."""
        return self._database.shown

    def hold(self) -> None:
        """Become the one process that follows stories on this store, until it is closed; look whether it is sound first.

        Raises StoreHeld when another has it, StoreError when a page is damaged (S5). Where the hold is lost later, each
        write raises StoreError until it is there again, or StoreHeld once another process has had it.
        """
        with _as_store_error(self.shown):
            self._database.hold()

    def on_writer(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` on the writer thread, first come first served, and wait for what it returns or raises."""
        assert threading.get_ident() != self._writer_id, "the writer would wait for itself"
        return self._thread.submit(work, *args, **kwargs).result()

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction, on the writer thread only: all of it is kept, or nothing. Raises StoreError."""
        assert threading.get_ident() == self._writer_id, "only the writer writes"
        with _as_store_error(self.shown), self._database.writer.connect() as tx:
            self._database.begin_write(tx)
            yield tx
            tx.commit()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view for reading, on any thread. Raises StoreError."""
        with _as_store_error(self.shown), self._database.readers.connect() as tx:
            self._database.begin_read(tx)
            yield tx

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction on the writer thread and wait for it."""

        def transact() -> T:
            with self.begin() as tx:
                return work(tx)

        return self.on_writer(transact)

    def close(self) -> None:
        """Finish what the writer has begun and let go of the database."""
        self._thread.shutdown()
        self._database.close()

    def _note_writer(self) -> None:
        self._writer_id = threading.get_ident()

    def _migrate(self) -> None:
        with self.read() as tx:
            version = migrations.version(tx)
        if version > migrations.NEWEST:
            raise StoreError(f"{self.shown} was written by a newer monitor (schema {version}); install that version.")
        if version < migrations.NEWEST:
            with self.begin() as tx:
                migrations.migrate(tx)
                self._database.mark(tx)


def batches(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """`values`, as many at a time as one statement may name on every engine."""
    return (values[start : start + _NAMED] for start in range(0, len(values), _NAMED))


def upsert(tx: Connection, table: Table, rows: Sequence[dict[str, Any]], *, keep: bool = False) -> None:
    """Insert rows; where one's primary key (or unique id) stands already, overwrite the row, or `keep` what is there."""
    if not rows:
        return
    tx.execute(_upsert(tx.dialect.name, table, tuple(rows[0]), keep=keep), rows)


@cache
def _upsert(engine: str, table: Table, names: tuple[str, ...], *, keep: bool) -> Insert:
    """The statement in an engine's own words, made once: SQLAlchemy takes longer to make it than SQLite to carry it out."""
    insert = _insert(engine, table)
    if keep:
        return insert.on_conflict_do_nothing()
    changed = {name: insert.excluded[name] for name in names if name not in table.primary_key.columns}
    return insert.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=changed)


def _insert(engine: str, table: Table) -> SqliteInsert | PostgresqlInsert:
    if engine == "sqlite":
        return SqliteInsert(table)
    from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert  # noqa: PLC0415 - loaded where it is used

    return PostgresqlInsert(table)


def begins(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Whether an id begins so; unlike LIKE, this is looked up in the index."""
    text = text.lower()
    return (column >= text) & (column < f"{text}\U0010ffff")


def fields(value: DataclassInstance) -> dict[str, Any]:
    """The fields of a dataclass by name, as they are: `asdict` would copy each of them."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


@contextmanager
def _as_store_error(shown: str) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise StoreError(f"The store {shown} refused: {cause}; nothing of this step was kept.") from error
