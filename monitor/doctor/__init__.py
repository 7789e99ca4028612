"""Looks over the means to deliver, without sending anything: channels, what the sender's domain publishes, secrets, the store, the clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from monitor.alerts.channels import AlertmanagerSettings, EmailSettings, WebhookSettings
from monitor.config import Config
from monitor.doctor import machine, mail, storage, web
from monitor.doctor.finding import Finding, Level

if TYPE_CHECKING:
    from monitor.doctor.lookup import Lookup

__all__ = ["Finding", "Level", "examine"]


def examine(config: Config, lookup: Lookup, now: datetime, dkim_selector: str = "") -> Iterator[Finding]:
    """Every finding on `config`, channel by channel, as it is found; DNS of senders is asked by `lookup`."""
    logins: dict[object, str] = {}
    for name, settings in config.channels.items():
        match settings:
            case EmailSettings():
                login = (settings.host, settings.port, settings.security, settings.username, settings.password)
                if (first := logins.setdefault(login, name)) == name:
                    yield from mail.server(name, settings, now)
                else:  # D6: a wrong password tried once a channel would lock the account
                    said = f"Its mail server and login are those of the channel {first}, and were not tried again."
                    yield Finding(name, Level.NOTE, said)
                yield from mail.domain(name, settings, lookup, dkim_selector)
            case WebhookSettings() | AlertmanagerSettings():
                yield from web.receiver(name, settings, config.fetch, now)
            case _:
                said = "There is nothing to look at before an alert is sent; try `monitor test-alert`."
                yield Finding(name, Level.OK, said)
    yield from machine.secrets(config)
    yield from storage.store(config)
    yield machine.clock(config)
