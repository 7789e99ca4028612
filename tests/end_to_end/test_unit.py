"""The unit as it is shipped, read by a real systemd: the daemon lives in it, what it must not do is refused, and a hang is mended.

systemd is booted as process 1 of namespaces of its own (boot.sh), with control groups that have no controllers: what limits memory,
processor and tasks is read but not in force. All other lines are.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from tests.end_to_end.machine import Machine, lay_out, machine
from tests.end_to_end.world import World, free_port, on_postgresql
from tests.server import Database

pytestmark = pytest.mark.traced

Boot = Callable[..., tuple[Machine, World]]


@pytest.fixture
def boot(world: World, request: pytest.FixtureRequest) -> Iterator[Boot]:
    """Boots a machine that is laid out for the world, and gives the world as it is seen there."""
    with ExitStack() as stack:
        secrets = {}
        if world.postgresql:
            database: Database = request.getfixturevalue("postgresql")
            secrets["store"] = stack.enter_context(database.login(world.postgresql))

        def booting(*, extra: str = "", drop_in: str = "") -> tuple[Machine, World]:
            folder = lay_out(world, "herald", extra=extra, drop_in=drop_in, **secrets)
            shutil.copy(Path(__file__).with_name("walls.py"), folder / "etc/monitor")
            booted = stack.enter_context(machine(folder))
            return booted, replace(world, folder=folder / "lib/private/monitor")

        yield booting


def test_the_daemon_lives_its_whole_life_in_the_unit_and_no_system_call_is_refused(boot: Boot) -> None:
    """Goal 19: here a call that the unit refuses kills who makes it."""
    port = free_port()
    page = f"web: {{base_url: 'http://127.0.0.1:{port}', listen: '127.0.0.1:{port}'}}\n"
    box, world = boot(extra=page, drop_in=f"SystemCallErrorNumber=kill\nWatchdogSec=4\nSocketBindAllow=tcp:{port}")
    box.systemctl("start", "monitor")
    world.poll_all()
    world.web.publish("herald", "Orla dam closed after crack is found", "Engineers found it on Monday.")
    world.poll_all()
    world.wait_for(lambda: len(world.hook.received) == 1 and len(world.mail.messages) == 1)
    assert world.mail.logins == 1, "with the password that systemd handed over"
    assert requests.get(f"http://127.0.0.1:{port}/links/x", timeout=5).status_code == 404
    processes = box.processes()
    assert len(processes) >= 3, "the children that parse are among them"
    for process in processes:
        said = _status(process)
        assert int(said["Uid"].split()[0]) > 60_000
        assert int(said["CapEff"], 16) == int(said["CapBnd"], 16) == 0
        assert (said["NoNewPrivs"], said["Seccomp"]) == ("1", "2")
    fed = box.shown("WatchdogTimestampMonotonic")
    box.systemctl("reload", "monitor")
    world.wait_for(lambda: "reload feeds=1" in world.log)
    world.wait_for(lambda: box.shown("WatchdogTimestampMonotonic") != fed)
    assert box.shown("StatusText").startswith("1 feeds, ")
    box.systemctl("stop", "monitor")
    assert (box.shown("Result"), box.shown("ExecMainStatus"), box.shown("NRestarts")) == ("success", "0", "0")
    assert {line.split()[2] for line in world.log.splitlines()} == {"info"}
    assert {path.stat().st_mode & 0o777 for path in world.folder.glob("monitor.db*")} == {0o600}


ROLES = ("monitor-scheduler@1", "monitor-worker@1", "monitor-worker@2", "monitor-deliverer@1", "monitor-web@1")


@on_postgresql
def test_roles_share_the_work_in_units_of_their_own_and_no_system_call_is_refused(boot: Boot) -> None:
    """Goal 19: each role has a user of its own, and no place to write to."""
    port = free_port()
    page = f"web: {{listen: '127.0.0.1:{port}'}}\n"
    box, world = boot(extra=page, drop_in="SystemCallErrorNumber=kill\nWatchdogSec=4")
    box.drop_in(f"SocketBindAllow=tcp:{port}", unit="monitor-web@1")
    box.systemctl("start", "monitor.target", *ROLES)
    world.poll_all()
    world.web.publish("herald", "Orla dam closed after crack is found", "Engineers found it on Monday.")
    world.poll_all()
    world.wait_for(lambda: len(world.hook.received) == 1 and len(world.mail.messages) == 1)
    assert requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5).text == "well\n"
    users = [_status(box.processes(role)[0]) for role in ROLES]
    assert len({said["Uid"] for said in users}) == 4
    assert all(int(said["Uid"].split()[0]) > 60_000 for said in users)
    assert {(said["CapEff"], said["NoNewPrivs"], said["Seccomp"]) for said in users} == {("0" * 16, "1", "2")}
    fed = {role: box.shown("WatchdogTimestampMonotonic", role) for role in ROLES}
    box.systemctl("reload", "monitor.target")
    world.wait_for(lambda: world.log.count("reload feeds=1") == len(ROLES))
    world.wait_for(lambda: all(box.shown("WatchdogTimestampMonotonic", role) != fed[role] for role in ROLES))
    box.systemctl("stop", "monitor.target")
    world.wait_for(lambda: {box.shown("ActiveState", role) for role in ROLES} == {"inactive"})
    assert {(box.shown("Result", role), box.shown("NRestarts", role)) for role in ROLES} == {("success", "0")}
    assert {line.split()[2] for line in world.log.splitlines()} == {"info"}
    assert [path.name for path in world.folder.iterdir()] == ["log"]


@on_postgresql
def test_a_role_without_postgresql_is_told_once_and_not_tried_again(boot: Boot) -> None:
    box, world = boot(drop_in="RestartSec=100ms")
    config = box.path("/etc/monitor/monitor.yaml")
    config.write_text(
        config.read_text().replace("store: {credential: store}\n", "store: 'sqlite:////tmp/monitor.db'\n")
    )
    assert box.run("systemctl", "start", "monitor-worker@1").returncode == 1
    assert (box.shown("ActiveState", "monitor-worker@1"), box.shown("NRestarts", "monitor-worker@1")) == ("failed", "0")
    assert "PostgreSQL" in world.log


def _status(process: Path) -> dict[str, str]:
    return dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines())


def test_what_the_monitor_never_does_is_refused_in_its_unit(boot: Boot) -> None:
    """Goal 19: as far as whoever took over the process by a feed would come."""
    box, world = boot()
    other, own = free_port(), free_port()
    with socket.create_server(("127.0.0.9", world.hook.port)):
        box.drop_in(
            "Type=oneshot\nRestart=no\nExecStart=\n"
            f"ExecStart=/opt/monitor/bin/python /etc/monitor/walls.py {other} {own} {world.hook.port}\n"
            f"SocketBindAllow=tcp:{own}\nIPAddressDeny=127.0.0.9"
        )
        box.systemctl("start", "monitor")
    found = json.loads(world.log)
    answers: dict[str, str] = found["answers"]
    allowed = {"serve its own port", "reach what is open", "write its state", "write to /tmp", "read its secret"}
    if "-BPF_FRAMEWORK" in box.run("systemctl", "--version").stdout:
        allowed.add("serve another port")
    assert {name for name, said in answers.items() if said == "done"} == allowed
    assert {
        answers[name] for name in ("mount a file system", "look into another process", "write code and run it")
    } == {"EPERM"}
    assert {Path(place).parent.name for place in found["written"]} >= {"monitor", "tmp", "shm"}, "they were tried"


def test_a_daemon_that_hangs_is_ended_by_the_watchdog_with_every_stack_and_started_again(boot: Boot) -> None:
    """P4."""
    box, world = boot(drop_in="WatchdogSec=3\nRestartSec=100ms")
    box.systemctl("start", "monitor")
    world.wait_for(lambda: world.polled("herald") > 0)
    box.systemctl("kill", "--kill-whom=main", f"--signal={signal.SIGSTOP.name}", "monitor")
    world.wait_for(lambda: world.starts == 2)
    assert "Fatal Python error: Aborted" in world.log
    assert world.log.count("most recent call first") > 3
    assert box.shown("NRestarts") == "1"
    world.poll_all()


def test_a_wrong_configuration_is_told_once_and_not_tried_again(boot: Boot) -> None:
    box, world = boot(extra="feedz: []\n", drop_in="RestartSec=100ms")
    assert box.run("systemctl", "start", "monitor").returncode == 1
    assert (box.shown("ActiveState"), box.shown("ExecMainStatus"), box.shown("NRestarts")) == ("failed", "78", "0")
    assert "/etc/monitor/monitor.yaml:" in world.log
    assert "`feedz` is not known here" in world.log
