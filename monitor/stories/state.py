"""How lively a storyline is: quiet, developing, surging, cooling or closed; from the times of its reports and developments. Pure.

Between events a storyline only calms down, at fixed times after its last development or report; only a development or a wave of reports
wakes it. A state holds for a while before another follows, and a surge ends well below where it began, so that nothing flaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from monitor.model import StoryState

WAVE = timedelta(hours=6)
"""The time in which a wave of reports is counted: a news day has about four of them."""
LEAST_WAVE = 8
"""Reports that make a wave even where there were none before; fewer are an ordinary development's."""
TIMES = 4
"""How many times the usual coverage a wave is."""
USUAL = timedelta(days=7)
"""How far back the usual coverage is looked for: whole weeks, since weekends are quieter."""
FRESH, COOL, OVER = timedelta(hours=24), timedelta(hours=72), timedelta(days=14)
"""Since the last development: developing, then cooling, then quiet; without any report for the last: closed."""
HOLDS = timedelta(hours=2)
"""How long a state lasts before another one follows, but for a surge and the reopening of what was closed."""
SURGE_HOLDS = timedelta(hours=24)
"""How long a surge lasts at least: the nights between its days are no end of it."""
LOOKED_AT = OVER + timedelta(days=1)
"""How far back reports are looked at."""


@dataclass(frozen=True, slots=True)
class Activity:
    """When a storyline's reports were published, as far back as LOOKED_AT, and when its last development began."""

    reports: Sequence[datetime]
    developed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A storyline's state, and since when."""

    state: StoryState
    since: datetime


def standing(before: Standing | None, activity: Activity, now: datetime) -> Standing:
    """The state of a storyline now; what it was `before`, where nothing else may follow yet."""
    wanted = _wanted(before, activity, now)
    if before is None:
        return Standing(wanted, now)
    if wanted is before.state or not _may_follow(before, wanted, activity, now):
        return before
    return Standing(wanted, now)


def _may_follow(before: Standing, wanted: StoryState, activity: Activity, now: datetime) -> bool:
    if wanted is StoryState.SURGE:
        return True
    if before.state is StoryState.CLOSED:  # a late straggler reopens nothing
        return activity.developed_at is not None and activity.developed_at > before.since
    return now - before.since >= (SURGE_HOLDS if before.state is StoryState.SURGE else HOLDS)


def _wanted(before: Standing | None, activity: Activity, now: datetime) -> StoryState:
    height = wave(activity.reports, now)
    surging = before is not None and before.state is StoryState.SURGE
    if height >= _threshold(activity.reports, now) / (2 if surging else 1):
        return StoryState.SURGE
    if _is_over(before, activity, now):
        return StoryState.CLOSED
    since = now - activity.developed_at if activity.developed_at else OVER
    return StoryState.DEVELOPING if since < FRESH else StoryState.COOLING if since < COOL else StoryState.QUIET


def _is_over(before: Standing | None, activity: Activity, now: datetime) -> bool:
    """Whether the last report is long ago; or, where there never was one, the beginning."""
    if activity.reports:
        return now - max(activity.reports) >= OVER
    return before is not None and (before.state is StoryState.CLOSED or now - before.since >= OVER)


def wave(reports: Sequence[datetime], now: datetime) -> int:
    """How many reports the last hours brought."""
    return sum(now - WAVE < at <= now for at in reports)


def _threshold(reports: Sequence[datetime], now: datetime) -> float:
    """The height from which on a wave is a surge, by what is usual for the storyline."""
    counts = [0] * (USUAL // WAVE)
    for at in reports:
        part = (now - WAVE - at) // WAVE
        if 0 <= part < len(counts):
            counts[part] += 1
    return max(LEAST_WAVE, TIMES * median(counts))


def why(state: StoryState, activity: Activity, now: datetime) -> str:
    """The state in a sentence."""
    count = wave(activity.reports, now)
    return {
        StoryState.SURGE: f"{count} reports in six hours are far more than usual.",
        StoryState.DEVELOPING: "There was a development in the last 24 hours.",
        StoryState.COOLING: "There was no development for a day.",
        StoryState.QUIET: "There was no development for three days.",
        StoryState.CLOSED: "There was no report for two weeks. It is still followed, and a new development opens it again.",
    }[state]
