"""The tables. Times are UTC; what is only ever read whole is kept as JSON."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    true,
)  # fmt: skip
from sqlalchemy import Text as AnyText

metadata = MetaData()


class Utc(TypeDecorator[datetime]):
    """An aware datetime in UTC; SQLite keeps it without its zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        """What is done to each time on its way to the database."""
        return _written if dialect.name == "sqlite" else super().bind_processor(dialect)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """What is done to each time on its way back."""
        return _read if dialect.name == "sqlite" else super().result_processor(dialect, coltype)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """To the database: always UTC."""
        assert value is None or value.tzinfo is not None, "a time without a zone"
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """From the database: always aware."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _written(value: datetime | None) -> str | None:
    """As SQLAlchemy writes it for SQLite (`2024-03-05 06:07:08.000009`), in one step instead of four."""
    if value is None:
        return None
    assert value.tzinfo is not None, "a time without a zone"
    value = value if value.tzinfo is UTC else value.astimezone(UTC)
    return value.isoformat(" ", "microseconds").removesuffix("+00:00")


def _read(text: str | None) -> datetime | None:
    return None if text is None else time_in(text)


def time_in(text: str) -> datetime:
    """The time that SQLite keeps as `text`; to put its zone in afterwards would take six times as long."""
    return datetime.fromisoformat(f"{text}Z")


class _TextByBytes(TypeDecorator[str]):
    """Text in PostgreSQL, compared and sorted by its bytes, as SQLite does; U+0000, which it cannot keep, becomes U+FFFD."""

    impl = AnyText
    cache_ok = True

    def __init__(self) -> None:
        super().__init__(collation="C")

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """To the database."""
        return value.replace("\0", "\ufffd") if value and "\0" in value else value


Text = AnyText().with_variant(_TextByBytes(), "postgresql")
_Number = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite counts up by itself only what is called INTEGER."""


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, Text, nullable=False, default="", **options)


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, default=0, server_default="0")


meta = Table("meta", metadata, Column("name", String(40), primary_key=True), _text("value"))
ENTRIES = "entries"
"""The name in meta of how many entries are kept."""
FEEDBACK, SETTLED = "feedback", "settled"
"""The names in meta of two numbers: how often a person judged, and how often a desk decided."""

feeds = Table(
    "feeds",
    metadata,
    Column("url", Text, primary_key=True),
    Column("host", Text, nullable=False, server_default=""),
    Column("doubtful", Boolean, nullable=False, default=True, server_default=true()),
    Column("followed", Boolean, nullable=False, default=True),
    _text("etag"), _text("last_modified"), _text("body_hash"), _text("title"),
    Column("next_poll_at", Utc, nullable=False),
    Column("polled_at", Utc), Column("succeeded_at", Utc),
    Column("failures", Integer, nullable=False, default=0),
    _text("error"),
    Column("gone", Boolean, nullable=False, default=False),
    Column("not_before", Utc),
    _count("ttl"), _count("skip_hours"), _count("skip_days"),
    Column("address", Text, nullable=False, server_default=""), Column("moving_to", Text, nullable=False, server_default=""),
    Column("moving_since", Utc), _count("moves"), _count("offences"), _count("renamed"),
    Column("known_since", Utc), _count("arrived"), Column("arrived_at", Utc),
    Column("pace", Float, nullable=False, server_default="0"),
    Column("hub", Text, nullable=False, server_default=""), Column("topic", Text, nullable=False, server_default=""),
    Index("feeds_due", "followed", "gone", "doubtful", "next_poll_at", "host"),
)  # fmt: skip

