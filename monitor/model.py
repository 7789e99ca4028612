"""The words of the project as values: frozen, without behaviour that needs a clock, a file or a network.

All times are aware and in UTC. All ids are short strings of [a-z0-9-] unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.errors import FeedError
from monitor.secret import Secret

# --- feeds


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One URL to poll, as the user configured it."""

    url: str
    name: str = ""
    every: timedelta = timedelta(minutes=15)
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

    @property
    def is_new(self) -> bool:
        """True until a poll succeeded: the first one is the baseline."""
        return self.succeeded_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What fetch brought. `body` is inflated and within the size cap; empty when `not_modified`."""

    url: str
    """The address that answered, after redirects."""
    status: int
    headers: Mapping[str, str]
    """Lower-case names; credentials and cookies left out."""
    body: bytes = b""
    not_modified: bool = False


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An entry as its document gave it, before the poll's time is known; `published` is None when it gave no usable date."""

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
    complete: bool = True
    """False when the document was broken and entries were salvaged from it; its validators are then not kept."""
    ttl: timedelta | None = None
    """The feed's own wish between polls."""


# --- stories


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an entry must say. A term is a word, a phrase, or the name of an entity, which stands for its aliases."""

    all: tuple[tuple[str, ...], ...] = ()
    """Groups; at least one term of each group must be found."""
    any: tuple[str, ...] = ()
    """At least one must be found, when there are any; the more, the higher the score."""
    none: tuple[str, ...] = ()
    """An entry that has one of these does not match."""


class Change(StrEnum):
    """How a development that was told can change."""

    CORROBORATED = "corroborated"
    """What one outlet told with reserve, several report plainly."""
    CORRECTED = "corrected"
    CONTRADICTED = "contradicted"
    NUMBER = "number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Storyline:
    """What a user follows: an open question and the terms that recognise its follow-ups."""

    id: str
    title: str
    question: str = ""
    seed: str = ""
    """The text of the article in which the story broke."""
    terms: Terms
    entities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name -> its aliases, in any script; the name itself is one of them."""
    threshold: float = 0.5
    """A match counts from this score on, 0..1."""
    channels: tuple[str, ...] = ()
    updates: tuple[Change, ...] = tuple(Change)
    """Which changes of a development that was told are told too, in its thread; `[]` for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One reason for a match: the term asked for and the words found for it."""

    term: str
    found: str
    field: str
    """`title` or `summary`."""
    score: float
    """1.0 for the very words; lower for a typo, an inflection or a hyphen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """An entry on a storyline, with the score in 0..1 and what it rests on."""

    storyline: str
    score: float
    evidence: tuple[Evidence, ...]
    familiarity: float = 0.0
    """The part of the score, between -1 and 1, that the words of the storyline's earlier entries gave or took."""
    familiar: tuple[str, ...] = ()
    """The stems of the entry's words that those entries have said most."""

    @property
    def by_terms(self) -> float:
        """The score by the terms alone."""
        return round(self.score - self.familiarity, 3)


class Decision(StrEnum):
    """What an entry is to its story."""

    NEW = "new"
    UPDATE = "update"
    COVERAGE = "coverage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """An entry's place: its development, whether it made it new, and why."""

    entry: Entry
    matches: tuple[Match, ...]
    """Best first; never empty."""
    decision: Decision
    development: str
    reason: str
    """A stable code, such as `new-fact`, `same-fact`, `number-changed`, `explainer`."""
    explanation: str
    """The decision in one sentence."""
    nearest: str | None = None
    """Id of the most similar earlier report."""
    similarity: float = 0.0

    @property
    def storylines(self) -> tuple[str, ...]:
        """Ids of the storylines it is on, the best match first."""
        return tuple(match.storyline for match in self.matches)


@dataclass(frozen=True, slots=True, kw_only=True)
class Development:
    """One new fact on a story, and how far it has been reported."""

    id: str
    title: str
    """The headline of its first report."""
    storylines: tuple[str, ...]
    """The first is the one it was alerted under."""
    first_report: str
    """Entry id."""
    started_at: datetime
    last_report_at: datetime
    outlets: tuple[str, ...]
    """In the order in which they reported it, each once."""
    reports: int
    alerted: bool = False
    """People know of it: by an alert, or because it was there when following began."""


class Judgement(StrEnum):
    """What a person says of an entry."""

    WRONG = "wrong"
    """It is not about the storyline."""
    RIGHT = "right"
    """It is about the storyline."""
    SAME_AS = "same-as"
    """It reports a development that is known."""
    NEW = "new"
    """It is a development of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """A person's judgement of one entry on one storyline."""

    entry: str
    storyline: str
    judgement: Judgement
    score: float
    """The entry's score on the storyline when it was judged, 0..1."""
    development: str = ""
    """Where it belongs by `same-as` and `new`; else empty."""
    beside: tuple[str, ...] = ()
    """Ids of the development's other entries, by which a replay finds it under whatever id it has there."""
    given_at: datetime


# --- alerts


class AlertKind(StrEnum):
    """What an alert tells."""

    NEW = "new"
    UPDATE = "update"
    BASELINE = "baseline"
    """The state of the story when following began; once a storyline."""
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A report one can open. `url` is http(s) or empty."""

    outlet: str
    title: str
    url: str
    published: datetime

    @classmethod
    def to(cls, entry: Entry) -> Link:
        """The link to an entry."""
        return cls(outlet=entry.outlet, title=entry.title, url=entry.url, published=entry.published)

    @classmethod
    def to_start_of(cls, development: Development) -> Link:
        """How a development began, by what is kept of it: its first outlet and its title, without an address."""
        first = development.outlets[0] if development.outlets else ""
        return cls(outlet=first, title=development.title, url="", published=development.started_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """The message that a development happened, with all that any channel may show; fixed when it is queued."""

    id: str
    kind: AlertKind
    reason: str
    explanation: str
    created_at: datetime
    storylines: tuple[tuple[str, str], ...]
    """(id, title), best match first."""
    development: str
    title: str
    summary: str
    evidence: tuple[Evidence, ...]
    outlets: tuple[str, ...]
    reports: tuple[Link, ...]
    """The report that raised the alert first."""
    known_before: tuple[Link, ...]
    """Up to three earlier developments of the storyline, latest first."""
    first: Link | None = None
    """In an update: the report by which the development was told first."""
    follows: str = ""
    """In an update: id of the alert that told the development first; empty where it was there when following began."""


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    """Refused for good by the receiver."""
    DEAD = "dead"
    """Given up after the last retry; `monitor retry` queues it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One alert for one channel (and one recipient, where a channel has several) and its state."""

    id: str
    """Fixed when it is queued: the Message-ID's left part, the webhook-id. Letters, digits, `.`, `_` and `-` only."""
    alert: str
    channel: str
    target: str = ""
    """The mail address; empty for a channel with a single receiver."""
    thread: str = ""
    """Storyline id: deliveries of one thread to one target keep their order."""
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    due_at: datetime
    created_at: datetime
    sent_at: datetime | None = None
    error: str = ""


# --- what passes between the stages


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
