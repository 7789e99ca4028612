"""The tables of the queue that several processes share, beside ours in a PostgreSQL database."""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection, select

from monitor.store import upsert
from monitor.store.schema import meta

_NAME = "engine"
_DROP = """
    DO $$
    DECLARE ours record;
    BEGIN
        FOR ours IN SELECT oid::regclass AS name FROM pg_class
            WHERE relnamespace = quote_ident(current_schema())::regnamespace AND relkind = 'r' AND relname LIKE 'procrastinate\\_%'
        LOOP EXECUTE 'DROP TABLE ' || ours.name || ' CASCADE'; END LOOP;
        FOR ours IN SELECT oid::regprocedure AS name FROM pg_proc
            WHERE pronamespace = quote_ident(current_schema())::regnamespace AND proname LIKE 'procrastinate\\_%'
        LOOP EXECUTE 'DROP FUNCTION ' || ours.name || ' CASCADE'; END LOOP;
        FOR ours IN SELECT oid::regtype AS name FROM pg_type
            WHERE typnamespace = quote_ident(current_schema())::regnamespace AND typname LIKE 'procrastinate\\_%' AND typtype IN ('e', 'c')
        LOOP EXECUTE 'DROP TYPE ' || ours.name || ' CASCADE'; END LOOP;
    END $$
"""


def prepare(schema: str, tx: Connection) -> None:
    """Make the tables by the statements of `schema`; anew where they were made by others: nothing stands in them that is not due anyway."""
    version = hashlib.sha256(schema.encode()).hexdigest()[:16]
    if tx.execute(select(meta.c.value).where(meta.c.name == _NAME)).scalar() == version:
        return
    raw = tx.execution_options(no_parameters=True)
    raw.exec_driver_sql(_DROP)
    raw.exec_driver_sql(schema)
    upsert(tx, meta, [{"name": _NAME, "value": version}])
