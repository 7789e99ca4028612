"""A receiver of posts: whether it is there, may be contacted and can be trusted. Nothing is posted."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlsplit

from monitor.alerts.channels.reply import reveal
from monitor.alerts.channels.smtp import certificate_ends
from monitor.doctor.finding import Finding, Level, certificate
from monitor.errors import SecretError
from monitor.feeds.address import Policy
from monitor.feeds.fetch import FetchSettings
from monitor.secret import Secret

_PATIENCE = 10.0


def receiver(name: str, url: str | Secret, fetch: FetchSettings, now: datetime) -> Iterator[Finding]:
    """Look the host up, judge its addresses as the gate does, connect, and look at its certificate."""
    try:
        parts = urlsplit(reveal(url))
    except SecretError as error:
        yield Finding(name, Level.PROBLEM, str(error))
        return
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        policy = Policy(fetch.allow_networks)
        if not any(map(policy.permits, found)):
            said = f"{host} leads to a private address, which is refused; allow its network by fetch: {{allow_networks: [...]}}."
            yield Finding(name, Level.PROBLEM, said)
            return
        address = next(address for address in sorted(found) if policy.permits(address))
        with socket.create_connection((address, port), timeout=_PATIENCE) as connection:
            ends_at = _ends_at(connection, host, fetch) if parts.scheme == "https" else None
            if ends_at is not None:
                yield certificate(name, host, ends_at, now)
            yield Finding(
                name, Level.OK, f"{host} can be reached; nothing was posted. `monitor test-alert {name}` does."
            )
    except ssl.SSLCertVerificationError as error:
        yield Finding(name, Level.PROBLEM, f"{host} has a certificate that cannot be trusted: {error.verify_message}.")
    except OSError as error:
        yield Finding(name, Level.PROBLEM, f"{host} cannot be reached at port {port}: {error.strerror or error}.")


def _ends_at(connection: socket.socket, host: str, fetch: FetchSettings) -> datetime | None:
    context = ssl.create_default_context(cafile=fetch.ca_file or None)
    with context.wrap_socket(connection, server_hostname=host) as inside:
        return certificate_ends(inside)
