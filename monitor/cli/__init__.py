"""The commands: each turns its arguments into one call and prints what comes back. All errors end here.

Exit codes: 0 done, 1 failed, 2 wrong usage, 78 wrong configuration.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import click
import typer

from monitor.errors import ConfigError, MonitorError
from monitor.secret import mask

FAILED, USAGE, CONFIG = 1, 2, 78

app = typer.Typer(
    name="monitor",
    help="Follows news stories: one alert for each new development, none for its rewrites.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ConfigFile = Annotated[
    Path | None,
    typer.Option("-c", "--config", metavar="FILE", help="The configuration; else $MONITOR_CONFIG, config/monitor.yaml, /etc/monitor/monitor.yaml."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; never a traceback."""
    from monitor.cli import daemon, setup, tables, tryout  # noqa: F401, PLC0415 - each adds its commands

    try:
        code = app(list(arguments), standalone_mode=False)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        error.show()
        return USAGE
    except click.exceptions.Abort:
        return FAILED
    except ConfigError as error:
        return _say(str(error), CONFIG)
    except MonitorError as error:
        return _say(str(error), FAILED)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - the reader has left
        return 0
    except Exception as error:
        if os.environ.get("MONITOR_DEBUG"):
            raise
        return _say(f"This should not happen: {type(error).__name__}: {error}. Set MONITOR_DEBUG=1 to see where, and report it.", FAILED)
    return code if isinstance(code, int) else 0


def _say(text: str, code: int) -> int:
    print(mask(text), file=sys.stderr)  # noqa: T201 - this is the command line
    return code
