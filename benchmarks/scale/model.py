"""What machines carry, reckoned from what was measured; draws docs/scale.png where matplotlib is installed.

    python -m benchmarks.scale.model

The figures are those that costs.py, engine.py, scheduler.py gave on PostgreSQL 15; docs/scale.md says on what machine, and how sure they are.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SHOWN = Path(__file__).parents[2] / "docs/scale.png"


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of CPU of the monitor and of PostgreSQL, and bytes of WAL beside full pages."""

    monitor: float
    database: float
    wal: float = 0.0


UNCHANGED, CHANGED = Cost(1.5, 0.4, 340), Cost(7.8, 2.0, 2200)
"""A poll that brings nothing, and one that brings an entry."""
REPORT, DELIVERED = Cost(4.2, 0.5, 1900), Cost(7.8, 2.9, 2200)
"""What comes to it where the entry is a report, and an alert on its way to one receiver."""
JOB = Cost(1.6, 1.3, 770)
"""A job of the engine."""
PICKED = Cost(0.15, 0.2)
"""A feed that the scheduler looks up and hands out."""
FULL_PAGES = 5_000
"""Bytes of WAL for the pages that a poll changes first after a checkpoint, compressed; 8,000 to 17,000 without."""
ALONE = Cost(0.44, 0.39), Cost(4.7, 2.0)
"""The part of the first two that is done while nobody else may write."""
COMMIT, TRANSACTIONS = 2.0, 0.4
"""Milliseconds until a commit is on the disk, and commits for each poll."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is assumed; `used` is the part of a core that is planned with, and `together` are the polls of one job."""

    changed: float = 0.1
    reports: float = 0.02
    alerts: float = 0.002
    together: int = 30
    used: float = 0.6

    def poll(self) -> Cost:
        """The mean of all that a poll causes."""
        parts = (
            (1 - self.changed, UNCHANGED), (self.changed, CHANGED), (self.changed * self.reports, REPORT),
            (self.changed * self.alerts, DELIVERED), (1 / self.together, JOB), (1.0, PICKED),
        )  # fmt: skip
        return Cost(*(sum(share * getattr(cost, name) for share, cost in parts) for name in Cost.__dataclass_fields__))

    def alone(self, kept: str) -> float:
        """Polls a second where those that are `kept` so wait for each other, on any number of machines; see KEPT_ALONE."""
        quiet, busy = (cost.monitor + cost.database + COMMIT * TRANSACTIONS for cost in ALONE)
        told = busy + REPORT.monitor + REPORT.database
        spent = {
            "each poll": (1 - self.changed) * quiet + self.changed * busy,
            "polls that bring entries": self.changed * busy,
            "polls that bring reports": self.changed * self.reports * told,
        }
        return 1000 / spent[kept]


KEPT_ALONE = ("each poll", "polls that bring entries", "polls that bring reports")
"""What is kept one after the other: all, as now; what the desk looks at; or only what it places."""


CORES = 4
"""Of a machine that works."""


def workers(machines: float, load: Load) -> float:
    """Polls a second that so many machines fetch and judge."""
    return 1000 * machines * CORES * load.used / load.poll().monitor


def database(cores: float, load: Load) -> float:
    """Polls a second that a PostgreSQL of so many cores keeps."""
    return 1000 * cores * load.used / load.poll().database


def together(load: Load) -> float:
    """Polls a second of one machine that does all of it."""
    poll = load.poll()
    return 1000 * CORES * load.used / (poll.monitor + poll.database)


SETUPS = {"1": (0, CORES), "10": (8, 16), "100": (95, 64)}
"""Machines -> those of them that are workers, and the cores of PostgreSQL; what is left schedules, delivers and shows."""


