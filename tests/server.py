"""The PostgreSQL server that tests use: a database of the session's own, and in it a schema of each test's own."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import URL, make_url

from monitor.store import Store
from monitor.store.schema import metadata
from tests import cluster
from tests.end_to_end.world import free_port
from tests.needed import lacking

_NAMED = "MONITOR_TEST_POSTGRESQL"


def server() -> str:
    """Where a user may make databases."""
    return os.environ.get(_NAMED, "postgresql://127.0.0.1:5432/postgres")


@contextmanager
def running() -> Iterator[None]:
    """While this lasts there is a server of one's own, unless another is named, or none can be made here.

    A server that others use writes to the disk what it has to: to drop a database there may take longer than all its tests.
    """
    if _NAMED in os.environ or cluster.why_not():
        yield
        return
    with cluster.cluster("127.0.0.1", free_port(), lasting=False) as made, pytest.MonkeyPatch.context() as patch:
        patch.setenv(_NAMED, made.url)
        yield


class Emptied:
    """The tables of a store, used by one test after another."""

    def __init__(self, url: str) -> None:
        self.url = url
        Store.open(url).close()
        with psycopg.connect(url) as connection:
            self._tables = _tables(connection)
            self._meta = connection.execute("SELECT name, value FROM meta").fetchall()

    def is_empty(self) -> bool:
        """Take everything out that a test has put in; False where the tables are not as they were made."""
        names = [table.name for table in reversed(metadata.sorted_tables)]
        with psycopg.connect(self.url) as connection:
            if _tables(connection) != self._tables:
                return False
            connection.execute(f"LOCK TABLE {', '.join(names)}")  # whose connection was cut may not be gone yet
            for name in names:
                connection.execute(f"DELETE FROM {name}".encode())
            connection.cursor().executemany("INSERT INTO meta (name, value) VALUES (%s, %s)", self._meta)
            connection.execute(_COUNT_ANEW)
        return True


_COUNT_ANEW = "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S' AND relnamespace = quote_ident(current_schema())::regnamespace"


def _tables(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """All that there is in the schema, whose it is, and what the columns are."""
    return connection.execute(_TABLES).fetchall()


_TABLES = """
    SELECT nspowner, nspacl::text, relname, relkind, relowner, relacl::text, relhastriggers, reloptions, obj_description(c.oid),
        (SELECT array_agg((attname, atttypid, attnotnull, attcollation)::text ORDER BY attnum) FROM pg_attribute WHERE attrelid = c.oid),
        (SELECT array_agg(pg_get_constraintdef(k.oid) ORDER BY conname) FROM pg_constraint k WHERE conrelid = c.oid),
        (SELECT array_agg(proname ORDER BY proname) FROM pg_proc WHERE pronamespace = n.oid)
    FROM pg_namespace n LEFT JOIN pg_class c ON relnamespace = n.oid WHERE nspname = current_schema() ORDER BY relname
"""


@dataclass(frozen=True)
class Database:
    """One that is dropped at the end; its order of letters is not that of bytes."""

    url: URL
    _emptied: list[Emptied] = field(default_factory=list)

    @contextmanager
    def store(self) -> Iterator[str]:
        """The address of a store with its tables and nothing in them.

        To make them and to drop them takes PostgreSQL half a second, which is more than most tests take. So the next test has
        the same ones, emptied; unless anything was done to the tables themselves.
        """
        kept = self._emptied.pop() if self._emptied else None
        if kept is None or not kept.is_empty():
            kept = Emptied(self._address(self._create()))
        yield kept.url
        self.cut()
        self._emptied.append(kept)

    @contextmanager
    def schema(self) -> Iterator[str]:
        """The address of an empty schema."""
        name = self._create()
        yield self._address(name)
        self.cut()
        self.run(f"DROP SCHEMA {name} CASCADE")

    def _create(self) -> str:
        name = f'"T{secrets.token_hex(6)}"'
        self.run(f"CREATE SCHEMA {name}")
        return name

    def _address(self, schema: str) -> str:
        """Where that schema is."""
        return self.url.update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(hide_password=False)

    @contextmanager
    def login(self, url: str) -> Iterator[str]:
        """The address of the same schema as another machine has it: by TCP, for a user who owns it and has a password."""
        shared = make_url(url)
        _, _, schema = str(shared.query["options"]).partition("search_path=")
        name, password = f"monitor_test_{secrets.token_hex(6)}", secrets.token_hex(16)
        self.run(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'; ALTER SCHEMA {schema} OWNER TO {name}")
        try:
            own = shared.difference_update_query(["host"]).set(username=name, password=password)
            yield own.set(host=shared.host or "127.0.0.1").render_as_string(hide_password=False)
        finally:
            self.run(f"REASSIGN OWNED BY {name} TO CURRENT_USER; DROP OWNED BY {name}; DROP ROLE {name}")

    def run(self, statement: str) -> None:
        with psycopg.connect(self.url.render_as_string(hide_password=False), autocommit=True) as connection:
            connection.execute(statement)

    def cut(self, pid: int | None = None) -> None:
        """Cut the connections of all monitors; of one process, if it is named."""
        named = "LIKE 'monitor %'" if pid is None else f"= 'monitor {pid}'"
        _on_server(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.url.database}' AND application_name {named}"
        )

    @contextmanager
    def away(self) -> Iterator[None]:
        """As good as a server that is down: connections are cut, and new ones refused."""
        _on_server(f"ALTER DATABASE {self.url.database} ALLOW_CONNECTIONS false")
        self.cut()
        try:
            yield
        finally:
            _on_server(f"ALTER DATABASE {self.url.database} ALLOW_CONNECTIONS true")


def _on_server(statement: str) -> None:
    with psycopg.connect(server(), autocommit=True) as connection:
        connection.execute(statement)


@contextmanager
def database() -> Iterator[Database]:
    """Skips the test where there is no server; fails it where there has to be one."""
    name = f"monitor_test_{secrets.token_hex(6)}"
    try:
        with psycopg.connect(server(), autocommit=True, connect_timeout=3) as connection:
            try:
                connection.execute(
                    f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'"
                )
            except (psycopg.errors.SyntaxError, psycopg.errors.FeatureNotSupported):  # 14 or older, or made without ICU
                connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    except Exception as error:  # noqa: BLE001 - whatever it is, there is none to use
        lacking(f"no PostgreSQL at {server()} (MONITOR_TEST_POSTGRESQL names another): {str(error).strip()}")
    with dropping(name):
        yield Database(make_url(server()).set(database=name))


@contextmanager
def dropping(name: str) -> Iterator[None]:
    """That database is gone at the end, whoever uses it."""
    try:
        yield
    finally:
        _on_server(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
