"""All the ways to write an address, by which a check of the spelling has been fooled somewhere before (H28, H30)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import product

PUBLIC = "93.184.216.34"
"""Where a check may be led to look."""
_WRITERS: tuple[Callable[[int], str], ...] = (str, "0{:o}".format, hex)
"""Of a part: decimal, octal as C has it, hexadecimal."""
_ODD_DIGITS = ("０１２３４５６７８９", "⓪①②③④⑤⑥⑦⑧⑨", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗", "⁰¹²³⁴⁵⁶⁷⁸⁹", "٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९")
_ODD_DOTS = ("。", "．", "｡", "%2e", "%E3%80%82", "․")
_NOTHING = ("\u00ad", "\u200b", "\u200d", "\u2060", "\ufeff")
"""Letters that some take for none."""


def urls(address: str) -> list[str]:
    """At least 200 URLs that mean `address` to somebody."""
    parsed = ip_address(address)
    hosts = list(_hosts4(parsed)) if isinstance(parsed, IPv4Address) else list(_hosts6(parsed))
    plain = address if isinstance(parsed, IPv4Address) else f"[{address}]"
    return list(dict.fromkeys([*(f"http://{host}/" for host in hosts), *_tricks(plain)]))


def embedded(address: IPv4Address) -> Iterator[IPv6Address]:
    """IPv6 addresses that carry an IPv4 address: mapped, compatible, translated, NAT64 (two), 6to4, Teredo (server, client), ISATAP."""
    number, inverse = int(address), int(address) ^ 0xFFFFFFFF
    for start in ("::ffff:0:0", "::", "::ffff:0:0:0", "64:ff9b::", "64:ff9b:1::"):
        yield IPv6Address(int(IPv6Address(start)) | number)
    yield IPv6Address(0x2002 << 112 | number << 80)
    yield IPv6Address(0x20010000 << 96 | number << 64)
    yield IPv6Address(0x20010000 << 96 | int(IPv4Address(PUBLIC)) << 64 | inverse)
    yield IPv6Address(0xFE80 << 112 | 0x5EFE << 32 | number)


def _hosts4(address: IPv4Address) -> Iterator[str]:
    text, number, octets = str(address), int(address), list(address.packed)
    for forms in product(_WRITERS, repeat=4):
        yield ".".join(form(octet) for form, octet in zip(forms, octets, strict=True))
    for cut in (1, 2, 3):
        rest = number & (1 << 8 * (5 - cut)) - 1
        for forms in product(_WRITERS, repeat=cut):
            values = [*octets[: cut - 1], rest]
            yield ".".join(form(value) for form, value in zip(forms, values, strict=True))
    yield from (
        f"{number + (1 << 32)}",
        f"{number - (1 << 32)}",
        f"0x{number + (1 << 32):x}",
        f"0X{number:08X}",
        f"{number:#b}",
    )
    yield ".".join(f"{octet + 256}" for octet in octets)
    yield from (".".join(f"{octet:0{width}d}" for octet in octets) for width in (3, 4, 8))
    yield from (".".join(f"0x{octet:0{width}x}" for octet in octets) for width in (2, 4, 10))
    yield from (
        ".".join(f"{octet:#012o}".replace("0o", "0") for octet in octets),
        f"{text}.",
        f"{text}..",
        f".{text}",
        text.replace(".", ".."),
    )
    yield from (text.translate(str.maketrans("0123456789", digits)) for digits in _ODD_DIGITS)
    yield from (text.replace(".", dot) for dot in _ODD_DOTS)
    yield from (f"{text[:2]}{nothing}{text[2:]}" for nothing in _NOTHING)
    yield from (
        "".join(f"%{ord(c):02x}" for c in text),
        "".join(f"%25{ord(c):02x}" for c in text),
        f"{text}%00",
        f"{text}%20",
        f"{text}%lo",
    )
    yield from (
        f"[{text}]",
        f"{text}.nip.io",
        f"{text.replace('.', '-')}.sslip.io",
        f"{number}.",
        f"{number:#x}.",
        f"www.{text}",
    )
    for inner in embedded(address):
        yield from (f"[{inner}]", f"[{inner.exploded.upper()}]", f"[{inner}%25lo]")
    yield from (
        f"[::ffff:{text}]",
        f"[::{text}]",
        f"[0:0:0:0:0:ffff:{text}]",
        f"[64:ff9b::{text}]",
        f"[::FFFF:{text}%lo]",
    )


def _hosts6(address: IPv6Address) -> Iterator[str]:
    number = int(address)
    groups = [f"{number >> 16 * n & 0xFFFF:x}" for n in range(7, -1, -1)]
    low = IPv4Address(number & 0xFFFFFFFF)
    writings = {
        str(address), address.exploded, ":".join(groups), f"{':'.join(groups[:6])}:{low}", str(address).upper(), address.exploded.upper(),
        ":".join(f"0{group}"[-4:] for group in groups), ":".join(f"00{group}" for group in groups),
    }  # fmt: skip
    for start in range(8):  # each run of zeros left out
        for end in range(start + 1, 9):
            if set(groups[start:end]) == {"0"}:
                writings.add(f"{':'.join(groups[:start])}::{':'.join(groups[end:])}")
    for writing in sorted(writings):
        yield from (
            f"[{writing}]",
            f"[{writing}%lo]",
            f"[{writing}%25lo]",
            f"[{writing}%251]",
            f"[{writing}]:80",
            f"[{writing}].",
            f"u:p@[{writing}]",
        )
        yield from (
            writing,
            f"[{writing}",
            f"[v6.{writing}]",
            f"[{writing}/64]",
            f"[ {writing}]",
            f"[{writing.replace(':', '%3a')}]",
            f"{writing.replace(':', '-')}.ipv6-literal.net",
        )
        yield from (
            f"{PUBLIC}@[{writing}]",
            f"[{writing}]:0080",
            f"[{writing}%25%6c%6f]",
            f"[[{writing}]]",
            f"[{writing}]]",
            f"%5b{writing}%5d",
        )
        yield from (f"[{writing.translate(str.maketrans('0123456789', digits))}]" for digits in _ODD_DIGITS)
        yield from (f"[{writing[:2]}{nothing}{writing[2:]}]" for nothing in _NOTHING)


def _tricks(host: str) -> Iterator[str]:
    """Whole URLs in which one reader sees another host than the next."""
    p = PUBLIC
    yield from (
        f"{scheme}{host}/"
        for scheme in (
            "HTTP://",
            "hTTp://",
            "http:///",
            "http:/",
            "http:",
            "http:\\\\",
            "http:/\\",
            "//",
            "https://",
            "http://\t",
            " http://",
            "http:// ",
        )
    )
    yield from (
        f"http://{netloc}/"
        for netloc in (
            f"{p}@{host}", f"{p}:80@{host}", f"{p}%40{host}", f"{p}%2f@{host}", f"a:b@{host}", f"@{host}", f":@{host}", f"a@{p}@{host}", f"{host}@{p}@{host}", f"{p}#@{host}",
            f"{host}#@{p}", f"{host}?@{p}", f"{p}?@{host}", f"{p}\\@{host}", f"{host}\\@{p}", f"{host}\\.{p}", f"{host}:80\\@{p}", f"{p}\\{host}", f"{p}/@{host}",
            f"{host}:80", f"{host}:080", f"{host}:00000080", f"{host}:8080", f"{host}:", f"{host}:80:80", f"{host}:+80", f"{host}:８０", f"{host}:65616", f"{host}:0",
            f"{host} ", f" {host}", f"{host}\t", f"\t{host}", f"{host}\r\n", f"{host}\n", f"{host}\x00", f"{host}\x0b.{p}", f"{host}%09", f"{host};{p}", f"{host},{p}", f"{p},{host}",
            f"{host}&@{p}", f"{p} @{host}", f"{p}\n@{host}", f"{p}\x00@{host}", f"{host}%23@{p}", f"{host}%5c@{p}", f"{p}%5c@{host}", f"{p}%00@{host}", f"{host}\u2044@{p}",
            f"{p}\uff0f@{host}", f"{host}\uff03@{p}", f"{host}\uff1f@{p}", f"{p}\uff20{host}", f"{p}\u2100@{host}", f"{host}:80@{p}:80@{host}:80", f"({host})", f"'{host}'", f"*{host}",
        )
    )  # fmt: skip
