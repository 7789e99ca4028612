"""The ways an alert can take. Each module here has one channel and its settings; the table below names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from monitor.alerts.channels.console import ConsoleChannel, ConsoleSettings
from monitor.alerts.channels.email import EmailChannel, EmailSettings
from monitor.alerts.channels.webhook import WebhookChannel, WebhookSettings
from monitor.model import Alert, Delivery, Reply

__all__ = [
    "Channel", "ChannelSettings", "ConsoleSettings", "EmailSettings", "Post", "Transcript", "WebhookSettings", "open_channel", "targets",
]  # fmt: skip

ChannelSettings = ConsoleSettings | EmailSettings | WebhookSettings
Post = Callable[[str, bytes, Mapping[str, str]], Reply]
"""Sends bytes to a URL with headers; the only way to the network that a channel gets for HTTP."""
Transcript = Callable[[str], None]
"""Takes one line of the conversation with a receiver; secrets are masked before."""


class Channel(Protocol):
    """A way for alerts to reach somebody."""

    def send(self, alert: Alert, delivery: Delivery, transcript: Transcript) -> None:
        """Hand over one delivery; returns when the receiver has taken it. Raises DeliveryError."""
        ...


def targets(settings: ChannelSettings) -> tuple[str, ...]:
    """The recipients of a channel, each with deliveries of its own; `("",)` where there is but one."""
    return settings.to if isinstance(settings, EmailSettings) else ("",)


def open_channel(settings: ChannelSettings, post: Post) -> Channel:
    """The channel that `settings` describe."""
    match settings:
        case ConsoleSettings():
            return ConsoleChannel()
        case EmailSettings():
            return EmailChannel(settings)
        case WebhookSettings():
            return WebhookChannel(settings, post)
