"""What a shell may complete: ids of storylines, channels, recipients and deliveries, by the configuration and the store.

Asked at every press of the key, so that what is wrong completes nothing, and says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from monitor.config import Config

Completion = tuple[str, str]
"""A value, and what some shells say beside it."""
_DELIVERIES = 200


def storylines(ctx: typer.Context, incomplete: str) -> list[Completion]:
    """Ids of storylines, with their titles."""
    return [(s.id, s.title) for config in _config(ctx) for s in config.storylines if s.id.startswith(incomplete)]


def channels(ctx: typer.Context, incomplete: str) -> list[Completion]:
    """Names of channels, with their types."""
    named = ((name, settings.type) for config in _config(ctx) for name, settings in config.channels.items())
    return [(name, kind) for name, kind in named if name.startswith(incomplete)]


def recipients(ctx: typer.Context, incomplete: str) -> list[Completion]:
    """Recipients of the channel that is named before, or of all."""
    from monitor.alerts.channels import targets  # noqa: PLC0415 - only while completing

    chosen = ctx.params.get("channel")
    found = [
        (target, name)
        for config in _config(ctx)
        for name, settings in config.channels.items()
        if chosen in (None, "", name)
        for target in targets(settings)
    ]
    return [(target, name) for target, name in found if target and target.startswith(incomplete)]


def undelivered(ctx: typer.Context, incomplete: str) -> list[Completion]:
    """Ids of deliveries that `monitor retry` can queue again, the latest first, with what was said of them."""
    from monitor.cli.look import opened  # noqa: PLC0415
    from monitor.errors import MonitorError  # noqa: PLC0415
    from monitor.model import DeliveryState  # noqa: PLC0415
    from monitor.store import views  # noqa: PLC0415

    found: list[Completion] = []
    with suppress(MonitorError):
        for config in _config(ctx):
            with opened(config) as store, store.read() as tx:
                for state in (DeliveryState.DEAD, DeliveryState.FAILED):
                    found += [(view["id"], view["error"]) for view in views.listed(tx, _DELIVERIES, state)]
    return [(identifier, said) for identifier, said in found if identifier.startswith(incomplete)]


def states() -> list[str]:
    """The states of deliveries."""
    from monitor.model import DeliveryState  # noqa: PLC0415

    return list(DeliveryState)


def judgements() -> list[str]:
    """What a person can say of an entry."""
    from monitor.model import Judgement  # noqa: PLC0415

    return list(Judgement)


def _config(ctx: typer.Context) -> Iterator[Config]:
    """The configuration that is named, or that is found; none where it is wrong."""
    from monitor.config import find, load  # noqa: PLC0415
    from monitor.errors import MonitorError  # noqa: PLC0415

    named = ctx.params.get("config")
    with suppress(MonitorError):
        yield load(find(Path(named) if named else None))