carried = Table(
    "carried",
    metadata,
    Column("feed", Text, primary_key=True),
    Column("storyline", Text, primary_key=True),
    Column("last_at", Utc, nullable=False),
    Index("carried_storyline", "storyline", "last_at"),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("feed", Text, primary_key=True),
    Column("token", Text, nullable=False, unique=True),
    _text("secret"), _text("hub"), _text("topic"),
    Column("asked_at", Utc), Column("lease_until", Utc), Column("ask_at", Utc, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    _text("error"),
)  # fmt: skip

entries = Table(
    "entries",
    metadata,
    Column("id", Text, primary_key=True),
    _text("feed"), _text("url"), _text("title"), _text("summary"),
    Column("published", Utc, nullable=False),
    _text("language"), _text("outlet"),
    Column("keys", JSON, nullable=False, default=list),
    Column("seen_at", Utc, nullable=False),
    Index("entries_published", "published", "id"), Index("entries_url", "url"), Index("entries_seen", "seen_at"),
    Index("entries_feed", "feed", "seen_at", "id"),
)  # fmt: skip

seen = Table(
    "seen",
    metadata,
    Column("feed", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("last_seen_at", Utc, nullable=False),
    Index("seen_last", "last_seen_at"),
)

storylines = Table(
    "storylines",
    metadata,
    Column("id", Text, primary_key=True),
    _text("title"), _text("question"),
    Column("followed", Boolean, nullable=False, default=True),
    Column("followed_since", Utc, nullable=False),
    Column("announced_at", Utc),
    Column("state", Text, nullable=False, server_default=""),
    Column("state_since", Utc),
)  # fmt: skip

developments = Table(
    "developments",
    metadata,
    Column("id", Text, primary_key=True),
    _text("title"), Column("storylines", JSON, nullable=False), _text("first_report"),
    Column("started_at", Utc, nullable=False), Column("last_report_at", Utc, nullable=False),
    Column("outlets", JSON, nullable=False), Column("reports", Integer, nullable=False),
    Column("alerted", Boolean, nullable=False, default=False),
    Index("developments_last", "last_report_at"),
)  # fmt: skip

on_storyline = Table(
    "on_storyline",
    metadata,
    Column("storyline", Text, primary_key=True),
    Column("development", Text, ForeignKey("developments.id", ondelete="CASCADE"), primary_key=True),
)

reports = Table(
    "reports",
    metadata,
    Column("entry", Text, ForeignKey("entries.id", ondelete="CASCADE"), primary_key=True),
    Column("development", Text, nullable=False),
    Column("matches", JSON, nullable=False),
    _text("decision"), _text("reason"), _text("explanation"),
    Column("nearest", Text), Column("similarity", Float, nullable=False, default=0.0),
    Column("published", Utc),  # the entry's, so that a story's reports are counted by the hour in an index
    Index("reports_development", "development", "published", "entry"),
)  # fmt: skip

feedback = Table(
    "feedback",
    metadata,
    Column("entry", Text, primary_key=True),  # of an entry that may be forgotten by now
    Column("storyline", Text, primary_key=True),
    _text("judgement"),
    Column("score", Float, nullable=False),
    _text("development"),
    Column("was", JSON(none_as_null=True)),  # the entry's row in reports before anybody judged it
    Column("given_at", Utc, nullable=False),
    Index("feedback_judgement", "judgement"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("created_at", Utc, nullable=False),
    _text("development"),
    Column("content", JSON, nullable=False),
    Index("alerts_created", "created_at"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("alert", Text, ForeignKey("alerts.id"), nullable=False),
    _text("channel"), _text("target"), _text("thread"), _text("state"),
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", Utc, nullable=False), Column("created_at", Utc, nullable=False), Column("sent_at", Utc),
    _text("error"),
    Column("hold", Text), Column("told_by", Text, nullable=False, server_default=""), Column("root", Text, nullable=False, server_default=""),
    Index("deliveries_waiting", "state", "channel", "target", "thread", "number"),
    Index("deliveries_due", "state", "channel", "due_at"),
    Index("deliveries_sent", "channel", "target", "sent_at"),
)  # fmt: skip

pauses = Table("pauses", metadata, Column("channel", Text, primary_key=True), Column("until", Utc), _text("reason"))

mutes = Table(
    "mutes",
    metadata,
    Column("storyline", Text, primary_key=True), Column("channel", Text, primary_key=True), Column("target", Text, primary_key=True),
    Column("until", Utc),
)  # fmt: skip

notices = Table(
    "notices",
    metadata,
    Column("subject", Text, primary_key=True),
    _text("title"),
    Column("raised_at", Utc, nullable=False),
)

links = Table("links", metadata, Column("token", Text, primary_key=True), Column("used_at", Utc, nullable=False))
