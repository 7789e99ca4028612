"""Alerts on the terminal (or in the journal): the first channel anybody has."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from monitor.alerts import render
from monitor.alerts.digest import sparkline
from monitor.alerts.policy import Policy
from monitor.errors import DeliveryError
from monitor.model import Alert, AlertKind, Chapter, Delivery, Link

_MARKS = {
    AlertKind.NEW: ("new", "red"),
    AlertKind.UPDATE: ("update", "yellow"),
    AlertKind.BASELINE: ("so far", "blue"),
    AlertKind.STATE: ("state", "cyan"),
    AlertKind.DIGEST: ("digest", "green"),
    AlertKind.NOTICE: ("notice", "magenta"),
    AlertKind.TEST: ("test", "magenta"),
}
Row = tuple[str, str, str]
"""A word for the margin, what stands beside it, and its style."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSettings:
    """Prints alerts where the monitor runs."""

    type: Literal["console"]
    policy: Policy = field(default_factory=Policy)
    """When its readers want to hear of alerts."""


class ConsoleChannel:
    """Writes alerts to standard output: with colours on a terminal, a line for each fact elsewhere."""

    def send(self, alert: Alert, delivery: Delivery, transcript: Callable[[str], None]) -> None:  # noqa: ARG002 - every channel's shape
        """Print the alert. Raises DeliveryError when nobody reads any more."""
        alert = render.shown(alert)
        try:
            _print(alert, rows(alert))
            sys.stdout.flush()
        except (OSError, ValueError) as error:
            raise DeliveryError(f"Standard output cannot be written: {error}.") from None
        transcript("printed to standard output")


def rows(alert: Alert) -> list[Row]:
    """What is told of an alert below its headline: why, where, and what was known."""
    _, colour = _MARKS[alert.kind]
    several = len(alert.reports) > 1
    matched = (e.found if e.found.casefold() == e.term.casefold() else f"{e.term} -> {e.found}" for e in alert.evidence)
    told = [("story", " · ".join(title for _, title in alert.storylines), colour), ("", alert.summary, "")]
    for link in alert.reports:
        title = f": {link.title}" if several else ""
        told += [
            ("report", f"{link.outlet}, {link.published:%-d %b %H:%M}{title}", ""),
            ("", link.url, f"link {link.url}"),
        ]
    told += [
        ("changed" if alert.first else "why", alert.explanation, ""),
        *(("first", _earlier(link), "") for link in [alert.first] if link),
        ("match", ", ".join(matched), "dim"),
        ("outlets", ", ".join(alert.outlets) if len(alert.outlets) > 1 else "", "dim"),
    ]
    told += [("before", _earlier(link), "dim") for link in alert.known_before]
    told += [row for chapter in alert.chapters for row in _chapter(chapter, colour)]
    return [(name, value, style) for name, value, style in told if value]


def _chapter(chapter: Chapter, colour: str) -> Iterator[Row]:
    yield "story", chapter.title + (f" ({chapter.state})" if chapter.state else ""), colour
    yield "open", chapter.question, ""
    if sum(chapter.coverage):
        yield "reports", f"{sparkline(chapter.coverage)} {sum(chapter.coverage)}", "dim"
    for told in chapter.told:
        yield "", f"{told.at:%-d %b %H:%M}  {told.title} ({', '.join(told.outlets)})", ""
    if chapter.more:
        yield "", f"and {chapter.more} more before these", "dim"
    for link in chapter.open:
        yield "doubt", _earlier(link), "dim"
    if chapter.folded:
        yield "folded", f"{chapter.folded} reports that told nothing new", "dim"


def _earlier(link: Link) -> str:
    return f"{link.published:%-d %b %H:%M}  {link.title} ({link.outlet})"


def _print(alert: Alert, told: list[Row]) -> None:
    from rich.console import Console  # noqa: PLC0415 - only this channel needs it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(file=sys.stdout, highlight=False)
    mark, colour = _MARKS[alert.kind]
    if not console.is_terminal:
        lines = [
            f"{alert.created_at:%H:%M} {mark:<7} {alert.title}",
            *(f"      {name:<7} {value}" for name, value, _ in told),
        ]
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write("\n".join(lines).encode(encoding, "replace").decode(encoding) + "\n\n")
        return
    table = Table.grid(padding=(0, 1))
    table.add_row(Text(f"{alert.created_at:%H:%M}", "dim"), Text(mark, f"bold {colour}"), Text(alert.title, "bold"))
    for name, value, style in told:
        table.add_row("", Text(name, "dim"), Text().append(value, style))
    console.print(table)
    console.print()
