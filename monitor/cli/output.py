"""Tables, JSON and progress for the terminal. Text from feeds and servers is shown as text, whatever it holds."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.alerts.clean import fit, line, printable
from monitor.errors import MonitorError
from monitor.secret import mask

if TYPE_CHECKING:
    from rich.table import Table

    from monitor.model import Feed


_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def print_json(value: Any) -> None:
    """`value` as JSON on standard output; what could command a terminal is escaped, so that no reader loses it."""
    text = mask(json.dumps(value, indent=2, ensure_ascii=False))
    print("".join(c if c == "\n" or fit(c) else json.dumps(c)[1:-1] for c in text))  # noqa: T201


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table for a spreadsheet on standard output; no cell of it is taken for a formula there (T12)."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        cells = [line(mask(str(cell))) for cell in row]
        writer.writerow([f"'{cell}" if cell.startswith(_FORMULAS) else cell for cell in cells])


def say(text: str) -> None:
    """One or more lines on standard output."""
    print(shown(text))  # noqa: T201


def print_feeds(feeds: Iterable[Feed]) -> None:
    """Feeds as OPML on standard output, their names cleaned before: what would be masked in finished XML would break it."""
    from monitor.feeds.opml import write  # noqa: PLC0415

    print(write(replace(feed, name=line(mask(feed.name))) for feed in feeds).rstrip())  # noqa: T201


def write_page(path: Path | None, page: str) -> None:
    """A web page, clean already, into a file or on standard output. Raises MonitorError when it cannot be written."""
    if path is None:
        print(page.rstrip())  # noqa: T201 - what would be masked in finished HTML would break it
        return
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise MonitorError(f"{path} cannot be written: {error.strerror}.") from None
    say(f"{path} is written.")


def complain(text: str) -> None:
    """A line on standard error: what one should know, and no program reads."""
    print(shown(text), file=sys.stderr)  # noqa: T201


def shown(text: str) -> str:
    """`text` as a terminal may have it: its lines kept, secrets masked, nothing in it obeyed (T13)."""
    return "\n".join(map(printable, mask(text).split("\n")))


def count(number: int, one: str, many: str = "") -> str:
    """`1 feed`, `2 feeds`."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str, wrapped: Collection[str] = ()
) -> None:
    """Print a table; where there are no rows, the sentence `empty`. Only the `wrapped` columns give way when it is narrow."""
    if not rows:
        say(empty)
        return
    from rich.console import Console  # noqa: PLC0415 - only tables need it

    console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120)
    console.print(drawn(columns, rows, wrapped))


def drawn(columns: Sequence[str], rows: Sequence[Sequence[object]], wrapped: Collection[str] = ()) -> Table:
    """A table of ours: each cell one clean line, or a Text that is shown as it is; a dash where there is nothing."""
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column not in wrapped)

    def shown_in(cell: object) -> Text:
        if isinstance(cell, Text):
            return cell
        return Text(line(mask(str(cell)))) if cell not in (None, "") else Text("–", style="dim")

    for row in rows:
        table.add_row(*map(shown_in, row))
    return table


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error while long work goes on; nothing where nobody looks."""
    if not sys.stderr.isatty():
        yield lambda _done, _of: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def ago(moment: str | None) -> str:
    """How long ago (or until) an ISO time is, in a word: `5m ago`, `in 2h`."""
    if not moment:
        return ""
    seconds = (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        if abs(seconds) >= size:
            return f"{int(abs(seconds) // size)}{unit} ago" if seconds > 0 else f"in {int(abs(seconds) // size)}{unit}"
    return "now"
