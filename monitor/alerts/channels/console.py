"""Alerts on the terminal (or in the journal): the first channel anybody has."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from monitor.alerts import render
from monitor.errors import DeliveryError
from monitor.model import Alert, Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSettings:
    """Prints alerts where the monitor runs."""

    type: Literal["console"]


class ConsoleChannel:
    """Writes alerts to standard output: with colours on a terminal, plain elsewhere."""

    def send(self, alert: Alert, delivery: Delivery, transcript: Callable[[str], None]) -> None:  # noqa: ARG002 - every channel's shape
        """Print the alert. Raises DeliveryError when nobody reads any more."""
        from rich.console import Console  # noqa: PLC0415 - only this channel needs it
        from rich.text import Text  # noqa: PLC0415

        console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
        headline, _, rest = render.text(alert).partition("\n")
        story = " · ".join(render.line(title) for _, title in alert.storylines)
        printed = Text.assemble((f"● {headline}", "bold"), ("  " + story, "dim"), "\n", rest.strip())
        try:
            console.print(printed)
            console.print()
            sys.stdout.flush()
        except (OSError, ValueError) as error:
            raise DeliveryError(f"Standard output cannot be written: {error}.") from None
        transcript("printed to standard output")
