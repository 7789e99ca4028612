"""The sections of a configuration that belong to no other part of the program."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds for every feed and storyline that does not say otherwise."""

    every: timedelta = timedelta(minutes=15)
    """How often a feed is polled while it brings news of a story that moves."""
    slowest: timedelta | None = None
    """How long a feed may rest that seldom brings anything; four times its `every` unless said."""
    channels: tuple[str, ...] = ()
    """Where alerts go."""
    threshold: float = 0.5
    """From which score on, 0 to 1, an entry belongs to a storyline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long things are remembered."""

    entries: timedelta = timedelta(days=90)
    """Entries and their places."""
    seen: timedelta = timedelta(days=365)
    """That an entry was there, so that it is not new when it comes back."""
