"""The store in a PostgreSQL database (13 or newer): how it is reached, who may write, and what happens when it goes away.

A connection that is cut, by a restart of the server or by anybody between, is an ordinary refusal of the step that used it;
each is tried before it is used, so the next step has a new one. The process that follows stories keeps an advisory lock on
the very connection that writes: without the lock there is no connection, and with another holder no write. So do several that
share the work, by a lock that they share. Other processes write beside them, one transaction at a time, as in a file of SQLite.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy import URL, Connection, Dialect, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError

from monitor.errors import StoreError, StoreHeld
from monitor.process import uptime
from monitor.store.schema import entries, metadata

if TYPE_CHECKING:
    import psycopg

_MARK = "News story monitor"
"""The comment on the table `meta` that tells our tables from anybody else's."""
_HOLD, _WRITE = 0x53544D48, 0x53544D57
"""What the two advisory locks are for; beside it each is named by the schema that the tables are in."""
_SCHEMA = "quote_ident(current_schema())::regnamespace"
_HERE = f"{_SCHEMA}::oid::int"
_PATIENCE = 1.0
"""Seconds to wait for the hold of a process that was just killed: the server notices a moment later."""
_REACHED_WITHIN = {
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
"""libpq's settings: a server that has vanished is noticed before the daemon counts as dead (P1). An address may say otherwise."""
_TIME_HOLDS = 30.0
"""Seconds for which the server's time is reckoned on by a clock of ours."""
_IN_VAIN, _SPARED = 1.0, 5.0
"""A server that let us wait for more seconds than the first is not asked again for the second: whoever waits for the one writer would
wait as long, one after the other. One that is being restarted says no at once, and is asked again at once."""
_SESSION = """
    SET timezone = 'UTC';
    SET lock_timeout = '20s';
    SET idle_in_transaction_session_timeout = '5min';
    SET tcp_keepalives_idle = 10;
    SET tcp_keepalives_interval = 5;
    SET tcp_keepalives_count = 3;
    SET tcp_user_timeout = 10000;
"""
"""The last four free what a machine holds that has vanished."""
OF_QUEUE = f"{_SESSION} SET idle_in_transaction_session_timeout = '10s'; SET synchronous_commit = on;"
"""A session of the queue's: what one process does to a job, none may keep the others waiting with, nor may the server forget it."""
_SPELL = "15s"
"""For so long one that shares a store may stand still in the midst of a transaction, and keep all the others from theirs; who waits
has more patience than that (lock_timeout)."""
_READ_ONLY = """
    SET default_transaction_isolation = 'repeatable read';
    SET default_transaction_read_only = on;
    SET statement_timeout = '50s';
"""
_DURABLE = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
"""S2: whatever the server's other users find good enough."""

for _index in entries.indexes:
    if _index.name == "entries_url":  # told here, since SQLAlchemy loads all that it knows of PostgreSQL to hear it
        _index.dialect_kwargs["postgresql_using"] = "hash"
"""An address may be longer than what a B-tree of PostgreSQL takes; it is only ever looked up whole."""


class Postgresql:
    """A database, or a schema of its own in one, and the connections to it."""

    def __init__(self, url: URL) -> None:
        reached = {name: value for name, value in _REACHED_WITHIN.items() if name not in url.query}
        self._url = url.set(drivername="postgresql+psycopg").update_query_dict(reached)
        self._hold: _Hold | None = None
        self._spared_until = 0.0
        self._ask_time_at = 0.0
        self._ahead = time.time() - uptime()
        """Seconds that the server's clock is ahead of `uptime`."""
        self.readers = self._engine(_READ_ONLY, pool_size=5, max_overflow=10)
        self.writer = self._engine(_DURABLE, pool_size=1, max_overflow=0)
        event.listen(self.writer, "connect", self._hold_again)

    @property
    def shown(self) -> str:
        """Host and database."""
        return URL.create("postgresql", host=self._url.host, port=self._url.port, database=self._url.database).render_as_string()  # fmt: skip

    @property
    def address(self) -> str:
        """As libpq understands it."""
        return self._url.set(drivername="postgresql").render_as_string(hide_password=False)

    def exists(self) -> bool:
        """Whether our tables are there."""
        try:
            with self.readers.connect() as tx:
                return bool(_tables(tx))
        except (SQLAlchemyError, StoreError):
            return True

    def prepare(self) -> None:
        """See that the tables are ours, or can be made. Raises StoreError."""
        with self._opening() as tx:
            schema, encoding, user = tx.exec_driver_sql(
                "SELECT current_schema(), current_setting('server_encoding'), current_user"
            ).one()
            if schema is None:
                raise StoreError(f"{self.shown} has no schema that {user} may use; make the database by CREATE DATABASE ... OWNER {user}.")  # fmt: skip
            tables = _tables(tx)
            if tables and tables.get("meta") != _MARK:
                raise StoreError(
                    f"{self.shown} has tables of another program ({', '.join(sorted(tables))}); give the monitor a database of its own."
                )
            if encoding != "UTF8":
                raise StoreError(f"{self.shown} keeps its text in {encoding}; make the database anew with ENCODING 'UTF8'.")  # fmt: skip
            if not tables and not tx.exec_driver_sql("SELECT has_schema_privilege(current_schema(), 'CREATE')").scalar():  # fmt: skip
                raise StoreError(f"{user} may not make tables in {self.shown}; run GRANT CREATE ON SCHEMA {schema} TO {user} there.")  # fmt: skip

    def begin_read(self, tx: Connection) -> None:
        """The connection's own way: repeatable read, read only."""

    def glance(self, text: str, values: Any) -> Sequence[Any]:
        """As anything is read: the way to the server and back takes most of the time."""
        with self.readers.connect() as tx:
            return tx.exec_driver_sql(text, values).all()

    def stamp(self) -> None:
        """Only the server knows, and to ask it costs as much as any look."""

    def begin_write(self, tx: Connection) -> None:
        """One writer at a time, over all processes: what is read before a write is still true when it is written."""
        tx.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITE}, {_HERE})")

    def mark(self, tx: Connection) -> None:
        """By a comment."""
        tx.exec_driver_sql(f"COMMENT ON TABLE meta IS '{_MARK}'")

    def hold(self, *, shared: bool) -> None:
        """Take the lock, on the connection that writes. Raises StoreHeld."""
        hold = _Hold(self.shown, shared=shared)
        self.writer.dispose()
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                with self.writer.connect() as tx:
                    hold.take(_driver(tx))
                break
            except StoreHeld:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
        self._hold = hold

    def now(self) -> datetime:
        """The server's time: asked now and then, and reckoned on in between. Before it was ever told, this machine's."""
        asked = uptime()
        if asked >= self._ask_time_at:
            self._ask_time_at = asked + _TIME_HOLDS
            with suppress(SQLAlchemyError, StoreError):
                told = self.glance("SELECT extract(epoch FROM clock_timestamp())", ())[0][0]
                self._ahead = float(told) - (asked + uptime()) / 2
        return datetime.fromtimestamp(uptime() + self._ahead, UTC)

    def rest(self) -> None:
        """Of the data nothing is remembered here."""

    def close(self) -> None:
        """End all connections, and the hold with them."""
        self.readers.dispose()
        self.writer.dispose()

    @contextmanager
    def _opening(self) -> Iterator[Connection]:
        try:
            with self.readers.connect() as tx:
                yield tx
        except SQLAlchemyError as error:
            cause = str(getattr(error, "orig", None) or error).splitlines()[0].rstrip(".")
            raise StoreError(f"{self.shown} cannot be opened: {cause}; check the address, and whether the server runs.") from error  # fmt: skip

    def _engine(self, purpose: str, **pool: int) -> Engine:
        try:
            engine = sqlalchemy.create_engine(
                self._url,
                connect_args={"application_name": f"monitor {os.getpid()}"},
                pool_pre_ping=True,
                pool_timeout=10,
                **pool,
            )
        except ImportError:
            raise StoreError(
                "A store in PostgreSQL needs the package psycopg, which is not here; run pip install 'psycopg[binary]'."
            ) from None

        event.listen(engine, "do_connect", self._connect)

        @event.listens_for(engine, "connect")
        def _connected(connection: psycopg.Connection[Any], _record: object) -> None:
            connection.server_cursor_factory = _streamed()
            connection.execute(f"{_SESSION}{purpose}")
            connection.commit()

        return engine

    def _connect(self, dialect: Dialect, _record: object, given: list[Any], named: dict[str, Any]) -> DBAPIConnection:
        begun = time.monotonic()
        if begun < self._spared_until:
            raise StoreError(f"{self.shown} did not answer a moment ago; nothing of this step was kept.")
        try:
            return dialect.connect(*given, **named)
        except Exception:
            if time.monotonic() - begun > _IN_VAIN:
                self._spared_until = time.monotonic() + _SPARED
            raise

    def _hold_again(self, connection: psycopg.Connection[Any], _record: object) -> None:
        """On each new connection that writes, once the store is held."""
        if self._hold is not None:
            try:
                self._hold.take_again(connection)
            except BaseException:
                connection.close()
                raise


