"""What is tried in the namespace of inside.py, with the real gate. Each scenario returns what happened."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import IPv4Address
from typing import Any

from monitor.errors import FeedError
from monitor.feeds.fetch import Gate, GateError
from monitor.feeds.settings import FetchSettings
from monitor.model import Feed, FeedState
from tests.hostile.inside import CLOSED, CLOSED6, DEAF, DEAF6, PUBLIC6, Place, main
from tests.hostile.ranges import METADATA, OUT_OF_REACH, RANGES
from tests.hostile.spellings import PUBLIC, embedded, urls

AT_LEAST = 200
THOROUGH = bool(os.environ.get("THOROUGH"))


def gate(*allowed: str, seconds: float = 5, ca_file: str = "") -> Gate:
    return Gate(FetchSettings(allow_networks=allowed, timeout=timedelta(seconds=seconds), ca_file=ca_file))


def reason(way_out: Gate, url: str) -> str:
    """How fetching a feed ended; empty when it was fetched."""
    try:
        way_out.fetch(Feed(url=url), FeedState(url=url, next_poll_at=datetime.now(UTC)))
    except FeedError as error:
        return error.reason
    return ""


def spellings(address: str) -> list[str]:
    """All of them; in the short run a few more than are asked for, of all kinds."""
    every, few = urls(address), AT_LEAST + 5
    return every if THOROUGH else [every[number * len(every) // few] for number in range(few)]


def outcome(place: Place, reasons: Counter[str], **more: object) -> dict[str, Any]:
    return {
        "reasons": reasons,
        "forbidden": place.site.forbidden,
        "astray": place.astray,
        "public": place.site.taken[PUBLIC],
        **more,
    }


def reachable(place: Place) -> dict[str, Any]:
    """The listener takes and counts what comes to any range, whoever comes."""
    for address in RANGES.values():
        with suppress(OSError), socket.create_connection((address, 80), timeout=2):
            pass
    time.sleep(0.2)
    missed = [address for address in RANGES.values() if not _counted(place, address) and address not in OUT_OF_REACH]
    return {"ranges": len(RANGES), "missed": missed}


def _counted(place: Place, address: str) -> bool:
    plain = address.removeprefix("::ffff:") if "." in address else address
    return place.site.taken[{"0.0.0.0": "127.0.0.1", "::": "::1"}.get(plain, plain)] > 0


def direct(place: Place) -> dict[str, Any]:
    """Every spelling of an address in every range, as a feed's own address."""
    way_out = gate()
    reasons = Counter(reason(way_out, url) for address in RANGES.values() for url in spellings(address))
    return outcome(place, reasons, fewest=min(len(spellings(address)) for address in RANGES.values()))


def redirected(place: Place) -> dict[str, Any]:
    """Every spelling as the target of a redirect from a public address; in the short run one in twenty, another one of each range."""
    way_out, reasons = gate(), Counter[str]()
    for number, address in enumerate(RANGES.values()):
        for url in spellings(address)[0 if THOROUGH else number % 20 :: 1 if THOROUGH else 20]:
            reasons[reason(way_out, f"http://{PUBLIC}/to/{url.encode().hex()}")] += 1
    return outcome(place, reasons)


def rebound(place: Place) -> dict[str, Any]:
    """Names that lead to a public address and to a forbidden one, at one time or one after the other."""
    way_out, reasons, number = gate(), Counter[str](), 0
    addresses = [*RANGES.values(), *map(str, embedded(IPv4Address("10.1.2.3")))]
    for address in addresses if THOROUGH else addresses[::4]:
        public = PUBLIC6 if ":" in address else PUBLIC
        number += 1
        turning = place.names.add(f"turning{number}.test", *[[public], [address]] * 3)
        turned = place.names.add(f"turned{number}.test", [address], [public], [address])
        mixed = place.names.add(f"mixed{number}.test", [address, public])
        closed = place.names.add(f"closed{number}.test", [CLOSED, address])
        families = place.names.add(f"families{number}.test", [address, PUBLIC if ":" in address else PUBLIC6])
        place.names.aliases |= {f"alias{number}.test": f"alias{number}.two.test", f"alias{number}.two.test": closed}
        place.names.add(f"alone{number}.test", [address])
        for name in (
            turning,
            turned,
            mixed,
            closed,
            families,
            f"alias{number}.test",
            f"alone{number}.test",
            f"ALONE{number}.Test.",
        ):
            for url in (f"http://{name}/", f"http://{name}/", f"http://{PUBLIC}/to/{f'//{name}/'.encode().hex()}"):
                reasons[reason(way_out, url)] += 1
        reasons[reason(way_out, f"https://{mixed}/")] += 1
        for act in (
            partial(way_out.page, f"http://alone{number}.test/"),
            partial(way_out.post, f"http://alone{number}.test/", b"{}", {}),
        ):
            reasons[_refused(act)] += 1
    return outcome(place, reasons, names=number)


