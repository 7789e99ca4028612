"""Alerts by webhook: signed JSON, as Standard Webhooks 1.0.0 has it."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from standardwebhooks import Webhook

from monitor.alerts import render
from monitor.alerts.channels.reply import judge_reply, reveal, said, tell
from monitor.alerts.policy import Policy
from monitor.errors import DeliveryError, MonitorError, SecretError
from monitor.model import Alert, Delivery, Reply
from monitor.secret import Secret, mask


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

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The signing secrets, one or two."""
        return self.secret if isinstance(self.secret, tuple) else (self.secret,)


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
            url = reveal(self._settings.url)
            headers = self._headers(f"msg_{delivery.id}", body)
        except SecretError as error:
            raise DeliveryError(str(error), verdict="pause") from None
        tell(transcript, url, headers, self._settings.headers, len(body.encode()))
        try:
            reply = self._post(url, body.encode(), headers)
        except MonitorError as error:
            raise DeliveryError(mask(f"The webhook was not reached: {error}")) from None
        transcript(f"< {reply.status} {said(reply)}".rstrip())
        judge_reply(reply, self._now(), "webhook's receiver")

    def _headers(self, message_id: str, body: str) -> dict[str, str]:
        ours = {"content-type": "application/json"} | sign(
            message_id, self._now(), body, [secret.reveal() for secret in self._settings.secrets]
        )
        theirs = {name: reveal(value) for name, value in self._settings.headers.items() if name.lower() not in ours}
        return theirs | ours


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
