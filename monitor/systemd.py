"""What systemd is told: ready, alive, reloading, stopping. A datagram to the notify socket; nothing where there is none."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress

_PATIENCE = 0.5
"""Seconds that a full or dead socket may take; the daemon has better to do."""


def notify(*lines: str) -> None:
    """Send state lines, such as `READY=1`; silent where no service manager listens (P12)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    message = "\n".join(" ".join(line.split()) for line in lines)
    with suppress(OSError, ValueError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(_PATIENCE)
        sock.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        sock.sendall(message.encode("utf-8", "replace"))


def reloading() -> None:
    """Tell that a reload begins; systemd 253 and newer want to know when. READY=1 ends it."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


def watchdog_interval() -> float:
    """How often, in seconds, the watchdog wants to be fed: half its time; 0 where there is none, or it watches another process."""
    watched = os.environ.get("WATCHDOG_PID", "")
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if (watched and watched != str(os.getpid())) or not microseconds.isdecimal():
        return 0.0
    return int(microseconds) / 2_000_000
