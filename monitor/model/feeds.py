"""Feeds and what they bring: what is configured, what was learned, what came."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from monitor.secret import Secret

ALWAYS = datetime.min.replace(tzinfo=UTC)
"""Before anything was due."""
OFFENCES = 2
"""So many polls in a row that a parser, or the monitor, did not survive put a feed into quarantine (P14)."""


class Health(StrEnum):
    """How a feed is, in the word that tables, the page and what is measured have for it."""

    FINE = "fine"
    NEW = "new"
    """It was never read yet."""
    FAILING = "failing"
    QUARANTINE = "quarantine"
    GONE = "gone"

    @classmethod
    def of(cls, *, gone: bool, harmful: bool, failing: bool, unread: bool) -> Health:
        """What is worst of these."""
        if gone:
            return cls.GONE
        if harmful:
            return cls.QUARANTINE
        if failing:
            return cls.FAILING
        return cls.NEW if unread else cls.FINE


@lru_cache(maxsize=4_096)
def host(url: str) -> str:
    """The host that a feed is polled at."""
    return urlsplit(url).hostname or ""


SHARES = 128
"""Shares of all hosts, where several processes poll: many for each of some dozens, few enough that to pass them on costs nothing."""


@lru_cache(maxsize=100_000)
def share_of(name: str) -> int:
    """The share, from 0 on, that a host is in; the store works out the same."""
    return hashlib.sha256(name.encode()).digest()[0] % SHARES


_OF_FEED, _OF_ENTRY = 2, 6
"""Bytes of an entry's id. Among ten million entries of a thousand feeds two have the same one in one of 5,000 stores."""


def entry_id(feed: str, told: str) -> str:
    """The id of an entry of the feed at that URL, by what tells it from all others: 16 hexadecimal digits, the first four by its feed.

    So what a poll brings stands side by side in the tables' indexes: to keep 30 entries changes one page of an index instead of 30.
    """
    return _begin_of_id(feed) + _digest(told, _OF_ENTRY)


@lru_cache(maxsize=16)
def _begin_of_id(feed: str) -> str:
    return _digest(feed, _OF_FEED)


