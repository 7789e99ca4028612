"""The machine fails the daemon: no files, no memory for children, no /tmp, a slow disk, busy processors, a stand-still. It gets over it."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.test_life import QUICKLY, Manager
from tests.end_to_end.world import World
from tests.needed import lacking

pytestmark = pytest.mark.traced

HERE = Path(__file__).parent
CRACK = "Orla dam closed after crack is found"
KEEP_SHIM = """
import subprocess
from monitor.feeds import children
children._KEPT += ('LD_PRELOAD', 'FAULTS')
subprocess._USE_VFORK = False  # which the shim cannot refuse
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faults that a test switches on and off while the daemon runs."""
    compiler = shutil.which("cc")
    if compiler is None:
        lacking("it cannot be tried without a C compiler (Debian's gcc and libc6-dev)")
    built = tmp_path_factory.mktemp("shim") / "faults.so"
    subprocess.run([str(compiler), "-shared", "-fPIC", "-O2", "-o", built, HERE / "faults.c", "-ldl"], check=True)
    return built


@contextmanager
def fault(world: World, name: str) -> Iterator[None]:
    marker = world.folder / name
    marker.touch()
    yield
    marker.unlink()


def start_with(shim: Path, world: World, **environment: str) -> None:
    world.start(code=KEEP_SHIM, LD_PRELOAD=str(shim), FAULTS=str(world.folder), **environment)
    world.poll_all()


def children(pid: int) -> list[int]:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for thread in threads for child in (thread / "children").read_text().split()]


def workers(world: World) -> list[int]:
    """The forks that parse, of the daemon's children."""
    assert world.process is not None
    return [grandchild for child in children(world.process.pid) for grandchild in children(child)]


def told_once(world: World) -> None:
    world.poll_all()
    world.wait_for(lambda: bool(world.hook.received) and bool(world.mail.messages))
    assert len(world.hook.received) == len(world.mail.messages) == 1
    assert world.starts == 1, "it is the same process"
    assert world.stop() == 0


def test_a_daemon_that_may_open_no_more_files_goes_on_when_it_may(world: World) -> None:
    """P11: EMFILE. What is sent meanwhile is sent later, soon and once."""
    world.write_config("herald", "gazette")
    process = world.start(code=QUICKLY + "\nfrom monitor import polls; polls._REST_AFTER_REFUSAL = 1.0")
    world.poll_all()
    usual = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (8, usual[1]))
    world.web.publish("herald", CRACK)
    world.make_due()
    world.wait_for(lambda: "Too many open files" in world.log or "unable to open database file" in world.log)
    time.sleep(1)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, usual)
    told_once(world)


def test_a_daemon_that_can_start_no_child_fails_its_feeds_and_goes_on_when_it_can(world: World, shim: Path) -> None:
    """P11: ENOMEM on fork, when the children that there were have died."""
    world.write_config("herald")
    start_with(shim, world)
    with fault(world, "no-fork"):
        for worker in workers(world):
            os.kill(worker, signal.SIGKILL)
        world.web.publish("herald", CRACK)
        world.make_due()
        world.wait_for(lambda: "reason=no-child" in world.log)
    told_once(world)


def test_children_that_die_with_nothing_to_do_are_replaced_without_a_word(world: World) -> None:
    """P10: the kernel took them for their memory."""
    world.write_config("herald")
    world.start()
    world.poll_all()
    for worker in workers(world):
        os.kill(worker, signal.SIGKILL)
    world.web.publish("herald", CRACK)
    told_once(world)
    assert "failures=" not in world.log


def test_a_daemon_needs_no_place_for_temporary_files(world: World) -> None:
    """P11: nothing can be written but the store's folder, the current one neither."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        lacking("it cannot be tried without root and unshare")
    world.write_config("herald")
    places = "for p in /tmp /var/tmp /dev/shm; do"
    closing = f'{places} mount --bind $p $p; mount -o remount,bind,ro $p; done; mount --bind "$0" "$0"; mount -o remount,bind,rw "$0"'
    with (world.folder / "log").open("ab") as log:
        world.process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", f'{closing}; exec "$@"', world.folder,
             sys.executable, "-m", "monitor", "run", "-c", str(world.config)],
            env=world.environment(), cwd="/proc", stdout=log, stderr=log,
        )  # fmt: skip
    world.poll_all()
    world.web.publish("herald", CRACK)
    told_once(world)


def test_a_slow_disk_and_busy_processors_make_it_slow_and_nothing_else(
    world: World, shim: Path, tmp_path: Path
) -> None:
    """P17: each write takes half a second, and others take the processors; that it is late is told (tests/test_daemon.py)."""
    names = [f"feed-{number}" for number in range(4)]
    world.write_config(*names)
    manager = Manager(tmp_path / "notify")
    start_with(shim, world, NOTIFY_SOCKET=str(manager.path), WATCHDOG_USEC="2000000")
    burning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        with fault(world, "slow-disk"):
            fed, before = manager.heard.count("WATCHDOG=1"), {name: world.polled(name) for name in names}
            world.web.publish(names[0], CRACK)
            world.make_due()
            world.wait_for(lambda: all(world.polled(name) > before[name] for name in names))
            world.wait_for(lambda: bool(world.hook.received) and bool(world.mail.messages))
            assert manager.heard.count("WATCHDOG=1") > fed
            assert {name: world.polled(name) - before[name] for name in names} == dict.fromkeys(names, 1)
            assert world.stop() == 0, "in time, too"
    finally:
        for burner in burning:
            burner.kill()
            burner.wait()
        manager.close()
    assert len(world.hook.received) == len(world.mail.messages) == 1
    assert "No sign of life" not in world.log


def test_a_process_that_stood_still_blames_none_of_its_parts_and_polls_each_feed_once(world: World) -> None:
    """P9: for longer than a part may be silent."""
    world.write_config("herald", "gazette")
    code = "\nfrom monitor import daemon\nsupervisor._STOOD_STILL = 1.0\ndaemon._ALLOWED.update(tick=2.0, desk=12.0)"
    process = world.start(code=QUICKLY + code)
    world.poll_all()
    before = {name: world.polled(name) for name in ("herald", "gazette")}
    process.send_signal(signal.SIGSTOP)
    world.web.publish("herald", CRACK)
    world.make_due()
    time.sleep(3.5)
    process.send_signal(signal.SIGCONT)
    world.wait_for(lambda: bool(world.hook.received) and bool(world.mail.messages))
    time.sleep(1)
    assert {name: world.polled(name) - before[name] for name in before} == {"herald": 1, "gazette": 1}
    assert process.poll() is None
    assert world.stop() == 0
