"""`monitor migrate-store`: all that one store holds, moved into an empty one, on whichever engine either is."""

from __future__ import annotations

from sqlalchemy import Connection, Table, func, insert, select

from monitor.errors import MonitorError
from monitor.store import Store, upsert
from monitor.store.schema import deliveries, meta, metadata

_OWN = ("schema", "holder")
"""What `meta` says of the store itself; each has its own."""
_AT_ONCE = 1_000


def move(source: Store, target: Store) -> dict[str, int]:
    """Copy every row in one transaction on the target, from one view of the source; table -> rows.

    What was sent stays sent and what was seen stays seen, so nobody is told anything again. Both must be held by this
    process. Raises MonitorError when the target has anything; whatever goes wrong leaves it empty.
    """

    def fill(into: Connection) -> dict[str, int]:
        if any(_has_rows(into, table) for table in metadata.sorted_tables if table is not meta):
            raise MonitorError(f"{target.shown} is not empty; move the store to a place where there is none yet.")
        with source.read() as tx:
            moved = {table.name: _copy(tx, into, table) for table in metadata.sorted_tables}
        _count_on(into)
        return moved

    return target.write(fill)


def _has_rows(tx: Connection, table: Table) -> bool:
    return tx.execute(select(table).limit(1)).first() is not None


def _copy(tx: Connection, into: Connection, table: Table) -> int:
    query = select(table) if table is not meta else select(meta).where(meta.c.name.not_in(_OWN))
    copied = 0
    with tx.execute(query.execution_options(yield_per=_AT_ONCE)) as rows:
        for some in rows.mappings().partitions():
            found = [dict(row) for row in some]
            upsert(into, meta, found) if table is meta else into.execute(insert(table), found)
            copied += len(some)
    return copied


def _count_on(into: Connection) -> None:
    """Have PostgreSQL number new deliveries after those that came with a number; SQLite does so by itself."""
    last = into.execute(select(func.max(deliveries.c.number))).scalar()
    if last and into.dialect.name == "postgresql":
        into.execute(select(func.setval(func.pg_get_serial_sequence(deliveries.name, deliveries.c.number.name), last)))
