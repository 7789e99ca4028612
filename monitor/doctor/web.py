"""A receiver of posts: whether it is there, may be contacted and can be trusted, and what signs the posts. Nothing is posted."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import SplitResult, urlsplit

from monitor.alerts.channels import AlertmanagerSettings, WebhookSettings
from monitor.alerts.channels.reply import reveal
from monitor.alerts.channels.webhook import is_signing_secret
from monitor.doctor.finding import Finding, Level, certificate
from monitor.errors import SecretError, plainly
from monitor.feeds.address import Policy
from monitor.feeds.settings import FetchSettings

_PATIENCE = 10.0
"""Seconds that each address may take to answer."""


def receiver(
    name: str, settings: WebhookSettings | AlertmanagerSettings, fetch: FetchSettings, now: datetime
) -> Iterator[Finding]:
    """Look the host up, judge its addresses as the gate does, connect, and look at its certificate and at the signing secret."""
    try:
        if isinstance(settings, WebhookSettings):
            yield _signing(name, settings)
        parts = urlsplit(reveal(settings.url))
    except SecretError as error:
        yield Finding(name, Level.PROBLEM, f"The {error}")
        return
    host, port = parts.hostname or "", _port(parts)
    try:
        found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        permitted = list(filter(Policy(fetch.allow_networks).permits, found))
        if not permitted:
            said = f"{host} leads to a private address, which is refused; allow its network by fetch: {{allow_networks: [...]}}."
            yield Finding(name, Level.PROBLEM, said)
            return
        with _connected(permitted, port) as connection:
            yield from _encrypted(name, parts, connection, fetch, now)
        yield Finding(name, Level.OK, f"{host} can be reached; nothing was posted. `monitor test-alert {name}` does.")
    except ssl.SSLCertVerificationError as error:
        yield Finding(name, Level.PROBLEM, f"{host} has a certificate that cannot be trusted: {plainly(error)}.")
    except ssl.SSLError as error:
        yield Finding(name, Level.PROBLEM, f"{host} does not speak TLS at port {port}: {plainly(error)}.")
    except (OSError, UnicodeError) as error:
        yield Finding(name, Level.PROBLEM, f"{host} cannot be reached at port {port}: {plainly(error)}.")


def _signing(name: str, settings: WebhookSettings) -> Finding:
    """Whether what signs the posts is what Standard Webhooks takes for that. Raises SecretError."""
    for secret in settings.secrets:
        if not is_signing_secret(secret.reveal()):
            said = f"What the {secret} holds is not a signing secret (whsec_ and 24 to 64 bytes in base64); ask the receiver for it."
            return Finding(name, Level.PROBLEM, said)
    return Finding(name, Level.OK, "Posts can be signed; whether the receiver knows the secret shows when one is sent.")


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _connected(addresses: list[str], port: int) -> socket.socket:
    """A connection to the first that answers, as the gate does it. Raises the last one's OSError."""
    for address in addresses[:-1]:
        try:
            return socket.create_connection((address, port), timeout=_PATIENCE)
        except OSError:
            continue
    return socket.create_connection((addresses[-1], port), timeout=_PATIENCE)


def _encrypted(
    name: str, parts: SplitResult, connection: socket.socket, fetch: FetchSettings, now: datetime
) -> Iterator[Finding]:
    host = parts.hostname or ""
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=fetch.ca_file or None)
        with context.wrap_socket(connection, server_hostname=host) as inside:
            yield certificate(name, host, inside.getpeercert() or {}, now)
    else:
        yield from unencrypted(name, host, connection.getpeername()[0])


def unencrypted(name: str, host: str, address: str) -> Iterator[Finding]:
    """What to say of plain http: nothing inside one's own network."""
    if Policy().permits(address):
        said = f"Posts to {host} cross the internet in the clear; write https:// if it can."
        yield Finding(name, Level.WARNING, said)
