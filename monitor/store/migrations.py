"""How the schema came to be: an empty store gets the tables as they are now, an older one takes the steps it missed.

Append to STEPS; never change one that was released, and let each say in itself what it does: the tables in schema.py go on changing.
In PostgreSQL there are stores from schema 4 on. Text has to be sorted by its bytes there, as `Text` of schema.py sees to; so does
`Text.compile(tx.dialect)` in an ALTER TABLE.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    DateTime,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    delete,
    insert,
    inspect,
    select,
    true,
    update,
)

from monitor.store.schema import ENTRIES, meta, metadata
from monitor.store.schema import Text as ByBytes

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


def _add_policy(tx: Connection) -> None:
    """What is held, silenced and noticed, and the states of storylines."""
    time = DateTime(timezone=True).compile(tx.dialect)
    for column in (
        "storylines ADD COLUMN state TEXT NOT NULL DEFAULT ''",
        f"storylines ADD COLUMN state_since {time}",
        "deliveries ADD COLUMN hold TEXT",
        "deliveries ADD COLUMN told_by TEXT NOT NULL DEFAULT ''",
        "deliveries ADD COLUMN root TEXT NOT NULL DEFAULT ''",
    ):
        tx.exec_driver_sql(f"ALTER TABLE {column}")
    tx.exec_driver_sql("CREATE INDEX deliveries_due ON deliveries (state, channel, due_at)")
    tx.exec_driver_sql("CREATE INDEX deliveries_sent ON deliveries (channel, target, sent_at)")
    known = MetaData()
    Table(
        "mutes",
        known,
        Column("storyline", Text, primary_key=True),
        Column("channel", Text, primary_key=True),
        Column("target", Text, primary_key=True),
        Column("until", DateTime(timezone=True)),
    )
    Table(
        "notices",
        known,
        Column("subject", Text, primary_key=True),
        Column("title", Text, nullable=False),
        Column("raised_at", DateTime(timezone=True), nullable=False),
    )
    Table(
        "links",
        known,
        Column("token", Text, primary_key=True),
        Column("used_at", DateTime(timezone=True), nullable=False),
    )
    known.create_all(tx)


def _add_rhythm(tx: Connection) -> None:
    """What is learned of a feed: its wishes, its moves, its offences, its rhythm, and the storylines it carries."""
    time = DateTime(timezone=True).compile(tx.dialect)
    count, text = "INTEGER NOT NULL DEFAULT 0", "TEXT NOT NULL DEFAULT ''"
    for column in (
        f"not_before {time}",
        f"ttl {count}",
        f"skip_hours {count}",
        f"skip_days {count}",
        f"address {text}",
        f"moving_to {text}",
        f"moving_since {time}",
        f"moves {count}",
        f"offences {count}",
        f"renamed {count}",
        f"known_since {time}",
        f"arrived {count}",
        f"arrived_at {time}",
        "pace FLOAT NOT NULL DEFAULT 0",
        f"hub {text}",
        f"topic {text}",
    ):
        tx.exec_driver_sql(f"ALTER TABLE feeds ADD COLUMN {column}")
    known = MetaData()
    Table(
        "carried",
        known,
        Column("feed", Text, primary_key=True),
        Column("storyline", Text, primary_key=True),
        Column("last_at", DateTime(timezone=True), nullable=False),
        Index("carried_storyline", "storyline", "last_at"),
    )
    Table(
        "subscriptions",
        known,
        Column("feed", Text, primary_key=True),
        Column("token", Text, nullable=False, unique=True),
        *(Column(name, Text, nullable=False) for name in ("secret", "hub", "topic")),
        Column("asked_at", DateTime(timezone=True)),
        Column("lease_until", DateTime(timezone=True)),
        Column("ask_at", DateTime(timezone=True), nullable=False),
        Column("tries", Integer, nullable=False),
        Column("error", Text, nullable=False),
    )
    known.create_all(tx)


def _add_hosts(tx: Connection) -> None:
    """What decides which of the feeds that are due may go, in their index; and how many entries there are.

    So a host with thousands of feeds keeps no other waiting, and millions of entries need not be counted.
    """
    yes = true().compile(dialect=tx.dialect)
    tx.exec_driver_sql(f"ALTER TABLE feeds ADD COLUMN host {ByBytes.compile(dialect=tx.dialect)} NOT NULL DEFAULT ''")
    tx.exec_driver_sql(f"ALTER TABLE feeds ADD COLUMN doubtful BOOLEAN NOT NULL DEFAULT {yes}")
    feeds = Table(
        "feeds",
        MetaData(),
        Column("url", Text),
        Column("host", Text),
        Column("doubtful", Boolean),
        Column("failures", Integer),
        Column("succeeded_at", DateTime(timezone=True)),
    )
    well = (feeds.c.failures == 0) & feeds.c.succeeded_at.is_not(None)
    tx.execute(update(feeds).where(well).values(doubtful=False))
    named = [{"of": url, "at": _host(url)} for url in tx.execute(select(feeds.c.url)).scalars()]
    if named:
        tx.execute(update(feeds).where(feeds.c.url == bindparam("of")).values(host=bindparam("at")), named)
    tx.exec_driver_sql("DROP INDEX feeds_due")
    tx.exec_driver_sql("CREATE INDEX feeds_due ON feeds (followed, gone, doubtful, next_poll_at, host)")
    number = tx.exec_driver_sql("SELECT count(*) FROM entries").scalar_one()
    tx.execute(insert(meta).values(name=ENTRIES, value=str(number)))


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # of a feed that is followed no more: no configuration takes such an address
        return ""


def _add_counts(tx: Connection) -> None:
    """What the page counts, in indexes: a feed's entries by when they came, a development's reports by when they were published."""
    tx.exec_driver_sql(f"ALTER TABLE reports ADD COLUMN published {DateTime(timezone=True).compile(tx.dialect)}")
    tx.exec_driver_sql("UPDATE reports SET published = (SELECT published FROM entries WHERE id = reports.entry)")
    tx.exec_driver_sql("DROP INDEX reports_development")
    tx.exec_driver_sql("CREATE INDEX reports_development ON reports (development, published, entry)")
    tx.exec_driver_sql("CREATE INDEX entries_feed ON entries (feed, seen_at, id)")


STEPS: tuple[Step, ...] = (_add_feedback, _add_policy, _add_rhythm, _add_hosts, _add_counts)
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
        tx.execute(insert(meta).values(name=ENTRIES, value="0"))
    else:
        for step in steps[known - 1 :]:
            step(tx)
    tx.execute(delete(meta).where(meta.c.name == "schema"))
    tx.execute(insert(meta).values(name="schema", value=str(1 + len(steps))))
