"""The labelled stories and how to reach them: a stream, a person's labels, and a user's configuration each."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from monitor.config import load
from monitor.desk import Rules
from monitor.model import Entry
from monitor.replay.recorded import entries, labels

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("MONITOR_SHARED", ROOT.parent / "shared"))
CONFIGS = {"kim-putin": ROOT / "config/monitor.yaml", "titan": ROOT / "benchmarks/quality/titan.yaml"}


@dataclass(frozen=True)
class Story:
    """One labelled story; `labels` maps an entry's id to a development's key, `~`, `?` or `-`."""

    name: str
    stream: Path
    entries: tuple[Entry, ...]
    labels: dict[str, str]
    rules: Rules


def stories() -> list[Story]:
    """Every labelled story there is. Ends the program, in a sentence, where the data is absent."""
    if not (SHARED / "data").is_dir():
        raise SystemExit(f"No labelled data at {SHARED}; name its folder in MONITOR_SHARED.")
    return [_story(name, config) for name, config in CONFIGS.items()]


def _story(name: str, config: Path) -> Story:
    folder = SHARED / "data" / name
    recorded = sorted(entries([folder / "stream.jsonl.gz"]), key=lambda entry: (entry.published, entry.id))
    return Story(
        name, folder / "stream.jsonl.gz", tuple(recorded), labels(folder / "labels.jsonl"), load(config).rules()
    )
