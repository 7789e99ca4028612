"""An SPF record followed through all that it includes, as a receiver does it (RFC 7208); the names are looked up by what is passed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from monitor.doctor.records import Record, Term, read_spf, spf_of

LOOKUPS = 10
"""Names that a receiver looks up for an SPF record at most; what is beyond makes it void."""
_SERVERS = 10
"""Mail servers of a domain that are looked at."""
_ASKING = ("include", "a", "mx", "ptr", "exists")
Texts = Callable[[str], Sequence[str]]
Names = Callable[[str], Sequence[str]]


class VoidSpfError(Exception):
    """Receivers cannot use the record; the message says why, as the rest of a sentence about it."""


class Spf:
    """SPF records; `texts`, `addresses` and `mail_servers` look names up."""

    def __init__(self, texts: Texts, addresses: Names, mail_servers: Names) -> None:
        self._texts, self._addresses, self._mail_servers = texts, addresses, mail_servers
        self.lookups = 0
        """How many names a receiver has to look up at most."""
        self.is_open = False
        """Whether some of it depends on the single mail (macros, ptr), which is not followed here."""

    def excluded(self, domain: str, addresses: Iterable[str]) -> list[str]:
        """Those of `addresses` that the record of `domain` does not let send. Raises VoidSpfError."""
        self.lookups = 0
        self._weigh(domain)
        return [address for address in addresses if self._sign(domain, ip_address(address)) != "+"]

    def _weigh(self, domain: str) -> None:
        """Walk through the whole once, which also shows that it has an end (RFC 7208, 4.6.4)."""
        record = self._record(domain)
        for term in record.terms:
            self.lookups += term.kind in _ASKING
            self.is_open |= term.is_open
            self._stop_where_too_many()
            if term.kind == "include" and not term.is_open:
                self._weigh(term.value)
        if record.redirect:
            self.lookups += 1
            self._stop_where_too_many()
            self._weigh(record.redirect)  # a name with macros in it is not there, which is told

    def _stop_where_too_many(self) -> None:
        if self.lookups > LOOKUPS:
            raise VoidSpfError(f"has receivers look up more than {LOOKUPS} names; include less")

    def _record(self, domain: str) -> Record:
        records = spf_of(self._texts(domain))
        if len(records) != 1:
            has = f"has {len(records)} SPF records" if records else "has no SPF record"
            raise VoidSpfError(f"leads to {domain}, which {has}; take that out, or correct the name")
        record = read_spf(records[0])
        if record.wrong:
            raise VoidSpfError(f"leads to that of {domain}, where nobody understands `{record.wrong}`; take it out")
        return record

    def _sign(self, domain: str, address: IPv4Address | IPv6Address) -> str:
        """What the record says of `address`: the sign of the first term that speaks of it."""
        record = self._record(domain)
        for term in record.terms:
            if not term.is_open and self._speaks_of(address, term, term.value or domain):
                return term.sign
        return self._sign(record.redirect, address) if record.redirect else "?"

    def _speaks_of(self, address: IPv4Address | IPv6Address, term: Term, name: str) -> bool:
        match term.kind:
            case "all":
                return True
            case "include":
                return self._sign(name, address) == "+"
            case "ip4" | "ip6":
                return address in ip_network(name, strict=False)
            case "exists":
                return bool(self._addresses(name))
        hosts = self._mail_servers(name)[:_SERVERS] if term.kind == "mx" else [name]
        bits = term.four if address.version == 4 else term.six  # noqa: PLR2004
        near = ip_network(f"{address}/{bits}", strict=False)
        return any(ip_address(found) in near for host in hosts for found in self._addresses(host))
