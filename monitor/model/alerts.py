"""Alerts and their way to people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from monitor.model.feeds import Entry
from monitor.model.stories import Development, Evidence, Severity


class AlertKind(StrEnum):
    """What an alert tells."""

    NEW = "new"
    UPDATE = "update"
    BASELINE = "baseline"
    """The state of the story when following began; once a storyline."""
    STATE = "state"
    """A storyline went from one state to another."""
    DIGEST = "digest"
    """Several alerts told in one message."""
    NOTICE = "notice"
    """For the operator: a feed, a channel or the configuration needs a look, or is well again."""
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
class Told:
    """An alert as a digest tells it."""

    alert: str
    kind: AlertKind
    severity: Severity
    title: str
    outlets: tuple[str, ...]
    report: Link | None
    at: datetime
    reports: int = 1
    """How many entries report its development by now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """What a digest tells of one storyline."""

    storyline: str
    title: str
    question: str = ""
    state: str = ""
    told: tuple[Told, ...] = ()
    """In order of time."""
    more: int = 0
    """How many alerts are not listed, so that the message stays readable."""
    coverage: tuple[int, ...] = ()
    """Reports in equal parts of the digest's time, the first part first."""
    open: tuple[Link, ...] = ()
    """Reports of which it is in doubt whether they tell anything new."""
    folded: int = 0
    """Reports that told nothing new."""


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
    severity: Severity = Severity.NORMAL
    chapters: tuple[Chapter, ...] = ()
    """In a digest: a chapter a storyline."""


class Hold(StrEnum):
    """What a held delivery waits for."""

    DIGEST = "digest"
    QUIET = "quiet"
    SILENCE = "silence"
    LIMIT = "limit"
    GROUP = "group"


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    HELD = "held"
    """Waits to be told with others: for the digest, the end of quiet hours or of a silence, or room under the limit."""
    FOLDED = "folded"
    """Told with others, by the delivery that `told_by` names."""
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
    hold: Hold | None = None
    """What it waits for, or waited for."""
    told_by: str = ""
    root: str = ""
    """Id of the first delivery of its thread that its target got; known from the first try on, empty for that one itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """Somebody does not want to hear of a storyline, for a while or any more."""

    storyline: str
    channel: str = ""
    """Empty: all of them."""
    target: str = ""
    """Empty: all recipients."""
    until: datetime | None = None
    """None: until they follow it again."""
