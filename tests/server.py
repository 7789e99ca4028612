"""The PostgreSQL server that tests use: a database of the session's own, and in it a schema of each test's own."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg
import pytest
from sqlalchemy.engine import URL, make_url

SERVER = os.environ.get("MONITOR_TEST_POSTGRESQL", "postgresql://127.0.0.1:5432/postgres")
"""Where a user may make databases."""


@dataclass(frozen=True)
class Database:
    """One that is dropped at the end; its order of letters is not that of bytes."""

    url: URL

    @contextmanager
    def schema(self) -> Iterator[str]:
        """The address of an empty schema."""
        name = f"t{secrets.token_hex(6)}"
        self.run(f"CREATE SCHEMA {name}")
        yield self.url.update_query_dict({"options": f"-csearch_path={name}"}).render_as_string(hide_password=False)
        self.cut(name)
        self.run(f"DROP SCHEMA {name} CASCADE")

    def run(self, statement: str) -> None:
        with psycopg.connect(self.url.render_as_string(hide_password=False), autocommit=True) as connection:
            connection.execute(statement)

    def cut(self, schema: str = "") -> None:
        """Cut the connections of the monitor; those that hold something in a schema, if it is named."""
        holds = f"AND pid IN (SELECT pid FROM pg_locks WHERE objid::int = to_regnamespace('{schema}')::oid::int)"
        self.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            f" AND application_name LIKE 'monitor %' {holds if schema else ''}"
        )


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
        said = f"no PostgreSQL at {SERVER} (MONITOR_TEST_POSTGRESQL names another): {str(error).strip()}"
        if os.environ.get("CI") == "true":
            pytest.fail(said)
        pytest.skip(said)
    try:
        yield Database(make_url(SERVER).set(database=name))
    finally:
        with suppress(psycopg.Error), psycopg.connect(SERVER, autocommit=True) as server:
            server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
