"""Asks the domain name system, within seconds, and tells what is not there from what could not be asked."""

from __future__ import annotations

import time
from typing import Any

import dns.exception
import dns.resolver
import dns.reversename

from monitor.errors import MonitorError

_ANSWER, _ALL = 5.0, 30.0
"""Seconds that one answer may take, and all of them together."""


class LookupFailedError(MonitorError):
    """The domain name system gave no answer."""


class Lookup:
    """Questions to a resolver, each asked once; by default the resolver of this machine. Each method raises LookupFailedError."""

    def __init__(self, resolver: dns.resolver.Resolver | None = None, seconds: float = _ALL) -> None:
        self._resolver = resolver
        self._left = seconds

    def txt(self, name: str) -> list[str]:
        """The texts of a name."""
        return [b"".join(record.strings).decode("utf-8", "replace") for record in self._ask(name, "TXT")]

    def addresses(self, name: str) -> list[str]:
        """The addresses of a name, of both kinds."""
        return [record.address for kind in ("A", "AAAA") for record in self._ask(name, kind)]

    def mail_servers(self, name: str) -> list[str]:
        """The names of the servers that take mail for a domain; `.` where it says that it takes none."""
        return [record.exchange.to_text(omit_final_dot=True) for record in self._ask(name, "MX")]

    def names_of(self, address: str) -> list[str]:
        """The names that an address goes by."""
        asked = dns.reversename.from_address(address).to_text(omit_final_dot=True)
        return [record.target.to_text(omit_final_dot=True) for record in self._ask(asked, "PTR")]

    def _ask(self, name: str, kind: str) -> list[Any]:
        if self._left <= 0:
            raise LookupFailedError(f"The name {name} was not looked up, since earlier answers took too long.")
        began = time.monotonic()
        try:
            resolver = self._resolver = self._resolver or dns.resolver.Resolver()
            resolver.cache = resolver.cache or dns.resolver.Cache()
            return list(resolver.resolve(name, kind, search=False, lifetime=min(_ANSWER, self._left)))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, UnicodeError) as error:
            said = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
            raise LookupFailedError(f"The name {name} could not be looked up: {said}.") from None
        finally:
            self._left -= time.monotonic() - began
