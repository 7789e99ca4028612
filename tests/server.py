"""The PostgreSQL server that tests use: a database of the session's own, and in it a schema of each test's own."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from sqlalchemy.engine import URL, make_url

from tests.needed import lacking

SERVER = os.environ.get("MONITOR_TEST_POSTGRESQL", "postgresql://127.0.0.1:5432/postgres")
"""Where a user may make databases."""


@dataclass(frozen=True)
class Database:
    """One that is dropped at the end; its order of letters is not that of bytes."""

    url: URL

    @contextmanager
    def schema(self) -> Iterator[str]:
        """The address of an empty schema."""
        name = f'"T{secrets.token_hex(6)}"'
        self.run(f"CREATE SCHEMA {name}")
        yield self.url.update_query_dict({"options": f"-csearch_path={name}"}).render_as_string(hide_password=False)
        self.cut()
        self.run(f"DROP SCHEMA {name} CASCADE")

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
    with psycopg.connect(SERVER, autocommit=True) as server:
        server.execute(statement)


@contextmanager
def database() -> Iterator[Database]:
    """Skips the test where there is no server; fails it where there has to be one."""
    name = f"monitor_test_{secrets.token_hex(6)}"
    try:
        with psycopg.connect(SERVER, autocommit=True, connect_timeout=3) as server:
            try:
                server.execute(
                    f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'"
                )
            except (psycopg.errors.SyntaxError, psycopg.errors.FeatureNotSupported):  # 14 or older, or made without ICU
                server.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    except Exception as error:  # noqa: BLE001 - whatever it is, there is none to use
        lacking(f"no PostgreSQL at {SERVER} (MONITOR_TEST_POSTGRESQL names another): {str(error).strip()}")
    with dropping(name):
        yield Database(make_url(SERVER).set(database=name))


@contextmanager
def dropping(name: str) -> Iterator[None]:
    """That database is gone at the end, whoever uses it."""
    try:
        yield
    finally:
        _on_server(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
