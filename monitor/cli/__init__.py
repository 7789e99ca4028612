"""The commands: each turns its arguments into one call and prints what comes back. All errors end here.

Exit codes: 0 done, 1 failed, 2 wrong usage, 78 wrong configuration, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from monitor.errors import ConfigError, MonitorError
from monitor.secret import mask

FAILED, USAGE, CONFIG, INTERRUPTED = 1, 2, 78, 130

app = typer.Typer(
    name="monitor",
    help="Follows news stories: one alert for each new development, none for its rewrites.",
    no_args_is_help=True,
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
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; never a traceback."""
    from monitor.cli import daemon, setup, tables, tryout  # noqa: F401, PLC0415 - each adds its commands

    try:
        code = app(list(arguments), standalone_mode=False)
    except typer.TyperException as error:
        error.show()  # type: ignore[attr-defined]  # every kind that Typer raises has it
        return USAGE
    except typer.Exit as leave:
        return leave.exit_code
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - the reader has left
        return 0
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("MONITOR_DEBUG"):
            raise
        return _explain(error)
    return code if isinstance(code, int) else 0


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
    print(mask(text), file=sys.stderr)  # noqa: T201 - this is the command line
    return code
