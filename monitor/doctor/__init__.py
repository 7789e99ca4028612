"""Looks over the means to deliver, without sending anything: mail servers, what the sender's domain publishes, webhooks, the store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from monitor.alerts.channels import AlertmanagerSettings, EmailSettings, WebhookSettings
from monitor.config import Config
from monitor.doctor import mail, storage, web
from monitor.doctor.finding import Finding, Level

if TYPE_CHECKING:
    from monitor.doctor.lookup import Lookup

__all__ = ["Finding", "Level", "examine"]


def examine(config: Config, lookup: Lookup, now: datetime, dkim_selector: str = "") -> Iterator[Finding]:
    """Every finding on `config`, channel by channel, as it is found; DNS is asked by `lookup`."""
    for name, settings in config.channels.items():
        match settings:
            case EmailSettings():
                yield from mail.server(name, settings, now)
                yield from mail.domain(name, settings, lookup, dkim_selector)
            case WebhookSettings() | AlertmanagerSettings():
                yield from web.receiver(name, settings.url, config.fetch, now)
            case _:
                yield Finding(
                    name, Level.OK, "There is nothing to look at before an alert is sent; try `monitor test-alert`."
                )
    yield from storage.store(config)
