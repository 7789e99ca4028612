"""A database of a measurement's own on a PostgreSQL server of this machine, and what the server spends on it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import psycopg
from sqlalchemy.engine import make_url

SERVER = os.environ.get("MONITOR_BENCH_POSTGRESQL", "postgresql://127.0.0.1:5432/postgres")
"""Where a user may make databases. Nobody else should use the server meanwhile: bytes of WAL are counted for all of it."""
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Spent:
    """What something took: seconds of CPU of this process and of its connections' backends, transactions, bytes of WAL.

    `writer` is the part of the process that is done while nobody else may write.
    """

    client: float = 0.0
    backends: float = 0.0
    transactions: float = 0.0
    wal: float = 0.0
    writer: float = 0.0

    def __sub__(self, other: Self) -> Spent:
        return Spent(*(getattr(self, field.name) - getattr(other, field.name) for field in fields(self)))

    def __add__(self, other: Self) -> Spent:
        return Spent(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    def each(self, count: float) -> Spent:
        """For each of so many."""
        return Spent(*(getattr(self, field.name) / count for field in fields(self)))


NOTHING = Spent()


class Database:
    """One that is dropped at the end."""

    def __init__(self, name: str) -> None:
        self._url = make_url(SERVER).set(database=name)
        self.url = self._url.render_as_string(hide_password=False)
        self._admin = psycopg.connect(self.url, autocommit=True, application_name="measure")

    def run(self, statement: str, values: Any = None) -> list[Any]:
        """What a statement finds."""
        cursor = self._admin.execute(statement.encode(), values)
        return cursor.fetchall() if cursor.description else []

    def one(self, statement: str, values: Any = None) -> Any:
        """The one value that it finds."""
        return self.run(statement, values)[0][0]

    def backends(self, named: str) -> float:
        """CPU seconds of the backends whose application is named so, by a pattern of LIKE."""
        found = self.run(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE %s", (named,)
        )
        return sum(cpu_of(pid) for (pid,) in found)

    def spent(self, client: Callable[[], float], named: str = "monitor %") -> Spent:
        """What was spent until now; a backend tells its transactions a second late."""
        self.run("SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
        done = self.one("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
        wal = self.one("SELECT pg_current_wal_insert_lsn() - '0/0'")
        return Spent(client(), self.backends(named), float(done), float(wal))

    def close(self) -> None:
        self._admin.close()


def cpu_of(pid: int | str) -> float:
    """CPU seconds of a process, or of a thread as `PID/task/THREAD`; 0 of one that has ended."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(told[11]) + int(told[12])) / _TICKS


@contextmanager
def database() -> Iterator[Database]:
    """A new one."""
    name = f"monitor_bench_{secrets.token_hex(4)}"
    with psycopg.connect(SERVER, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'")
    made = Database(name)
    try:
        yield made
    finally:
        made.close()
        with psycopg.connect(SERVER, autocommit=True) as server:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")
