"""When an alert may reach a channel's readers: at once, in a digest, after quiet hours, and how many an hour. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim

from monitor.model import Hold, Severity

QUIET = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


def is_zone(name: str) -> bool:
    """Whether this machine knows a time zone of that name."""
    try:
        ZoneInfo.no_cache(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """When a channel's readers want to hear of alerts."""

    digest: str = "0 7 * * *"
    """When digests go out, as cron has it: minute, hour, day, month, day of the week."""
    timezone: str = "UTC"
    """The time zone of the digest and of the quiet hours, such as `Europe/Warsaw`."""
    quiet: str = ""
    """Hours without alerts, such as `22:00-07:00`; what comes then is told at their end, in one message."""
    quiet_passes: Severity = Severity.CRITICAL
    """Alerts as severe as this come in quiet hours too."""
    limit: int | None = None
    """Messages an hour to one reader at most; what is above is told in one message. 0 for no limit; by default 30 by mail and
    Apprise, none elsewhere. Critical alerts are not held."""
    group_wait: timedelta = timedelta(0)
    """How long an alert waits for others of its storyline, to go with them in one message."""

    def held(self, severity: Severity, now: datetime) -> tuple[Hold, datetime] | None:
        """What an alert that should go at once waits for, and until when; None when it may go."""
        end = self.quiet_until(now)
        return (Hold.QUIET, end) if end and not severity.reaches(self.quiet_passes) else None

    def quiet_until(self, now: datetime) -> datetime | None:
        """The end of the quiet hours that `now` lies in, by the clock on the reader's wall; None outside of them."""
        parts = QUIET.fullmatch(self.quiet)
        if parts is None:
            return None
        begin, end = time(int(parts[1]), int(parts[2])), time(int(parts[3]), int(parts[4]))
        local = now.astimezone(ZoneInfo(self.timezone))
        at = local.time()
        if not (begin <= at < end if begin < end else at >= begin or at < end):
            return None
        day = local.date() + timedelta(days=at >= end)
        return datetime.combine(day, end, local.tzinfo).astimezone(UTC)

    def next_digest(self, now: datetime) -> datetime:
        """When the next digest goes out. Raises CronSimError where `digest` is no cron expression."""
        return next(CronSim(self.digest, now.astimezone(ZoneInfo(self.timezone)))).astimezone(UTC)
