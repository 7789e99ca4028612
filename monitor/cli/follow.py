"""Commands by which people say what they want to hear: silence, follow, unfollow, digest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from monitor.cli import AsJson, ConfigFile, StorylineId, app, as_text, complete
from monitor.cli.output import print_json, say, write_page
from monitor.errors import MonitorError

if TYPE_CHECKING:
    from monitor.config import Config
    from monitor.model import Mute
    from monitor.store import Connection

T = TypeVar("T")
Channel = Annotated[
    str, typer.Option("--channel", metavar="CHANNEL", help="Only by this channel.", autocompletion=complete.channels)
]
To = Annotated[
    str,
    typer.Option(
        "--to",
        metavar="RECIPIENT",
        help="Only for this recipient of the channel.",
        autocompletion=complete.recipients,
    ),
]


@app.command()
def silence(
    storyline: StorylineId,
    duration: Annotated[str, typer.Argument(metavar="DURATION", help="How long, such as 30m, 8h or 2d.")],
    channel: Channel = "",
    to: To = "",
    config: ConfigFile = None,
) -> None:
    """Hear nothing of a storyline for a while; what comes meanwhile is told in one message at the end."""
    from monitor.config import find, load  # noqa: PLC0415
    from monitor.follow import whom  # noqa: PLC0415
    from monitor.store import mutes  # noqa: PLC0415

    loaded, until = load(find(config)), datetime.now(UTC) + _lasting(duration)
    wish = _wish(loaded, storyline, channel, to, until)
    _note(loaded, lambda tx: mutes.mute(tx, wish))
    say(f"{whom(wish)} hears nothing of {storyline} until {until.astimezone():%-d %B, %H:%M}.")


@app.command()
def unfollow(storyline: StorylineId, channel: Channel = "", to: To = "", config: ConfigFile = None) -> None:
    """Follow a storyline no more: it is still read, and nobody is told of it."""
    from monitor.config import find, load  # noqa: PLC0415
    from monitor.follow import whom  # noqa: PLC0415
    from monitor.store import mutes  # noqa: PLC0415

    loaded = load(find(config))
    wish = _wish(loaded, storyline, channel, to, None)
    _note(loaded, lambda tx: mutes.mute(tx, wish))
    say(f"{whom(wish)} follows {storyline} no more; `monitor follow {storyline}` undoes it.")


@app.command()
def follow(storyline: StorylineId, channel: Channel = "", to: To = "", config: ConfigFile = None) -> None:
    """End a silence, or follow a storyline again."""
    from monitor.config import find, load  # noqa: PLC0415
    from monitor.follow import whom  # noqa: PLC0415
    from monitor.store import mutes  # noqa: PLC0415

    loaded = load(find(config))
    wish = _wish(loaded, storyline, channel, to, None)
    lifted = _note(loaded, lambda tx: mutes.follow(tx, wish, datetime.now(UTC)))
    said = "again" if lifted else "already"
    say(f"{whom(wish)} follows {storyline} {said}.")


def _wish(config: Config, storyline: str, channel: str, to: str, until: datetime | None) -> Mute:
    """What is asked for, if there is such a storyline, channel and recipient."""
    from monitor.follow import wish  # noqa: PLC0415

    storyline, channel, to = map(as_text, (storyline, channel, to))
    if to and not channel:
        raise typer.BadParameter("name the recipient's channel too, by --channel", param_hint="--to")
    return wish(config, storyline, channel, to, until)


def _note(config: Config, what: Callable[[Connection], T]) -> T:
    """Write it into the store that is there; one that nobody has filled yet has nobody to tell anything."""
    from monitor.store import Store, exists  # noqa: PLC0415

    if not exists(config.store):
        raise MonitorError("Nothing is followed yet; start the daemon with `monitor run` first.")
    store = Store.open(config.store)
    try:
        return store.write(what)
    finally:
        store.close()


def _lasting(text: str) -> timedelta:
    from monitor.config.shape import duration  # noqa: PLC0415

    found = duration(as_text(text))
    if not found:
        raise typer.BadParameter("write it like 30m, 8h or 2d", param_hint="DURATION")
    return found


@app.command()
def digest(
    since: Annotated[str, typer.Option("--since", metavar="DURATION", help="How far back, such as 24h or 7d.")] = "24h",
    storyline: Annotated[
        str,
        typer.Option(
            "--storyline",
            metavar="STORYLINE",
            help="Only of this storyline.",
            autocompletion=complete.storylines,
        ),
    ] = "",
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write it to FILE, as a web page.")
    ] = None,
    config: ConfigFile = None,
    json: AsJson = False,  # noqa: FBT002 - Typer's way
) -> None:
    """Print what was alerted of late, storyline by storyline, with the coverage and what is still open."""
    from monitor.alerts import render  # noqa: PLC0415
    from monitor.cli.look import opened  # noqa: PLC0415
    from monitor.config import find, load  # noqa: PLC0415
    from monitor.fold import told_together  # noqa: PLC0415
    from monitor.store import digests  # noqa: PLC0415

    now = datetime.now(UTC)
    begin, wanted = now - _lasting(since), as_text(storyline)
    with opened(load(find(config))) as store, store.read() as tx:
        alerts = [alert for alert in digests.alerts_since(tx, begin) if not wanted or wanted in dict(alert.storylines)]
        told = told_together(tx, alerts, None, begin, now)
    if json:
        print_json(render.payload(told)["data"])
    elif not alerts:
        say(f"Nothing was alerted in the last {since}.")
    elif html is None:
        say(render.text(told).rstrip())
    else:
        write_page(html, render.html(told))
