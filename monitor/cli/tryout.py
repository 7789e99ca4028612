"""Commands that try the rules: replay recorded entries, explain one."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from monitor.alerts.clean import line
from monitor.cli import AsJson, ConfigFile, app, as_text
from monitor.cli.output import count, print_json, progress, say, table
from monitor.errors import MonitorError


@app.command()
def replay(
    streams: Annotated[
        list[Path], typer.Argument(metavar="STREAM...", help="JSON Lines of entries (.gz too), or feed documents.")
    ],
    config: ConfigFile = None,
    decisions: Annotated[
        str | None,
        typer.Option("--decisions", metavar="FILE", help="Write the decision on each match; - for standard output."),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", metavar="FILE", help="A person's labels to be scored against.")
    ] = None,
    json: AsJson = False,  # noqa: FBT002 - Typer's way
) -> None:
    """Run recorded entries through the same line as the daemon's, on a virtual clock."""
    from monitor.config import find, load  # noqa: PLC0415
    from monitor.replay import run  # noqa: PLC0415
    from monitor.replay.recorded import labels as read_labels  # noqa: PLC0415

    rules = load(find(config)).rules()
    gold = read_labels(labels) if labels else None
    with ExitStack() as stack:
        report = stack.enter_context(progress("replaying"))
        out = sys.stdout if decisions == "-" else None
        if decisions and out is None:
            try:
                out = stack.enter_context(Path(decisions).open("w", encoding="utf-8"))
            except OSError as error:
                raise MonitorError(f"{decisions} cannot be written: {error.strerror}.") from None
        outcome = run(streams, rules, decisions=out, progress=report)
    scores = outcome.scores(gold).as_dict() if gold is not None else None
    if decisions == "-":
        return
    told: dict[str, Any] = {
        "entries": outcome.entries,
        "matched": len(outcome.decided),
        "alerts": outcome.alerts,
        "reasons": outcome.reasons,
    }
    if json:
        print_json(told | ({"scores": scores} if scores else {}))
        return
    read = count(outcome.entries, "entry", "entries")
    say(f"{read}, {len(outcome.decided)} matched, {count(outcome.alerts, 'alert')}.")
    if outcome.reasons:
        table(("reason", "entries"), list(outcome.reasons.items()), empty="")
    if scores:
        say("")
        table(("score", "value"), list(scores.items()), empty="")


@app.command()
def explain(
    entry: Annotated[str, typer.Argument(metavar="ENTRY|URL|TEXT", help="An entry's id or URL, or any headline.")],
    config: ConfigFile = None,
    json: AsJson = False,  # noqa: FBT002
) -> None:
    """Say why an entry matched or not, and why it was new or not."""
    from monitor.cli.look import opened  # noqa: PLC0415
    from monitor.config import find, load  # noqa: PLC0415
    from monitor.explain import explain as look_into  # noqa: PLC0415

    if not entry.strip():
        raise typer.BadParameter("an entry's id, its URL, or a headline", param_hint="ENTRY")
    checked = load(find(config))
    with opened(checked) as store:
        told = look_into(as_text(entry), checked, store)
    if json:
        print_json(told)
        return
    say(line(told["entry"]["title"]))
    say(told["sentence"])
    if told["placement"] and told["placement"]["nearest_title"]:
        say(f"Nearest report: “{told['placement']['nearest_title']}”, {told['placement']['similarity']:.0%} alike.")
    rows = [
        (s["title"], f"{s['score']:.2f}", f"{s['threshold']:.2f}", "yes" if s["matched"] else "no",
         "; ".join(f"{e['term']}: {e['found']} ({e['field']}, {e['score']:.2f})" for e in s["evidence"]))
        for s in told["storylines"]
    ]  # fmt: skip
    if rows:
        table(("storyline", "score", "threshold", "matched", "found"), rows, empty="", wrapped=("storyline", "found"))
