"""Small pictures made on the server, as SVG: how much was reported when. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from markupsafe import Markup

_WIDTH, _HEIGHT = 600, 60
"""Units of the picture; it is stretched to its place."""
_STEP = 3
"""Hours that one point of a week's picture stands for."""
_ROOM = 3
"""Units above the highest point, so that its line is not cut."""


def counts(hours: Mapping[int, int], until: datetime, span: timedelta, step: int = _STEP) -> list[int]:
    """Reports in each `step` hours of the `span` that ends at `until`, the oldest first; `hours` as `store/page.py` has them."""
    end = int(until.timestamp()) // 3_600 + 1
    parts = int(span.total_seconds() // 3_600) // step
    first = end - parts * step
    counted = [0] * parts
    for hour, count in hours.items():
        if first <= hour < end:
            counted[(hour - first) // step] += count
    return counted


def sparkline(values: Sequence[int], said: str) -> Markup:
    """An area under a line as high as the values, which `said` puts into words."""
    top = max(*values, 1)
    points = [
        f"{_place(number, len(values)):.1f},{_HEIGHT - value / top * (_HEIGHT - _ROOM):.1f}"
        for number, value in enumerate(values)
    ]
    line = "L".join(points)
    return Markup(
        '<svg class="spark" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" aria-label="{said}">'
        '<path class="area" d="M0,{height}L{line}L{width},{height}Z"/>'
        '<path class="line" d="M{line}" vector-effect="non-scaling-stroke"/></svg>'
    ).format(width=_WIDTH, height=_HEIGHT, line=line, said=said)


def _place(number: int, of: int) -> float:
    return number / max(1, of - 1) * _WIDTH
