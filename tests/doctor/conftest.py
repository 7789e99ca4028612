"""A real name server on loopback, which answers what the test publishes."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset
import pytest

from monitor.doctor.lookup import Lookup

_PACKET = 512


class NameServer:
    """Answers over UDP and TCP; names it does not know are not there, `broken` ones fail, and `silent` ones are not answered."""

    def __init__(self) -> None:
        self.published: dict[tuple[str, str], list[str]] = {}
        self.broken: set[str] = set()
        self.silent: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self.by_tcp = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", self.port))
        self._threads = [threading.Thread(target=serve) for serve in (self._serve_udp, self._serve_tcp)]
        for thread in self._threads:
            thread.start()

    def publish(self, name: str, kind: str, *values: str) -> None:
        self.published[name, kind] = [_quoted(value) if kind == "TXT" else value for value in values]

    def close(self) -> None:
        self._socket.sendto(b"", ("127.0.0.1", self.port))
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._socket.close()
        self._listener.close()

    def _serve_udp(self) -> None:
        while True:
            packet, sender = self._socket.recvfrom(4096)
            if not packet:
                return
            if reply := self._answer(dns.message.from_wire(packet)):
                self._socket.sendto(_udp(reply), sender)

    def _serve_tcp(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.by_tcp += 1
                with connection:
                    query, _ = dns.query.receive_tcp(connection, time.time() + 5)
                    if reply := self._answer(query):
                        dns.query.send_tcp(connection, reply.to_wire(max_size=65_535))

    def _answer(self, query: dns.message.Message) -> dns.message.Message | None:
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if name in self.silent:
            return None
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


def _quoted(text: str) -> str:
    """A text as a zone file has it, in strings of at most 255 bytes."""
    return " ".join(f'"{text[at : at + 200]}"' for at in range(0, len(text), 200))


def _udp(reply: dns.message.Message) -> bytes:
    """What goes into one packet: the whole, or the mark that there is more (RFC 1035, 4.2.1)."""
    if len(wire := reply.to_wire(max_size=65_535)) <= _PACKET:
        return wire
    reply.answer.clear()
    reply.flags |= dns.flags.TC
    return reply.to_wire()


@pytest.fixture
def names() -> Iterator[NameServer]:
    server = NameServer()
    yield server
    server.close()


@pytest.fixture
def resolver(names: NameServer) -> dns.resolver.Resolver:
    asking = dns.resolver.Resolver(configure=False)
    asking.nameservers, asking.port = ["127.0.0.1"], names.port
    return asking


@pytest.fixture
def lookup(resolver: dns.resolver.Resolver) -> Lookup:
    return Lookup(resolver)