def carried(load: Load) -> dict[str, dict[str, float]]:
    """Machines -> what sets a limit -> polls a second."""
    return {
        name: {
            "workers": workers(count, load) if count else together(load),
            "PostgreSQL": database(cores, load) if count else together(load),
            **{f"{kept} alone": load.alone(kept) for kept in KEPT_ALONE},
        }
        for name, (count, cores) in SETUPS.items()
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draw", type=Path, default=SHOWN)
    asked = parser.parse_args(arguments)
    load = Load()
    poll = load.poll()
    print(
        f"{load}: a poll takes {poll.monitor:.2f} ms + {poll.database:.2f} ms, {poll.wal:.0f} bytes of WAL beside full pages"
    )
    for machines, limits in carried(load).items():
        least = min(limits["workers"], limits["PostgreSQL"])
        shown = ", ".join(f"{name} {limit:,.0f}" for name, limit in limits.items())
        wal = least * (poll.wal + FULL_PAGES) / 1e6
        print(f"{machines:>4} machines: {shown} polls/s; {least * 900 / 1e6:.2f} million feeds each 15 min,"
              f" {least * 3600 / 1e6:.1f} million each hour; WAL {wal:.0f} MB/s, {least * TRANSACTIONS:,.0f} commits/s")  # fmt: skip
    draw(load, asked.draw)


QUEUED = (10_000, 100_000, 1_000_000)
ENGINE = {
    "no locks": (2.8, 3.0, 2.8),
    "a lock each": (3.1, 5.4, 23.9),
    "a lock each, our index": (2.3, 3.2, 4.0),
    "10,000 of one host in front": (29.4, 28.0, 56.1),
}
"""Milliseconds for each job by the jobs queued, worker and backend."""
KNOWN = (100_000, 1_000_000, 10_000_000)
FEEDS = {
    "first start: all feeds put in": (1.9, 18.2, None),
    "a start": (0.2, 2.9, None),
    "read the configuration": (0.5, 5.3, None),
    "the look of each minute": (0.09, 0.72, 7.8),
    "hand out 1,000 feeds": (0.45, 0.24, 0.31),
    "VACUUM of feeds": (None, 0.3, 2.7),
}
"""Seconds of CPU by the feeds known, both sides together."""


def draw(load: Load, path: Path) -> None:
    try:
        from matplotlib import pyplot as plt  # noqa: PLC0415 - the figures are wanted without it, too
    except ImportError:
        print("Nothing is drawn: matplotlib is not installed (pip install .[bench]).")
        return
    figure, (jobs, feeds, machines) = plt.subplots(1, 3, figsize=(15, 5.2))
    for axis, sizes, curves in ((jobs, QUEUED, ENGINE), (feeds, KNOWN, FEEDS)):
        for label, values in curves.items():
            points = [(size, value) for size, value in zip(sizes, values, strict=True) if value is not None]
            axis.loglog(*zip(*points, strict=True), marker="o", markersize=4, label=label)
    jobs.set(xlabel="jobs queued", ylabel="CPU milliseconds for each job", title="Procrastinate")
    feeds.set(xlabel="feeds known", ylabel="CPU seconds", title="What grows with the feeds", ylim=(0.01, 40))
    counts = range(1, 201)
    machines.loglog(counts, [workers(count, load) for count in counts], label="workers of 4 cores")
    for cores, style in ((4, ":"), (16, "-."), (64, "--")):
        machines.axhline(database(cores, load), color="tab:red", linestyle=style, label=f"PostgreSQL on {cores} cores")
    for kept, shade in zip(KEPT_ALONE, ("black", "dimgray", "darkgray"), strict=True):
        machines.axhline(load.alone(kept), color=shade, label=f"one at a time: {kept}")
    machines.set(xlabel="worker machines", ylabel="polls a second", title="What ends where", ylim=(200, 5e6))
    for axis in (jobs, feeds, machines):
        axis.grid(visible=True, alpha=0.3)
        axis.legend(fontsize=8, loc="lower right" if axis is feeds else "best")
    figure.tight_layout()
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main()
