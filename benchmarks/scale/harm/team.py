"""The processes that share the work, begun again when they end, as systemd does; and what is done to them."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.cluster import Cluster
from tests.hosts import DATABASE, Host

ROLES = (("scheduler", "worker", "deliverer", "web"), ("scheduler", "worker", "deliverer"), ("worker",))
"""What runs on which host."""
_RESTART = 5.0
"""Seconds until one that has ended is begun again: RestartSec of the units."""
_IN_VAIN = (2, 78)
"""Exit codes after which systemd begins it no more: RestartPreventExitStatus."""
_STILL, _CUT, _LONG = (35.0, 55.0), (15.0, 60.0), 140.0
"""Seconds for which one stands still, or a host is cut off: more than the lease of its shares (30 s), and now and then more
than that of a delivery (120 s)."""


@dataclass(slots=True)
class Member:
    """One process, whoever it is at the moment."""

    name: str
    host: Host
    command: list[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    again_at: float = 0.0
    began_at: int = 0
    """Where in its log it began."""
    ends: Counter[str] = field(default_factory=Counter)
    """How often it ended, by what."""

    def look(self) -> None:
        """Begin it where it has ended."""
        if self.process is not None and (code := self.process.poll()) is not None:
            self.ends["killed" if code == -signal.SIGKILL else f"{self._how()}, code {code}"] += 1
            self.process, self.again_at = None, time.monotonic() + _RESTART
        if self.process is None and time.monotonic() >= self.again_at:
            with self.log.open("ab") as log:
                self.began_at = log.tell()
                self.process = subprocess.Popen(self.host.command(*self.command), stdout=log, stderr=log)

    def _how(self) -> str:
        with self.log.open("rb") as log:
            log.seek(self.began_at)
            return "by itself" if b"run feeds=" in log.read() else "at its start"

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it is there."""
        if self.process is not None:
            self.process.send_signal(number)


class Team:
    """All of them."""

    def __init__(self, hosts: Sequence[Host], config: Path) -> None:
        self.members = [
            Member(
                f"{role} on {host.name}", host, [sys.executable, "-m", "monitor", "run", "-c", str(config), "--role", role],
                config.parent / f"{host.name}-{role}.log",
            )
            for host, roles in zip(hosts, ROLES, strict=True) for role in roles
        ]  # fmt: skip
        self._ended = threading.Event()
        self._lock = threading.Lock()

    def check(self) -> None:
        """Fails where one cannot begin at all."""
        wrong = [member.log for member in self.members if member.ends.keys() & {f"at its start, code {code}" for code in _IN_VAIN}]  # fmt: skip
        assert not wrong, f"the configuration was refused; see {wrong}"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Keep them going."""
        keeper = threading.Thread(target=self._keep, daemon=True)
        keeper.start()
        try:
            yield
        finally:
            self._ended.set()
            keeper.join()
            self._end()

    def _keep(self) -> None:
        while not self._ended.wait(0.2):
            for member in self.members:
                with self._lock:
                    member.look()

    def _end(self) -> None:
        there = [member for member in self.members if member.process is not None]
        for member in there:
            member.send(signal.SIGCONT)
            member.send(signal.SIGTERM)
        for member in there:
            assert member.process is not None
            try:
                code = member.process.wait(30)
            except subprocess.TimeoutExpired:
                member.process.kill()
                code = member.process.wait()
            if code:
                member.ends[f"told to, code {code}"] += 1


class Harm:
    """Does to a team, to its hosts and to its database what may happen to them; at most one stands still and one host is cut off at a time."""

    def __init__(self, team: Team, cluster: Cluster, chance: random.Random, *, apart: bool) -> None:
        self._team, self._cluster, self._chance = team, cluster, chance
        self._undo: dict[str, tuple[float, Callable[[], None]]] = {}
        """What is to be undone, and when."""
        self.done: Counter[str] = Counter()
        self._number = 0
        usual: list[Callable[[], str]] = [self._kill, self._stand_still, self._kill, self._cut_connections, self._kill, partial(self._restart, "fast")]  # fmt: skip
        unusual: list[Callable[[], str]] = [self._kill, partial(self._restart, "immediate")]
        cuts: list[Callable[[], str]] = [self._cut_host, self._cut_from_database] if apart else []
        self._turns = [*usual, *cuts[:1], *unusual, *usual, *cuts[1:], *unusual]

    def next(self) -> str:
        """Do the next thing, if it may be done; what was done."""
        self.undo(time.monotonic())
        turn = self._turns[self._number % len(self._turns)]
        self._number += 1
        told = turn()
        if told:
            self.done[told.partition(":")[0]] += 1
        return told

    def undo(self, until: float) -> None:
        """Undo what is to be by then."""
        for what, (at, undone) in list(self._undo.items()):
            if at <= until:
                del self._undo[what]
                undone()

    def _kill(self) -> str:
        member = self._chance.choice(self._team.members)
        member.send(signal.SIGKILL)
        return f"kill -9: {member.name}"

    def _stand_still(self) -> str:
        if "still" in self._undo:
            return ""
        member = self._chance.choice([member for member in self._team.members if "web" not in member.name])
        seconds = self._chance.uniform(*_STILL)
        if "deliverer" in member.name and self._chance.random() < 0.5:
            seconds = _LONG
        member.send(signal.SIGSTOP)
        self._later("still", seconds, partial(member.send, signal.SIGCONT))
        return f"SIGSTOP: {member.name} for {seconds:.0f} s"

    def _cut_connections(self) -> str:
        return f"connections cut: {self._cluster.cut()}"

    def _restart(self, how: str) -> str:
        self._cluster.restart("fast" if how == "fast" else "immediate")
        return f"PostgreSQL restarted, {how}:"

    def _cut_host(self) -> str:
        host, seconds = self._any_host(), self._chance.uniform(*_CUT)
        if host is None:
            return ""
        host.cut()
        self._later("cut", seconds, host.join)
        return f"host cut off: {host.name} for {seconds:.0f} s"

    def _cut_from_database(self) -> str:
        host, seconds = self._any_host(), self._chance.uniform(*_CUT)
        if host is None:
            return ""
        host.cut_from(DATABASE)
        self._later("cut", seconds, partial(host.join_to, DATABASE))
        return f"host cut off from the database: {host.name} for {seconds:.0f} s"

    def _any_host(self) -> Host | None:
        hosts = {member.host.name: member.host for member in self._team.members}
        return None if "cut" in self._undo else self._chance.choice(list(hosts.values()))

    def _later(self, what: str, seconds: float, undone: Callable[[], None]) -> None:
        self._undo[what] = (time.monotonic() + seconds, undone)
