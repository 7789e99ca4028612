"""Commands that poll and deliver, and keep what came of it: run, once, retry, backup, migrate-store, demo."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli import AsJson, ConfigFile, app, as_text, complete
from monitor.cli.output import count, print_json, progress, say
from monitor.errors import MonitorError
from monitor.logs import Format
from monitor.secret import Secret


@app.command()
def run(
    config: ConfigFile = None,
    log_format: Annotated[
        str, typer.Option("--log-format", metavar="FORMAT", help="auto, text, journal or json.")
    ] = "auto",
    debug: Annotated[bool, typer.Option("--debug", help="Log more.")] = False,  # noqa: FBT002 - Typer's way
    role: Annotated[
        list[str] | None,
        typer.Option(
            "--role",
            metavar="ROLE",
            help="all, or what this one of several processes does: scheduler, worker, deliverer, web; may be given several times.",
        ),
    ] = None,
) -> int:
    """Follow the stories until told to stop: the daemon."""
    from typing import get_args  # noqa: PLC0415

    from monitor import process  # noqa: PLC0415

    with process.loading():
        from monitor import logs, supervisor  # noqa: PLC0415
        from monitor.config import find  # noqa: PLC0415

    if log_format not in get_args(Format):
        raise typer.BadParameter("one of auto, text, journal, json", param_hint="--log-format")
    roles = set(role or ["all"])
    if roles - {"all", *process.Role} or ("all" in roles and len(roles) > 1):
        raise typer.BadParameter("all, or some of scheduler, worker, deliverer, web", param_hint="--role")
    logs.set_up(log_format, debug=debug)  # type: ignore[arg-type]
    return supervisor.run(find(config), [process.Role(name) for name in roles - {"all"}])


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
    with progress("polling") as report, redirect_stdout(sys.stderr if json else sys.stdout):  # where the console tells
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
        list[str] | None,
        typer.Argument(
            metavar="[DELIVERY...]",
            help="Ids as `monitor deliveries` shows them.",
            autocompletion=complete.undelivered,
        ),
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
    from monitor.store.database import database  # noqa: PLC0415
    from monitor.store.sqlite import Sqlite  # noqa: PLC0415

    url = load(find(config)).store
    store = database(url)
    if not isinstance(store, Sqlite):
        raise MonitorError(
            f"The store is in PostgreSQL, which copies itself: run pg_dump --format=custom --file={target} and the store's address, "
            "also while the daemon runs; to go back to the copy, stop the daemon and run pg_restore --clean."
        )
    if not exists(url):
        raise MonitorError("There is no store yet; the daemon makes it when it starts.")
    file.backup(store.path, target)
    say(f"{target} holds the store as it is now. To go back to it, stop the daemon and put it in the store's place.")


@app.command("migrate-store")
def migrate_store(
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="A store's address; env:NAME or file:PATH where it holds a password.")
    ],
    target: Annotated[str, typer.Argument(metavar="TO", help="Where it shall be; nothing may be there yet.")],
) -> None:
    """Move all that a store holds into another, from SQLite to PostgreSQL or back; no daemon may run on either."""
    from contextlib import closing  # noqa: PLC0415

    from monitor.store import Store, exists  # noqa: PLC0415
    from monitor.store.move import move  # noqa: PLC0415

    if not exists(_address(source)):
        raise MonitorError("There is no store to move at the first address.")
    with closing(Store.open(_address(source))) as old:
        old.hold()
        with closing(Store.open(_address(target))) as new:
            new.hold()
            moved = move(old, new)
            say(
                f"{new.shown} holds all of it: {count(moved['entries'], 'entry', 'entries')}, {count(moved['alerts'], 'alert')}, "
                f"{count(moved['deliveries'], 'delivery', 'deliveries')}. Write its address as `store:` into the configuration, then "
                f"start the daemon; {old.shown} is as it was."
            )


def _address(named: str) -> str:
    kind, _, name = named.partition(":")
    return Secret(**{kind: name}).reveal() if kind in ("env", "file") else named


@app.command()
def demo(
    seconds: Annotated[float, typer.Option("--seconds", min=1, max=600, help="How long the story's week takes.")] = 60,
    json: AsJson = False,  # noqa: FBT002
) -> None:
    """Watch the daemon follow a story's week in a minute, on the terminal and on the page: no network, no set-up."""
    from monitor import demo as show  # noqa: PLC0415

    def tell(counts: dict[str, int]) -> None:
        if json:
            with redirect_stdout(out):
                print_json(counts)
            return
        say(
            f"{counts['entries']} entries from {counts['outlets']} outlets; {counts['reports']} were on the story, "
            f"{counts['alerts']} alerts were sent, {counts['folded']} rewrites and explainers were folded away."
        )
        if sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty():
            typer.prompt("The page stays until you press Enter", default="", show_default=False, prompt_suffix=".")

    out = sys.stdout
    with redirect_stdout(sys.stderr if json else sys.stdout):
        show.play(seconds, begun=lambda address: say(f"The page: {address}\n"), ended=tell)
