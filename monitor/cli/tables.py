"""Commands that show what the store holds: status, feeds, stories, timeline, deliveries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import typer

from monitor.cli import AsJson, ConfigFile, app
from monitor.cli.output import ago, print_json, say, table
from monitor.errors import MonitorError

_NOTHING_YET = "Nothing yet. Start the daemon with `monitor run`, or poll once with `monitor once`."
Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many rows at most.")]
T = TypeVar("T")


def _view(config: ConfigFile, read: Callable[[Any], T]) -> T:
    from monitor.config import find, load  # noqa: PLC0415
    from monitor.store import Store  # noqa: PLC0415

    store = Store.open(load(find(config)).store)
    try:
        with store.read() as tx:
            return read(tx)
    finally:
        store.close()


@app.command()
def status(config: ConfigFile = None, json: AsJson = False) -> None:  # noqa: FBT002 - Typer's way
    """Show the whole at a glance."""
    from monitor.store import views  # noqa: PLC0415

    view = _view(config, lambda tx: views.status(tx, datetime.now(UTC)))
    if json:
        print_json(view)
        return
    say(
        f"feeds        {view['feeds']} followed, {view['feeds_failing']} failing, {view['feeds_gone']} gone; last poll {ago(view['last_poll_at']) or 'never'}"
    )
    say(f"stories      {view['storylines']} storylines, {view['developments']} developments, {view['reports']} reports")
    say(f"entries      {view['entries']} read, {view['alerts']} alerts")
    for name, waiting in view["waiting"].items():
        resting = f"; resting: {waiting['paused']}" if waiting["paused"] else ""
        since = f", the oldest from {ago(waiting['oldest_at'])}" if waiting["pending"] else ""
        say(f"channel      {name}: {waiting['pending']} waiting{since}, {waiting['dead']} dead{resting}")
    if not view["last_poll_at"]:
        say(_NOTHING_YET)


@app.command()
def feeds(config: ConfigFile = None, json: AsJson = False) -> None:  # noqa: FBT002
    """Show the feeds and how they are."""
    from monitor.store import views  # noqa: PLC0415

    view = _view(config, lambda tx: views.feeds(tx, datetime.now(UTC)))
    if json:
        print_json(view)
        return
    rows = [
        (f["title"] or f["url"], "gone" if f["gone"] else f"failing ({f['failures']})" if f["failures"] else "fine" if f["succeeded_at"] else "new",
         ago(f["succeeded_at"]), ago(f["next_poll_at"]), f["entries_a_day"], f["reports_a_day"], f["error"])
        for f in view
    ]  # fmt: skip
    table(("feed", "health", "last success", "next poll", "entries", "reports", "error"), rows, empty=_NOTHING_YET)


@app.command()
def stories(config: ConfigFile = None, json: AsJson = False) -> None:  # noqa: FBT002
    """Show the storylines and their last developments."""
    from monitor.store import views  # noqa: PLC0415

    view = _view(config, views.stories)
    if json:
        print_json(view)
        return
    rows = [
        (s["id"], s["title"], s["developments"], s["reports"], s["last_development"], ago(s["last_development_at"]))
        for s in view
    ]
    table(("id", "storyline", "developments", "reports", "last development", "when"), rows, empty=_NOTHING_YET)


@app.command()
def timeline(
    storyline: Annotated[str, typer.Argument(metavar="STORYLINE", help="A storyline's id.")],
    config: ConfigFile = None,
    limit: Limit = 50,
    json: AsJson = False,  # noqa: FBT002
) -> None:
    """Show a storyline's developments in order, each with the reports folded into it."""
    from monitor.config import find, load  # noqa: PLC0415
    from monitor.config.shape import nearest  # noqa: PLC0415
    from monitor.store import views  # noqa: PLC0415

    known = {s.id for s in load(find(config)).storylines}
    view = _view(config, lambda tx: views.timeline(tx, storyline, limit))
    if not view and storyline not in known:
        raise MonitorError(f"There is no storyline `{storyline}`; {nearest(storyline, known)}")
    if json:
        print_json(view)
        return
    rows = [
        (
            d["started_at"][:16].replace("T", " "),
            "●" if d["alerted"] else "",
            d["title"],
            len(d["reports"]),
            ", ".join(d["outlets"][:4]),
        )
        for d in view
    ]
    table(
        ("first report", "alert", "development", "reports", "outlets"),
        rows,
        empty="Nothing has been reported on this storyline yet.",
    )


@app.command()
def deliveries(
    config: ConfigFile = None,
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATE", help="Only pending, sent, failed or dead ones.")
    ] = None,
    limit: Limit = 50,
    json: AsJson = False,  # noqa: FBT002
) -> None:
    """Show the alerts on their way and those that arrived."""
    from monitor.model import DeliveryState  # noqa: PLC0415
    from monitor.store import views  # noqa: PLC0415

    if state is not None and state not in list(DeliveryState):
        raise typer.BadParameter(f"one of {', '.join(DeliveryState)}", param_hint="--state")
    view = _view(config, lambda tx: views.listed(tx, limit, state))
    if json:
        print_json(view)
        return
    rows = [
        (
            d["id"],
            d["channel"],
            d["target"],
            d["state"],
            d["attempts"],
            ago(d["sent_at"] or d["created_at"]),
            d["title"],
            d["error"],
        )
        for d in view
    ]
    table(
        ("delivery", "channel", "to", "state", "tries", "when", "alert", "error"),
        rows,
        empty="No alert has been queued yet.",
    )
