"""How the schema came to be: an append-only list. A store remembers how many of these it has been through.

Add new functions at the end; never change one that was released.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from monitor.store.schema import metadata


def create(tx: Connection) -> None:
    """The first schema."""
    metadata.create_all(tx)


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (create,)
