"""How to behave on the web, as configured; apart from what does so, since reading a configuration loads nothing that fetches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchSettings:
    """How the monitor behaves on the web."""

    contact: str = ""
    """Your web or mail address, told to the servers that are polled."""
    timeout: timedelta = timedelta(seconds=30)
    """The most that one fetch may take, from first to last byte."""
    max_bytes: int = 10 * 1024 * 1024
    """The most that a feed may weigh, unpacked."""
    allow_networks: tuple[str, ...] = ()
    """Private networks that may be contacted all the same, such as 192.168.1.0/24; public ones always may."""
    allow_downgrade: bool = False
    """Whether a redirect may lead from https to http."""
    max_redirects: int = 5
    workers: int = 16
    """Fetches at the same time."""
    per_host: int = 2
    """Fetches from one host at the same time."""
    spacing: timedelta = timedelta(seconds=1)
    """The least time between the starts of two fetches from one host; machines of your own are not spared."""
    proxy: str = ""
    """A proxy of yours, such as http://proxy.example:3128; then it is the proxy that looks names up, and must keep private ones away."""
    ca_file: str = ""
    """Certificate of your own authority, where a server's is not from a public one."""
