"""Asks the domain name system, within seconds, and tells what is not there from what could not be asked."""

from __future__ import annotations

from typing import Any

import dns.exception
import dns.resolver

from monitor.errors import MonitorError

_SECONDS = 5.0


class LookupFailedError(MonitorError):
    """The domain name system gave no answer."""


class Lookup:
    """Questions to a resolver; by default the one of this machine."""

    def __init__(self, resolver: dns.resolver.Resolver | None = None) -> None:
        self._resolver = resolver or dns.resolver.Resolver()
        self._resolver.lifetime = _SECONDS

    def txt(self, name: str) -> list[str]:
        """The texts of a name. Raises LookupFailedError."""
        return [b"".join(record.strings).decode("utf-8", "replace") for record in self._ask(name, "TXT")]

    def addresses(self, name: str) -> list[str]:
        """The addresses of a name, of both kinds. Raises LookupFailedError."""
        return [record.address for kind in ("A", "AAAA") for record in self._ask(name, kind)]

    def mail_servers(self, name: str) -> list[str]:
        """The names of the servers that take mail for a domain. Raises LookupFailedError."""
        return [record.exchange.to_text(omit_final_dot=True) for record in self._ask(name, "MX")]

    def _ask(self, name: str, kind: str) -> list[Any]:
        try:
            return list(self._resolver.resolve(name, kind, search=False))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, UnicodeError) as error:
            said = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
            raise LookupFailedError(f"The name {name} could not be looked up: {said}.") from None
