"""The labelled stories and how to reach them: a recording, a person's labels, and a user's configuration each.

A story lies in stories/RECORDING/NAME.yaml, its labels beside it in NAME.jsonl. Two stories came with the recordings: their
labels lie there, and one of them is the default configuration.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from monitor.config import load
from monitor.desk import Rules
from monitor.model import Entry
from monitor.replay import Outcome, Replay, in_order
from monitor.replay.recorded import entries, labels

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
SHARED = Path(os.environ.get("MONITOR_SHARED", ROOT.parent / "shared"))
GIVEN = {"kim-putin": ROOT / "config/monitor.yaml", "titan": HERE / "stories/titan/titan.yaml"}


@dataclass(frozen=True)
class Story:
    """One labelled story; `labels` maps an entry's id to a development's key, `~`, `?` or `-`."""

    name: str
    recording: str
    labels: dict[str, str]
    rules: Rules


def stories(names: Collection[str] = ()) -> list[Story]:
    """The stories of these names; all where none is named. Ends the program, in a sentence, where the data is absent."""
    if not (SHARED / "data").is_dir():
        raise SystemExit(f"No labelled data at {SHARED}; name its folder in MONITOR_SHARED.")
    found = [*_given(), *_ours()]
    if unknown := set(names) - {story.name for story in found}:
        known = ", ".join(story.name for story in found)
        raise SystemExit(f"There is no labelled story {', '.join(sorted(unknown))}; there are {known}.")
    return [story for story in found if not names or story.name in names]


def _given() -> Iterator[Story]:
    for name, config in GIVEN.items():
        yield Story(name, name, labels(SHARED / "data" / name / "labels.jsonl"), load(config).rules())


def _ours() -> Iterator[Story]:
    for file in sorted((HERE / "stories").glob("*/*.jsonl")):
        yield Story(file.stem, file.parent.name, labels(file), load(file.with_suffix(".yaml")).rules())


@cache
def recorded(name: str) -> tuple[Entry, ...]:
    """Every entry of a recording, each once, in order of time."""
    found = in_order(entries([SHARED / "data" / name / "stream.jsonl.gz"]))
    return tuple({entry.id: entry for entry in found}.values())


def replayed(told: Collection[Story]) -> dict[str, Outcome]:
    """Story -> what the program decides on its recording. Stories of one recording are replayed side by side."""
    outcomes: dict[str, Outcome] = {}
    for name in dict.fromkeys(story.recording for story in told):
        replays = {story.name: Replay(story.rules) for story in told if story.recording == name}
        for entry in recorded(name):
            for replay in replays.values():
                replay.take(entry)
        outcomes |= {story: replay.outcome() for story, replay in replays.items()}
    return outcomes
