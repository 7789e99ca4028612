"""When an alert may go: quiet hours and digests by the reader's own clock, also where it is put forward or back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.policy import Policy
from monitor.model import Hold, Severity

WARSAW = ZoneInfo("Europe/Warsaw")
NIGHT = Policy(quiet="22:00-07:00", timezone="Europe/Warsaw")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=WARSAW).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        ("2026-03-05T21:59:59", None),
        ("2026-03-05T22:00:00", "2026-03-06T07:00:00"),
        ("2026-03-06T03:12:00", "2026-03-06T07:00:00"),
        ("2026-03-06T07:00:00", None),
        ("2026-03-29T01:30:00", "2026-03-29T07:00:00"),
        ("2026-10-25T02:30:00", "2026-10-25T07:00:00"),
    ],
)
def test_quiet_hours_are_those_of_the_clock_on_the_readers_wall(moment: str, end: str | None) -> None:
    assert NIGHT.quiet_until(at(moment)) == (at(end) if end else None)


def test_quiet_hours_may_lie_within_a_day() -> None:
    lunch = Policy(quiet="12:00-13:30")
    assert lunch.quiet_until(datetime(2026, 3, 5, 12, 15, tzinfo=UTC)) == datetime(2026, 3, 5, 13, 30, tzinfo=UTC)
    assert lunch.quiet_until(datetime(2026, 3, 5, 13, 30, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("severity", "passes"), [(Severity.HIGH, False), (Severity.CRITICAL, True)], ids=["high", "critical"]
)
def test_only_what_is_severe_enough_comes_at_night(severity: Severity, passes: bool) -> None:
    held = NIGHT.held(severity, at("2026-03-06T03:00:00"))
    assert held == (None if passes else (Hold.QUIET, at("2026-03-06T07:00:00")))


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)),
    st.sampled_from(["UTC", "Europe/Warsaw", "Asia/Kathmandu"]),
)
def test_quiet_hours_end_within_a_day_and_outside_of_themselves(moment: datetime, zone: str) -> None:
    policy = Policy(quiet="22:00-07:00", timezone=zone)
    now = moment.replace(tzinfo=UTC)
    end = policy.quiet_until(now)
    if end is not None:
        assert now < end <= now + timedelta(hours=10)
        assert policy.quiet_until(end) is None


@pytest.mark.parametrize(
    ("cron", "now", "then"),
    [
        ("0 7 * * *", "2026-03-05T06:59:00", "2026-03-05T07:00:00"),
        ("0 7 * * *", "2026-03-05T07:00:00", "2026-03-06T07:00:00"),
        ("0 7 * * mon", "2026-03-05T12:00:00", "2026-03-09T07:00:00"),
        ("30 8 * * 1-5", "2026-03-06T09:00:00", "2026-03-09T08:30:00"),
        ("0 7 * * *", "2026-03-28T12:00:00", "2026-03-29T07:00:00"),
        ("0 7 * * *", "2026-10-24T12:00:00", "2026-10-25T07:00:00"),
    ],
)
def test_the_digest_comes_at_its_hour_in_the_readers_zone(cron: str, now: str, then: str) -> None:
    """S13: also on the days on which the clocks change."""
    assert Policy(digest=cron, timezone="Europe/Warsaw").next_digest(at(now)) == at(then)
