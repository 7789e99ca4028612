"""A small world in a network namespace of its own: every forbidden range is this machine, and so are its name server and its web.

Run by test_addresses.py as `unshare -n -m python -m tests.hostile.inside SCENARIO`; prints what happened as JSON.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import trustme

from tests.hostile.ranges import RANGES
from tests.hostile.spellings import PUBLIC

PUBLIC6 = "2606:2800:220:1::1"
CLOSED, CLOSED6 = "203.2.218.35", "2606:2800:221:1::3"
"""Public addresses where nobody listens."""
DEAF, DEAF6 = "93.184.216.36", tuple(f"2606:2800:220:1::2:{number}" for number in range(6))
"""Public addresses that do not answer at all."""
RSS = b"<?xml version='1.0'?><rss version='2.0'><channel><title>Herald</title><item><guid>1</guid><title>Dam</title></item></channel></rss>"


_FORBIDDEN = tuple(map(ip_network, RANGES))


def is_forbidden(address: str) -> bool:
    """Whether an address is in one of the ranges; what is carried inside an IPv6 address does not count here."""
    return any(ip_address(address) in network for network in _FORBIDDEN)


def prepare(folder: Path) -> None:
    """Make every range this machine's, and have its resolver ask us."""
    networks = [network for network in RANGES if network not in ("127.0.0.1/32", "127.0.0.0/8", "::/128", "::1/128")]
    commands = [
        f"route replace local {network} dev lo" for network in (*networks, "93.184.216.0/24", "2606:2800:220::/48")
    ]
    commands += [f"address add {address}/128 dev lo nodad" for address in (PUBLIC6, *DEAF6)]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(["link set lo up", *commands]), text=True, check=True)
    for name, content in {
        "resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:2\n",
        "nsswitch.conf": "hosts: files dns\n",
    }.items():
        (folder / name).write_text(content)
        subprocess.run(["mount", "--bind", folder / name, f"/etc/{name}"], check=True)


@dataclass
class Names:
    """What our name server says: (name, type) -> its answers one after the other, the last one for ever."""

    records: dict[tuple[str, str], list[list[str]]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, name: str, *answers: list[str]) -> str:
        """Have a name answer so, in turn; addresses of both families may be mixed. Returns the name."""
        self.records[name, "A"] = [[address for address in answer if ":" not in address] for answer in answers]
        self.records[name, "AAAA"] = [[address for address in answer if ":" in address] for answer in answers]
        return name

    def answer(self, query: dns.message.Message) -> dns.message.Message | None:
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        if name in self.silent:
            return None
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        owner = question.name
        while name in self.aliases:
            reply.answer.append(dns.rrset.from_text(owner, 0, "IN", "CNAME", self.aliases[name] + "."))
            name = self.aliases[name]
            owner = dns.name.from_text(name)
        answers = self.records.get((name, kind))
        if name in self.broken:
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif answers is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif addresses := answers[min(self.asked[name, kind], len(answers) - 1)]:
            reply.answer.append(dns.rrset.from_text(owner, 0, "IN", kind, *addresses))
        self.asked[name, kind] += 1
        return reply

    def serve(self) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 53))

        def run() -> None:
            while True:
                packet, sender = sock.recvfrom(4096)
                with suppress(Exception):
                    if (reply := self.answer(dns.message.from_wire(packet))) is not None:
                        sock.sendto(reply.to_wire(), sender)

        threading.Thread(target=run, daemon=True).start()


@dataclass
class Site:
    """Takes every connection to this machine, wherever it leads, and counts it by its destination."""

    taken: Counter[str] = field(default_factory=Counter)
    hosts: list[str] = field(default_factory=list)
    """What each request named as its host."""
    server_names: list[str | None] = field(default_factory=list)
    authority: trustme.CA = field(default_factory=trustme.CA)

    @property
    def forbidden(self) -> dict[str, int]:
        return {address: n for address, n in self.taken.items() if is_forbidden(address)}

    def serve(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert("public.test").configure_cert(context)
        context.sni_callback = lambda _sock, name, _context: self.server_names.append(name)
        for port, tls in ((80, None), (8080, None), (443, context)):
            for host in ("0.0.0.0", "::"):
                self.listen(host, port, tls)

    def listen(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=256)
        threading.Thread(target=self._run, args=(listener, tls), daemon=True).start()

    def _run(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        while True:
            connection, _ = listener.accept()
            address = str(ip_address(connection.getsockname()[0].partition("%")[0]))
            self.taken[address] += 1
            with connection, suppress(OSError):
                connection.settimeout(2)
                if address in (PUBLIC, PUBLIC6):
                    if tls is None:
                        self._talk(connection)
                    else:
                        with tls.wrap_socket(connection, server_side=True) as wrapped:
                            self._talk(wrapped)

    def _talk(self, connection: socket.socket) -> None:
        """`/to/HEX` redirects to what the digits stand for; anything else is a feed."""
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65_536) or b"\r\n\r\n"
        self.hosts += [
            line[5:].strip().decode("latin-1") for line in head.split(b"\r\n") if line.lower().startswith(b"host:")
        ]
        path = head.split(b" ")[1].decode()
        start = b"HTTP/1.1 200 OK\r\n"
        if re.fullmatch("/to/([0-9a-f]{2})+", path):
            start = b"HTTP/1.1 302 Found\r\nLocation: " + bytes.fromhex(path[4:]) + b"\r\n"
        connection.sendall(start + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(RSS) + RSS)


@dataclass
class Place:
    """Where a scenario happens."""

    names: Names
    site: Site
    tried: list[str] = field(default_factory=list)
    """Addresses to which a connection was begun in Python, as its own audit tells."""

    @property
    def astray(self) -> list[str]:
        return sorted({address for address in self.tried if is_forbidden(address)})


@contextmanager
def place() -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        made = Place(Names(), Site())
        made.names.serve()
        made.site.serve()

        def audit(event: str, arguments: tuple[Any, ...]) -> None:
            if event == "socket.connect":
                made.tried.append(str(ip_address(arguments[1][0].partition("%")[0])))

        sys.addaudithook(audit)
        yield made


def main(scenarios: dict[str, Callable[[Place], object]]) -> None:
    with place() as made:
        sys.stdout.write(json.dumps(scenarios[sys.argv[1]](made)))
