"""The ways an alert can take. Each module here has one channel and its settings; the table below names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from monitor.alerts.channels.alertmanager import AlertmanagerChannel, AlertmanagerSettings
from monitor.alerts.channels.apprise import AppriseChannel, AppriseSettings
from monitor.alerts.channels.console import ConsoleChannel, ConsoleSettings
from monitor.alerts.channels.email import EmailChannel, EmailSettings
from monitor.alerts.channels.webhook import WebhookChannel, WebhookSettings
from monitor.alerts.links import Links
from monitor.alerts.policy import Policy
from monitor.model import Alert, Delivery, Reply

__all__ = [
    "AlertmanagerSettings",
    "AppriseSettings",
    "Channel", "ChannelSettings", "ConsoleSettings", "EmailSettings", "Post", "Transcript", "WebhookSettings", "open_channel", "policy", "targets",
]  # fmt: skip

ChannelSettings = AlertmanagerSettings | AppriseSettings | ConsoleSettings | EmailSettings | WebhookSettings
Post = Callable[[str, bytes, Mapping[str, str]], Reply]
"""Sends bytes to a URL with headers; the only way to the network that a channel gets for HTTP."""
MESSAGES_AN_HOUR = 30
"""More than these nobody reads."""
Complain = Callable[[str], None]
Transcript = Callable[[str], None]
"""Takes one line of the conversation with a receiver; secrets are masked before."""


class Channel(Protocol):
    """A way for alerts to reach somebody."""

    def send(self, alert: Alert, delivery: Delivery, transcript: Transcript) -> None:
        """Hand over one delivery; returns when the receiver has taken it. Raises DeliveryError."""
        ...


def targets(settings: ChannelSettings) -> tuple[str, ...]:
    """The recipients of a channel, each with deliveries of its own; `("",)` where there is but one."""
    match settings:
        case EmailSettings():
            return settings.to
        case AppriseSettings():
            return tuple(settings.urls)
    return ("",)


def policy(settings: ChannelSettings) -> Policy:
    """When the channel's readers want to hear of alerts, with the limit that is usual for people where none is configured."""
    chosen = settings.policy
    usual = MESSAGES_AN_HOUR if isinstance(settings, EmailSettings | AppriseSettings) else 0
    return chosen if chosen.limit is not None else replace(chosen, limit=usual)


def open_channel(
    settings: ChannelSettings, post: Post, links: Links | None = None, complain: Complain = lambda _said: None
) -> Channel:
    """The channel that `settings` describe; its messages have `links` by which readers silence or leave a storyline.

    `complain` is told, in a sentence, of what is wrong with the channel and keeps no alert from being sent.
    """
    match settings:
        case AlertmanagerSettings():
            return AlertmanagerChannel(settings, post)
        case AppriseSettings():
            return AppriseChannel(settings)
        case ConsoleSettings():
            return ConsoleChannel()
        case EmailSettings():
            return EmailChannel(settings, links, complain)
        case WebhookSettings():
            return WebhookChannel(settings, post)
