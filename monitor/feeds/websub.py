"""WebSub (W3C recommendation of 2018): a hub tells of a feed's changes as they happen. What is said to it and by it; pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlencode

from monitor.model import Subscription

LEASE = timedelta(days=10)
"""How long a subscription lasts where the hub does not say; it is asked for so long, too."""
LONGEST, SHORTEST = timedelta(days=30), timedelta(minutes=5)
PENDING = timedelta(hours=1)
"""How long a hub has for its verification of what was asked; then it is asked again, later each time."""
_METHODS = ("sha1", "sha256", "sha384", "sha512")


def request(subscription: Subscription, base_url: str) -> bytes:
    """The form that asks a hub to tell of changes at an address under `base_url` (section 5.1)."""
    form = {
        "hub.mode": "subscribe",
        "hub.topic": subscription.topic,
        "hub.callback": f"{base_url}/websub/{subscription.token}",
        "hub.lease_seconds": str(int(LEASE.total_seconds())),
    }
    return urlencode(form | ({"hub.secret": subscription.secret} if subscription.secret else {})).encode()


def is_signed(subscription: Subscription, header: str, body: bytes) -> bool:
    """Whether `body` was signed by who knows the secret: `X-Hub-Signature: method=hex` (section 7.1)."""
    method, _, told = header.strip().partition("=")
    if not subscription.secret or method not in _METHODS:
        return False
    right = hmac.new(subscription.secret.encode(), body, getattr(hashlib, method)).hexdigest()
    return hmac.compare_digest(right.encode(), told.strip().lower().encode("utf-8", "replace"))


def challenge(subscription: Subscription, asked: Mapping[str, str], now: datetime) -> str | None:
    """What answers a hub's verification; None where nothing like it was asked for (section 5.3)."""
    pending = subscription.asked_at is not None and now - subscription.asked_at <= PENDING
    meant = asked.get("hub.mode") == "subscribe" and asked.get("hub.topic") == subscription.topic
    return asked.get("hub.challenge", "") or None if pending and meant else None


def lease(told: str) -> timedelta:
    """How long a subscription lasts by what the hub says."""
    seconds = int(told) if told.isascii() and told.isdigit() and len(told) < 10 else 0  # noqa: PLR2004
    return min(max(timedelta(seconds=seconds), SHORTEST), LONGEST) if seconds else LEASE
