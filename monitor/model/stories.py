"""Stories: what a user follows, what matches it, where an entry was placed, and what people say of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from monitor.model.feeds import Entry


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


class Severity(StrEnum):
    """How much an alert matters, the least first."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    CRITICAL = "critical"

    def reaches(self, other: Severity) -> bool:
        """Whether this is as severe as `other`, or more."""
        return list(Severity).index(self) >= list(Severity).index(other)


class StoryState(StrEnum):
    """How lively a storyline is."""

    QUIET = "quiet"
    DEVELOPING = "developing"
    SURGE = "surge"
    COOLING = "cooling"
    CLOSED = "closed"


LIVELY = (StoryState.DEVELOPING, StoryState.SURGE)
"""The states of a storyline that moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How a storyline's alerts go to some channels."""

    channels: tuple[str, ...]
    send: Literal["immediate", "digest", "both"] = "immediate"
    """At once, in the channel's next digest, or both."""
    severity: Severity = Severity.LOW
    """Only alerts as severe as this, or more."""


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
    routes: tuple[Route, ...] = ()
    """Instead of `channels`: which channels get which alerts, and how."""
    urgent: tuple[str, ...] = ()
    """Those of the terms that make an alert critical."""
    states: tuple[StoryState, ...] = (StoryState.CLOSED,)
    """Going into which states is told; `[]` for none."""
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
    hearsay: bool = False
    """It tells with reserve: it may be, somebody says, sources report."""

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
