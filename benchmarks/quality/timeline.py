"""A labelled story as a picture: reports an hour, when developments began, when we alerted."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import matplotlib as mpl
from matplotlib import dates
from matplotlib.figure import Figure

from benchmarks.quality.labelled import Story, recorded
from monitor.replay import Outcome
from monitor.replay.score import DOUBTFUL, UNRELATED, is_key

_HIT, _AGAIN, _NOISE, _MISSED = "#1a7f5a", "#d9a400", "#b4423c", "#8a8f98"


def draw(story: Story, outcome: Outcome, folder: Path) -> Path:
    """Write STORY.png into `folder` and return its path."""
    mpl.use("Agg")
    times = {entry.id: entry.published for entry in recorded(story.recording)}
    on_story = sorted(
        times[e] for e, label in story.labels.items() if label not in (UNRELATED, DOUBTFUL) and e in times
    )
    begun: dict[str, datetime] = {}
    for entry, label in story.labels.items():
        if is_key(label) and entry in times:
            begun[label] = min(begun.get(label, times[entry]), times[entry])
    figure = Figure(figsize=(11, 3.6), dpi=120, layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    hours = max(1, round((on_story[-1] - on_story[0]) / timedelta(hours=1)))
    above.hist([dates.date2num(time) for time in on_story], bins=hours, color="#4a6fa5")
    above.set_ylabel("reports an hour")
    told = _alerts(story, outcome)
    for row, (name, colour, moments) in enumerate(
        (("missed", _MISSED, [at for key, at in begun.items() if key not in told["keys"]]), ("noise", _NOISE, told["noise"]),
         ("again", _AGAIN, told["again"]), ("new, told", _HIT, told["hits"]), ("began", "#30343b", list(begun.values())))
    ):  # fmt: skip
        below.scatter([dates.date2num(at) for at in moments], [row] * len(moments), marker="|", s=60, color=colour)
        below.text(
            1.005,
            row,
            f"{name} {len(moments)}",
            color=colour,
            va="center",
            fontsize=8,
            transform=below.get_yaxis_transform(),
        )
    below.set_yticks([])
    below.set_ylim(-0.6, 4.6)
    below.xaxis.set_major_locator(dates.AutoDateLocator())
    below.xaxis.set_major_formatter(dates.ConciseDateFormatter(below.xaxis.get_major_locator()))
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    above.set_title(f"{story.name}: {len(on_story)} entries, {len(begun)} developments", loc="left", fontsize=10)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{story.name}.png"
    figure.savefig(path)
    return path


def _alerts(story: Story, outcome: Outcome) -> dict[str, list]:  # type: ignore[type-arg]
    told: dict[str, list] = {"keys": [], "hits": [], "again": [], "noise": []}  # type: ignore[type-arg]
    for decision in outcome.decided:
        label = story.labels.get(decision.entry, UNRELATED)
        if not decision.alert or label == DOUBTFUL:
            continue
        kind = "noise" if not is_key(label) else "again" if label in told["keys"] else "hits"
        told[kind].append(decision.at)
        if kind == "hits":
            told["keys"].append(label)
    return told
