"""What memory the daemon has at rest, and at most, by what its 500 feeds say: PSS of it and all its children.

    python -m benchmarks.speed.rest [--seconds 110]

The feeds have 30 entries each: of the benchmarks' few words, of made-up words by Zipf's law, and of the recording of kim-putin
(see MONITOR_SHARED) where it is there. They are polled once; children that parse end when they had nothing to do for a minute.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import islice
from pathlib import Path

from benchmarks.speed import polling
from benchmarks.speed.matching import RECORDING, made_up
from benchmarks.speed.measure import Cost, machine, measured
from benchmarks.speed.web import ENTRIES, item, rss, serving_folder, write_feeds
from monitor.model import Entry
from monitor.replay.recorded import entries as recorded

FEEDS = 500


def write_entries(folder: Path, said: Sequence[Entry]) -> list[str]:
    """Write what these entries say as news of the last hours into FEEDS feeds in `folder`, in turns; their paths."""
    now = datetime.now(UTC)
    for number in range(FEEDS):
        items = [
            item(number, n, entry.title, entry.summary, format_datetime(now - timedelta(minutes=20 * n)))
            for n, entry in enumerate(said[number::FEEDS])
        ]
        (folder / f"{number}.xml").write_text(rss(number, items, said[number].language))
    return [f"{number}.xml" for number in range(FEEDS)]


def rested(write: Callable[[Path], list[str]], seconds: float) -> Cost:
    """What the daemon cost until so many seconds after its start."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        web = folder / "web"
        web.mkdir()
        folder.chmod(0o755)
        paths = write(web)
        with serving_folder(web) as (port, _):
            polling.monitor(folder, [f"http://127.0.0.1:{port}/{path}" for path in paths])
            command = [sys.executable, "-m", "monitor", "run", "-c", str(folder / "monitor.yaml")]
            end = time.monotonic() + seconds
            return measured(command, env={"PYTHONPATH": str(polling.ROOT)}, until=lambda: time.monotonic() > end)


def main() -> None:
    """Print it for each kind of feeds."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=110.0, help="how long the daemon runs")
    asked = arguments.parse_args()
    print(f"{machine()}; {FEEDS} feeds of {ENTRIES} entries")
    most = FEEDS * ENTRIES
    kinds: dict[str, Callable[[Path], list[str]]] = {
        "the benchmarks' words": lambda web: write_feeds(web, FEEDS),
        "made-up words": lambda web: write_entries(web, list(made_up(most, random.Random(1)))),
    }
    if RECORDING.exists():
        kinds["a recorded month"] = lambda web: write_entries(web, list(islice(recorded([RECORDING]), most)))
    else:
        print(f"No recording at {RECORDING}; set MONITOR_SHARED.")
    print(f"{'':24}{'at rest':>10}{'at most':>10}")
    for kind, write in kinds.items():
        cost = rested(write, asked.seconds)
        print(f"{kind:24}{cost.rest:>7.1f} MB{cost.memory:>7.1f} MB")


if __name__ == "__main__":
    main()
