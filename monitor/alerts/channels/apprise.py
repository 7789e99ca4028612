"""Alerts by Apprise: Slack, Discord, Telegram, ntfy, Teams and a hundred other services, each named by an address of its own.

Apprise sends; that an alert is tried again and never lost is ours. It makes its own connections, so the ranges that the gate to the
network refuses are not refused here: what stands in the configuration is trusted.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal

from monitor.alerts import render
from monitor.alerts.channels.reply import reveal
from monitor.alerts.policy import Policy
from monitor.errors import DeliveryError, SecretError, Verdict
from monitor.model import Alert, Delivery
from monitor.secret import Secret, mask

_CONNECT, _READ = 10.0, 30.0
"""Seconds that a service may take to answer (D8, D17)."""
_STATUS = re.compile(r"\b(?:error|status)[=: ]+(\d{3})\b", re.IGNORECASE)
_LOGIN = ("401", "403")
_TRAPS = re.compile(r"@|<|!(?=\S)|\](?=[(\[:])|:(?=//)|~(?=~~)")
"""What begins a mention, a command, a link, a picture or a block of code in one of the services' markups."""
_MENTIONS = {"@": "%40", "!": "%21"}
"""The same in an address: some services look for names there too."""
_JOINER, _ACCENT = "\u2060", "\u02cb"
_hearing: ContextVar[Callable[[str], None] | None] = ContextVar("hearing", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppriseSettings:
    """Sends alerts to any service that Apprise knows: Slack, Discord, Telegram, ntfy, Teams and many more."""

    type: Literal["apprise"]
    urls: Mapping[str, str | Secret]
    """A name for each receiver, and its Apprise address; one with a password or token in it is named as a secret."""
    policy: Policy = field(default_factory=Policy)
    """When its readers want to hear of alerts."""


class AppriseChannel:
    """Hands each delivery to one service."""

    def __init__(self, settings: AppriseSettings) -> None:
        self._settings = settings

    def send(self, alert: Alert, delivery: Delivery, transcript: Callable[[str], None]) -> None:
        """Send to the service that the delivery's target names; what Apprise says decides what follows."""
        import apprise  # noqa: PLC0415 - only this channel needs it

        try:
            service = open_service(reveal(self._settings.urls[delivery.target]))
        except (SecretError, KeyError) as error:
            raise DeliveryError(f"The address of {delivery.target} is missing: {error}.", verdict="pause") from None
        if service is None:
            raise DeliveryError(f"Apprise does not understand the address of {delivery.target}.", verdict="pause")
        sender = apprise.Apprise(asset=service.asset)
        sender.add(service)
        transcript(f"> {service.service_name}: {render.subject(alert)}")
        with _listening(transcript) as heard:
            taken = sender.notify(
                title=harmless(render.subject(alert)), body=_body(alert), body_format=apprise.NotifyFormat.TEXT
            )
        if not taken:
            raise _refused(str(service.service_name), heard)
        transcript("< taken")


def open_service(url: str) -> Any:
    """The service of an Apprise address, with our bounds on its patience; None where Apprise does not understand it.

    No message gets a picture: its readers would load Apprise's from elsewhere (T10).
    """
    import apprise  # noqa: PLC0415

    asset = apprise.AppriseAsset(app_id="monitor", secure_logging=True, image_url_mask="", image_url_logo="")
    service = apprise.Apprise.instantiate(url, asset=asset)
    if service is not None:
        service.socket_connect_timeout, service.socket_read_timeout = _CONNECT, _READ
    return service


def harmless(text: str) -> str:
    """`text` that calls nobody, links nowhere and swallows nothing in any service's markup (T11).

    An invisible joiner stands in its traps; a backtick becomes the accent that looks like it, since no joiner keeps two of them
    from making code of what lies between.
    """
    return _TRAPS.sub(lambda trap: trap[0] + _JOINER, text).replace("`", _ACCENT)


def _body(alert: Alert) -> str:
    return "\n".join(_address(line) if is_address else harmless(line) for line, is_address in render.brief(alert))


def _address(url: str) -> str:
    """A report's address that calls nobody; it leads where it led."""
    return "".join(_MENTIONS.get(character, character) for character in url)


@contextmanager
def _listening(transcript: Callable[[str], None]) -> Iterator[list[str]]:
    """What Apprise logs of this call, without secrets: it says why only there."""
    heard: list[str] = []

    def hear(said: str) -> None:
        heard.append(said)
        transcript(f"< {said}")

    listening = _hearing.set(hear)
    try:
        yield heard
    finally:
        _hearing.reset(listening)


class _Ear(logging.Handler):
    """Passes what is logged to whoever made the call, on whatever thread Apprise does the work."""

    def emit(self, record: logging.LogRecord) -> None:
        """Hand on one line."""
        if hear := _hearing.get():
            hear(render.line(mask(record.getMessage())))


_logger = logging.getLogger("apprise")
_logger.setLevel(logging.WARNING)  # what it tells in passing may hold parts of an address
_logger.propagate = False  # C16: what it says against an address tells parts of it, and no part is known to be secret
_logger.addHandler(_Ear())


def _refused(service: str, heard: list[str]) -> DeliveryError:
    """A refused login rests the channel (D6); all else is tried again, since Apprise tells little."""
    said = next((line for line in heard if _STATUS.search(line)), heard[-1] if heard else "it gave no reason")
    status = _STATUS.search(said)
    verdict: Verdict = "pause" if status and status[1] in _LOGIN else "retry"
    return DeliveryError(f"{service} did not take the alert: {said.rstrip('.')}.", verdict=verdict)
