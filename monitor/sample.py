"""`monitor test-alert`: a sample alert by one channel, with the whole conversation."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime

from monitor.alerts.channels import open_channel, targets
from monitor.alerts.route import deliveries_for, sample_alert
from monitor.config import Config
from monitor.config.shape import nearest
from monitor.errors import DeliveryError, MonitorError
from monitor.feeds.fetch import Gate


def send(channel: str, config: Config, now: datetime, tell: Callable[[str], None]) -> list[str]:
    """Send a sample to each receiver of the channel; returns why those that did not take it did not, in sentences.

    `tell` gets each line of the conversation. Raises MonitorError where there is no such channel.
    """
    if channel not in config.channels:
        raise MonitorError(f"There is no channel `{channel}`; {nearest(channel, set(config.channels))}")
    settings, alert = config.channels[channel], sample_alert(now)
    refused = []
    with closing(Gate(config.fetch)) as gate:
        sender = open_channel(settings, gate.post)
        for delivery in deliveries_for(alert, channel, targets(settings), alert.created_at):
            try:
                sender.send(alert, delivery, tell)
            except DeliveryError as error:
                refused.append(f"{delivery.target}: {error}" if delivery.target else str(error))
    return refused
