"""Alerts by webhook: signed JSON, as Standard Webhooks 1.0.0 has it."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal
from urllib.parse import urlsplit

from standardwebhooks import Webhook

from monitor.alerts import render
from monitor.alerts.policy import Policy
from monitor.errors import DeliveryError, MonitorError, SecretError
from monitor.model import Alert, Delivery, Reply
from monitor.secret import Secret, mask

_GONE = 410
_THROTTLES = (429, 502, 503, 504)
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
    policy: Policy = field(default_factory=Policy)
    """When its readers want to hear of alerts."""


class WebhookChannel:
    """Signs and posts deliveries; `post` is the way out, `now` the time that a signature is good for."""

    def __init__(
        self,
        settings: WebhookSettings,
        post: Callable[[str, bytes, Mapping[str, str]], Reply],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._post = post
        self._now = now

    def send(self, alert: Alert, delivery: Delivery, transcript: Callable[[str], None]) -> None:
        """Post one delivery; 2xx alone means that it was taken (D12-D19)."""
        body = json.dumps(render.payload(alert), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        try:
            url = _reveal(self._settings.url)
            headers = self._headers(f"msg_{delivery.id}", body)
        except SecretError as error:
            raise DeliveryError(str(error), verdict="pause") from None
        self._tell(transcript, url, headers, len(body.encode()))
        try:
            reply = self._post(url, body.encode(), headers)
        except MonitorError as error:
            raise DeliveryError(mask(f"The webhook was not reached: {error}")) from None
        transcript(f"< {reply.status} {_said(reply)}".rstrip())
        judge_reply(reply, self._now())

    def _headers(self, message_id: str, body: str) -> dict[str, str]:
        secrets = self._settings.secret if isinstance(self._settings.secret, tuple) else (self._settings.secret,)
        ours = {"content-type": "application/json"} | sign(
            message_id, self._now(), body, [secret.reveal() for secret in secrets]
        )
        theirs = {name: _reveal(value) for name, value in self._settings.headers.items() if name.lower() not in ours}
        return theirs | ours

    def _tell(self, transcript: Callable[[str], None], url: str, headers: Mapping[str, str], size: int) -> None:
        """Show the request: of the address no more than its host, since the rest may be as good as a password."""
        transcript(mask(f"> POST {urlsplit(url).scheme}://{urlsplit(url).hostname}/... ({size} bytes)"))
        for name, value in headers.items():
            transcript(f"> {name}: {'...' if name in self._settings.headers else value}")


def sign(message_id: str, now: datetime, body: str, secrets: list[str]) -> dict[str, str]:
    """The three headers of Standard Webhooks; with two secrets two signatures, so that a change leaves no gap (D21)."""
    if not all(map(is_signing_secret, secrets)):
        raise DeliveryError(
            "The webhook's secret is not whsec_ and 24 to 64 bytes in base64; ask the receiver for it.", verdict="pause"
        )
    signatures = [Webhook(secret).sign(message_id, now, body) for secret in secrets]
    stamp = str(int(now.timestamp()))  # D22: of this try
    return {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": " ".join(signatures)}


def is_signing_secret(text: str) -> bool:
    """Whether `text` is a Standard Webhooks secret: `whsec_` (or nothing) and base64 of 24 to 64 bytes."""
    try:
        return 24 <= len(base64.b64decode(text.removeprefix("whsec_"), validate=True)) <= 64  # noqa: PLR2004
    except (ValueError, binascii.Error):
        return False


def judge_reply(reply: Reply, now: datetime) -> None:
    """Return when the receiver took it; else raise the DeliveryError that says what follows."""
    if 200 <= reply.status < 300:  # noqa: PLR2004
        return
    if reply.status == _GONE:
        raise DeliveryError(
            "The webhook's receiver says that it is gone (410); the channel is off until you resume it.",
            verdict="disable",
        )
    after = _retry_after(reply.headers, now) if reply.status in _THROTTLES else None
    raise DeliveryError(
        f"The webhook's receiver answered {reply.status} instead of 2xx: {_said(reply)}".rstrip(": ") + ".", after=after
    )


def _retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long the receiver wants to be left alone: seconds, or a date by its own clock; None when it named neither."""
    value = headers.get("retry-after", "").strip()
    try:
        if value.isascii() and value.isdigit():
            return timedelta(seconds=min(int(value[:9]), _LONGEST_WAIT.total_seconds()))
        wait = _date(value) - (_date(headers["date"]) if "date" in headers else now)
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, timedelta(0)), _LONGEST_WAIT)


def _date(value: str) -> datetime:
    parsed = parsedate_to_datetime(value)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _said(reply: Reply) -> str:
    return render.line(mask(reply.body[:2_000].decode("utf-8", "replace")), 200).rstrip(".")


def _reveal(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value
