# ruff: noqa: INP001 - a script, not a package
"""Makes docs/monitor.1 from the commands' own help: `python -m docs.man`, or `make man`."""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path
from typing import Any

import typer

from monitor import __version__
from monitor.cli import app, daemon, follow, setup, tables, tryout, watch

PAGE = Path(__file__).with_name("monitor.1")
MODULES = (daemon, follow, setup, tables, tryout, watch)
"""Each adds its commands to `app` when it is imported."""
GROUPS = (
    ("Beginning", ("init", "check", "track", "discover", "password", "test-alert", "doctor", "demo")),
    ("Running", ("run", "once", "backup", "migrate-store", "retry")),
    ("Looking", ("status", "watch", "feeds", "stories", "timeline", "export", "deliveries", "digest")),
    ("Saying what you want", ("silence", "unfollow", "follow", "explain", "feedback", "replay")),
    ("Other", ("version",)),
)
BEFORE = """\
.SH NAME
monitor \\- follow news stories: one alert for each new development
.SH SYNOPSIS
.B monitor
.I COMMAND
.RI [ ARGUMENT ...]
.RB [ \\-c
.IR FILE ]
.SH DESCRIPTION
.B monitor
reads RSS, Atom and JSON feeds, recognises the entries that belong to the
stories that you follow, groups them by the development that they report, and
sends one alert for each new development: by mail, webhook, chat, or on the
console.
Which stories, which feeds and which channels stands in one YAML file.
.PP
All commands work without the daemon and beside it.
They look at the same store; to look at one that is not there yet makes none.
"""
AFTER = """\
.SH OPTIONS
.TP
\\fB\\-c\\fR, \\fB\\-\\-config\\fR \\fIFILE\\fR
The configuration; all commands but
.B init\\fR, \\fBdemo
and
.B version
take it.
.TP
\\fB\\-h\\fR, \\fB\\-\\-help\\fR
What there is to be said of a command.
.TP
\\fB\\-\\-install\\-completion\\fR
Have your shell complete commands, storylines and channels.
.SH EXIT STATUS
.TP
.B 0
It is done.
.TP
.B 1
It failed; standard error has a sentence that says why.
.TP
.B 2
Wrong usage.
.TP
.B 78
The configuration is wrong; each problem is told with file and line.
.TP
.B 130
Interrupted.
.SH ENVIRONMENT
.TP
.B MONITOR_CONFIG
The configuration, where
.B \\-c
names none.
.TP
.B MONITOR_DEBUG
Where it is set, an error that nobody foresaw is shown with a traceback.
.TP
.B NO_COLOR
Where it is set, nothing is coloured.
.TP
.B COLUMNS
How wide tables are.
.PP
Secrets of the configuration may name variables of the environment.
.SH FILES
.TP
.I config/monitor.yaml\\fR, \\fI/etc/monitor/monitor.yaml
The configuration, where it is named nowhere.
.TP
.I var/monitor.db
The store, unless
.B store:
says otherwise.
.SH SIGNALS
.TP
.B SIGHUP
.B monitor run
takes up a changed configuration; a wrong one is refused, and the old one stays in force.
.TP
.B SIGTERM\\fR, \\fBSIGINT
.B monitor run
finishes what is under way, and ends.
.TP
.B SIGUSR1
.B monitor run
writes where each of its threads is.
.SH SEE ALSO
.BR systemd.service (5),
.BR cron (8)
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE} is written.\n")


def commands() -> dict[str, Any]:
    """Every command by name."""
    return typer.main.get_command(app).commands if all(MODULES) else {}  # type: ignore[attr-defined]


def page() -> str:
    """The manual page, in the macros of man(7)."""
    known = commands()
    left_out = set(known) - {name for _, names in GROUPS for name in names}
    if left_out:
        sys.exit(f"These commands stand in no group of docs/man.py: {', '.join(sorted(left_out))}.")
    head = f'.TH MONITOR 1 "" "monitor {__version__}" "User Commands"\n'
    told = "".join(f".SS {group}\n" + "".join(_command(name, known[name]) for name in names) for group, names in GROUPS)
    return f"{head}{BEFORE}.SH COMMANDS\n{told}{AFTER}"


def _command(name: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and "--config" not in p.opts]
    usage = " ".join(rf"\fI{_roff(_shown(argument))}\fR" for argument in arguments)
    told = f".TP\n.B monitor {_roff(name)}\\fR{' ' + usage if usage else ''}\n{_sentence(command.help)}\n"
    lines = [(rf"\fI{_roff(_shown(a))}\fR", a.help) for a in arguments if a.help] + [
        (_option(o), o.help) for o in options
    ]
    if lines:
        told += ".RS\n" + "".join(f".TP\n{label}\n{_sentence(said)}\n" for label, said in lines) + ".RE\n"
    return told


def _shown(argument: Any) -> str:
    name = str(argument.make_metavar(typer.Context(typer.main.get_command(app))))
    return name if argument.required or name.startswith("[") else f"[{name}]"


def _option(option: Any) -> str:
    names = ", ".join(rf"\fB{_roff(name)}\fR" for name in option.opts)
    return names if option.is_flag else rf"{names} \fI{_roff(option.metavar or option.type.name.upper())}\fR"


def _sentence(text: str) -> str:
    """A line of text, whose backquoted commands are bold; no line of it is taken for a macro."""
    told = re.sub(r"`([^`]+)`", r"\\fB\1\\fR", _roff(" ".join(text.split())))
    lines = textwrap.wrap(told, 78, break_long_words=False, break_on_hyphens=False)
    return "\n".join(rf"\&{line}" if line.startswith((".", "'")) else line for line in lines)


def _roff(text: str) -> str:
    return text.replace("\\", r"\e").replace("-", r"\-")


if __name__ == "__main__":
    main()