class _Hold:
    """The hold of one process on a store, alone or with others: an advisory lock, and in `meta` who took it last, and how."""

    def __init__(self, shown: str, *, shared: bool) -> None:
        self._shown = shown
        self._shared = shared
        self._said = {"pid": os.getpid(), "host": platform.node(), "token": secrets.token_hex(8), "shared": shared}

    def take(self, connection: psycopg.Connection[Any]) -> None:
        """Take it, and say so. Raises StoreHeld."""
        if not self._lock(connection):
            raise self._held("already followed", _holder(connection))
        self._say(connection)

    def take_again(self, connection: psycopg.Connection[Any]) -> None:
        """Take it on a new connection, unless another process has had it meanwhile, and may have written. Raises StoreError.

        Those that share it go by what the others write, whoever that was: to them it only matters who has it now.
        """
        taken, last = self._lock(connection), _holder(connection)
        connection.commit()
        if not self._shared and last.get("token") != self._said["token"]:
            raise self._held("by now followed", last)
        if self._shared and not taken and not last.get("shared"):
            raise self._held("by now followed", last)
        if not taken:
            raise StoreError(f"The server of {self._shown} has not yet noticed that the last connection was cut.")
        if self._shared:  # to one that runs alone, had it meanwhile, and was cut off in its turn
            self._say(connection)

    def _lock(self, connection: psycopg.Connection[Any]) -> bool:
        if self._shared:
            connection.execute(f"SET idle_in_transaction_session_timeout = '{_SPELL}'")
        how = "pg_try_advisory_lock_shared" if self._shared else "pg_try_advisory_lock"
        row = connection.execute(f"SELECT {how}({_HOLD}, {_HERE})").fetchone()
        return bool(row and row[0])

    def _say(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute(
            "INSERT INTO meta (name, value) VALUES ('holder', %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (json.dumps(self._said),),
        )
        connection.commit()

    def _held(self, how: str, by: dict[str, Any]) -> StoreHeld:
        pid = int(by.get("pid") or 0)
        who = f"pid {pid} on {by.get('host') or 'an unknown machine'}"
        if by.get("shared"):
            return StoreHeld(f"{self._shown} is {how} by processes with roles, of which the one with {who} began last; stop them first.", pid)  # fmt: skip
        if self._shared:
            return StoreHeld(f"{self._shown} is {how} by the process with {who}, which runs alone; stop it first.", pid)
        return StoreHeld(f"{self._shown} is {how} by the process with {who}; stop it first.", pid)


@cache
def _streamed() -> type[psycopg.ServerCursor[Any]]:
    """What rows come through that are read as they are asked for."""
    import psycopg  # noqa: PLC0415 - it is there only where it is wanted

    class Streamed(psycopg.ServerCursor[Any]):
        def close(self) -> None:
            """The transaction's end closes it on the server. Whoever lets go of it later would break into another's transaction."""
            psycopg.Cursor.close(self)

    return Streamed


def _holder(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    row = connection.execute("SELECT value FROM meta WHERE name = 'holder'").fetchone()
    said: dict[str, Any] = json.loads(row[0]) if row else {}
    return said


def _tables(tx: Connection) -> dict[str, str | None]:
    """Those of our tables' names that are taken in the schema, each with its comment."""
    found = tx.exec_driver_sql(
        "SELECT relname, obj_description(oid, 'pg_class') FROM pg_class"  # noqa: S608 - all of it is ours
        f" WHERE relnamespace = {_SCHEMA} AND relkind IN ('r', 'p', 'v', 'm', 'f') AND relname = ANY(%s)",
        (list(metadata.tables),),
    )
    return {name: comment for name, comment in found}  # noqa: C416 - rows, not pairs


def _driver(tx: Connection) -> psycopg.Connection[Any]:
    connection: psycopg.Connection[Any] = tx.connection.driver_connection  # type: ignore[assignment]
    return connection
