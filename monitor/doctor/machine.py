"""What the machine itself must give: secrets that can be read, by the monitor alone, and the rules of time zones."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from monitor.alerts.policy import is_zone
from monitor.config import Config
from monitor.doctor.finding import Finding, Level
from monitor.errors import SecretError
from monitor.secret import Secret

_FOREIGN = 0o026
"""Mode bits by which others read or write a file, or its group writes it."""


def secrets(config: Config) -> Iterator[Finding]:
    """Each secret that the configuration names, once: where it is kept, never what it is (C7, C8, C16)."""
    for secret in dict.fromkeys(_named(config)):
        yield Finding("secrets", *_state(secret))


def _state(secret: Secret) -> tuple[Level, str]:
    try:
        secret.reveal()
        mode = Path(secret.file).stat().st_mode if secret.file else 0
    except (SecretError, OSError) as error:
        return Level.PROBLEM, f"The {error}"
    if mode & _FOREIGN:
        return (
            Level.WARNING,
            f"Others on this machine can read or change the {secret} (mode {mode & 0o777:o}); run chmod 600 on it.",
        )
    return Level.OK, f"The {secret} can be read{', and by nobody else' if secret.file and not mode & 0o077 else ''}."


def _named(value: Any) -> Iterator[Secret]:
    """Every secret within a configuration's dataclasses, mappings and tuples."""
    if isinstance(value, Secret):
        yield value
        return
    parts: Any = ()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = [getattr(value, field.name) for field in dataclasses.fields(value)]
    elif isinstance(value, Mapping):
        parts = value.values()
    elif isinstance(value, tuple):
        parts = value
    for part in parts:
        yield from _named(part)


def clock(config: Config) -> Finding:
    """Whether the rules of the time zones are there, by which digests and quiet hours are told."""
    wanted = sorted({policy.timezone for policy in config.policies().values()})
    if missing := [zone for zone in wanted if not is_zone(zone)]:
        said = f"The time zones {', '.join(missing)} are not known on this machine; install the package tzdata."
        return Finding("clock", Level.PROBLEM, said)
    return Finding("clock", Level.OK, f"The rules of {', '.join(wanted)} are there (time zone data).")
