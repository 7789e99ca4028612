"""What no service of this kind has to do, tried one by one; prints what the system said to each as JSON. Run inside the unit."""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_NEW_USER_NAMESPACE = 0x10000000
_OLD_ADDRESSES = 0x0008
written: list[str] = []
"""Where programs were written."""


def call(name: str, *arguments: object) -> None:
    """A function of the C library's; its error is raised."""
    if getattr(_libc, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)


def run_what_was_written() -> None:
    """Wherever a file can be written: a program that runs in one of those places is one too many."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        program = Path(line.split()[4], "program")
        with suppress(OSError):
            program.write_text("#!/bin/sh\n")
            program.chmod(0o755)
            written.append(str(program))
            subprocess.run([program], check=True)
            return
    raise OSError(errno.EACCES, "nowhere")


def find_the_program_writable() -> None:
    for place in ("/", "/usr/bin", "/usr/lib", "/opt/monitor/bin", "/opt/monitor/source/monitor", "/etc/monitor"):
        if not os.statvfs(place).f_flag & os.ST_RDONLY:
            return
    raise OSError(errno.EROFS, "nowhere")


def become_another() -> None:
    program = Path(os.environ["STATE_DIRECTORY"], "program")
    program.touch()
    program.chmod(0o4755)


def listen(port: int) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", port))


ATTEMPTS: dict[str, Callable[[], object]] = {
    "mount a file system": lambda: call("mount", b"none", b"/tmp", b"tmpfs", 0, None),
    "look into another process": lambda: call("ptrace", 16, os.getppid(), 0, 0),
    "make a namespace": lambda: call("unshare", _NEW_USER_NAMESPACE),
    "watch the kernel's network": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "read every packet": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "write code and run it": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC),
    "go before all others": lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
    "go after no others": lambda: os.setpriority(os.PRIO_PROCESS, 0, 5),
    "live by old rules": lambda: call("personality", _OLD_ADDRESSES),
    "change the configuration": lambda: os.truncate("/etc/monitor/monitor.yaml", 0),
    "change the program": lambda: os.truncate("/opt/monitor/bin/monitor", 0),
    "find the program writable": find_the_program_writable,
    "run what was written": run_what_was_written,
    "become another by a file": become_another,
    "read another's secrets": lambda: Path("/etc/credstore/smtp-password").read_text(),
    "look into a home": lambda: list(Path("/root").iterdir()),
    "read a disk": lambda: next(iter([*Path("/dev").glob("[vsn][dv]*")])),
    "see process 1": lambda: Path("/proc/1/cmdline").read_text(),
    "see the kernel's settings": lambda: Path("/proc/sys/kernel/hostname").read_text(),
    "serve another port": lambda: listen(int(sys.argv[1])),
    "serve its own port": lambda: listen(int(sys.argv[2])),
    "reach what is closed": lambda: socket.create_connection(("127.0.0.9", int(sys.argv[3])), timeout=1),
    "reach what is open": lambda: socket.create_connection(("127.0.0.1", int(sys.argv[3])), timeout=1),
    "write its state": lambda: Path(os.environ["STATE_DIRECTORY"], "note").write_text("here"),
    "write to /tmp": lambda: Path("/tmp/note").write_text("here"),
    "read its secret": lambda: Path(os.environ["CREDENTIALS_DIRECTORY"], "smtp-password").read_text(),
}


def outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    except StopIteration:
        return "ENOENT"
    return "done"


if __name__ == "__main__":
    said = {name: outcome(attempt) for name, attempt in ATTEMPTS.items()}
    sys.stdout.write(json.dumps({"answers": said, "written": written}) + "\n")
