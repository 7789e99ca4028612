"""What a configuration asks for, built whole: all that can fail has happened before anything old is given up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from monitor.alerts.channels import Channel, open_channel
from monitor.alerts.links import Links
from monitor.alerts.notice import Trouble
from monitor.config import Config
from monitor.desk import Rules
from monitor.feeds.fetch import Gate
from monitor.model import Feed
from monitor.store import Connection, Store, feeds, outbox, stories


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a daemon that change with its configuration."""

    config: Config
    rules: Rules
    gate: Gate
    channels: Mapping[str, Channel]
    feeds: Mapping[str, Feed]
    """By URL."""

    @classmethod
    def of(cls, config: Config, key: bytes, complain: Callable[[Trouble], None]) -> Parts:
        """The parts of a configuration; `key` signs the addresses in mails, and `complain` hears of broken templates."""
        gate = Gate(config.fetch)
        signed = Links(config.web.base_url, key) if config.web.base_url else None
        channels = {
            name: open_channel(settings, gate.post, signed, partial(_of_template, complain, name))
            for name, settings in config.channels.items()
        }
        return cls(config, config.rules(), gate, channels, {feed.url: feed for feed in config.feeds})

    def sync(self, store: Store, now: datetime) -> None:
        """Have the store follow what is configured, and nothing else. Raises StoreError."""

        def follow(tx: Connection) -> None:
            feeds.sync(tx, self.config.feeds, now)
            stories.sync(tx, self.config.storylines, now)
            feeds.undo_future(tx, now)
            outbox.drop_channel(tx, list(self.channels))

        store.write(follow)


def _of_template(complain: Callable[[Trouble], None], channel: str, said: str) -> None:
    title = f"A template of the channel {channel} is broken"
    complain(Trouble(subject=f"template {channel}", title=title, said=said, tells_end=False))
