"""Which addresses may be contacted. Judged on the address that is dialled, after DNS, never on the spelling of a host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address

_METADATA = {
    ip_address(text) for text in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16")
}
"""Cloud machines tell their secrets here; refused whatever is allowed (H29)."""

_SPECIAL = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "::/3", "4000::/2", "8000::/1", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    )
)  # fmt: skip
"""Special-purpose ranges (IANA registries): private, loopback, link-local, CGNAT, 6to4, Teredo, multicast and the rest (H28).

Of IPv6, nothing outside 2000::/3 is public: that covers NAT64, and the old ways to put an IPv4 address inside.
"""

_CARRIERS = tuple(map(IPv6Network, ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")))
"""Whose addresses end with an IPv4 address: compatible, mapped, translated, NAT64."""


class Policy:
    """Public addresses may be contacted, others only where a network of the configuration holds them."""

    def __init__(self, allow_networks: Iterable[str] = ()) -> None:
        self._allowed = tuple(ip_network(network, strict=False) for network in allow_networks)

    def permits(self, text: str) -> bool:
        """Whether a connection to this numeric address may be opened."""
        try:
            address = _unmapped(ip_address(text.partition("%")[0]))
        except ValueError:
            return False
        if not _METADATA.isdisjoint(_all_of(address)):
            return False
        if any(address in network for network in self._allowed if network.version == address.version):
            return True
        return not any(address in network for network in _SPECIAL if network.version == address.version)


def _unmapped(address: Address) -> Address:
    """The IPv4 address inside `::ffff:a.b.c.d`; others as they are."""
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _all_of(address: Address) -> Iterator[Address]:
    """An address, and those that a gateway might contact for it: what is inside of NAT64, 6to4, Teredo and their like."""
    yield address
    if isinstance(address, IPv6Address):
        carried = IPv4Address(int(address) & 0xFFFFFFFF) if any(address in carrier for carrier in _CARRIERS) else None
        yield from filter(None, (carried, address.sixtofour, *(address.teredo or ())))