def _digest(text: str, size: int) -> str:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=size).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One URL to poll, as the user configured it."""

    url: str
    name: str = ""
    every: timedelta = timedelta(minutes=15)
    """How often it is polled while it brings news of a story that moves, and where its own rhythm is not known yet."""
    slowest: timedelta | None = None
    """How long it may rest where it seldom brings anything; four times `every` unless said."""
    language: str = ""
    headers: Mapping[str, str | Secret] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """What the daemon has learned of a feed: validators, schedule and health."""

    url: str
    etag: str = ""
    last_modified: str = ""
    body_hash: str = ""
    title: str = ""
    next_poll_at: datetime
    polled_at: datetime | None = None
    succeeded_at: datetime | None = None
    failures: int = 0
    """Failed polls in a row; 0 is healthy."""
    error: str = ""
    """Why the last poll failed, as a sentence; empty when it did not."""
    gone: bool = False
    """The server said 410; polled no more until a person resumes it."""
    not_before: datetime | None = None
    """Before this time its server does not want to be asked again, nor is it asked in any haste."""
    ttl: int = 0
    """Minutes that the feed asks to be left alone after a poll."""
    skip_hours: int = 0
    """Bit h is set where the feed asks not to be polled in hour h, UTC."""
    skip_days: int = 0
    """Bit d is set where the feed asks not to be polled on weekday d, Monday being 0, UTC."""
    address: str = ""
    """Where the feed has moved for good; it is polled there as long as that works."""
    moving_to: str = ""
    """Where its server says that it has moved for good, which is not believed at once."""
    moving_since: datetime | None = None
    moves: int = 0
    """Polls in a row that found it there."""
    offences: int = 0
    """Polls in a row that its parser, or the whole monitor, did not survive."""
    renamed: int = 0
    """Polls in a row that brought most of the known entries under other ids."""
    known_since: datetime | None = None
    """When its rhythm began to be observed."""
    arrived: int = 0
    """New entries since then."""
    arrived_at: datetime | None = None
    """When the last of them came."""
    pace: float = 0.0
    """New entries a day as of then, those of long ago counting little; read it by `monitor.feeds.rhythm`."""
    hub: str = ""
    """The WebSub hub that tells of its changes, where it names one."""
    topic: str = ""
    """What the hub calls the feed."""

    @property
    def is_new(self) -> bool:
        """True until a poll succeeded: the first one is the baseline."""
        return self.succeeded_at is None

    @property
    def is_doubtful(self) -> bool:
        """Whether a poll may well take all its time: the last one failed, or there never was one."""
        return self.failures > 0 or self.is_new

    @property
    def is_quarantined(self) -> bool:
        """True while reading the feed does so much harm that it is tried once a day only."""
        return self.offences >= OFFENCES

    @property
    def health(self) -> Health:
        """How it is, in a word."""
        return Health.of(gone=self.gone, harmful=self.is_quarantined, failing=self.failures > 0, unread=self.is_new)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which of the feeds that are due are asked for; all of them, unless said."""

    host: str = ""
    """Only those at this host."""
    hosts_but: Collection[str] = ()
    """None of those at these hosts."""
    but: Collection[str] = ()
    """None of those with these URLs."""
    doubtful: bool | None = None
    """Only those that are doubtful, or only those that are not."""
    since: datetime = ALWAYS
    """Only those that became due at this time or later."""
    shares: Collection[int] = ()
    """Only those whose hosts are in these shares of all hosts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What fetch brought. `body` is inflated and within the size cap; empty when `not_modified`."""

    url: str
    """The address that answered, after redirects."""
    status: int
    headers: Mapping[str, str]
    """Lower-case names; credentials and cookies left out."""
    body: bytes = b""
    digest: str = ""
    """What this body has in common only with those that are the same, byte for byte."""
    not_modified: bool = False
    hub: str = ""
    """The WebSub hub that its server names."""
    topic: str = ""
    """What its server calls the feed to its hub."""
    moved_to: str = ""
    """Where permanent redirects led from the address that was asked; empty where there were none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One item of a feed, normalised. Text is plain, without markup or control characters."""

    id: str
    """Stable across polls and restarts; in a replay, the recorded id."""
    feed: str
    """URL of the feed that brought it."""
    url: str
    title: str
    summary: str
    published: datetime
    """The feed's date when it can be trusted, else the time it was first seen; never in the future."""
    language: str
    outlet: str
    keys: tuple[str, ...] = ()
    """Everything this entry may be recognised by when its feed changes its habits; `id` is the first."""

    def __hash__(self) -> int:
        """By the id, which tells entries apart; what is read out of an entry is remembered by it several times over."""
        return hash(self.id)


class Item(NamedTuple):
    """An entry as its document gave it, before the poll's time is known; `published` is None when it gave no usable date.

    A tuple, since thousands of them go from process to process: that takes a fifth of the time a dataclass takes.
    """

    keys: tuple[str, ...]
    url: str
    title: str
    summary: str
    published: datetime | None
    language: str
    outlet: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What parse made of a response."""

    title: str
    items: tuple[Item, ...]
    left_out: int = 0
    """Older items that were left out, since there were too many."""
    complete: bool = True
    """False when the document was broken and entries were salvaged from it; its validators are then not kept."""
    ttl: int = 0
    """Minutes that the feed asks to be left alone after a poll; 0 where it does not ask."""
    skip_hours: int = 0
    """Bit h is set where it asks not to be polled in hour h, UTC."""
    skip_days: int = 0
    """Bit d is set where it asks not to be polled on weekday d, Monday being 0, UTC."""
    hub: str = ""
    """The WebSub hub that it names."""
    topic: str = ""
    """Its own address, as it names it to its hub."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What a WebSub hub was asked for, and what came of it."""

    feed: str
    """URL of the feed, as configured."""
    hub: str
    topic: str
    token: str
    """The part of our address that nobody can guess."""
    secret: str
    """What the hub signs by; empty where it could not be told in private."""
    asked_at: datetime | None = None
    """When it was asked for what it has not verified yet."""
    lease_until: datetime | None = None
    """Until when the hub tells of changes."""
    ask_at: datetime
    """When it is to be asked next."""
    tries: int = 0
    error: str = ""
