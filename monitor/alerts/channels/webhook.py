"""Alerts by webhook: signed JSON as Standard Webhooks 1.0.0 has it."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

from monitor.alerts import render
from monitor.errors import DeliveryError, MonitorError
from monitor.model import Alert, Delivery, Reply
from monitor.secret import Secret, mask

_GONE = 410
_THROTTLE = (429, 502, 503, 504)
_LONGEST_WAIT = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """Posts alerts as signed JSON to an address of yours."""

    type: Literal["webhook"]
    url: str | Secret
    """Where to post; https, or http inside your own network."""
    secret: Secret | tuple[Secret, ...]
    """The signing secret (`whsec_...`); two while you change from an old to a new one."""
    headers: Mapping[str, str | Secret] = field(default_factory=dict)
    """Headers of your own."""


class WebhookChannel:
    """Signs and posts deliveries."""

    def __init__(self, settings: WebhookSettings, post: Callable[[str, bytes, Mapping[str, str]], Reply]) -> None:
        self._settings = settings
        self._post = post

    def send(self, alert: Alert, delivery: Delivery, transcript: Callable[[str], None]) -> None:
        """Post one delivery; 2xx alone means that it was taken (D12-D19)."""
        body = json.dumps(render.payload(alert), ensure_ascii=False, separators=(",", ":")).encode()
        url = _text(self._settings.url)
        headers = {name: _text(value) for name, value in self._settings.headers.items()}
        headers |= {"Content-Type": "application/json"} | self._signed(f"msg_{delivery.id}", body)
        transcript(mask(f"> POST {url} ({len(body)} bytes)"))
        for name, value in headers.items():
            transcript(f"> {name}: {'***' if name in self._settings.headers else value}")
        try:
            reply = self._post(url, body, headers)
        except DeliveryError:
            raise
        except MonitorError as error:
            raise DeliveryError(mask(f"The webhook could not be reached: {error}")) from None
        transcript(f"< {reply.status} {render.line(mask(reply.body.decode('utf-8', 'replace')), 300)}")
        judge_reply(reply)

    def _signed(self, message_id: str, body: bytes) -> dict[str, str]:
        from standardwebhooks import Webhook  # noqa: PLC0415 - only this channel needs it

        now = datetime.now(UTC)  # D22: fresh at each try
        secrets = self._settings.secret if isinstance(self._settings.secret, tuple) else (self._settings.secret,)
        try:
            signatures = [Webhook(secret.reveal()).sign(message_id, now, body.decode()) for secret in secrets]
        except (ValueError, binascii.Error):
            raise DeliveryError(
                "The webhook's secret is not in the form whsec_ and base64; ask the receiver for it.", verdict="pause"
            ) from None
        stamp = str(int(now.timestamp()))
        return {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": " ".join(signatures)}


def judge_reply(reply: Reply, now: datetime | None = None) -> None:
    """Return when the receiver took it; else raise the DeliveryError that says what follows."""
    if 200 <= reply.status < 300:  # noqa: PLR2004
        return
    if reply.status == _GONE:
        raise DeliveryError("The webhook's receiver says it is gone (410); the channel is off until you resume it.", verdict="disable")
    after = _retry_after(reply.headers.get("retry-after", ""), now or datetime.now(UTC)) if reply.status in _THROTTLE else None
    raise DeliveryError(f"The webhook's receiver answered {reply.status} instead of 2xx.", after=after)


def _retry_after(value: str, now: datetime) -> timedelta | None:
    """Seconds or a date, as RFC 9110 has it; None when it is neither."""
    try:
        wait = timedelta(seconds=int(value)) if value.strip().isdigit() else parsedate_to_datetime(value) - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, timedelta(0)), _LONGEST_WAIT)


def is_signing_secret(text: str) -> bool:
    """Whether `text` is a Standard Webhooks secret: `whsec_` (or nothing) and base64 of 24 to 64 bytes."""
    try:
        return 24 <= len(base64.b64decode(text.removeprefix("whsec_"), validate=True)) <= 64  # noqa: PLR2004
    except (ValueError, binascii.Error):
        return False


def _text(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value
