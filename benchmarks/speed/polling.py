"""1,000 feeds of 30 entries, polled for the first time and then again unchanged: this monitor and others, in turn, in one run.

    python -m benchmarks.speed.polling [--feeds 1000] [--rounds 3]

Others are run where they are installed: reader and rss2email from PyPI (`pip install .[bench]`), newsboat from Debian.
"""

from __future__ import annotations

import argparse
import compileall
import importlib.util
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import yaml

from benchmarks.speed.measure import Cost, machine, measured, spread
from benchmarks.speed.web import serving_folder, write_feeds

ROOT = Path(__file__).parents[2]
_READER = """
import sys
from reader import make_reader
reader = make_reader(sys.argv[1])
for url in open(sys.argv[2]).read().split():
    reader.add_feed(url, exist_ok=True)
reader.update_feeds(scheduled=False)
"""
Runs = Callable[[Path, list[str]], list[list[str]]]


def monitor(folder: Path, urls: list[str]) -> list[list[str]]:
    """Ours, with the default storylines: matching, placing and all safety on. Both commands poll every feed once."""
    config = yaml.safe_load((ROOT / "config/monitor.yaml").read_text())
    config |= {"feeds": urls, "store": f"sqlite:///{folder}/monitor.db", "channels": {"console": {"type": "console"}}}
    config["defaults"] = config.get("defaults", {}) | {"channels": ["console"]}
    config["fetch"] = {"allow_networks": ["127.0.0.0/8"], "per_host": 16}  # one server stands for a thousand
    for storyline in config["storylines"]:
        if "seed" in storyline:
            storyline["seed"] = str(ROOT / "config" / storyline["seed"])
    (folder / "monitor.yaml").write_text(yaml.safe_dump(config, allow_unicode=True))
    command = [sys.executable, "-m", "monitor", "once", "--all", "-c", str(folder / "monitor.yaml")]
    return [command, command]


def reader(folder: Path, urls: list[str]) -> list[list[str]]:
    """reader, by its Python API."""
    (folder / "urls").write_text("\n".join(urls))
    command = [sys.executable, "-c", _READER, str(folder / "reader.db"), str(folder / "urls")]
    return [command, command]


def rss2email(folder: Path, urls: list[str]) -> list[list[str]]:
    """rss2email, without sending."""
    feeds = "".join(f"\n[feed.f{number}]\nurl = {url}\nto = ann@example.org\n" for number, url in enumerate(urls))
    (folder / "r2e.cfg").write_text(f"[DEFAULT]\nfrom = ann@example.org\nto = ann@example.org\n{feeds}")
    command = [
        str(Path(sys.executable).with_name("r2e")),
        "-c",
        str(folder / "r2e.cfg"),
        "-d",
        str(folder / "r2e.json"),
        "run",
        "--no-send",
    ]
    return [command, command]


def newsboat(folder: Path, urls: list[str]) -> list[list[str]]:
    """newsboat, reloading once."""
    (folder / "urls").write_text("\n".join(urls))
    (folder / "config").write_text("suppress-first-reload yes\nreload-threads 8\n")
    command = [
        "newsboat",
        "-u",
        str(folder / "urls"),
        "-c",
        str(folder / "cache.db"),
        "-C",
        str(folder / "config"),
        "-x",
        "reload",
    ]
    return [command, command]


def known() -> dict[str, Runs]:
    """Those that can be run here."""
    found: dict[str, Runs] = {"monitor": monitor}
    found |= {
        name: runs for name, runs in (("reader", reader), ("rss2email", rss2email)) if importlib.util.find_spec(name)
    }
    return found | ({"newsboat": newsboat} if shutil.which("newsboat") else {})


def main() -> None:
    """Print what each cost, and the ratios to ours."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--feeds", type=int, default=1_000)
    arguments.add_argument("--rounds", type=int, default=3)
    asked = arguments.parse_args()
    compileall.compile_dir(ROOT / "monitor", quiet=1)  # as pip has done with the others
    costs: dict[str, list[list[Cost]]] = defaultdict(lambda: [[], []])
    with tempfile.TemporaryDirectory() as name:
        web = Path(name) / "web"
        web.mkdir()
        Path(name).chmod(0o755)
        web.chmod(0o755)
        paths = write_feeds(web, asked.feeds)
        with serving_folder(web) as (port, served_by):
            print(f"{machine()}; {asked.feeds} feeds of 30 entries, served by {served_by}; {asked.rounds} rounds")
            urls = [f"http://127.0.0.1:{port}/{path}" for path in paths]
            for _ in range(asked.rounds):
                for program, runs in known().items():
                    folder = Path(tempfile.mkdtemp(dir=name))
                    for turn, command in enumerate(runs(folder, urls)):
                        costs[program][turn].append(measured(command, env={"PYTHONPATH": str(ROOT)}))
    _tell(costs)


def _tell(costs: dict[str, list[list[Cost]]]) -> None:
    print(f"{'':12} {'first poll: CPU s':24} {'unchanged: CPU s':24} {'memory MB':24} ours is so many times less")
    ours = [statistics.median(cost.cpu for cost in turn) for turn in costs["monitor"]]
    for program, turns in costs.items():
        ratios = [statistics.median(cost.cpu for cost in turn) / own for turn, own in zip(turns, ours, strict=True)]
        memory = spread([cost.memory for turn in turns for cost in turn])
        told = [spread([cost.cpu for cost in turn]) for turn in turns]
        print(f"{program:12} {told[0]:24} {told[1]:24} {memory:24} {ratios[0]:.2f} and {ratios[1]:.2f}")


if __name__ == "__main__":
    main()
