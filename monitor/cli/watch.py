"""The command watch: how stories, feeds and the outbox are, looked at again and again; plain lines where nobody looks at a terminal."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from monitor.alerts.clean import line
from monitor.cli import ConfigFile, app
from monitor.cli.output import ago, count, drawn, say
from monitor.secret import mask

if TYPE_CHECKING:
    from rich.console import RenderableType

    from monitor.config import Config

EVERY = 2.0
"""Seconds between two looks."""
_ENDS = (b"q", b"Q", b"\x04")
_COLOURS = {"surge": "bold red", "developing": "yellow", "cooling": "cyan", "quiet": "dim", "closed": "dim"}


@dataclass(frozen=True, slots=True)
class Seen:
    """One look, in words."""

    feeds: str
    outbox: str
    stories: tuple[dict[str, Any], ...]


@app.command()
def watch(config: ConfigFile = None) -> None:
    """Watch the storylines, the feeds and the outbox; ends with q or Ctrl-C. Piped, it prints a line for each change."""
    from monitor.config import find, load  # noqa: PLC0415

    loaded = load(find(config))
    with suppress(KeyboardInterrupt):  # so one leaves it: no failure
        if sys.stdout.isatty():
            _live(lambda: seen(loaded))
        else:
            _plain(lambda: seen(loaded))


def seen(config: Config) -> Seen:
    """How things are now. Raises StoreError."""
    from monitor.cli.look import opened  # noqa: PLC0415
    from monitor.store import metrics, outbox, views  # noqa: PLC0415

    now = datetime.now(UTC)
    with opened(config) as store, store.read() as tx:
        health = {name: number for name, number in metrics.feeds_by_health(tx).items() if number}
        late, polled = metrics.lag(tx, now), views.last_poll(tx)
        waiting = outbox.backlog(tx, now)
        stories = views.stories(tx, now)
    feeds = ", ".join(f"{number} {name}" for name, number in health.items()) or "none followed yet"
    feeds += f"; last poll {ago(polled) or 'never'}" + (f"; {int(late)} s behind" if late >= 1 else "")
    lines = [_waiting(name, known.pending, known.held, known.paused) for name, known in sorted(waiting.items())]
    return Seen(feeds, "; ".join(filter(None, lines)) or "nothing waits", tuple(stories))


def _waiting(channel: str, pending: int, held: int, paused: str) -> str:
    told = (
        [f"{pending} waiting"] * bool(pending) + [f"{held} held"] * bool(held) + [f"resting: {paused}"] * bool(paused)
    )
    return f"{channel}: {', '.join(told)}" if told else ""


# --- on a terminal


def _live(look: Callable[[], Seen]) -> None:
    from rich.console import Console  # noqa: PLC0415 - only while watching
    from rich.live import Live  # noqa: PLC0415

    with _keys() as pressed, Live(picture(look()), console=Console(), screen=True, auto_refresh=False) as live:
        while not pressed(EVERY):
            live.update(picture(look()), refresh=True)


def picture(now: Seen) -> RenderableType:
    """One look, drawn."""
    from rich.console import Group  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    rows = [
        (
            Text("●", style=_COLOURS.get(story["state"], "dim")),
            story["title"],
            story["state"],
            story["last_development"],
            ago(story["last_development_at"]),
            story["developments"],
        )
        for story in sorted(now.stories, key=_liveliest)
    ]
    columns = ("", "storyline", "state", "last development", "when", "developments")
    known = drawn(columns, rows, wrapped=("storyline", "last development")) if rows else Text("No storyline yet.")
    parts = (("", f"{datetime.now():%H:%M:%S}, q ends"), ("feeds   ", now.feeds), ("outbox  ", now.outbox))  # noqa: DTZ005 - the reader's clock
    above = [Text.assemble((name, "bold"), (line(mask(told)), "" if name else "dim")) for name, told in parts]
    return Group(*above, Text(""), known)  # what has no room below are stories that move least


def _liveliest(story: dict[str, Any]) -> tuple[int, float]:
    """What moves most comes first, then what moved last."""
    at = datetime.fromisoformat(story["last_development_at"] or "1970-01-01T00:00:00+00:00")
    return list(_COLOURS).index(story["state"] or "quiet"), -at.timestamp()


@contextmanager
def _keys() -> Iterator[Callable[[float], bool]]:
    """What waits for some seconds, or until the key is pressed that ends; where there is no keyboard, it only waits."""
    if not sys.stdin or not sys.stdin.isatty():
        yield _wait
        return
    import termios  # noqa: PLC0415
    import tty  # noqa: PLC0415

    keyboard = sys.stdin.fileno()
    usual = termios.tcgetattr(keyboard)

    def pressed(seconds: float) -> bool:
        ready = select.select([keyboard], [], [], seconds)[0]
        return bool(ready) and os.read(keyboard, 1) in (*_ENDS, b"")

    try:
        tty.setcbreak(keyboard)  # Ctrl-C still interrupts
        yield pressed
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, usual)


def _wait(seconds: float) -> bool:
    time.sleep(seconds)
    return False


# --- into a pipe


def _plain(look: Callable[[], Seen]) -> None:
    """Each fact once, and again when it is another."""
    told: dict[str, str] = {}
    left = select.poll()
    left.register(sys.stdout, 0)  # nothing but its errors: that the reader of a pipe has left
    while True:
        for what, said in facts(look()):
            if told.get(what) != said:
                say(f"{datetime.now():%H:%M:%S} {said}")  # noqa: DTZ005
                told[what] = said
        sys.stdout.flush()
        if left.poll(EVERY * 1000):
            return


def facts(now: Seen) -> Iterator[tuple[str, str]]:
    """What there is to say of one look, each with what it is about; times that pass by are no change."""
    yield "feeds", f"feeds: {now.feeds.partition(';')[0]}"
    yield "outbox", f"outbox: {now.outbox}"
    for story in now.stories:
        last = story["last_development"]
        state = f"{story['state'] or 'new'}, {count(story['developments'], 'development')}"
        yield story["id"], line(f"{story['id']}: {state}" + (f", the last: {last}" if last else ""))
