"""What the store asks of a database engine, and which engine an address names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from monitor.errors import StoreError
from monitor.store.sqlite import Sqlite


class Database(Protocol):
    """All that differs from engine to engine. What it raises is StoreError, or SQLAlchemy's or its driver's, which `as_store_error` tells."""

    @property
    def shown(self) -> str:
        """What to call the store in a sentence: where it is, never how to log in."""

    @property
    def address(self) -> str:
        """Where it is and how to log in."""

    @property
    def readers(self) -> Engine:
        """Many connections, none of which can write."""

    @property
    def writer(self) -> Engine:
        """The connections of the one thread that writes; when the store is held, each of them holds it."""

    def exists(self) -> bool:
        """Whether there is a store already; True where that cannot be told, so that opening it says why."""

    def prepare(self) -> None:
        """Make the place for a store where there is none; refuse one that is damaged or another program's. Raises StoreError."""

    def begin_read(self, tx: Connection) -> None:
        """Have `tx` see the store as it is at one moment."""

    def glance(self, text: str, values: Any) -> Sequence[Any]:
        """The rows that one statement finds, as they are now."""

    def stamp(self) -> object:
        """What is another after each write, whoever wrote; None where it cannot be told without asking the engine."""

    def begin_write(self, tx: Connection) -> None:
        """Wait until no other process writes, and keep them waiting until `tx` ends."""

    def mark(self, tx: Connection) -> None:
        """Note in the database that it is ours."""

    def hold(self, *, shared: bool) -> None:
        """Become the one process that follows stories on this store, or one of several, until it is closed. Raises StoreHeld."""

    def rest(self) -> None:
        """Let go of what the writer remembers of the data to be fast, on its thread."""

    def now(self) -> datetime:
        """The time by the clock of whoever keeps the data."""

    def close(self) -> None:
        """Let go of everything."""


def database(url: str) -> Database:
    """The database that `url` names. Raises StoreError where no store can be there."""
    try:
        parsed = make_url(url)
        kind = parsed.drivername
    except (ArgumentError, ValueError):
        kind = ""
    if kind == "postgresql":
        from monitor.store.postgresql import Postgresql  # noqa: PLC0415 - its driver is there only where it is wanted

        return Postgresql(parsed)
    if kind == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return Sqlite(Path(str(parsed.database)))
    raise StoreError(
        "The store's address cannot be used; write sqlite:///FILE, or postgresql://HOST/DATABASE without a driver's name."
    )
