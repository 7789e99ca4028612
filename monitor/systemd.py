"""What systemd is told: ready, alive, stopping. A datagram to the notify socket; nothing where there is none."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress


def notify(*lines: str) -> None:
    """Send state lines, such as `READY=1`; silent where no service manager listens (P12)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        sock.sendall("\n".join(lines).encode())


def reloading() -> None:
    """Tell that a reload begins; systemd 253 and newer want to know when."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


def watchdog_interval() -> float:
    """How often, in seconds, the watchdog wants to be fed: half its time; 0 where there is none."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    return int(microseconds) / 2_000_000 if microseconds.isdigit() else 0.0
