"""Hosts on one machine: network namespaces at a bridge, each of which can be cut off from the others, or from one of them. Linux, as root.

All of it is in a network and a table of processes of its own: what begins a program by `INSIDE` leaves nothing behind, however it ends.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

INSIDE = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
SERVER, DATABASE = "10.76.0.1", "10.76.0.2"
"""Where those that run outside of the hosts are reached by them: the latter can be cut off by itself."""
NETWORK = "10.76.0.0/24"
WEB = "93.0.0.0/8"
"""All these addresses are this machine's too: public ones, which the monitor spares as it spares others."""
_NOBODY = "02:00:00:00:00:99"


def why_not() -> str:
    """What is missing for hosts of one's own; empty when nothing is."""
    if sys.platform != "linux" or any(shutil.which(program) is None for program in ("unshare", "nsenter", "ip")):
        return "there are no unshare and nsenter (Debian's util-linux), or no ip (iproute2)"
    words = ["sh", "-c", "ip link set lo up && ip link add probe type bridge"]
    tried = subprocess.run([*INSIDE, *words], capture_output=True, text=True, check=False)
    return f"no network namespace can be made here: {tried.stderr.strip()}" if tried.returncode else ""


@dataclass(frozen=True, slots=True)
class Host:
    """One of them; without a namespace it is this machine, and cannot be cut off."""

    name: str
    address: str = "127.0.0.1"
    namespace: int = 0
    """A process that is in it."""

    def command(self, *words: str) -> list[str]:
        """What runs `words` there, as the same process."""
        return ["nsenter", "--target", str(self.namespace), "--net", *words] if self.namespace else [*words]

    def cut(self) -> None:
        """Nothing reaches it or leaves it, and nobody is told so."""
        _ip(f"link set {self.name} down")

    def join(self) -> None:
        """Undo `cut`."""
        _ip(f"link set {self.name} up")

    def cut_from(self, address: str) -> None:
        """What it sends to that address gets lost."""
        self._ip(f"neigh replace {address} lladdr {_NOBODY} dev eth0 nud permanent")

    def join_to(self, address: str) -> None:
        """Undo `cut_from`."""
        self._ip(f"neigh del {address} dev eth0")

    def _ip(self, *commands: str) -> None:
        _ip(*commands, within=self.command())


@contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """So many, at a bridge where we are; to be called inside of `INSIDE`."""
    bridge = [f"address add {address}/24 dev bridge" for address in (SERVER, DATABASE)]
    _ip("link set lo up", "link add bridge type bridge", *bridge, "link set bridge up", f"route add local {WEB} dev lo")
    keepers = [subprocess.Popen(["unshare", "--net", "sleep", "infinity"]) for _ in range(count)]
    try:
        yield [_host(number, keeper) for number, keeper in enumerate(keepers, 1)]
    finally:
        for keeper in keepers:
            keeper.kill()
            keeper.wait()


def _host(number: int, keeper: subprocess.Popen[bytes]) -> Host:
    made = Host(f"host{number}", f"10.76.0.{10 + number}", keeper.pid)
    _wait_until_apart(keeper.pid)
    _ip(f"link add {made.name} type veth peer name eth0 netns {keeper.pid}", f"link set {made.name} master bridge up")
    made._ip(
        "link set lo up",
        f"address add {made.address}/24 dev eth0",
        "link set eth0 up",
        f"route add default via {SERVER}",
    )
    return made


def _wait_until_apart(pid: int) -> None:
    """Until the process has gone into its namespace."""
    ours = Path("/proc/self/ns/net").readlink()
    while Path(f"/proc/{pid}/ns/net").readlink() == ours:
        time.sleep(0.01)


def _ip(*commands: str, within: list[str] | None = None) -> None:
    subprocess.run([*(within or []), "ip", "-batch", "-"], input="\n".join(commands), text=True, check=True)
