"""The life of the process: told ready, fed and reloaded by systemd, stopped in the middle of work, ended when a part of it dies."""

from __future__ import annotations

import random
import signal
import socket
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.world import World, on_both

pytestmark = pytest.mark.traced

NEW = "storyline.development.new"


class Manager:
    """What systemd would hear."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while message := self._socket.recv(4096).decode():
            self.heard += message.split("\n")

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", str(self.path))
        self._thread.join()
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    listening = Manager(tmp_path / "notify")
    yield listening
    listening.close()


def test_systemd_hears_of_the_whole_life_of_the_daemon(world: World, manager: Manager) -> None:
    world.write_config("herald")
    world.start(NOTIFY_SOCKET=str(manager.path), WATCHDOG_USEC="400000")
    world.wait_for(lambda: "READY=1" in manager.heard)
    world.wait_for(lambda: manager.heard.count("WATCHDOG=1") > 2)
    world.wait_for(
        lambda: any(
            heard.startswith("STATUS=1 feeds, ") and heard.endswith(" deliveries waiting") for heard in manager.heard
        )
    )
    assert world.process is not None
    world.process.send_signal(signal.SIGHUP)
    world.wait_for(lambda: manager.heard.count("READY=1") == 2)
    began = manager.heard.index("RELOADING=1")
    assert manager.heard[began + 1].startswith("MONOTONIC_USEC=")
    assert world.stop() == 0
    assert "STOPPING=1" in manager.heard


def test_the_daemon_runs_where_the_service_manager_cannot_be_reached(world: World) -> None:
    """P12."""
    world.write_config("herald")
    world.start(NOTIFY_SOCKET=str(world.folder / "nobody"), WATCHDOG_USEC="often", JOURNAL_STREAM="8:1")
    world.wait_for(lambda: world.polled("herald") > 0)
    assert world.stop() == 0


@on_both
def test_a_stop_in_the_middle_of_a_poll_and_a_delivery_is_in_order_and_loses_nothing(world: World) -> None:
    """P1: the poll hangs, the receiver hangs; exit code 0 also says that it took less than ten seconds."""
    world.write_config("herald", "gazette")
    world.start()
    world.poll_all()
    world.hook.hold.clear()
    world.web.publish("herald", "Orla dam closed after crack is found")
    world.poll_all()
    world.wait_for(lambda: world.hook.held > 0)
    world.web.hold.clear()
    world.make_due()
    world.wait_for(lambda: world.web.held > 0)
    assert world.stop() == 0
    world.web.hold.set()
    world.hook.hold.set()
    world.start()
    world.poll_all()
    world.wait_for(lambda: len(set(world.hook.ids)) == 1)
    world.wait_for(lambda: len(world.mail.messages) == 1)
    assert all(feed["failures"] == 0 for feed in world.json("feeds"))
    assert world.stop() == 0


def test_a_second_signal_to_stop_does_not_wait(world: World) -> None:
    """P2."""
    world.write_config("herald")
    world.start()
    world.poll_all()
    world.web.hold.clear()
    world.make_due()
    world.wait_for(lambda: world.web.held > 0)
    assert world.process is not None
    world.process.send_signal(signal.SIGTERM)
    world.wait_for(lambda: "run stopping" in world.log)
    world.process.send_signal(signal.SIGTERM)
    assert world.process.wait(20) == 1, "it was not waited for the poll"
    world.web.hold.set()


@on_both
def test_a_storm_of_reloads_loses_no_alert_and_sends_none_twice(world: World) -> None:
    """C14."""
    world.write_config("herald")
    world.start()
    world.poll_all()
    world.web.publish("herald", "Orla dam closed after crack is found")
    world.make_due()
    assert world.process is not None
    for _ in range(500):
        world.process.send_signal(signal.SIGHUP)
    world.poll_all()
    world.wait_for(lambda: len(world.hook.received) == 1 and len(world.mail.messages) == 1)
    assert world.log.count("reload feeds=") < 100
    assert world.stop() == 0
    assert len(world.hook.received) == len(world.mail.messages) == 1


QUICKLY = "from monitor import supervisor; supervisor._LOOK_EVERY = 0.2; supervisor._LAST_MOMENT = 2.0"


def test_a_deliverer_that_dies_ends_the_process_with_every_stack(world: World) -> None:
    """P5."""
    world.write_config("herald")
    world.start(
        code=QUICKLY + "\nfrom monitor import deliver\ndef fatal(*_): raise SystemExit(0)\ndeliver.deliver = fatal",
    )
    assert world.process is not None
    assert world.process.wait(20) == 1
    assert "These threads have died: deliver-mail, deliver-hook." in world.log
    assert "thread=deliver-mail died" in world.log
    assert "most recent call first" in world.log


def test_a_desk_that_hangs_ends_the_process_with_every_stack(world: World) -> None:
    """P4: nothing that waits for the hung thread is waited for."""
    world.write_config("herald")
    code = """
        import threading
        from monitor import daemon, desk
        daemon._ALLOWED["desk"] = 1.0
        desk.Desk._settle = lambda *_: threading.Event().wait()
    """
    world.start(code=QUICKLY + textwrap.dedent(code))
    assert world.process is not None
    assert world.process.wait(20) == 1
    assert "No sign of life from desk" in world.log
    assert "in wait" in world.log


@on_both
def test_a_store_whose_writer_dies_ends_the_process(world: World) -> None:
    """P5: nobody is left to take what the others write, and that is noticed by the silence."""
    world.write_config("herald")
    code = """
        from monitor import daemon
        daemon._ALLOWED["desk"] = 1.0
        usual = daemon.Daemon._prove
        def fatal(self):
            self.store._writer._thread._work_queue.put("no work")
            usual(self)
        daemon.Daemon._prove = fatal
    """
    world.start(code=QUICKLY + textwrap.dedent(code))
    assert world.process is not None
    assert world.process.wait(20) == 1
    assert "No sign of life from desk" in world.log
    assert "Exception in worker" in world.log


def test_the_operator_can_ask_where_every_thread_is_and_the_daemon_goes_on(world: World) -> None:
    """P3."""
    world.write_config("herald")
    world.start()
    world.poll_all()
    assert world.process is not None
    world.process.send_signal(signal.SIGUSR1)
    world.wait_for(lambda: "Thread 0x" in world.log)
    world.poll_all()
    assert world.stop() == 0


def test_a_storm_of_every_signal_that_is_not_for_it_changes_nothing(world: World) -> None:
    """P3: broken pipes, dead children, stops by the terminal, an operator who keeps asking."""
    world.write_config("herald")
    process = world.start()
    world.poll_all()
    world.web.publish("herald", "Orla dam closed after crack is found")
    world.make_due()
    for _ in range(200):
        for number in (
            "SIGPIPE",
            "SIGCHLD",
            "SIGTSTP",
            "SIGCONT",
            "SIGTTIN",
            "SIGTTOU",
            "SIGCONT",
            "SIGWINCH",
            "SIGURG",
        ):
            process.send_signal(signal.Signals[number])
    for _ in range(20):
        process.send_signal(signal.SIGUSR1)
    world.poll_all()
    world.wait_for(lambda: len(world.hook.received) == 1 and len(world.mail.messages) == 1)
    assert world.log.count("Current thread 0x") > 0
    assert world.stop() == 0
    assert len(world.hook.received) == len(world.mail.messages) == 1


def stop_at_moments(world: World, stops: int, moments: random.Random) -> None:
    world.write_config("herald", "gazette")
    for stop in range(stops):
        world.web.publish("herald", f"Orla dam: {stop} people die in explosion", "Nobody knows why.")
        world.start()
        world.wait_for(lambda: world.starts > stop)  # noqa: B023 - it is called at once
        world.make_due()
        time.sleep(moments.uniform(0.0, 1.0))
        assert world.stop() == 0, world.log


@on_both
def test_a_stop_at_any_moment_is_in_order(world: World) -> None:
    """P1, goal 13; code 0 also says that it took less than ten seconds."""
    stop_at_moments(world, 3, random.Random(20240305))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_stop_at_a_thousand_moments_is_in_order(world: World) -> None:
    """P1, goal 13."""
    stop_at_moments(world, 1_000, random.Random())
