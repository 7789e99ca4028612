"""Commands that try the rules and correct them: replay recorded entries, explain one, judge one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.alerts.clean import line
from monitor.cli import AsJson, ConfigFile, app, as_text, complete
from monitor.cli.output import complain, count, print_json, progress, say, table
from monitor.errors import MonitorError

if TYPE_CHECKING:
    from monitor.config import Config
    from monitor.model import Feedback, Judgement

_UNDO = "undo"
"""The word that takes back what was said of an entry."""


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
    as_set: Annotated[  # noqa: FBT002 - Typer's way
        bool, typer.Option("--without-feedback", help="Leave out what persons said with `monitor feedback`.")
    ] = False,
    json: AsJson = False,  # noqa: FBT002
) -> None:
    """Run recorded entries through the same line as the daemon's, on a virtual clock."""
    from monitor.config import find, load  # noqa: PLC0415
    from monitor.replay import run  # noqa: PLC0415
    from monitor.replay.recorded import labels as read_labels  # noqa: PLC0415

    checked = load(find(config))
    said = () if as_set else _said(checked)
    rules = checked.rules().heeding(said)
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
        "feedback": len(said),
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


def _said(checked: Config) -> Sequence[Feedback]:
    """What persons said of entries, where the configuration's store can be read; how much it is stands on standard error."""
    from monitor.feedback import given  # noqa: PLC0415
    from monitor.store.database import database  # noqa: PLC0415

    try:
        said = given(checked)
    except MonitorError as error:
        complain(f"No feedback is applied: {error}")
        return ()
    if said:
        complain(
            f"{count(len(said), 'judgement is', 'judgements are')} applied that `monitor feedback` kept in {database(checked.store).shown}."
        )
    return said


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

    what = _worded(entry, "an entry's id, its URL, or a headline")
    checked = load(find(config))
    with opened(checked) as store:
        told = look_into(what, checked, store)
    if json:
        print_json(told)
        return
    say(line(told["marked"]["title"]))
    if told["marked"]["summary"]:
        say(line(told["marked"]["summary"]))
    say(told["sentence"])
    rows = [
        (s["title"], f"{s['score']:.2f}", f"{s['threshold']:.2f}", "yes" if s["matched"] else "no", f"{s['by_terms']:.2f}",
         _habits(s), "; ".join(f"{e['term']}: {e['found']} ({e['field']}, {e['score']:.2f})" for e in s["evidence"]))
        for s in told["storylines"]
    ]  # fmt: skip
    if rows:
        columns = ("storyline", "score", "threshold", "matched", "terms", "habits", "found")
        table(columns, rows, empty="", wrapped=("storyline", "habits", "found"))
    for sentence in (_of_form(told["form"]), _of_nearest(told["nearest"])):
        say(sentence)


def _habits(storyline: dict[str, Any]) -> str:
    """What the storyline's earlier entries and its seed gave to a score, with their words; or nothing."""
    words = f" ({', '.join(storyline['familiar'])})" if storyline["familiar"] else ""
    return f"{storyline['familiarity']:+.2f}{words}" if storyline["familiarity"] else ""


def _of_form(told: dict[str, Any]) -> str:
    speak = "; ".join(f"{sign['sign']} {sign['weight']:+.1f}" for sign in told["signs"])
    return (
        f"Form: {told['event']:.0%} likely to report an event (told at once from {told['told_from']:.0%}, with other outlets from "
        f"{told['waits_from']:.0%}): {speak or 'no sign that is known'}."
    )


def _of_nearest(told: dict[str, Any] | None) -> str:
    if told is None:
        return "Nearest report: none."
    parts = (("Both tell", told["both"]), ("only this", told["only_this"]), ("only that", told["only_nearest"]))
    what = "; ".join(f"{name}: {', '.join(words)}" for name, words in parts if words)
    return f"Nearest report: “{told['title']}” ({told['outlet']}), {told['alike']:.0%} alike. {what}."


@app.command()
def feedback(
    entry: Annotated[
        str, typer.Argument(metavar="ENTRY", help="An entry's id, the beginning of it, or its URL.", show_default=False)
    ],
    judgement: Annotated[
        str,
        typer.Argument(
            metavar="wrong|right|same-as|new|undo",
            help="Not on the story; on it; one more report; news of its own; take back what was said.",
            autocompletion=complete.judgements,
        ),
    ],
    development: Annotated[
        str,
        typer.Argument(
            metavar="[DEVELOPMENT]",
            help="For same-as: a development's id, or the id or URL of a report.",
            show_default=False,
        ),
    ] = "",
    storyline: Annotated[
        str,
        typer.Option(
            "--storyline",
            metavar="ID",
            help="The storyline that is meant; else the one it fits best.",
            autocompletion=complete.storylines,
            show_default=False,
        ),
    ] = "",
    config: ConfigFile = None,
    json: AsJson = False,  # noqa: FBT002
) -> None:
    """Correct a decision: what you say of an entry holds for it, and moves its storyline's threshold a little."""
    from monitor import feedback as persons  # noqa: PLC0415
    from monitor.cli.look import opened  # noqa: PLC0415
    from monitor.config import find, load  # noqa: PLC0415

    named = _worded(entry, "an entry's id, the beginning of it, or its URL")
    said = None if judgement == _UNDO else persons.Said(
        entry=named, judgement=_judgement(judgement, with_development=bool(development)),
        development=as_text(development), storyline=as_text(storyline),
    )  # fmt: skip
    checked = load(find(config))
    with opened(checked) as store:
        told = persons.give(said, checked, store) if said else persons.take_back(named, store)
    if json:
        print_json(told)
    else:
        say(told["sentence"])


def _worded(entry: str, wanted: str) -> str:
    """The argument ENTRY, which must not be empty."""
    if not entry.strip():
        raise typer.BadParameter(wanted, param_hint="ENTRY")
    return as_text(entry)


def _judgement(word: str, *, with_development: bool) -> Judgement:
    """The judgement that `word` names; `same-as` needs a development, and no other takes one."""
    from monitor.config.shape import nearest  # noqa: PLC0415
    from monitor.model import Judgement  # noqa: PLC0415

    if word not in list(Judgement):
        known = nearest(as_text(word), {*Judgement, _UNDO})
        raise typer.BadParameter(f"“{as_text(word)}” is no judgement; {known}", param_hint="JUDGEMENT")
    if word == Judgement.SAME_AS and not with_development:
        raise typer.BadParameter("say which: its id, or the id or URL of one of its reports", param_hint="DEVELOPMENT")
    if word != Judgement.SAME_AS and with_development:
        raise typer.BadParameter(f"`{word}` takes none; did you mean `same-as`?", param_hint="DEVELOPMENT")
    return Judgement(word)
