"""How lively a storyline is: it wakes by what happens, calms down by the clock, and never flaps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.model import StoryState
from monitor.stories.state import HOLDS, SURGE_HOLDS, Activity, Standing, standing, wave, why

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def at(*hours: float) -> list[datetime]:
    return [NOON - hour * HOUR for hour in hours]


def state(activity: Activity, before: StoryState | None = None, held: timedelta = DAY) -> StoryState:
    return standing(Standing(before, NOON - held) if before else None, activity, NOON).state


@pytest.mark.parametrize(
    ("developed", "last_report", "expected"),
    [
        (2, 1, StoryState.DEVELOPING),
        (23.9, 1, StoryState.DEVELOPING),
        (24, 1, StoryState.COOLING),
        (71.9, 70, StoryState.COOLING),
        (72, 1, StoryState.QUIET),
        (24 * 13, 24 * 13, StoryState.QUIET),
        (24 * 15, 24 * 14, StoryState.CLOSED),
    ],
)
def test_a_storyline_calms_down_by_the_clock(developed: float, last_report: float, expected: StoryState) -> None:
    activity = Activity(at(last_report), NOON - developed * HOUR)
    assert state(activity, StoryState.DEVELOPING if expected is not StoryState.DEVELOPING else None) is expected


def test_a_storyline_without_any_report_is_quiet_and_closed_after_two_weeks() -> None:
    nothing = Activity([], None)
    assert state(nothing) is StoryState.QUIET
    assert state(nothing, StoryState.QUIET, held=13 * DAY) is StoryState.QUIET
    assert state(nothing, StoryState.QUIET, held=14 * DAY) is StoryState.CLOSED
    assert state(nothing, StoryState.CLOSED) is StoryState.CLOSED


def test_a_wave_is_a_surge_by_what_is_usual() -> None:
    fresh = at(*(0.5 * n for n in range(8)))
    assert state(Activity(fresh, NOON)) is StoryState.SURGE
    assert state(Activity(fresh[:7], NOON)) is StoryState.DEVELOPING
    usual = at(*(n * 2 for n in range(3, 84)))  # three in six hours, all week
    assert state(Activity(fresh + usual, NOON)) is StoryState.DEVELOPING
    assert state(Activity(at(*(0.4 * n for n in range(13))) + usual, NOON)) is StoryState.SURGE


def test_a_surge_ends_well_below_where_it_began() -> None:
    assert state(Activity(at(*range(1, 5)), NOON), StoryState.SURGE) is StoryState.SURGE
    assert state(Activity(at(*range(1, 4)), NOON), StoryState.SURGE) is StoryState.DEVELOPING


def test_a_surge_lasts_over_the_night() -> None:
    silent = Activity(at(10), NOON - 10 * HOUR)
    assert state(silent, StoryState.SURGE, held=23 * HOUR) is StoryState.SURGE
    assert state(silent, StoryState.SURGE, held=24 * HOUR) is StoryState.DEVELOPING


def test_a_straggler_reopens_nothing_and_a_development_does() -> None:
    closed_at = NOON - DAY
    late = Activity(at(1), NOON - 15 * DAY)
    assert standing(Standing(StoryState.CLOSED, closed_at), late, NOON) == Standing(StoryState.CLOSED, closed_at)
    fresh = Activity(at(1), NOON - HOUR)
    assert standing(Standing(StoryState.CLOSED, closed_at), fresh, NOON) == Standing(StoryState.DEVELOPING, NOON)


def test_a_state_holds_for_a_while_but_a_surge_comes_at_once() -> None:
    calm = Activity(at(1), NOON - 25 * HOUR)
    assert state(calm, StoryState.DEVELOPING, held=HOLDS - HOUR) is StoryState.DEVELOPING
    assert state(calm, StoryState.DEVELOPING, held=HOLDS) is StoryState.COOLING
    assert state(Activity(at(*(0.1 * n for n in range(9))), NOON), StoryState.QUIET, held=HOUR) is StoryState.SURGE


def test_every_state_has_a_sentence() -> None:
    activity = Activity(at(1, 2, 3), NOON)
    assert wave(activity.reports, NOON) == 3
    assert {why(s, activity, NOON)[-1] for s in StoryState} == {"."}
    assert why(StoryState.SURGE, activity, NOON).startswith("3 reports in six hours")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 30 * 24), st.booleans()), max_size=120))
def test_nothing_flaps(events: list[tuple[float, bool]]) -> None:
    """Looked at every ten minutes for a month, whatever happens: no state but what a surge cuts short is shorter than HOLDS."""
    events = sorted(events)
    now_at: Standing | None = None
    changes: list[Standing] = []
    for hour in (step / 2 for step in range(2 * 24 * 31)):
        now = NOON + hour * HOUR
        times = [NOON + h * HOUR for h, _ in events if hour - 24 * 15 <= h <= hour]
        developed = max((NOON + h * HOUR for h, new in events if new and h <= hour), default=None)
        after = standing(now_at, Activity(times, developed), now)
        if now_at is None or after.state is not now_at.state:
            changes.append(after)
        now_at = after
    for earlier, later in pairwise(changes):
        reopened = earlier.state is StoryState.CLOSED
        assert later.since - earlier.since >= HOLDS or later.state is StoryState.SURGE or reopened
    surges = [change.since for change in changes if change.state is StoryState.SURGE]
    assert all(b - a >= SURGE_HOLDS for a, b in pairwise(surges))
