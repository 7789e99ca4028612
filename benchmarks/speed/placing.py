"""What it costs to place one more report on a storyline that has 10,000: `python -m benchmarks.speed.placing [--recording FILE]`.

All that a recording has (by default that of titan, see MONITOR_SHARED) goes onto one storyline, and the last reports are timed: first in a
stream, one after the other, as a poll or a replay places them. Then anew, each compared with all those in the window too; that takes
so long, and reads so much, that the next is placed cold. Both ways must find the same nearest report; but where none of the newest
tells the fact, placing asks older ones too, which tell it.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.speed.measure import machine
from monitor.model import Entry, Match, Placement
from monitor.replay import in_order
from monitor.replay.recorded import entries
from monitor.stories.facts import facts
from monitor.stories.ledger import Ledger
from monitor.stories.pair import likelihood
from monitor.stories.place import COMPARED, WINDOW, place
from monitor.stories.report import Report

REPORTS, PLACED = 10_000, 200
_MATCHES = (Match(storyline="all", score=1.0, evidence=()),)


def _noted(ledger: Ledger, entry: Entry) -> Report:
    report = ledger.note_entry(entry, facts(entry), _MATCHES)
    assert report is not None
    return report


def _timed(work: Callable[[], object]) -> tuple[float, object]:
    begin = time.process_time()
    found = work()
    return time.process_time() - begin, found


def run(recording: Path) -> None:
    """Measure, and print."""
    known = in_order(entries([recording]))[: REPORTS + PLACED]
    print(f"{machine()}; load {os.getloadavg()[0]:.1f}; {REPORTS} reports, {COMPARED} newest compared, CPU time")
    print(f"placed in a stream   {_line([took for took, *_ in _placed(known)])}")
    gc.collect()  # or the first ledger would be let go of in the midst of what is timed
    indexed, exhaustive, agreed, older = [], [], 0, 0
    for placing, report, placement, ledger in _placed(known):
        indexed.append(placing)
        took, nearest = _timed(lambda report=report, ledger=ledger: _by_each(report, ledger))  # type: ignore[misc]
        exhaustive.append(took)
        agreed += nearest == placement.nearest
        older += placement.nearest not in _compared(report, ledger)
    times = sum(exhaustive) / sum(indexed)
    print(f"placed cold          {_line(indexed)}")
    print(
        f"compared with each   {_line(exhaustive)}: {times:.1f} times as much; the same nearest {agreed / PLACED:.1%}, an older one {older / PLACED:.1%}"
    )


def _placed(known: Sequence[Entry]) -> Iterator[tuple[float, Report, Placement, Ledger]]:
    """The last reports, each when it is placed and not yet noted: what that took, where it is, and the ledger as it was."""
    ledger = Ledger()
    for number, entry in enumerate(known):
        report = _noted(ledger, entry)
        took, placement = _timed(lambda report=report: place(report, _MATCHES, ledger))  # type: ignore[misc]
        assert isinstance(placement, Placement)
        if number >= REPORTS:
            yield took, report, placement, ledger
        ledger.note(placement, report)


def _by_each(report: Report, ledger: Ledger) -> str:
    compared = _compared(report, ledger)
    return max(compared, key=lambda identifier: likelihood(report, compared[identifier]))


def _compared(report: Report, ledger: Ledger) -> dict[str, Report]:
    """Those compared, the latest first, by the ids of their entries."""
    compared = ledger.newest(report.entry.published - WINDOW, report.storylines, COMPARED)
    return {known.report.entry.id: known.report for known in compared}


def _line(took: list[float]) -> str:
    return f"median {1000 * statistics.median(took):.2f} ms, p99 {1000 * statistics.quantiles(took, n=100)[98]:.2f} ms"


if __name__ == "__main__":
    shared = Path(os.environ.get("MONITOR_SHARED", "../shared"))
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--recording", type=Path, default=shared / "data/titan/stream.jsonl.gz")
    run(arguments.parse_args().recording)
