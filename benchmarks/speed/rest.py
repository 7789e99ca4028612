"""What memory the daemon has at rest, and at most, by what its 500 feeds say: PSS of it and all its children.

    python -m benchmarks.speed.rest [--seconds 110]

The feeds have 30 entries each: of the benchmarks' few words, of made-up words by Zipf's law, and of the recording of kim-putin
(see MONITOR_SHARED) where it is there. They are polled once; children that parse end when they had nothing to do for a minute.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import islice
from pathlib import Path
from xml.sax.saxutils import escape

from benchmarks.speed import polling
from benchmarks.speed.matching import made_up
from benchmarks.speed.measure import machine, memory
from benchmarks.speed.web import ENTRIES, serving_folder, write_feeds
from monitor.model import Entry
from monitor.replay.recorded import entries as recorded

FEEDS = 500
RECORDING = Path(os.environ.get("MONITOR_SHARED", "../shared")) / "data/kim-putin/stream.jsonl.gz"
_LOOK_EVERY = 0.3


def write_entries(folder: Path, said: Sequence[Entry]) -> list[str]:
    """Write what these entries say as news of the last hours into FEEDS feeds in `folder`, in turns; their paths."""
    now = datetime.now(UTC)
    for number in range(FEEDS):
        items = "".join(
            f"<item><title>{escape(entry.title)}</title><guid>{number}-{n}</guid><link>https://news{number}.example/{n}</link>"
            f"<pubDate>{format_datetime(now - timedelta(minutes=20 * n))}</pubDate><description>{escape(entry.summary)}</description></item>"
            for n, entry in enumerate(said[number::FEEDS])
        )
        (folder / f"{number}.xml").write_text(
            f"<?xml version='1.0' encoding='utf-8'?><rss version='2.0'><channel><title>News {number}</title>"
            f"<language>{said[number].language}</language>{items}</channel></rss>"
        )
    return [f"{number}.xml" for number in range(FEEDS)]


def measured(write: Callable[[Path], list[str]], seconds: float) -> tuple[float, float]:
    """MB of the daemon so many seconds after its start, and at most until then."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        web = folder / "web"
        web.mkdir()
        folder.chmod(0o755)
        paths = write(web)
        with serving_folder(web) as (port, _):
            polling.monitor(folder, [f"http://127.0.0.1:{port}/{path}" for path in paths])
            command = [sys.executable, "-m", "monitor", "run", "-c", str(folder / "monitor.yaml")]
            with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:
                most, end = 0.0, time.monotonic() + seconds
                while time.monotonic() < end:
                    most = max(most, memory(daemon.pid))
                    time.sleep(_LOOK_EVERY)
                rest = memory(daemon.pid)
                daemon.terminate()
    return rest, most


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
        rest, highest = measured(write, asked.seconds)
        print(f"{kind:24}{rest:>7.1f} MB{highest:>7.1f} MB")


if __name__ == "__main__":
    main()
