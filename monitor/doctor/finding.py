"""One thing that the doctor looked at, and what there is to do about it."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

SOON = timedelta(days=14)
"""A certificate that ends sooner is told."""


class Level(StrEnum):
    """How a finding is to be taken."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    """Alerts are sent, and may be lost on their way."""
    PROBLEM = "problem"
    """Alerts cannot be sent, or a record of the sender's is void."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is, in a sentence, and what to do in another."""

    subject: str
    level: Level
    said: str


def certificate(subject: str, host: str, shown: Mapping[str, Any], now: datetime) -> Finding:
    """What to say of a certificate that was found good; `shown` is what `ssl` tells of it."""
    ends_at = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)
    told = f"The certificate of {host}, by {_issuer(shown)}, "
    if ends_at - now < SOON:
        return Finding(subject, Level.WARNING, f"{told}ends on {ends_at:%-d %B %Y}; have it renewed.")
    return Finding(subject, Level.OK, f"{told}is good until {ends_at:%-d %B %Y}.")


def _issuer(shown: Mapping[str, Any]) -> str:
    names = {kind: text for part in shown.get("issuer", ()) for kind, text in part}
    return str(names.get("organizationName") or names.get("commonName") or "an authority without a name")
