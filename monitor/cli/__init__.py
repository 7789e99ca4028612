"""The commands: each turns its arguments into one call and prints what comes back. All errors end here.

Exit codes: 0 done, 1 failed, 2 wrong usage, 78 wrong configuration, 130 interrupted.
"""

from __future__ import annotations

import copy
import io
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from typer.main import get_command_name
from typer.models import CommandInfo

from monitor.cli import complete
from monitor.errors import ConfigError, MonitorError

FAILED, USAGE, CONFIG, INTERRUPTED = 1, 2, 78, 130

app = typer.Typer(
    name="monitor",
    help="Follows news stories: one alert for each new development, none for its rewrites.",
    no_args_is_help=True,
    rich_markup_mode=None,  # help in boxes costs a tenth of a second
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "-c",
        "--config",
        metavar="FILE",
        help="The configuration; else $MONITOR_CONFIG, config/monitor.yaml, /etc/monitor/monitor.yaml.",
    ),
]
StorylineId = Annotated[
    str, typer.Argument(metavar="STORYLINE", help="A storyline's id.", autocompletion=complete.storylines)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def as_text(argument: str) -> str:
    """An argument as text, whatever bytes the shell passed; no database takes others."""
    return argument.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # news comes in scripts that not every terminal has
    piped = _is_pipe(1)
    try:
        code = _call(arguments)
    except SystemExit as end:  # so Typer and Rich say that the reader of a pipe has left
        if not (piped and isinstance(end.__context__, BrokenPipeError)):
            raise
        code = 0
        _let_go(1)
    try:
        print(end="", flush=True)  # noqa: T201 - what is still held; also where there is no standard output at all
    except BrokenPipeError:
        _let_go(1)
    except OSError as error:
        _let_go(1)
        return _say(f"Standard output cannot be written: {error.strerror}.", FAILED)
    return code


def _call(arguments: Sequence[str]) -> int:
    from monitor.cli import daemon, follow, setup, tables, tryout, watch  # noqa: F401, PLC0415 - each adds its commands

    try:
        code = _asked(arguments)(list(arguments), standalone_mode=False)
    except typer.TyperException as error:
        try:
            error.show()  # type: ignore[attr-defined]  # every kind that Typer raises has it
        except OSError:
            _let_go(2)
        return USAGE
    except typer.Exit as leave:
        return leave.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("MONITOR_DEBUG"):
            raise
        return _explain(error)
    return code if isinstance(code, int) else 0


@app.callback()
def _monitor() -> None:
    """With it commands stand by their names, also where only one is set out."""


def _asked(arguments: Sequence[str]) -> typer.Typer:
    """The app with the command alone that is named, if one is: to set out all of them takes as long as some of them take."""
    named = [known for known in app.registered_commands if _name(known) in arguments[:1]]
    if not named:
        return app
    asked = copy.copy(app)
    asked.registered_commands = named
    return asked


def _name(command: CommandInfo) -> str:
    return command.name or (get_command_name(command.callback.__name__) if command.callback else "")


def _let_go(descriptor: int) -> None:
    """Write no more where nobody reads; otherwise Python complains at its end about what it still holds."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - no path is meant
        os.dup2(nowhere.fileno(), descriptor)


def _is_pipe(descriptor: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _explain(error: Exception) -> int:
    """The error in a sentence; one that nobody foresaw says how to find out more."""
    if isinstance(error, ConfigError):
        return _say(str(error), CONFIG)
    if isinstance(error, MonitorError):
        return _say(str(error), FAILED)
    return _say(
        f"This should not happen: {type(error).__name__}: {error}. Set MONITOR_DEBUG=1 to see where, and report it.",
        FAILED,
    )


def _say(text: str, code: int) -> int:
    from monitor.cli.output import shown  # noqa: PLC0415

    try:
        print(shown(text), file=sys.stderr, flush=True)  # noqa: T201 - this is the command line
    except OSError:
        _let_go(2)
    return code
