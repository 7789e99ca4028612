"""Entries and storylines of invented stories: a dam that threatens to burst, a ferry strike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from monitor.model import Entry, Storyline, Terms

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
MakeEntry = Callable[..., Entry]


@pytest.fixture
def entry() -> MakeEntry:
    """Make an entry: title, then summary; `minutes` after noon, by `outlet`, in `language`."""
    numbers = count(1)

    def make(
        title: str,
        summary: str = "",
        *,
        minutes: float = 0,
        outlet: str = "Herald",
        language: str = "en",
        url: str = "",
    ) -> Entry:
        number = next(numbers)
        return Entry(
            id=f"e{number}", feed="https://feed.example/rss", url=url or f"https://news.example/world/{number}", title=title, summary=summary,
            published=NOON + timedelta(minutes=minutes), language=language, outlet=outlet,
        )  # fmt: skip

    return make


@pytest.fixture
def dam() -> Storyline:
    return Storyline(
        id="dam",
        title="The Orla dam",
        terms=Terms(all=(("Orla",),), any=("dam", "reservoir", "evacuate", "flood")),
        entities={"Orla": ("Orla", "River Orla", "Орла", "오를라")},
    )
