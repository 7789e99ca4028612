"""What is remembered: one store, one writer. Functions in this package take `tx`, the transaction they are part of."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import datetime
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from sqlalchemy import (
    ColumnDefault,
    ColumnElement,
    Connection,
    Dialect,
    Insert,
    Select,
    Table,
    UpdateBase,
    false,
    literal_column,
    true,
)
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.sql.compiler import SQLCompiler

from monitor.errors import StoreError
from monitor.store import migrations
from monitor.store.database import Database, database
from monitor.store.writer import Writer, as_store_error

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert

__all__ = [
    "NAMED",
    "Connection",
    "Prepared",
    "Store",
    "batches",
    "begins",
    "exists",
    "fields",
    "keeping",
    "replacing",
    "upsert",
]

NAMED = 400
"""Values in one IN list: below every engine's limit."""
_Known = tuple[str, Callable[[Sequence[Any]], Any], Mapping[int, Callable[[Any], Any]]]
"""A statement's text, how a row's values are arranged for it, and what is done before to those at some places."""
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
        self._writer = Writer(kept)
        self.is_shared = False
        """Whether other processes may follow stories beside this one."""

    @classmethod
    def open(cls, url: str) -> Store:
        """Open the store at `url` (`sqlite:///path` or `postgresql://...`); create or migrate it where needed.

        Raises StoreError, in one sentence, for a place that is no database, damaged, foreign, newer than this program, not
        writable or not reachable.
        """
        store = cls(database(url))
        try:
            with as_store_error(store.shown):
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

    @property
    def address(self) -> str:
        """Where it is and how to log in, for what reaches it by a way of its own; a secret."""
        return self._database.address

    def hold(self, *, shared: bool = False) -> None:
        """Become the one process that follows stories on this store, until it is closed; look whether it is sound first.

        With `shared`, become one of several, each with a role, which one that runs alone excludes, and they it.

        Raises StoreHeld when another has it, StoreError when a page is damaged (S5), or where it cannot be shared. Where the
        hold is lost later, each write raises StoreError until it is there again, or StoreHeld once another process has had it
        that excludes this one.
        """
        with as_store_error(self.shown):
            self._database.hold(shared=shared)
        self.is_shared = shared

    def now(self) -> datetime:
        """The time by the one clock that all go by who use this store, whatever their machines' clocks show (D28). Raises nothing."""
        return self._database.now()

    def on_writer(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` on the writer thread, first come first served, and wait for what it returns or raises."""
        return self._writer.do(work, *args, **kwargs)

    def begin(self) -> AbstractContextManager[Connection]:
        """One transaction, on the writer thread only: all of it is kept, or nothing. Raises StoreError."""
        return self._writer.begin()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view for reading, on any thread. Raises StoreError."""
        with as_store_error(self.shown), self._database.readers.connect() as tx:
            self._database.begin_read(tx)
            yield tx

    def glance(self, statement: Prepared, *values: object) -> Sequence[Any]:
        """What a statement finds that is asked by itself, over and over: numbers and text, as the engine gives them. Raises StoreError.

        Once a second, when nothing of it is in the processor's cache, what SQLAlchemy does around a statement takes several
        times the statement.
        """
        with as_store_error(self.shown):
            return self._database.glance(*statement.for_one(self._database.readers.dialect, values))

    def rest(self) -> None:
        """Let go of what is remembered only to write fast; it comes again by itself. Raises StoreError."""
        with as_store_error(self.shown):
            self.on_writer(self._database.rest)

    def stamp(self) -> object:
        """What is another after each write, by whichever process; None where it cannot be told at next to no cost. Raises nothing."""
        return self._database.stamp()

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction on the writer thread and wait for it."""

        def transact() -> T:
            with self.begin() as tx:
                return work(tx)

        return self.on_writer(transact)

    def write_together(
        self, work: Callable[[Connection], T], undone: Callable[[], None] = lambda: None, *, waits: bool = False
    ) -> Future[T]:
        """Like `write`, but in one transaction with what others want to write meanwhile; where a step fails, each has its own.

        To begin and to commit takes longer than most steps. Those that come while the writer is at others join them, in their
        order, until it has been at them for a while. A step that `waits` lets some others come before the writer begins, for
        a moment, and only where nobody wants anything else of the writer.

        What is given hears of the outcome on the writer thread. `undone` is called there, when nothing is kept of what `work` did.
        """
        return self._writer.together(work, undone, waits=waits)

    def close(self) -> None:
        """Finish what the writer has begun and let go of the database."""
        self._writer.close()
        self._database.close()

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
    return (values[start : start + NAMED] for start in range(0, len(values), NAMED))


def keeping(table: Table, names: Sequence[str]) -> Prepared:
    """To insert rows with these columns; where one's primary key stands already, what is there is kept."""
    return Prepared(lambda engine: _upsert(engine, table, tuple(names), keep=True), names)


def replacing(table: Table, names: Sequence[str]) -> Prepared:
    """To insert rows with these columns; where one's primary key stands already, the row is overwritten."""
    return Prepared(lambda engine: _upsert(engine, table, tuple(names), keep=False), names)


def upsert(tx: Connection, table: Table, rows: Sequence[dict[str, Any]], *, keep: bool = False) -> int:
    """Insert rows; where one's primary key (or unique id) stands already, overwrite the row, or `keep` what is there.

    Returns how many rows were written.
    """
    if not rows:
        return 0
    statement = _upsert(tx.dialect.name, table, tuple(rows[0]), keep=keep)
    return tx.execute(statement.execution_options(preserve_rowcount=True), rows).rowcount


@cache
def _upsert(engine: str, table: Table, names: tuple[str, ...], *, keep: bool) -> Insert:
    """The statement in an engine's own words, made once: SQLAlchemy takes longer to make it than SQLite to carry it out."""
    insert = _insert(engine, table).values(_defaults(table, names))
    if keep:
        return insert.on_conflict_do_nothing()
    changed = {name: insert.excluded[name] for name in names if name not in table.primary_key.columns}
    return insert.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=changed)


def _insert(engine: str, table: Table) -> SqliteInsert | PostgresqlInsert:
    if engine == "sqlite":
        return SqliteInsert(table)
    from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert  # noqa: PLC0415 - loaded where it is used

    return PostgresqlInsert(table)


def _defaults(table: Table, names: Collection[str]) -> dict[str, ColumnElement[Any]]:
    """What stands in the columns that no row names, as part of the statement: bound to each row, it takes twice the time."""
    usual = {
        column.name: column.default.arg
        for column in table.columns
        if isinstance(column.default, ColumnDefault) and column.default.is_scalar and column.name not in names
    }
    return {name: _constant(value) for name, value in usual.items()}


def _constant(value: object) -> ColumnElement[Any]:
    if isinstance(value, bool):
        return true() if value else false()
    return literal_column(repr(value))  # a number, or an empty text, which SQL writes like Python


class Prepared:
    """A statement of every poll; its values come as tuples, in the order of `names`.

    SQLAlchemy works out once what the statement is on an engine, and what is to be done to which of the values; from then on they go
    to SQLite's driver itself. On SQLAlchemy's own way a row costs several times what SQLite takes to keep it. PostgreSQL's
    driver is left to SQLAlchemy, which sees when a connection was cut.
    """

    def __init__(self, statement: Callable[[str], UpdateBase | Select[Any]], names: Sequence[str]) -> None:
        self._statement, self._names = statement, tuple(names)
        self._known: dict[str, _Known] = {}
        self._read: dict[str, list[tuple[int, Callable[[Any], Any]]]] = {}
        """What is done to the values of the columns that are found; of the others, nothing."""

    def run(self, tx: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        """Carry it out for each row; returns how many rows of the table it wrote."""
        if not rows:
            return 0
        if len(rows) == 1:
            text, one = self.for_one(tx.dialect, rows[0])
            return (_driver(tx).execute(text, one) if _is_sqlite(tx) else tx.exec_driver_sql(text, one)).rowcount
        text, all_bound = self._bound(tx.dialect, rows)
        return (
            _driver(tx).executemany(text, all_bound) if _is_sqlite(tx) else tx.exec_driver_sql(text, all_bound)
        ).rowcount

    def rows(self, tx: Connection, values: tuple[Any, ...] = ()) -> Sequence[Any]:
        """What it finds, as the engine gives it: numbers and text only."""
        text, bound = self.for_one(tx.dialect, values)
        return _driver(tx).execute(text, bound).fetchall() if _is_sqlite(tx) else tx.exec_driver_sql(text, bound).all()

    def found(self, tx: Connection, values: tuple[Any, ...], at_a_time: int) -> Iterator[tuple[Any, ...]]:
        """What it finds, as Python has it: times and truths too; read as it is asked for, so many rows at a time."""
        text, bound = self.for_one(tx.dialect, values)
        if _is_sqlite(tx):
            with closing(_driver(tx).execute(text, bound)) as cursor:
                yield from self._as_python(tx.dialect, cursor.description, cursor)
        else:
            with tx.exec_driver_sql(text, bound, execution_options={"yield_per": at_a_time}) as found:
                yield from self._as_python(tx.dialect, found.cursor.description, found)

    def _as_python(self, dialect: Dialect, described: Sequence[Any], rows: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
        convert = self._read.get(dialect.name) or self._to_be_read(dialect, described)
        for row in rows:
            values = list(row)
            for place, made in convert:
                values[place] = made(values[place])
            yield tuple(values)

    def _to_be_read(self, dialect: Dialect, described: Sequence[Any]) -> list[tuple[int, Callable[[Any], Any]]]:
        """What is done to the values of which columns, by what the engine calls their types."""
        statement = self._statement(dialect.name)
        assert isinstance(statement, Select), "a statement that reads"
        types = [column.type.dialect_impl(dialect) for column in statement.selected_columns]
        made = [kind.result_processor(dialect, told[1]) for kind, told in zip(types, described, strict=True)]
        self._read[dialect.name] = [(place, convert) for place, convert in enumerate(made) if convert is not None]
        return self._read[dialect.name]

    def for_one(self, dialect: Dialect, values: tuple[Any, ...]) -> tuple[str, Any]:
        """The statement as an engine understands it, and these values as it does."""
        text, arranged, conversions = self._known.get(dialect.name) or self._on(dialect)
        bound = list(values)
        for place, convert in conversions.items():
            bound[place] = convert(bound[place])
        return text, arranged(bound)

    def _bound(self, dialect: Dialect, rows: Sequence[tuple[Any, ...]]) -> tuple[str, list[Any]]:
        text, arranged, conversions = self._known.get(dialect.name) or self._on(dialect)
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for place, convert in conversions.items():
            known = {value: convert(value) for value in set(columns[place])}  # most rows of a poll have the same times
            columns[place] = [known[value] for value in columns[place]]
        return text, list(map(arranged, zip(*columns, strict=True)))

    def _on(self, dialect: Dialect) -> _Known:
        made = self._statement(dialect.name).compile(dialect=dialect, column_keys=list(self._names))
        assert isinstance(made, SQLCompiler), "a statement that reads or writes"
        assert set(made.binds) == set(self._names), "each value comes by its name, and all that are named are used"
        conversions = {
            place: convert
            for place, name in enumerate(self._names)
            if (convert := made.binds[name].type.dialect_impl(dialect).bind_processor(dialect))
        }
        self._known[dialect.name] = made.string, _arranging(self._names, made.positiontup), conversions
        return self._known[dialect.name]


def _arranging(names: Sequence[str], order: Sequence[str] | None) -> Callable[[Sequence[Any]], Any]:
    """How the values of a row go to the driver: in the order in which the statement has them, or by name where it takes them so."""
    if order is None:
        return lambda row: dict(zip(names, row, strict=True))
    if len(order) < 2:  # noqa: PLR2004 - of one, itemgetter gives no tuple
        return tuple
    return itemgetter(*map(names.index, order))


def _is_sqlite(tx: Connection) -> bool:
    return tx.dialect.name == "sqlite"


def _driver(tx: Connection) -> sqlite3.Cursor:
    """A cursor on the connection of a transaction."""
    connection: Any = tx.connection.dbapi_connection
    cursor: sqlite3.Cursor = connection.cursor()
    return cursor


def begins(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Whether an id begins so; unlike LIKE, this is looked up in the index."""
    text = text.lower()
    return (column >= text) & (column < f"{text}\U0010ffff")


def fields(value: DataclassInstance) -> dict[str, Any]:
    """The fields of a dataclass by name, as they are: `asdict` would copy each of them."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}
