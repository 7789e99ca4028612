"""Storylines go from state to state at the desk, and those who want to hear of it do, once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.desk import Desk
from monitor.model import AlertKind, Changes, Mute, Severity, StoryState
from monitor.store import Store, mutes, stories, views
from tests.store.conftest import development, entry, placement
from tests.test_desk import DAM, NOON, rules

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store.open(url)
    opened.write(lambda tx: stories.sync(tx, [DAM], NOON))
    yield opened
    opened.close()


def desk(store: Store, *states: StoryState) -> Desk:
    return Desk(store, rules(replace(DAM, states=states or tuple(StoryState))))


def publish(store: Store, count: int, at: datetime, first: int = 0) -> None:
    reports = [replace(entry(first + n), published=at) for n in range(count)]
    placed = [replace(placement(first + n), entry=report) for n, report in enumerate(reports)]
    grown = replace(development(), started_at=at, last_report_at=at)
    store.write(lambda tx: stories.save(tx, reports, placed, [grown], at))


def told(changes: Changes) -> list[tuple[str, Severity]]:
    assert all(alert.kind is AlertKind.STATE for alert in changes.alerts)
    return [(alert.title, alert.severity) for alert in changes.alerts]


def test_the_first_state_is_noted_and_nobody_is_told(store: Store) -> None:
    publish(store, 1, NOON)
    assert desk(store).watch(NOON) == Changes()
    with store.read() as tx:
        assert stories.standing(tx, "dam") == (StoryState.DEVELOPING, NOON)
        (view,) = views.stories(tx, NOON)
    assert (view["state"], view["state_since"]) == ("developing", NOON.isoformat())


def test_a_storyline_is_followed_from_surge_to_its_end(store: Store) -> None:
    watching = desk(store)
    publish(store, 1, NOON)
    watching.watch(NOON)
    publish(store, 12, NOON + 3 * HOUR, first=1)
    surge = watching.watch(NOON + 3 * HOUR)
    assert told(surge) == [("The Orla dam: coverage surges", Severity.HIGH)]
    assert surge.alerts[0].explanation == "13 reports in six hours are far more than usual."
    assert [link.title for link in surge.alerts[0].known_before] == ["Dam breaks"]
    assert [d.channel for d in surge.deliveries] == ["desk"]
    later = [told(watching.watch(NOON + hours * HOUR)) for hours in range(4, 24 * 16)]
    assert [title for step in later for title, _ in step] == [
        "The Orla dam: cooling down", "The Orla dam: gone quiet", "The Orla dam: closed, as it seems",
    ]  # fmt: skip


def test_only_the_states_that_are_wanted_are_told(store: Store) -> None:
    watching = desk(store, StoryState.CLOSED)
    publish(store, 1, NOON)
    steps = [told(watching.watch(NOON + hours * HOUR)) for hours in range(24 * 16)]
    assert [title for step in steps for title, _ in step] == ["The Orla dam: closed, as it seems"]
    silent = Desk(store, rules(replace(DAM, states=())))
    publish(store, 12, NOON + 17 * DAY, first=50)
    assert silent.watch(NOON + 17 * DAY) == Changes()


def test_a_storyline_that_nobody_follows_tells_nobody_and_has_a_state(store: Store) -> None:
    watching = desk(store)
    publish(store, 1, NOON)
    watching.watch(NOON)
    store.write(lambda tx: mutes.mute(tx, Mute(storyline="dam")))
    publish(store, 12, NOON + HOUR, first=1)
    assert watching.watch(NOON + HOUR).deliveries == ()
    with store.read() as tx:
        assert stories.standing(tx, "dam") == (StoryState.SURGE, NOON + HOUR)
