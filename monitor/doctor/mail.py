"""A mail channel: whether its server can be reached, trusted and logged in to, and what receivers will think of the sender."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import datetime
from email.utils import parseaddr
from ipaddress import ip_address
from typing import TYPE_CHECKING

from monitor.alerts.channels import EmailSettings
from monitor.alerts.channels.email import EmailChannel
from monitor.doctor.finding import Finding, Level, certificate
from monitor.doctor.records import LOCAL, dmarc_of, judge_dkim, judge_dmarc, judge_spf, way_out
from monitor.doctor.spf import Spf, VoidSpfError
from monitor.errors import DeliveryError, MonitorError

if TYPE_CHECKING:
    from monitor.doctor.lookup import Lookup

Told = Generator[Finding, None, bool]
"""Findings, and at their end whether all is well."""


def server(name: str, settings: EmailSettings, now: datetime) -> Iterator[Finding]:
    """Connect, encrypt and log in, once (D5, D6); nothing is sent."""
    try:
        shown = EmailChannel(settings).knock()
    except DeliveryError as error:
        yield Finding(name, Level.PROBLEM, str(error))
        return
    if shown is not None:
        yield certificate(name, settings.host, shown, now)
    elif not LOCAL.fullmatch(settings.host):
        said = f"Mail goes to {settings.host} in the clear (security: none); set security to starttls or tls."
        yield Finding(name, Level.WARNING, said)
    how = "takes the login" if settings.username else "is used without a login"
    yield Finding(name, Level.OK, f"{settings.host} can be reached and {how}.")


def domain(name: str, settings: EmailSettings, lookup: Lookup, dkim_selector: str = "") -> Iterator[Finding]:
    """What the sender's domain publishes, as receivers look at it."""
    sender = parseaddr(settings.sender)[1].rpartition("@")[2].lower()
    if LOCAL.fullmatch(sender):
        said = f"Mail from {sender} cannot be answered or checked outside of your network; write an address of a domain of yours under `from`."
        yield Finding(name, Level.NOTE, said)
        return
    passes = ""
    if (yield from _as_far_as_told(name, _spf(name, sender, settings.host, lookup))):
        passes = "Yours passes it by SPF: the addresses under `from` and on the envelope are one."
    if (yield from _as_far_as_told(name, _dkim(name, sender, dkim_selector, lookup))):
        passes = passes or f"Yours passes it where the mail server signs by the key {dkim_selector}."
    for findings in (
        _dmarc(name, sender, passes, lookup), _bounces(name, sender, lookup), _reverse(name, sender, settings.host, lookup),
    ):  # fmt: skip
        yield from _as_far_as_told(name, findings)


def _as_far_as_told(name: str, findings: Told) -> Told:
    """`findings`, and where a look-up fails that it did: what is asked next may well be answered."""
    try:
        return (yield from findings)
    except MonitorError as error:
        yield Finding(name, Level.WARNING, str(error))
        return False


def _spf(name: str, sender: str, host: str, lookup: Lookup) -> Told:
    """The domain's record, and whether it names every public address of `host`."""
    found = judge_spf(name, sender, host, lookup.txt(sender))
    if found.level is not Level.OK:
        yield found
        return False
    spf, addresses = Spf(lookup.txt, lookup.addresses, lookup.mail_servers), _public(host, lookup)
    try:
        excluded = spf.excluded(sender, addresses)
    except VoidSpfError as error:
        yield Finding(name, Level.PROBLEM, f"The SPF record of {sender} is void: it {error}.")
        return False
    yield found
    if not addresses:
        said = f"From where {host} sends cannot be seen, since it has no public address; the SPF record of {sender} must name that."
        yield Finding(name, Level.NOTE, said)
    elif excluded:
        unless = " as far as can be seen, since it depends on the single mail" if spf.is_open else ""
        said = (
            f"The SPF record of {sender} does not name {', '.join(excluded)} of {host}{unless}. If mail leaves from there, add "
            f"{way_out(host)} to it; many providers send from other machines, and tell what to include."
        )
        yield Finding(name, Level.NOTE, said)
    return bool(addresses) and not excluded


def _public(host: str, lookup: Lookup) -> list[str]:
    """The addresses by which the world knows `host`."""
    try:
        found = [str(ip_address(host))]
    except ValueError:
        found = [] if LOCAL.fullmatch(host) else lookup.addresses(host)
    return [address for address in found if ip_address(address).is_global]


def _dkim(name: str, sender: str, selector: str, lookup: Lookup) -> Told:
    """The key that `selector` names, where one is named: the configuration does not know it, since mail servers sign."""
    if not selector:
        said = "Signatures (DKIM) are made by the mail server: send a `monitor test-alert`, and look for dkim=pass in what arrives."
        yield Finding(name, Level.NOTE, said)
        return False
    key = f"{selector}._domainkey.{sender}"
    found = judge_dkim(name, key, lookup.txt(key))
    yield found
    return found.level is Level.OK


def _dmarc(name: str, sender: str, passes: str, lookup: Lookup) -> Told:
    """The domain's own record, else that of the nearest domain above which has one."""
    owner, texts = sender, lookup.txt(f"_dmarc.{sender}")
    while not dmarc_of(texts) and owner.count(".") > 1:
        owner = owner.partition(".")[2]
        texts = lookup.txt(f"_dmarc.{owner}")
    found = judge_dmarc(name, sender, owner, texts, passes)
    yield found
    return found.level is Level.OK


def _bounces(name: str, sender: str, lookup: Lookup) -> Told:
    """Whether what comes back finds a way: the domain's mail servers, else its own address (RFC 5321, 5.1)."""
    servers = lookup.mail_servers(sender)
    if not servers and not lookup.addresses(sender):
        said = f"{sender} takes no mail (no MX), so that bounces are lost and some receivers refuse it. Publish {sender} MX 10 (your mail server)."
    elif servers == ["."]:
        said = f"{sender} says that it takes no mail (MX of a dot), so that bounces are lost and many receivers refuse it; send from another domain."
    elif servers and not any(map(lookup.addresses, servers)):
        said = f"The mail servers of {sender} (MX: {', '.join(servers)}) have no address, so that bounces are lost; correct their names."
    else:
        yield Finding(name, Level.OK, f"Bounces find their way to {', '.join(servers) or sender} (MX).")
        return True
    yield Finding(name, Level.WARNING, said)
    return False


def _reverse(name: str, sender: str, host: str, lookup: Lookup) -> Told:
    """Whether the addresses of the sender's own mail server have names that lead back (PTR); a provider's are the provider's to keep."""
    host = host.lower().rstrip(".")
    if host != sender and not host.endswith(f".{sender}"):
        return True
    wrong = [address for address in _public(host, lookup) if not _leads_back(address, lookup)]
    for address in wrong:
        said = (
            f"The address {address} of {host} has no name that leads back to it (PTR), and large receivers refuse mail from such. "
            f"Have whoever runs the network publish {ip_address(address).reverse_pointer} PTR {host}."
        )
        yield Finding(name, Level.WARNING, said)
    if not wrong:
        yield Finding(name, Level.OK, f"No address of {host} lacks a name that leads back to it (PTR).")
    return not wrong


def _leads_back(address: str, lookup: Lookup) -> bool:
    return any(address in lookup.addresses(name) for name in lookup.names_of(address))
