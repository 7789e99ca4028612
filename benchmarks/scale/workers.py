"""Feeds on many hosts, shared by 1, 2 and 4 workers on one PostgreSQL: polls a second, first and unchanged, and what each role costs.

    python -m benchmarks.scale.workers [--feeds 10000] [--workers 1 2 4]

Real processes: a scheduler, a deliverer and so many workers. The feeds are nginx's (or Python's), each host an address of loopback.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml
from sqlalchemy import func, select

from benchmarks.scale.server import Database, cpu_of, database
from benchmarks.speed.measure import machine
from benchmarks.speed.polling import ROOT
from benchmarks.speed.web import serving_folder, write_feeds
from monitor.store import Store
from monitor.store import feeds as known
from monitor.store.schema import feeds

DOCUMENTS = 500
"""Different ones; every so many feeds show the same."""
PER_HOST = 4


@dataclass(frozen=True, slots=True)
class Round:
    """What it took to poll all feeds once: seconds, and CPU seconds of each kind of process."""

    wall: float
    cpu: dict[str, float]


def write_config(folder: Path, urls: list[str], store: str) -> Path:
    """The default storylines, on these feeds."""
    config = yaml.safe_load((ROOT / "config/monitor.yaml").read_text())
    config |= {"feeds": urls, "store": store, "channels": {"console": {"type": "console"}}}
    config["defaults"] = config.get("defaults", {}) | {"channels": ["console"], "every": "1h"}
    config["fetch"] = {"allow_networks": ["127.0.0.0/8"], "per_host": 2}
    for storyline in config["storylines"]:
        if "seed" in storyline:
            storyline["seed"] = str(ROOT / "config" / storyline["seed"])
    path = folder / "monitor.yaml"
    path.write_text(yaml.safe_dump(config, allow_unicode=True))
    return path


def rounds(config: Path, on: Database, workers: int, count: int) -> list[Round]:
    """The first poll of all feeds, and another that finds nothing new, with so many workers."""
    roles = ["scheduler", "deliverer", *["worker"] * workers]
    processes = [_start(config, role) for role in roles]
    store = Store.open(on.url)
    with closing(store):
        try:
            while _left(store, feeds.c.url.is_not(None)) < count:  # they start
                time.sleep(0.1)
            first = _round(on, processes, roles, lambda: _left(store, feeds.c.polled_at.is_(None)))
            since = datetime.now(UTC)
            store.write(lambda tx: known.make_due(tx, since))
            again = _round(on, processes, roles, lambda: _left(store, feeds.c.polled_at < since))
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(30)
    return [first, again]


def _round(on: Database, processes: list[subprocess.Popen[bytes]], roles: list[str], left: Callable[[], int]) -> Round:
    def spent() -> dict[str, float]:
        cpu = dict.fromkeys(roles, 0.0)
        for role, process in zip(roles, processes, strict=True):
            cpu[role] += _of_tree(process.pid)
        return cpu | {"PostgreSQL": on.backends("monitor %")}

    begun, before = time.monotonic(), spent()
    while left():
        time.sleep(0.2)
        dead = [process.args for process in processes if process.poll() is not None]
        assert not dead, f"these have ended: {dead}"
    after = spent()
    return Round(time.monotonic() - begun, {name: after[name] - before[name] for name in after})


def _left(store: Store, unpolled: object) -> int:
    with store.read() as tx:
        return tx.execute(select(func.count()).where(feeds.c.followed, unpolled)).scalar_one()  # type: ignore[arg-type]


def _of_tree(pid: int) -> float:
    """CPU seconds of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return cpu_of(pid) + sum(_of_tree(int(child)) for child in children)


def _start(config: Path, role: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "monitor", "run", "-c", str(config), "--role", role],
        stdout=subprocess.DEVNULL, stderr=(config.parent / "log").open("ab"),
    )  # fmt: skip


def main() -> None:
    """Measure, and print a table."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--feeds", type=int, default=10_000)
    given.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    asked = given.parse_args()
    print(machine())
    for workers in asked.workers:
        with tempfile.TemporaryDirectory() as name, database() as on:
            folder = Path(name)
            (folder / "feeds").mkdir(mode=0o755)
            folder.chmod(0o755)
            paths = write_feeds(folder / "feeds", DOCUMENTS)
            with serving_folder(folder / "feeds", everywhere=True) as (port, server):
                hosts = [
                    f"127.{n // 62_500 + 1}.{n // 250 % 250}.{n % 250 + 1}" for n in range(asked.feeds // PER_HOST + 1)
                ]
                urls = [f"http://{hosts[n // PER_HOST]}:{port}/{paths[n % DOCUMENTS]}?{n}" for n in range(asked.feeds)]
                for what, done in zip(("first", "unchanged"), rounds(write_config(folder, urls, on.url), on, workers, asked.feeds), strict=True):  # fmt: skip
                    costs = ", ".join(f"{kind} {seconds:.1f} s" for kind, seconds in done.cpu.items())
                    print(f"{workers} workers, {server}, {what}: {asked.feeds / done.wall:.0f} polls/s ({done.wall:.1f} s); CPU: {costs}")  # fmt: skip


if __name__ == "__main__":
    main()
