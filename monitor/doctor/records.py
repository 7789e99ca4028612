"""What a domain says of who may send its mail: SPF (RFC 7208), DMARC (RFC 7489) and DKIM keys (RFC 6376), judged."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from ipaddress import ip_address, ip_network

from monitor.doctor.finding import Finding, Level

LOOKUPS = 10
"""Names that a receiver looks up for an SPF record at most; what is beyond makes it void."""
_ASKING = ("include", "a", "mx", "ptr", "exists", "redirect")
_TERM = re.compile(
    r"\+?(?P<kind>include|a|mx|ptr|exists|redirect|ip4|ip6)(?:[:=](?P<value>[^/\s]+))?(?P<range>/[\d/]+)?"
)
Texts = Callable[[str], Sequence[str]]
Addresses = Callable[[str], Sequence[str]]


def spf_of(texts: Sequence[str]) -> list[str]:
    """Those of a name's texts that are SPF records."""
    return [text for text in texts if re.match(r"v=spf1(\s|$)", text, re.IGNORECASE)]


def judge_spf(subject: str, domain: str, host: str, texts: Sequence[str]) -> Finding:
    """What is to be said of a domain's SPF record, as it stands."""
    records = spf_of(texts)
    if not records:
        publish = f'{domain} TXT "v=spf1 a:{host} ~all"'
        said = f"{domain} does not say who may send its mail (SPF). Publish {publish}, or what your mail provider tells you."
        return Finding(subject, Level.WARNING, said)
    if len(records) > 1:
        return Finding(
            subject, Level.PROBLEM, f"{domain} has {len(records)} SPF records, which makes all of them void; leave one."
        )
    last = records[0].split()[-1].lower()
    if last in ("+all", "all"):
        return Finding(
            subject, Level.WARNING, f"The SPF record of {domain} lets everybody send its mail ({last}); end it in ~all."
        )
    if not re.fullmatch(r"[~-]all|redirect=\S+", last):
        return Finding(
            subject, Level.WARNING, f"The SPF record of {domain} does not end in ~all or -all, so it excludes nobody."
        )
    return Finding(subject, Level.OK, f"{domain} says who may send its mail (SPF).")


class Spf:
    """An SPF record followed through all that it includes; `texts` and `addresses` look names up."""

    def __init__(self, texts: Texts, addresses: Addresses, mail_servers: Addresses) -> None:
        self._texts, self._addresses, self._mail_servers = texts, addresses, mail_servers
        self.lookups = 0
        """How many names a receiver has to look up."""

    def covers(self, domain: str, wanted: Collection[str]) -> bool:
        """Whether the record of `domain` lets one of these addresses send."""
        record = next(iter(spf_of(self._texts(domain))), "")
        return any(self._term_covers(term.lower(), domain, wanted) for term in record.split()[1:])

    def _term_covers(self, term: str, domain: str, wanted: Collection[str]) -> bool:
        parts = _TERM.fullmatch(term)
        if parts is None:
            return False
        kind, value = parts["kind"], parts["value"] or domain
        self.lookups += kind in _ASKING
        if self.lookups > LOOKUPS:
            return False
        if kind in ("include", "redirect"):
            return self.covers(value, wanted)
        if kind in ("ip4", "ip6"):
            return any(_within(address, value + (parts["range"] or "")) for address in wanted)
        return not set(self._named(kind, value)).isdisjoint(wanted)

    def _named(self, kind: str, name: str) -> list[str]:
        names = {"a": [name], "mx": self._mail_servers(name) if kind == "mx" else []}.get(kind, [])
        return [address for host in names for address in self._addresses(host)]


def _within(address: str, network: str) -> bool:
    try:
        return ip_address(address) in ip_network(network, strict=False)
    except ValueError:
        return False


def judge_dmarc(subject: str, domain: str, texts: Sequence[str]) -> Finding:
    """What is to be said of the texts at _dmarc of a domain."""
    records = [text for text in texts if re.match(r"v=DMARC1\s*(;|$)", text)]
    if not records:
        publish = f'_dmarc.{domain} TXT "v=DMARC1; p=none; rua=mailto:postmaster@{domain}"'
        said = f"{domain} does not say what is to become of forged mail (DMARC), which large receivers want. Publish {publish}."
        return Finding(subject, Level.WARNING, said)
    if len(records) > 1:
        return Finding(
            subject,
            Level.WARNING,
            f"{domain} has {len(records)} DMARC records, which makes all of them void; leave one.",
        )
    policy = re.search(r";\s*p\s*=\s*(none|quarantine|reject)\b", records[0], re.IGNORECASE)
    if policy is None:
        return Finding(
            subject,
            Level.WARNING,
            f"The DMARC record of {domain} has no policy; write p=none, p=quarantine or p=reject.",
        )
    strict = policy[1].lower() != "none"
    then = (
        f" Mail that is neither signed for {domain} nor sent by whom its SPF names is refused or put aside."
        if strict
        else ""
    )
    return Finding(
        subject, Level.OK, f"{domain} says what is to become of forged mail (DMARC, p={policy[1].lower()}).{then}"
    )


def judge_dkim(subject: str, name: str, texts: Sequence[str]) -> Finding:
    """What is to be said of the texts at a DKIM selector's name."""
    keys = [re.search(r"(?:^|;)\s*p\s*=\s*([A-Za-z0-9+/=\s]*)", text) for text in texts]
    if any(key and key[1].strip() for key in keys):
        return Finding(subject, Level.OK, f"{name} has a key by which receivers check signatures (DKIM).")
    said = "has been withdrawn" if any(keys) else "is not there"
    return Finding(subject, Level.WARNING, f"The key {name} (DKIM) {said}; publish what your mail provider tells you.")
