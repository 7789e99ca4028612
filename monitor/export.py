"""A story as one page to hand on: what happened, who reported it when. It needs nothing but itself, and runs nothing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.alerts.clean import host, line, safe_url
from monitor.alerts.templates import ours
from monitor.model import Decision
from monitor.secret import mask
from monitor.store import Connection, views

_EVERYTHING = 1_000_000
_SHOWN = 4
"""Reports of a development that stand below it at once; the others are folded in."""
_BARS = 24 * 14
"""As many bars at most, so that each can be seen: an hour each for two weeks, then more."""
_LEAST = 24
"""Hours that it shows at least, so that no bar is a block."""
_LABELS = 7
"""Days at most that are named below the picture."""
_ROOM = 92
"""Further to the right than this, 0..100, a day's name has no room."""
_NAME_CAP = 60
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Bar:
    """Reports in one part of the time; `at` counts parts from the first, `height` is 0..100."""

    at: int
    height: float
    said: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A development at its place, 0..100, in the picture."""

    number: int
    at: float
    told: bool
    said: str


@dataclass(frozen=True, slots=True)
class Picture:
    """How much was reported when."""

    parts: int
    hours: int
    """That one part lasts."""
    most: int
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    days: tuple[tuple[float, str], ...]
    """Where a day begins, 0..100, and its name."""


def page(tx: Connection, storyline: str, now: datetime) -> str:
    """The page, in HTML; empty when nothing was reported on that storyline."""
    developments = [
        _cleaned(number, view) for number, view in enumerate(views.timeline(tx, storyline, _EVERYTHING), start=1)
    ]
    if not developments:
        return ""
    story = views.story(tx, storyline)
    reports = [report for development in developments for report in development["reports"]]
    told = {
        "title": _plain(story["title"]) or storyline,
        "question": _plain(story["question"]),
        "state": story["state"],
        "developments": developments,
        "reports": len(reports),
        "outlets": _by_outlet(reports),
        "first": min(report["published"] for report in reports),
        "last": max(report["published"] for report in reports),
        "now": now,
        "shown": _SHOWN,
        "picture": picture(developments, [report["published"] for report in reports]),
    }
    return ours().get_template("story.html.jinja").render(told)


def picture(developments: Sequence[dict[str, Any]], published: Sequence[datetime]) -> Picture:
    """The coverage in equal parts of whole hours, from the hour of the first report to that of the last."""
    begin = min(published).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hours = max(_LEAST, int((max(published) - begin) / _HOUR) + 1)
    size = math.ceil(hours / _BARS)
    parts = math.ceil(hours / size)
    counts = Counter(int((moment - begin) / (size * _HOUR)) for moment in published)
    most = max(counts.values())
    whole = timedelta(hours=parts * size)
    bars = tuple(
        Bar(at, round(100 * count / most, 2), f"{_when(begin + at * size * _HOUR)}: {count}")
        for at, count in sorted(counts.items())
    )
    marks = tuple(
        Mark(d["number"], round(100 * ((d["at"] - begin) / whole), 2), d["alerted"], f"{_when(d['at'])}: {d['title']}")
        for d in developments
    )
    return Picture(parts, size, most, bars, marks, tuple(_days(begin, whole)))


def _days(begin: datetime, whole: timedelta) -> Iterator[tuple[float, str]]:
    """Some days, evenly spread, each where it begins."""
    step = max(1, math.ceil(whole / timedelta(days=1) / _LABELS))
    day = begin.replace(hour=0) + timedelta(days=1 if begin.hour else 0)
    while (at := 100 * ((day - begin) / whole)) <= _ROOM:
        yield round(at, 2), f"{day:%-d %b}"
        day += timedelta(days=step)


def _cleaned(number: int, view: dict[str, Any]) -> dict[str, Any]:
    """A development as it is shown: what strangers wrote is one clean line each, and addresses are those of web pages."""
    reports = [_report(report) for report in view["reports"]]
    return {
        "number": number,
        "title": _plain(view["title"]) or "A report without a headline",
        "at": min([datetime.fromisoformat(view["started_at"]), *(report["published"] for report in reports)]),
        "alerted": view["alerted"],
        "reports": reports,
        "outlets": len({report["outlet"] for report in reports}),
    }


def _report(view: dict[str, Any]) -> dict[str, Any]:
    url = safe_url(mask(view["url"]))
    return {
        "title": _plain(view["title"]) or "A report without a headline",
        "outlet": host(view["outlet"]) or _plain(view["outlet"], _NAME_CAP) or host(url),
        "url": url,
        "published": datetime.fromisoformat(view["published"]),
        "changed": view["decision"] == Decision.UPDATE,
        "explanation": _plain(view["explanation"]),
    }


def _by_outlet(reports: Sequence[dict[str, Any]]) -> list[tuple[str, int]]:
    """Who reported how often, most first."""
    counts = Counter(report["outlet"] for report in reports if report["outlet"])
    return sorted(counts.items(), key=lambda of: (-of[1], of[0]))


def _plain(text: str, cap: int = 300) -> str:
    return line(mask(text), cap)


def _when(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%-d %b, %H:%M}"
