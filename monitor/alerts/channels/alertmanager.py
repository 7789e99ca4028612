"""Alerts to a Prometheus Alertmanager, which groups, silences and passes them on with all the others that it has."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from monitor.alerts import render
from monitor.alerts.channels.reply import judge_reply, reveal, said, tell
from monitor.alerts.policy import Policy
from monitor.errors import DeliveryError, MonitorError, SecretError
from monitor.model import Alert, Delivery, Reply
from monitor.secret import Secret, mask


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerSettings:
    """Posts alerts to an Alertmanager."""

    type: Literal["alertmanager"]
    url: str | Secret
    """Where it is, such as `http://127.0.0.1:9093`; alerts go to /api/v2/alerts below it."""
    resolve_after: timedelta = timedelta(hours=1)
    """How long an alert counts as firing there: what happened in the news does not end by itself."""
    headers: Mapping[str, str | Secret] = field(default_factory=dict)
    """Headers of your own, such as `Authorization`."""
    policy: Policy = field(default_factory=Policy)
    """When its readers want to hear of alerts."""


class AlertmanagerChannel:
    """Posts deliveries; `post` is the way out, `now` the time by which the receiver's answer is read."""

    def __init__(
        self,
        settings: AlertmanagerSettings,
        post: Callable[[str, bytes, Mapping[str, str]], Reply],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._post = post
        self._now = now

    def send(self, alert: Alert, delivery: Delivery, transcript: Callable[[str], None]) -> None:  # noqa: ARG002 - every channel's shape
        """Post one alert; 2xx alone means that it was taken. The same alert again is the same there, by its labels."""
        body = json.dumps([posted(alert, self._settings.resolve_after)], ensure_ascii=False).encode()
        try:
            url = reveal(self._settings.url).rstrip("/") + "/api/v2/alerts"
            headers = {name: reveal(value) for name, value in self._settings.headers.items()}
        except SecretError as error:
            raise DeliveryError(str(error), verdict="pause") from None
        headers["content-type"] = "application/json"
        tell(transcript, url, headers, self._settings.headers, len(body))
        try:
            reply = self._post(url, body, headers)
        except MonitorError as error:
            raise DeliveryError(mask(f"The Alertmanager was not reached: {error}")) from None
        transcript(f"< {reply.status} {said(reply)}".rstrip())
        judge_reply(reply, self._now(), "Alertmanager")


def posted(alert: Alert, resolve_after: timedelta) -> dict[str, Any]:
    """The alert as Alertmanager's API v2 has it.

    {"labels": {"alertname": "NewsDevelopment" | "NewsUpdate" | ..., "alert": id, "storyline": id, "severity", "reason", "kind", "development"},
     "annotations": {"title", "storyline_title", "summary", "explanation", "outlets"}, "generatorURL": the first report's address,
     "startsAt", "endsAt": RFC 3339}. Empty labels and annotations are left out, as the API wants it.
    """
    alert = render.shown(alert)
    storyline, title = alert.storylines[0] if alert.storylines else ("", "")
    labels = {
        "alertname": f"News{'Development' if alert.kind == 'new' else alert.kind.title()}",
        "alert": alert.id, "storyline": storyline, "severity": alert.severity.value, "reason": alert.reason, "kind": alert.kind.value,
        "development": alert.development,
    }  # fmt: skip
    annotations = {
        "title": alert.title, "storyline_title": title, "summary": alert.summary, "explanation": alert.explanation,
        "outlets": ", ".join(alert.outlets),
    }  # fmt: skip
    link = next((report.url for report in alert.reports if report.url), "")
    return {
        "labels": _filled(labels),
        "annotations": _filled(annotations),
        "startsAt": alert.created_at.astimezone(UTC).isoformat(),
        "endsAt": (alert.created_at + resolve_after).astimezone(UTC).isoformat(),
    } | ({"generatorURL": link} if link else {})


def _filled(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}
