"""A machine of its own for the unit: systemd, booted as process 1 of new namespaces, which reads the real file."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.end_to_end.world import PASSWORD, SIGNING_SECRET, World
from tests.needed import lacking

REPOSITORY = Path(__file__).parents[2]
UNITS = REPOSITORY / "systemd"
_STATE = "/var/lib/private/monitor"
_HERE = f"""[Service]
# Read from outside; and an interpreter that was built for another place finds its own library.
StandardOutput=append:{_STATE}/log
StandardError=append:{_STATE}/log
Environment=LD_LIBRARY_PATH=/opt/monitor/python/lib
"""
_TARGETS = ("basic", "network-online", "shutdown", "sysinit", "test", "time-sync")


@dataclass(frozen=True)
class Machine:
    """What runs there is seen from here through process 1."""

    pid: int

    def path(self, inside: str) -> Path:
        """A file of the machine's."""
        return Path(f"/proc/{self.pid}/root{inside}")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command on the machine, as root and without any wall."""
        entered = ["nsenter", "-t", str(self.pid), "-m", "-p", "--", *command]
        return subprocess.run(entered, capture_output=True, text=True, timeout=60, check=False)

    def systemctl(self, *arguments: str) -> str:
        done = self.run("systemctl", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def shown(self, name: str, unit: str = "monitor") -> str:
        """What systemd says of the unit."""
        return self.systemctl("show", unit, "--value", "-p", name)

    def drop_in(self, lines: str, unit: str = "monitor") -> None:
        """As `systemctl edit` does."""
        folder = self.path(f"/run/units/{unit}.service.d")
        folder.mkdir(exist_ok=True)
        (folder / "test.conf").write_text(f"[Service]\n{lines}\n")
        self.systemctl("daemon-reload")

    def processes(self, unit: str = "monitor") -> list[Path]:
        """The unit's, main process first, as folders of /proc here."""
        group = self.path(f"/sys/fs/cgroup{self.shown('ControlGroup', unit)}/cgroup.procs")
        return [Path("/proc", pid) for pid in sorted(group.read_text().split(), key=int)]


@contextmanager
def machine(folder: Path) -> Iterator[Machine]:
    """Boot it, and take it away."""
    groups = _groups() / f"monitor-{os.getpid()}-{time.monotonic_ns()}"
    groups.mkdir()
    places = (sys.base_prefix, sysconfig.get_path("purelib"), REPOSITORY / "monitor")
    with (folder / "boot.log").open("wb") as log:
        booting = subprocess.Popen(
            ["sh", "-c", 'echo 0 >"$0/cgroup.procs"; exec unshare --mount --cgroup --pid --ipc --uts --fork "$@"', groups,
             Path(__file__).with_name("boot.sh"), folder, *places],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    try:
        yield _booted(folder)
    finally:
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((folder / "pid").read_text()), signal.SIGKILL)  # and with process 1 all that it started
        booting.wait(10)
        for group in sorted(groups.rglob("*/"), reverse=True):
            group.rmdir()
        groups.rmdir()


def _groups() -> Path:
    """Where this host mounts its control groups; the test is skipped where no machine can be booted."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    found = [Path(place) for _, place, kind, *_ in mounts if kind == "cgroup2"]
    missing = [program for program in ("unshare", "nsenter", "/lib/systemd/systemd") if shutil.which(program) is None]
    missing += [] if found else ["cgroup2"]
    missing += [] if os.geteuid() == 0 else ["root"]
    if missing:
        lacking(f"the unit was not tried: no systemd can be booted here without {', '.join(missing)}")
    return found[0]


def _booted(folder: Path) -> Machine:
    deadline = time.monotonic() + 20
    while True:
        with contextlib.suppress(OSError, ValueError):
            booted = Machine(int((folder / "pid").read_text()))
            if booted.run("systemctl", "is-active", "test.target").returncode == 0:
                return booted
        assert time.monotonic() < deadline, (folder / "boot.log").read_text()
        time.sleep(0.05)


def lay_out(world: World, *feeds: str, extra: str = "", drop_in: str = "", **secrets: str) -> Path:
    """What the machine is made from: the units, the configuration, the secrets and the program's place."""
    folder = world.folder / "machine"
    units, etc, venv = folder / "units", folder / "etc", folder / "venv"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library = venv / "lib" / version / "site-packages"
    shutil.copytree(UNITS, units)
    for made in (units / "monitor.service.d", etc / "monitor", etc / "credstore", venv / "bin", library):
        made.mkdir(parents=True)
    for name in _TARGETS:
        (units / f"{name}.target").write_text(f"[Unit]\nDescription={name}\nDefaultDependencies=no\n")
    for drop_ins in (units / "monitor.service.d", units / "monitor-@.service.d"):
        (drop_ins / "here.conf").write_text(_HERE)
        (drop_ins / "test.conf").write_text(f"[Service]\n{drop_in}\n")
    (etc / "monitor/monitor.yaml").write_text(_configuration(world, *feeds, extra=extra))
    shutil.copy(world.mail.ca_file, etc / "monitor/ca.pem")
    for name, secret in {"smtp-password": PASSWORD, "webhook-secret": SIGNING_SECRET, **secrets}.items():
        (etc / "credstore" / name).write_text(secret)
        (etc / "credstore" / name).chmod(0o600)
    (venv / "pyvenv.cfg").write_text("home = /opt/monitor/python/bin\ninclude-system-site-packages = false\n")
    (venv / "bin/python").symlink_to(f"/opt/monitor/python/bin/{version}")
    (venv / "bin/monitor").write_text(
        "#!/opt/monitor/bin/python\nfrom monitor.__main__ import main\n\nif __name__ == '__main__':\n    main()\n"
    )
    (venv / "bin/monitor").chmod(0o755)
    (library / "here.pth").write_text("/opt/monitor/packages\n/opt/monitor/source\n")
    return folder


def _configuration(world: World, *feeds: str, extra: str) -> str:
    """The world's, as the unit wants it: the store in its state folder or at a secret address, secrets as credentials."""
    world.write_config(*feeds, extra=extra)
    store = "store: {credential: store}\n" if world.postgresql else ""
    text = world.config.read_text().replace(f"store: '{world.store_url}'\n", store)
    text = text.replace("env: MAIL_PASSWORD", "credential: smtp-password").replace(
        "env: HOOK_SECRET", "credential: webhook-secret"
    )
    return text.replace(world.mail.ca_file, "/etc/monitor/ca.pem")
