"""The notify socket, present, absent and broken."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor import systemd


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A service manager that listens."""
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address)
        listening.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        yield listening


def test_state_lines_travel_in_one_datagram(manager: socket.socket) -> None:
    systemd.notify("READY=1", "STATUS=3 feeds, 0 deliveries waiting")
    assert manager.recv(4096) == b"READY=1\nSTATUS=3 feeds, 0 deliveries waiting"


def test_a_status_cannot_smuggle_in_another_line(manager: socket.socket) -> None:
    systemd.notify("STATUS=a feed named\nMAINPID=1")
    assert manager.recv(4096) == b"STATUS=a feed named MAINPID=1"


def test_a_reload_tells_when_it_began_by_the_clock_that_systemd_uses(manager: socket.socket) -> None:
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    systemd.reloading()
    first, second = manager.recv(4096).decode().split("\n")
    assert first == "RELOADING=1"
    name, _, microseconds = second.partition("=")
    assert name == "MONOTONIC_USEC"
    assert before <= int(microseconds) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def test_an_abstract_socket_is_reached_by_its_at_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"monitor-test-{os.getpid()}-{time.monotonic_ns()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}")
        listening.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        systemd.notify("STOPPING=1")
        assert listening.recv(4096) == b"STOPPING=1"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "relative/path",
        "/no/such/socket",
        "@nobody-listens-here",
        "/" + "long" * 100,
        "vsock:2:1",
        "/tmp",
        "/odd\udcff",
    ],
)
def test_a_manager_that_is_absent_or_cannot_be_reached_is_no_error(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P12."""
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    systemd.notify("READY=1")


def test_a_manager_that_reads_nothing_does_not_hold_us_up(manager: socket.socket) -> None:
    """P12: its queue fills, and each further word is given up after half a second."""
    manager.setblocking(False)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filling:
        filling.setblocking(False)
        filling.connect(manager.getsockname())
        with contextlib.suppress(BlockingIOError):
            while filling.send(b"x"):
                pass
    systemd.notify("WATCHDOG=1")


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, 0.0),
        ({"WATCHDOG_USEC": "60000000"}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "soon"}, 0.0),
    ],
)
def test_the_watchdog_is_fed_twice_in_its_time_and_only_where_it_watches_us(
    environment: dict[str, str], seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert systemd.watchdog_interval() == seconds
