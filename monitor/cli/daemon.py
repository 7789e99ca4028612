"""Commands that poll and deliver, and keep what came of it: run, once, retry, backup, demo."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli import AsJson, ConfigFile, app, as_text
from monitor.cli.output import count, print_json, progress, say
from monitor.errors import MonitorError
from monitor.logs import Format


@app.command()
def run(
    config: ConfigFile = None,
    log_format: Annotated[
        str, typer.Option("--log-format", metavar="FORMAT", help="auto, text, journal or json.")
    ] = "auto",
    debug: Annotated[bool, typer.Option("--debug", help="Log more.")] = False,  # noqa: FBT002 - Typer's way
) -> int:
    """Follow the stories until told to stop: the daemon."""
    from typing import get_args  # noqa: PLC0415

    from monitor import process  # noqa: PLC0415

    with process.loading():
        from monitor import logs, supervisor  # noqa: PLC0415
        from monitor.config import find  # noqa: PLC0415

    if log_format not in get_args(Format):
        raise typer.BadParameter("one of auto, text, journal, json", param_hint="--log-format")
    logs.set_up(log_format, debug=debug)  # type: ignore[arg-type]
    return supervisor.run(find(config))


@app.command()
def once(
    config: ConfigFile = None,
    everything: Annotated[bool, typer.Option("--all", help="Poll every feed, due or not.")] = False,  # noqa: FBT002
    json: AsJson = False,  # noqa: FBT002
) -> None:
    """Poll what is due once, deliver what follows, and end; for cron."""
    from monitor import process  # noqa: PLC0415

    with process.loading():
        from monitor import logs  # noqa: PLC0415
        from monitor import once as single  # noqa: PLC0415
        from monitor.config import find, load  # noqa: PLC0415

    logs.set_up("text")
    with progress("polling") as report:
        counts = single.once(load(find(config)), everything=everything, progress=report)
    if json:
        print_json(counts)
    else:
        say(
            f"{count(counts['entries'], 'new entry', 'new entries')}, {count(counts['reports'], 'report')}, "
            f"{count(counts['alerts'], 'alert')}; {count(counts['waiting'], 'delivery', 'deliveries')} still waiting."
        )


@app.command()
def retry(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[DELIVERY...]", help="Ids as `monitor deliveries` shows them.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are dead or were refused.")] = False,  # noqa: FBT002
    config: ConfigFile = None,
) -> None:
    """Queue dead or refused deliveries again, and let resting channels go on."""
    from datetime import UTC, datetime  # noqa: PLC0415

    from monitor.cli.look import opened  # noqa: PLC0415
    from monitor.config import find, load  # noqa: PLC0415
    from monitor.store import outbox  # noqa: PLC0415

    wanted = set(map(as_text, ids or ()))
    if bool(wanted) == everything:
        raise typer.BadParameter("name the deliveries to send again, or say --all", param_hint="DELIVERY")
    with opened(load(find(config))) as store:
        queued = store.write(lambda tx: outbox.retry(tx, None if everything else sorted(wanted), datetime.now(UTC)))
    if queued < len(wanted):
        raise MonitorError(
            f"Of the {len(wanted)} named, {queued} could be queued again: the others are not dead or refused, or not there; "
            "`monitor deliveries` shows them."
        )
    say(f"{count(queued, 'delivery is', 'deliveries are')} queued again.")


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes; an earlier one is replaced.")],
    config: ConfigFile = None,
) -> None:
    """Copy the store, also while the daemon runs."""
    from monitor.config import find, load  # noqa: PLC0415
    from monitor.store import exists, file  # noqa: PLC0415

    store = load(find(config)).store
    if not exists(store):
        raise MonitorError("There is no store yet; the daemon makes it when it starts.")
    file.backup(file.path_of(store), target)
    say(f"{target} holds the store as it is now. To go back to it, stop the daemon and put it in the store's place.")


@app.command()
def demo(
    seconds: Annotated[float, typer.Option("--seconds", min=1, max=600, help="How long the story's week takes.")] = 60,
    json: AsJson = False,  # noqa: FBT002
) -> None:
    """Watch the daemon follow a story's week in a minute: no network, no set-up."""
    from monitor import demo as show  # noqa: PLC0415

    with redirect_stdout(sys.stderr if json else sys.stdout):
        counts = show.play(seconds)
    if json:
        print_json(counts)
    else:
        say(
            f"{counts['entries']} entries from {counts['outlets']} outlets; {counts['reports']} were on the story, "
            f"{counts['alerts']} alerts were sent, {counts['folded']} rewrites and explainers were folded away."
        )
