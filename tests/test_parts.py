"""Each part hangs in turn: it is noticed, and named alone; each thread dies in turn, of anything."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.alerts.channels import ConsoleSettings
from monitor.config import Config
from monitor.daemon import Daemon
from monitor.errors import MonitorError
from monitor.feeds.settings import FetchSettings
from monitor.model import Feed
from monitor.process import Pulse
from monitor.serve import WebSettings
from monitor.store import Store
from monitor.web import app
from tests.end_to_end.world import FeedServer, feed_server, free_port
from tests.test_daemon import Clock, wait_for

Start = Callable[..., Daemon]


@pytest.fixture
def web() -> Iterator[FeedServer]:
    with feed_server() as served:
        yield served


@pytest.fixture
def start(tmp_path: Path, web: FeedServer, store: Store) -> Iterator[Start]:
    """Makes one daemon, and has it stopped at the end."""
    made: list[Daemon] = []

    def starting(*, pulse: Pulse | None = None, run: bool = True, port: int = 0) -> Daemon:
        page = WebSettings(base_url=f"http://127.0.0.1:{port}", listen=f"127.0.0.1:{port}")
        config = Config(
            source=tmp_path / "monitor.yaml",
            store=f"sqlite:///{tmp_path}/monitor.db",
            storylines=(),
            feeds=(Feed(url=web.url("herald"), name="herald"),),
            channels={"console": ConsoleSettings(type="console")},
            fetch=FetchSettings(allow_networks=("127.0.0.0/8",), timeout=timedelta(seconds=5)),
            web=page if port else WebSettings(page=False),
        )
        made.append(Daemon(config, store, page=app.of, pulse=pulse))
        if run:
            made[0].start()
        return made[0]

    yield starting
    for daemon in made:
        daemon.stop()


def test_a_tick_that_hangs_is_noticed(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """P4."""
    clock, occupied, release = Clock(), threading.Event(), threading.Event()
    daemon = start(pulse=Pulse(clock), run=False)

    def hang() -> list[object]:
        occupied.set()
        release.wait(20)
        return []

    monkeypatch.setattr(daemon, "hand_out", hang)
    daemon.start()
    wait_for(occupied.is_set)
    wait_for(lambda: "desk" in daemon._pulse._beats)
    clock.now += 31
    with pytest.raises(MonitorError, match=r"^No sign of life from tick\.$"):
        daemon.check()
    release.set()


def test_a_deliverer_that_hangs_is_noticed(start: Start, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """P4."""
    clock, occupied, release = Clock(), threading.Event(), threading.Event()

    def hang(*_: object) -> bool:
        occupied.set()
        release.wait(20)
        return False

    monkeypatch.setattr("monitor.deliver.deliver", hang)
    daemon = start(pulse=Pulse(clock))
    wait_for(occupied.is_set)
    wait_for(lambda: {"tick", "desk"} <= daemon._pulse._beats.keys())
    clock.now += 121
    wait_for(lambda: daemon._pulse.age("tick") == 0)
    daemon._prove()
    with pytest.raises(MonitorError, match=r"^No sign of life from deliver-console\.$"):
        daemon.check()
    release.set()


def test_a_poll_that_hangs_is_noticed(start: Start, web: FeedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """P4: whatever holds it, longer than any limit of its own."""
    monkeypatch.setattr("monitor.daemon._POLL_ALLOWED", 0.3)
    release = threading.Event()
    daemon = start(run=False)
    monkeypatch.setattr(daemon.desk, "take", lambda _: release.wait(20))
    daemon.start()
    wait_for(lambda: daemon.polls.under_way)
    daemon.check()
    time.sleep(0.4)
    with pytest.raises(MonitorError, match=rf"^No sign of life from the poll of {web.url('herald')}\.$"):
        daemon.check()
    release.set()


# --- death


@pytest.mark.parametrize("death", [MemoryError, SystemExit, KeyboardInterrupt, GeneratorExit, RecursionError])
def test_a_job_that_dies_of_anything_ends_the_daemon(
    death: type[BaseException], start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P5: on the scheduler's threads."""

    def fatal() -> list[object]:
        raise death

    daemon = start(run=False)
    monkeypatch.setattr(daemon, "hand_out", fatal)
    daemon.start()
    wait_for(lambda: daemon.failure)
    with pytest.raises(MonitorError, match=death.__name__):
        daemon.check()


@pytest.mark.parametrize("death", [MemoryError, SystemExit])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_page_whose_thread_dies_ends_the_daemon(
    death: type[BaseException], start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P5."""

    def fatal() -> None:
        raise death

    monkeypatch.setattr("waitress.server.TcpWSGIServer.run", lambda _: fatal())
    daemon = start(port=free_port())
    assert daemon._server is not None
    wait_for(lambda: daemon._server and not daemon._server.thread.is_alive())
    with pytest.raises(MonitorError, match="web"):
        daemon.check()


def test_a_page_whose_port_is_taken_is_told_of_and_the_feeds_are_polled(
    start: Start, web: FeedServer, caplog: pytest.LogCaptureFixture
) -> None:
    """P16."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        daemon = start(port=other.getsockname()[1])
        wait_for(lambda: web.requests)
        daemon.check()
    assert "Free the address" in caplog.text
    assert [trouble.title for trouble in daemon._troubles.values()] == ["The page cannot be served"]
