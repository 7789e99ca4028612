"""A real name server on loopback, which answers what the test publishes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from monitor.doctor.lookup import Lookup


class NameServer:
    """Answers over UDP; names it does not know are not there, and `broken` ones fail."""

    def __init__(self) -> None:
        self.published: dict[tuple[str, str], list[str]] = {}
        self.broken: set[str] = set()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def publish(self, name: str, kind: str, *values: str) -> None:
        self.published[name, kind] = [f'"{value}"' if kind == "TXT" else value for value in values]

    def close(self) -> None:
        self._socket.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            packet, sender = self._socket.recvfrom(4096)
            if not packet:
                return
            with suppress(Exception):
                self._socket.sendto(self._answer(dns.message.from_wire(packet)).to_wire(), sender)

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        values = self.published.get((name, kind))
        if name in self.broken:
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif values:
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *values))
        elif not any(known == name for known, _ in self.published):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply


@pytest.fixture
def names() -> Iterator[NameServer]:
    server = NameServer()
    yield server
    server.close()


@pytest.fixture
def lookup(names: NameServer) -> Lookup:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], names.port
    return Lookup(resolver)
