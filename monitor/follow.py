"""Who wants to hear nothing of which storyline: a wish, checked against the configuration. For the command line and the page."""

from __future__ import annotations

from datetime import datetime

from monitor.alerts.channels import targets
from monitor.config import Config
from monitor.config.shape import nearest
from monitor.errors import MonitorError
from monitor.model import Mute


def wish(config: Config, storyline: str, channel: str = "", to: str = "", until: datetime | None = None) -> Mute:
    """What is asked for: all channels and recipients unless named, and for ever unless there is an end.

    Raises MonitorError when there is no such storyline, channel or recipient.
    """
    known = {s.id for s in config.storylines}
    if storyline not in known:
        raise MonitorError(f"There is no storyline `{storyline}`; {nearest(storyline, known)}")
    if (channel or to) and channel not in config.channels:
        raise MonitorError(f"There is no channel `{channel}`; {nearest(channel, set(config.channels))}")
    if to and to not in targets(config.channels[channel]):
        raise MonitorError(
            f"The channel {channel} has no recipient `{to}`; {nearest(to, set(targets(config.channels[channel])))}"
        )
    return Mute(storyline=storyline, channel=channel, target=to, until=until)


def whom(wish: Mute) -> str:
    """Who is meant, at the beginning of a sentence."""
    return wish.target or (f"The channel {wish.channel}" if wish.channel else "Everybody")
