"""How the polls of a day spread, and how late feeds get by what the workers carry; all in memory, on a simulated clock.

    python -m benchmarks.scale.day

All feeds are new at the same moment, as at a first start, and bring nothing; when each is polled next the daemon's own schedule says.
"""

from __future__ import annotations

import heapq
import statistics
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from monitor.feeds import schedule
from monitor.model import Feed, FeedState, Poll, Response

NOW = datetime(2026, 3, 2, tzinfo=UTC)
EVERY = timedelta(hours=1)
FEEDS, HOURS = 5_000, 24
CARRIED = (0.5, 0.9, 1.1, 2.0, 5.0)
"""Polls that the workers carry, as a part of those that fall due when all are polled on time."""
_UNCHANGED = Response(url="", status=304, headers={}, not_modified=True)


def polls(carried: float) -> Iterator[tuple[float, float]]:
    """Each poll of the day: when, and how late, in seconds."""
    waiting = [(0.0, number, FeedState(url=f"https://{number}.example/", next_poll_at=NOW)) for number in range(FEEDS)]
    at, room = 0.0, 0.0
    while at < HOURS * 3600:
        room = min(room, 1.0) + carried * FEEDS / EVERY.total_seconds()
        while room >= 1 and waiting[0][0] <= at:
            due, number, state = heapq.heappop(waiting)
            yield at, at - due
            after = _after(state, NOW + timedelta(seconds=at))
            heapq.heappush(waiting, ((after.next_poll_at - NOW).total_seconds(), number, after))
            room -= 1
        at += 1


def _after(state: FeedState, at: datetime) -> FeedState:
    feed = Feed(url=state.url, every=EVERY, slowest=EVERY)
    return schedule.after(Poll(feed=feed, state=state, at=at, response=_UNCHANGED))


def main() -> None:
    print(f"{FEEDS:,} feeds, every {EVERY}, a day; from the second hour on:")
    for carried in CARRIED:
        done = [(at, late) for at, late in polls(carried) if at >= 3600]
        late = sorted(late for _, late in done)
        minutes = Counter(int(at // 60) for at, _ in done)
        peaks = [max(minutes[hour * 60 + n] for n in range(60)) * 60 / FEEDS for hour in (1, 6, 12, 23)]
        print(
            f"carried {carried:g}: polled every {HOURS * 3600 * FEEDS / 60 / len(done) * 23 / 24:.1f} min, late by {statistics.median(late) / 60:.1f} min"
            f" (99th percentile {late[len(late) * 99 // 100] / 60:.1f}); busiest minute of hours 2, 7, 13, 24: "
            + ", ".join(f"{peak:.1f}" for peak in peaks)
            + " times the even share",
            flush=True,
        )


if __name__ == "__main__":
    main()
