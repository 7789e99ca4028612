"""A mail channel: whether its server can be reached, trusted and logged in to, and what receivers will think of the sender."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from email.utils import parseaddr
from typing import TYPE_CHECKING

from monitor.alerts.channels import EmailSettings
from monitor.alerts.channels.email import EmailChannel
from monitor.doctor.finding import Finding, Level, certificate
from monitor.doctor.records import LOOKUPS, Spf, judge_dkim, judge_dmarc, judge_spf
from monitor.errors import DeliveryError, MonitorError

if TYPE_CHECKING:
    from monitor.doctor.lookup import Lookup

_LOCAL = re.compile(r"localhost|127\..*|\[?::1\]?|[^.]+|.*\.(?:local|lan|internal|home\.arpa)")
"""Servers of one's own network, of which nothing is published."""


def server(name: str, settings: EmailSettings, now: datetime) -> Iterator[Finding]:
    """Connect, encrypt and log in, once (D5, D6); nothing is sent."""
    try:
        ends_at = EmailChannel(settings).knock()
    except DeliveryError as error:
        yield Finding(name, Level.PROBLEM, str(error))
        return
    if ends_at is not None:
        yield certificate(name, settings.host, ends_at, now)
    elif not _LOCAL.fullmatch(settings.host):
        said = f"Mail goes to {settings.host} in the clear (security: none); set security to starttls or tls."
        yield Finding(name, Level.WARNING, said)
    how = "takes the login" if settings.username else "asks for no login"
    yield Finding(name, Level.OK, f"{settings.host} can be reached and {how}.")


def domain(name: str, settings: EmailSettings, lookup: Lookup, dkim_selector: str = "") -> Iterator[Finding]:
    """What the sender's domain publishes, as receivers look at it."""
    sender = parseaddr(settings.sender)[1].rpartition("@")[2]
    if _LOCAL.fullmatch(sender):
        said = f"Mail from {sender} cannot be answered or checked outside of your network; write an address of a domain of yours under `from`."
        yield Finding(name, Level.NOTE, said)
        return
    try:
        yield from _spf(name, sender, settings.host, lookup)
        yield judge_dmarc(name, sender, _dmarc(sender, lookup))
        yield from _dkim(name, sender, dkim_selector, lookup)
        if not (lookup.mail_servers(sender) or lookup.addresses(sender)):
            said = (
                f"{sender} takes no mail (no MX), so that bounces are lost and some receivers refuse it; publish one."
            )
            yield Finding(name, Level.WARNING, said)
    except MonitorError as error:
        yield Finding(name, Level.WARNING, str(error))


def _spf(name: str, sender: str, host: str, lookup: Lookup) -> Iterator[Finding]:
    found = judge_spf(name, sender, host, lookup.txt(sender))
    yield found
    if found.level is not Level.OK:
        return
    spf = Spf(lookup.txt, lookup.addresses, lookup.mail_servers)
    covered = spf.covers(sender, lookup.addresses(host))
    if spf.lookups > LOOKUPS:
        said = f"The SPF record of {sender} has receivers look up more than {LOOKUPS} names, which makes it void; shorten it."
        yield Finding(name, Level.PROBLEM, said)
    elif not covered and not _LOCAL.fullmatch(host):
        said = (
            f"The SPF record of {sender} does not name the addresses of {host}. If mail leaves from there, add a:{host} to it; "
            "many providers send from other machines, and tell what to include."
        )
        yield Finding(name, Level.NOTE, said)


def _dmarc(sender: str, lookup: Lookup) -> list[str]:
    """The domain's own texts, else those of the domain above it."""
    own = lookup.txt(f"_dmarc.{sender}")
    above = sender.partition(".")[2]
    return own or (lookup.txt(f"_dmarc.{above}") if "." in above else [])


def _dkim(name: str, sender: str, selector: str, lookup: Lookup) -> Iterator[Finding]:
    if selector:
        key = f"{selector}._domainkey.{sender}"
        yield judge_dkim(name, key, lookup.txt(key))
    else:
        said = "Signatures (DKIM) are made by the mail server: send a `monitor test-alert`, and look for dkim=pass in what arrives."
        yield Finding(name, Level.NOTE, said)
