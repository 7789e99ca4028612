"""The table of channels: settings in, channel out, each recipient with deliveries of its own."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from monitor.alerts.channels import (
    ChannelSettings,
    ConsoleSettings,
    EmailSettings,
    WebhookSettings,
    open_channel,
    targets,
)
from monitor.alerts.channels.console import ConsoleChannel
from monitor.alerts.channels.email import EmailChannel
from monitor.alerts.channels.webhook import WebhookChannel
from monitor.model import Reply
from monitor.secret import Secret

CONSOLE = ConsoleSettings(type="console")
EMAIL = EmailSettings(
    type="email", host="mail.example", sender="monitor@desk.example", to=("ann@desk.example", "bob@desk.example")
)
WEBHOOK = WebhookSettings(type="webhook", url="https://hook.example/", secret=Secret(env="HOOK_SECRET"))


def no_post(_url: str, _body: bytes, _headers: Mapping[str, str]) -> Reply:
    raise AssertionError("opening a channel sends nothing")


@pytest.mark.parametrize(
    ("settings", "channel", "recipients"),
    [
        (CONSOLE, ConsoleChannel, ("",)),
        (EMAIL, EmailChannel, ("ann@desk.example", "bob@desk.example")),
        (WEBHOOK, WebhookChannel, ("",)),
    ],
)
def test_settings_become_the_channel_they_describe(
    settings: ChannelSettings, channel: type, recipients: tuple[str, ...]
) -> None:
    assert isinstance(open_channel(settings, no_post), channel)
    assert targets(settings) == recipients
