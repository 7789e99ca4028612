"""Runs a command and tells what it and all its descendants cost: CPU seconds, wall seconds, and the most memory they had together."""

from __future__ import annotations

import ctypes
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_SUBREAPER = 36
_LOOK_EVERY = 0.05


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run cost; memory is the proportional set size of the whole process tree, in MB: at its highest, and as its work was done."""

    cpu: float
    wall: float
    memory: float
    rest: float


def measured(
    command: Sequence[str], *, env: Mapping[str, str] | None = None, until: Callable[[], bool] | None = None
) -> Cost:
    """Run `command` to its end, or until `until` says that it has done its work. Raises RuntimeError when it fails.

    This process becomes the parent of what the command leaves behind (prctl(2), PR_SET_CHILD_SUBREAPER), so that nothing is left out.
    """
    ctypes.CDLL(None).prctl(_SUBREAPER, 1)
    before, begin, most, rest, others = _spent(), time.monotonic(), 0.0, 0.0, _children()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, env={**os.environ, **(env or {})}, stdout=subprocess.DEVNULL, stderr=errors)
        while process.poll() is None:
            now = memory(process.pid)
            most = max(most, now)
            if until is not None and until():
                rest, until = now, None
                process.terminate()
            time.sleep(_LOOK_EVERY)
        wall = time.monotonic() - begin
        errors.seek(0)
        said = errors.read().decode("utf-8", "replace")
    for left_behind in _children() - others:
        os.waitpid(left_behind, 0)
    if process.returncode not in (0, -15):
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {said[-500:]}")
    return Cost(_spent() - before, wall, most, rest)


def _children() -> set[int]:
    return {int(pid) for tasks in Path("/proc/self/task").iterdir() for pid in (tasks / "children").read_text().split()}


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def memory(root: int) -> float:
    """MB that a process and its descendants share and have for themselves."""
    total, todo = 0, [root]
    while todo:
        pid = todo.pop()
        try:
            total += int(re.findall(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)[0])
            todo += [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
            for thread in Path(f"/proc/{pid}/task").iterdir():
                if thread.name != str(pid):
                    todo += [int(child) for child in (thread / "children").read_text().split()]
        except (OSError, IndexError):
            continue
    return total / 1024


def spread(values: Sequence[float]) -> str:
    """The median, with the least and the most: `1.20 (1.15-1.31)`."""
    return f"{statistics.median(values):.3g} ({min(values):.3g}-{max(values):.3g})"


def machine() -> str:
    """What the figures were measured on."""
    name = re.findall(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return f"{name[0] if name else 'a processor of unknown name'}, {os.cpu_count()} cores, Python {'.'.join(map(str, sys.version_info[:3]))}"
