"""How the schema came to be: an empty store gets the tables as they are now, an older one takes the steps it missed.

Append to STEPS; never change one that was released, and let each say in itself what it does: the tables in schema.py go on changing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    DateTime,
    Float,
    Index,
    MetaData,
    Table,
    Text,
    delete,
    insert,
    inspect,
    select,
)

from monitor.store.schema import meta, metadata

Step = Callable[[Connection], None]


def _add_feedback(tx: Connection) -> None:
    """Judgements of entries."""
    Table(
        "feedback",
        MetaData(),
        Column("entry", Text, primary_key=True),
        Column("storyline", Text, primary_key=True),
        Column("judgement", Text, nullable=False),
        Column("score", Float, nullable=False),
        Column("development", Text, nullable=False),
        Column("was", JSON),
        Column("given_at", DateTime(timezone=True), nullable=False),
        Index("feedback_judgement", "judgement"),
    ).create(tx)


STEPS: tuple[Step, ...] = (_add_feedback,)
"""The first brings schema 1 to schema 2."""
NEWEST = 1 + len(STEPS)


def version(tx: Connection) -> int:
    """Which schema the store has; 0 for an empty one."""
    if not inspect(tx).has_table(meta.name):
        return 0
    return int(tx.execute(select(meta.c.value).where(meta.c.name == "schema")).scalar_one())


def migrate(tx: Connection, steps: Sequence[Step] = STEPS) -> None:
    """Bring the store to the newest schema, in the caller's transaction: wholly, or not at all (S10)."""
    known = version(tx)
    if not known:
        metadata.create_all(tx)
    else:
        for step in steps[known - 1 :]:
            step(tx)
    tx.execute(delete(meta).where(meta.c.name == "schema"))
    tx.execute(insert(meta).values(name="schema", value=str(1 + len(steps))))
