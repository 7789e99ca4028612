"""Addresses in a mail that do one thing once: silence a storyline, or follow it no more. Pure.

An address names a delivery and what to do, and is signed, so that nobody can make one up or turn one into another. What it
does is done for the delivery's recipient alone.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from enum import StrEnum

from monitor.model import Delivery

_MAC = 32
"""Letters of the signature: 128 bits."""


class Deed(StrEnum):
    """What an address does."""

    SILENCE = "silence"
    UNFOLLOW = "unfollow"
    FOLLOW = "follow"


@dataclass(frozen=True, slots=True)
class Offer:
    """Something a reader can do by opening an address."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Links:
    """The addresses under `base_url`, signed by `key`."""

    base_url: str
    key: bytes = field(repr=False)

    def offers(self, delivery: Delivery) -> tuple[Offer, ...]:
        """What a message may offer its reader."""
        return (
            Offer("Silence this for 8 hours", self.to(Deed.SILENCE, delivery)),
            Offer("Follow this no more", self.to(Deed.UNFOLLOW, delivery)),
        )

    def to(self, deed: Deed, delivery: Delivery) -> str:
        """The address that does `deed` for the recipient of `delivery`."""
        return f"{self.base_url.rstrip('/')}/links/{token(deed, delivery.id, self.key)}"


def token(deed: Deed, delivery: str, key: bytes) -> str:
    """The part of the address that is signed: letters, digits, dots and dashes."""
    return f"{deed}.{delivery}.{_signature(deed, delivery, key)}"


def read(text: str, key: bytes) -> tuple[Deed, str] | None:
    """What a token asks for, and the id of its delivery; None when it is not ours."""
    deed, _, rest = text.partition(".")
    delivery, _, signature = rest.rpartition(".")
    if deed not in list(Deed) or not hmac.compare_digest(
        signature.encode("utf-8", "replace"), _signature(Deed(deed), delivery, key).encode()
    ):
        return None
    return Deed(deed), delivery


def _signature(deed: Deed, delivery: str, key: bytes) -> str:
    said = f"{deed}\0{delivery}".encode("utf-8", "surrogatepass")
    return hmac.new(key, said, hashlib.sha256).hexdigest()[:_MAC]
