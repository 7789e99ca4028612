"""Values to put into a store."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from monitor.model import (
    Alert,
    AlertKind,
    Decision,
    Delivery,
    Development,
    Entry,
    Evidence,
    Link,
    Match,
    Placement,
    Storyline,
    Terms,
)  # fmt: skip
from monitor.store import Store

NOON = datetime(2024, 3, 5, 12, 0, 0, 123456, tzinfo=UTC)
FEED = "https://feed.example/rss"
STORYLINE = Storyline(id="dam", title="The dam", question="Does it hold?", terms=Terms(any=("dam",)))


in_a_file = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
"""Of a test that is about SQLite only."""
in_postgresql = pytest.mark.parametrize("url", ["postgresql"], indirect=True)
"""Of a test that is about PostgreSQL only."""


@contextmanager
def busy(store: Store) -> Iterator[None]:
    """While the writer is at something else, until the end."""
    begun, free = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        free.wait()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(store.on_writer, work)
        begun.wait()
        try:
            yield
        finally:
            free.set()


def entry(number: int, *, minutes: float = 0, keys: tuple[str, ...] = ()) -> Entry:
    return Entry(
        id=f"e{number}", feed=FEED, url=f"https://news.example/{number}", title=f"Dam report {number} “댐”", summary="", language="en",
        published=NOON + timedelta(minutes=minutes), outlet="Herald", keys=keys or (f"id:{number}",),
    )  # fmt: skip


def placement(number: int, development: str = "d-1") -> Placement:
    match = Match(storyline="dam", score=0.75, evidence=(Evidence(term="dam", found="Dam", field="title", score=1.0),))
    return Placement(
        entry=entry(number), matches=(match,), decision=Decision.NEW, development=development, reason="new-fact", explanation="It is new.",
        nearest="e0", similarity=0.25,
    )  # fmt: skip


def development(name: str = "d-1", *, alerted: bool = True) -> Development:
    return Development(
        id=name, title="Dam breaks", storylines=("dam",), first_report="e1", started_at=NOON, last_report_at=NOON, outlets=("Herald", "Post"),
        reports=2, alerted=alerted,
    )  # fmt: skip


def alert(name: str = "a-1") -> Alert:
    link = Link(outlet="Herald", title="Dam breaks", url="https://news.example/1", published=NOON)
    return Alert(
        id=name, kind=AlertKind.NEW, reason="new-fact", explanation="It is new.", created_at=NOON, storylines=(("dam", "The dam"),),
        development="d-1", title="Dam breaks", summary="Three towns.", evidence=(Evidence(term="dam", found="Dam", field="title", score=1.0),),
        outlets=("Herald",), reports=(link,), known_before=(link,),
    )  # fmt: skip


def delivery(name: str, *, of: str = "a-1", channel: str = "mail", target: str = "", thread: str = "dam") -> Delivery:
    return Delivery(id=name, alert=of, channel=channel, target=target, thread=thread, due_at=NOON, created_at=NOON)
