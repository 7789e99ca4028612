"""What passes between the stages of an entry's way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from monitor.errors import FeedError
from monitor.model.alerts import Alert, Delivery
from monitor.model.feeds import Document, Entry, Feed, FeedState, Response
from monitor.model.stories import Development, Placement


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """The outcome of one poll of one feed: its entries, nothing new, or an error."""

    feed: Feed
    state: FeedState
    """As it was before the poll."""
    at: datetime
    response: Response | None = None
    document: Document | None = None
    """None when the feed had not changed, or failed."""
    error: FeedError | None = None
    pushed: bool = False
    """Nobody asked: a hub brought it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What a WebSub hub brought."""

    feed: str
    body: bytes | None = None
    """The new content; None where nobody signed it, so that the feed itself is to be looked at."""
    content_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """All that one poll will commit, together or not at all."""

    state: FeedState | None = None
    entries: tuple[Entry, ...] = ()
    """Unseen ones, whether they matched or not."""
    placements: tuple[Placement, ...] = ()
    developments: tuple[Development, ...] = ()
    """New or grown."""
    alerts: tuple[Alert, ...] = ()
    deliveries: tuple[Delivery, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What a desk decided of the unseen entries of one poll."""

    at: datetime
    """The poll's time."""
    baseline: bool
    """Nothing of it was told: it counts as known."""
    entries: tuple[Entry, ...]
    """In the order in which it was decided of them."""
    placements: Mapping[str, Placement]
    """Entry id -> its place; of those that matched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What the store remembers of the last weeks; a ledger is made from it. Each tuple is in order of time."""

    developments: tuple[Development, ...] = ()
    placements: tuple[Placement, ...] = ()
    entries: tuple[Entry, ...] = ()
    """Everything that was read, matched or not: the background against which words are rare."""
    refused: tuple[Placement, ...] = ()
    """Entries that a person judged wrong, where they were before."""
    first_alerts: Mapping[str, str] = field(default_factory=dict)
    """Development -> id of the alert that told it first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a receiver answered to a POST: the body's first 64 kB, header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
