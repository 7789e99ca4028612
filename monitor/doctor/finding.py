"""One thing that the doctor looked at, and what there is to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

SOON = timedelta(days=14)
"""A certificate that ends sooner is told."""


class Level(StrEnum):
    """How a finding is to be taken."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    """Alerts are sent, and may be lost on their way."""
    PROBLEM = "problem"
    """Alerts cannot be sent."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is, in a sentence, and what to do in another."""

    subject: str
    level: Level
    said: str


def certificate(subject: str, host: str, ends_at: datetime, now: datetime) -> Finding:
    """What to say of a certificate that was found good."""
    until = f"{ends_at:%-d %B %Y}"
    if ends_at - now < SOON:
        return Finding(subject, Level.WARNING, f"The certificate of {host} ends on {until}; have it renewed.")
    return Finding(subject, Level.OK, f"{host} has a good certificate until {until}.")
