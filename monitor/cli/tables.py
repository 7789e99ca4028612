"""Commands that show what the store holds: status, feeds, stories, timeline, deliveries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from monitor.alerts.clean import line
from monitor.cli import AsJson, ConfigFile, StorylineId, app, as_text, complete
from monitor.cli.output import ago, count, print_csv, print_feeds, print_json, say, table, write_page
from monitor.errors import MonitorError
from monitor.secret import mask

_NOTHING_YET = "Nothing yet. Start the daemon with `monitor run`, or poll once with `monitor once`."
Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many rows at most.")]
AsOpml = Annotated[bool, typer.Option("--opml", help="Print the configured feeds as OPML, for other readers.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print every report as a line for a spreadsheet.")]
_REPORT = ("development", "development_title", "published", "outlet", "title", "url", "decision", "reason")
T = TypeVar("T")


def _view(config: ConfigFile, read: Callable[[Any], T]) -> T:
    from monitor.cli.look import opened  # noqa: PLC0415
    from monitor.config import find, load  # noqa: PLC0415

    with opened(load(find(config))) as store, store.read() as tx:
        return read(tx)


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
    counted = (count(view[f"{name}s"], name) for name in ("storyline", "development", "report"))
    say(f"stories      {', '.join(counted)}")
    say(f"entries      {view['entries']} read, {count(view['alerts'], 'alert')}")
    for name, waiting in view["waiting"].items():
        resting = f"; resting: {waiting['paused']}" if waiting["paused"] else ""
        since = f", the oldest from {ago(waiting['oldest_at'])}" if waiting["pending"] else ""
        held = f", {waiting['held']} held" if waiting["held"] else ""
        say(f"channel      {name}: {waiting['pending']} waiting{since}{held}, {waiting['dead']} dead{resting}")
    if not view["last_poll_at"]:
        say(_NOTHING_YET)


@app.command()
def feeds(
    config: ConfigFile = None,
    json: AsJson = False,  # noqa: FBT002
    opml: AsOpml = False,  # noqa: FBT002
) -> None:
    """Show the feeds and how they are; entries and reports are those of the last day."""
    from monitor.config import find, load  # noqa: PLC0415
    from monitor.store import views  # noqa: PLC0415

    if opml:
        print_feeds(load(find(config)).feeds)
        return
    view = _view(config, lambda tx: views.feeds(tx, datetime.now(UTC)))
    if json:
        print_json(view)
        return
    rows = [
        (f["title"] or f["url"], _health(f),
         ago(f["succeeded_at"]), ago(f["next_poll_at"]), f["entries_a_day"], f["reports_a_day"])
        for f in view
    ]  # fmt: skip
    columns = ("feed", "health", "success", "next poll", "entries", "reports")
    table(columns, rows, empty=_NOTHING_YET, wrapped=("feed",))
    _say_errors((f["title"] or f["url"], f["error"]) for f in view)
    _say_errors((f["title"] or f["url"], f"has moved for good; write {f['moved_to']}") for f in view if f["moved_to"])


def _health(feed: dict[str, Any]) -> str:
    from monitor.model import Health  # noqa: PLC0415

    return f"{feed['health']} ({feed['failures']})" if feed["health"] == Health.FAILING else str(feed["health"])


@app.command()
def stories(config: ConfigFile = None, json: AsJson = False) -> None:  # noqa: FBT002
    """Show the storylines and their last developments."""
    from monitor.store import views  # noqa: PLC0415

    view = _view(config, lambda tx: views.stories(tx, datetime.now(UTC)))
    if json:
        print_json(view)
        return
    rows = [
        (
            s["id"],
            s["title"],
            s["state"],
            s["developments"],
            s["reports"],
            s["last_development"],
            ago(s["last_development_at"]),
        )
        for s in view
    ]
    columns = ("id", "storyline", "state", "developments", "reports", "last development", "when")
    table(columns, rows, empty=_NOTHING_YET, wrapped=("storyline", "last development"))
    _say_errors((s["id"], _muted(mute)) for s in view for mute in s["muted"])


def _muted(mute: dict[str, Any]) -> str:
    whom = mute["target"] or mute["channel"] or "everybody"
    return f"silent for {whom}, ends {ago(mute['until'])}." if mute["until"] else f"followed no more by {whom}."


@app.command()
def timeline(
    storyline: StorylineId,
    config: ConfigFile = None,
    limit: Limit = 50,
    json: AsJson = False,  # noqa: FBT002
    csv: AsCsv = False,  # noqa: FBT002
) -> None:
    """Show a storyline's developments in order, each with the reports folded into it."""
    from monitor.config import find, load  # noqa: PLC0415
    from monitor.config.shape import nearest  # noqa: PLC0415
    from monitor.store import views  # noqa: PLC0415

    storyline, known = as_text(storyline), {s.id for s in load(find(config)).storylines}
    view = _view(config, lambda tx: views.timeline(tx, storyline, limit))
    if not view and storyline not in known:
        raise MonitorError(f"There is no storyline `{storyline}`; {nearest(storyline, known)}")
    if json:
        print_json(view)
        return
    if csv:
        print_csv(
            _REPORT, ([d["id"], d["title"], *(r[name] for name in _REPORT[2:])] for d in view for r in d["reports"])
        )
        return
    rows = [
        (
            d["started_at"][:16].replace("T", " "),
            _told(d),
            d["id"],
            d["title"],
            len(d["reports"]),
            ", ".join(d["outlets"][:4]),
        )
        for d in view
    ]
    table(
        ("first report", "alert", "id", "development", "reports", "outlets"),
        rows,
        empty="Nothing has been reported on this storyline yet.",
        wrapped=("development", "outlets"),
    )


def _told(development: dict[str, Any]) -> str:
    """A dot for what was told, with the number of its updates."""
    updates = sum(report["decision"] == "update" for report in development["reports"])
    return ("●" if development["alerted"] else "") + (f" +{updates}" if updates else "")


@app.command()
def export(
    storyline: StorylineId,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write it to FILE; else to standard output.")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Make one web page of a story to hand on: its developments, their reports, and how much was reported when."""
    from monitor.config import find, load  # noqa: PLC0415
    from monitor.config.shape import nearest  # noqa: PLC0415
    from monitor.export import page  # noqa: PLC0415

    storyline, known = as_text(storyline), {s.id for s in load(find(config)).storylines}
    made = _view(config, lambda tx: page(tx, storyline, datetime.now(UTC)))
    if not made and storyline not in known:
        raise MonitorError(f"There is no storyline `{storyline}`; {nearest(storyline, known)}")
    if not made:
        raise MonitorError("Nothing has been reported on this storyline yet.")
    write_page(out, made)


@app.command()
def deliveries(
    config: ConfigFile = None,
    state: Annotated[
        str | None,
        typer.Option(
            "--state",
            metavar="STATE",
            help="Only pending, held, folded, sent, failed or dead ones.",
            autocompletion=complete.states,
        ),
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
            f"Update: {d['title']}" if d["kind"] == "update" else d["title"],
        )
        for d in view
    ]
    columns = ("delivery", "channel", "to", "state", "tries", "when", "alert")
    table(columns, rows, empty="No alert has been queued yet.", wrapped=("to", "alert"))
    _say_errors((d["id"], d["error"]) for d in view)


def _say_errors(errors: Iterable[tuple[str, str]]) -> None:
    """Below a table, where a sentence has room."""
    told = [f"{line(mask(subject))}: {line(mask(error))}" for subject, error in errors if error]
    if told:
        say("\n".join(["", *told]))
