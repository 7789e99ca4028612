"""The section `channels`, and the names by which feeds and storylines speak of it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from monitor.alerts.channels import (
    AlertmanagerSettings,
    AppriseSettings,
    ChannelSettings,
    ConsoleSettings,
    EmailSettings,
    WebhookSettings,
)
from monitor.config.reading import Path, Plain, shown
from monitor.config.rules import identifier
from monitor.config.shape import fill, nearest

CHANNELS: dict[str, type[ChannelSettings]] = {
    "alertmanager": AlertmanagerSettings,
    "apprise": AppriseSettings,
    "console": ConsoleSettings,
    "email": EmailSettings,
    "webhook": WebhookSettings,
}
_TLS_FROM_THE_START = 465

_check_name = identifier("the name of a channel", "desk-mail")


def read(plain: Plain, raw: Any) -> dict[str, ChannelSettings]:
    """The channels that are right, by name; the console where none is configured."""
    if not isinstance(raw, dict):
        plain.problem(("channels",), "Channels are written as `name: {type: ...}`, one a line.")
        return {}
    if not raw:
        return {"console": ConsoleSettings(type="console")}
    found = {name: _channel(plain, name, settings) for name, settings in raw.items()}
    return {name: settings for name, settings in found.items() if settings is not None}


def check_named(plain: Plain, raw: Any, known: Collection[str], path: Path) -> None:
    """Whether a list of channels, as it is written, names channels that are configured, and any at all."""
    names = raw if isinstance(raw, tuple) else (raw,)
    if not names:
        plain.problem(path, "An empty list of channels would tell nobody; name a channel, or remove the line.")
    for number, name in enumerate(names):
        if isinstance(name, str) and name not in known:
            plain.problem((*path, number), f"There is no channel `{shown(name)}`; {nearest(name, set(known))}")


def _channel(plain: Plain, name: str, raw: Any) -> ChannelSettings | None:
    path: Path = ("channels", name)
    _check_name(plain, name, path)
    kind = raw.get("type") if isinstance(raw, dict) else None
    if not isinstance(kind, str):
        plain.problem(
            (*path, "type"), "The channel has no type; write type: console, email, webhook, apprise or alertmanager."
        )
        return None
    if kind not in CHANNELS:
        plain.problem((*path, "type"), f"`{shown(kind)}` is no type of channel; {nearest(kind, set(CHANNELS))}")
        return None
    settings: ChannelSettings | None = fill(plain, CHANNELS[kind], raw, path)
    if isinstance(settings, EmailSettings):
        _check_login(plain, settings, path)
    return settings


def _check_login(plain: Plain, settings: EmailSettings, path: Path) -> None:
    if bool(settings.username) != bool(settings.password):
        plain.problem(path, "A login needs both `username` and `password`.")
    if settings.username and settings.security == "none":
        said = "With `security: none` the password would travel in the clear; use starttls or tls."
        plain.problem((*path, "security"), said)
    if settings.port == _TLS_FROM_THE_START and settings.security == "starttls":
        plain.warn((*path, "port"), "Mail servers speak tls on port 465; write security: tls, or port: 587.")