def _refused(act: Callable[[], object]) -> str:
    try:
        act()
    except (FeedError, GateError) as error:
        return error.reason
    return ""


def metadata(place: Place) -> dict[str, Any]:
    """Where cloud machines keep their secrets, with everything else allowed."""
    way_out, reasons = gate("0.0.0.0/0", "::/0", seconds=1), Counter[str]()
    carriers = {str(inner) for address in METADATA if ":" not in address for inner in embedded(IPv4Address(address))}
    secret = {
        *METADATA,
        *(carrier for carrier in carriers if not carrier.startswith("fe80:")),
    }  # no gateway reads link-local ones
    for number, address in enumerate(METADATA):
        name = place.names.add("metadata.google.internal" if not number else f"metadata{number}.test", [address])
        for url in (
            *spellings(address),
            f"http://{name}/",
            f"http://{name}./",
            f"http://{PUBLIC}/to/{f'http://{name}/'.encode().hex()}",
        ):
            reasons[reason(way_out, url)] += 1
    return {
        "reasons": reasons,
        "allowed": reason(way_out, "http://127.0.0.1/"),
        "taken": sorted(secret & set(place.site.taken)),
        "tried": sorted(secret & set(place.tried)),
    }


def families(place: Place) -> dict[str, Any]:
    """Hosts with one family of addresses, and with one that does not work."""
    hosts = {
        "v4": [PUBLIC], "v6": [PUBLIC6], "both": [PUBLIC, PUBLIC6], "v6 closed": [PUBLIC, CLOSED6], "v4 closed": [CLOSED, PUBLIC6],
        "v6 deaf": [PUBLIC, DEAF6[0]], "all v6 deaf": [PUBLIC, *DEAF6], "v4 deaf": [DEAF, PUBLIC6],
    }  # fmt: skip
    place.site.listen(PUBLIC, 81)
    place.site.listen(PUBLIC6, 81)
    found: dict[str, Any] = {"in vain": {}}
    with deaf((DEAF, *DEAF6), 81):
        for number, (what, addresses) in enumerate(hosts.items()):
            place.tried.clear()
            found[what] = reason(gate(seconds=3), f"http://{place.names.add(f'host{number}.test', addresses)}:81/")
            found["in vain"][what] = len(place.tried) - 1
    return found


@contextmanager
def deaf(addresses: Iterable[str], port: int) -> Iterator[None]:
    """Have nobody answer there: the queue of connections to take is full, and what comes is dropped."""
    sockets: list[socket.socket] = []
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sockets.append(socket.create_server((address, port), family=family, backlog=0))
        for _ in range(2):
            sockets.append(socket.socket(family))
            sockets[-1].setblocking(False)
            sockets[-1].connect_ex((address, port))
    time.sleep(0.1)
    yield
    for sock in sockets:
        sock.close()


def look_ups(place: Place) -> dict[str, Any]:
    """Names that nobody knows, that a broken server has, that no server answers for; and, beside many of those, a good one."""
    place.names.broken.add("broken.test")
    place.names.silent |= {f"silent{number}.test" for number in range(40)}
    place.names.add("good.test", [PUBLIC])
    found = {name: reason(gate(), f"http://{name}/") for name in ("unknown.test", "broken.test")}
    found["cut"] = reason(gate(seconds=1), "http://silent0.test/")
    way_out = gate(seconds=20)
    waiting = [threading.Thread(target=reason, args=(way_out, f"http://silent{n}.test/")) for n in range(40)]
    for thread in waiting:
        thread.start()
    good = reason(way_out, "http://good.test/")
    return found | {"good": good, "still waiting": sum(thread.is_alive() for thread in waiting)}


def pinned(place: Place) -> dict[str, Any]:
    """The name stays the name: in the header, in the handshake, and in the certificate's check."""
    place.names.add("public.test", [PUBLIC])
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        place.site.authority.cert_pem.write_to_path(file.name)
        way_out = gate(ca_file=file.name)
        reasons = [
            reason(way_out, url) for url in ("http://public.test/", "https://public.test/", f"https://{PUBLIC}/")
        ]
    return {
        "reasons": reasons,
        "hosts": place.site.hosts,
        "names": place.site.server_names,
        "asked": place.names.asked["public.test", "A"],
    }


SCENARIOS = (reachable, direct, redirected, rebound, metadata, families, look_ups, pinned)

if __name__ == "__main__":
    main({scenario.__name__: scenario for scenario in SCENARIOS})
