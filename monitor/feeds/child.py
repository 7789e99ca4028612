"""The child's side of `monitor.feeds.children`: a process that reads what a parser needs once, and has forks of itself do the work."""

from __future__ import annotations

import gc
import os
import pickle
import resource
import socket
from contextlib import suppress
from typing import NoReturn

from monitor.feeds import document  # noqa: F401 - read once, and not by each fork

_MEMORY = 256 * 1024 * 1024
_USED_UP = 3


def main(pair: int, calls: int) -> None:
    """Answer calls on an open socket until the other side closes it, so many in each fork; where one dies, say nothing and end."""
    with socket.socket(fileno=pair) as connection:
        gc.freeze()  # what the forks share stays shared
        status = _USED_UP
        while status == _USED_UP:
            fork = os.fork()
            if not fork:
                _work(connection, calls)
            status = os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1])


def _work(connection: socket.socket, calls: int) -> NoReturn:
    _confine()
    connection.sendall(pickle.dumps("here"))
    wire = connection.makefile("rwb")
    for _ in range(calls):
        try:
            function, args, kwargs = pickle.load(wire)  # noqa: S301 - from our parent
        except (EOFError, ConnectionError):  # reset where something of ours was not read before it closed
            os._exit(0)
        pickle.dump(function(*args, **kwargs), wire, pickle.HIGHEST_PROTOCOL)
        wire.flush()
    os._exit(_USED_UP)


def _confine() -> None:
    """No core dump, and a ceiling for memory (X4)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pages = int(_statm().split()[0])
    with suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + _MEMORY,) * 2)


def _statm() -> str:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - one read of a kernel file
        return file.read()
