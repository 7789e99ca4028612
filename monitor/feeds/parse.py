"""bytes -> Document, at arm's length: in child processes with a limit on time and memory, since a feed can kill its parser."""

from __future__ import annotations

import multiprocessing
import os
import resource
import threading
from collections.abc import Iterator
from concurrent.futures import TimeoutError as Late
from concurrent.futures import wait
from contextlib import contextmanager, suppress
from multiprocessing import forkserver, resource_tracker

from pebble import ProcessExpired, ProcessPool

from monitor.errors import FeedError
from monitor.model import Document, Response

CPU_SECONDS = 5
MEMORY = 256 * 1024 * 1024
_WALL_SECONDS = 20
_LOOK_AGAIN = 0.5
_RECYCLE_AFTER = 200
"""Documents a child parses before it makes room for a fresh one."""
_KEPT = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "PYTHONPATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
    "HOME",
    "TMPDIR",
    "LD_LIBRARY_PATH",
)


class Parser:
    """A pool of children that parse; one that dies, hangs or grows too large takes its own document with it and no other."""

    def __init__(self, workers: int = 2) -> None:
        self._workers = workers
        self._lock = threading.Lock()
        self._closed = False
        self._pool = self._new_pool()

    def parse(self, response: Response) -> Document:
        """Parse what fetch brought. Raises FeedError when it is no feed, or more than a child can bear."""
        try:
            outcome = self._in_child(response.body, response.url, response.headers.get("content-type", ""))
        except (Late, ProcessExpired):
            raise FeedError(
                "parse-crash", "The feed is built so that reading it takes too much time or memory."
            ) from None
        if isinstance(outcome, Document):
            return outcome
        raise FeedError(*outcome)

    def close(self) -> None:
        """End the children."""
        with self._lock:
            self._closed = True
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()

    def _in_child(self, *arguments: object) -> Document | tuple[str, str]:
        for _ in range(2):
            pool = self._pool
            try:
                task = pool.schedule(_parse, arguments, timeout=_WALL_SECONDS)
                while not wait([task], _LOOK_AGAIN).done and pool.active:
                    pass
                if self._closed:  # of some tasks nothing is told then, of others nonsense
                    return "stopped", "The monitor ended before it had read the feed."
                if task.done():
                    outcome: Document | tuple[str, str] = task.result()
                    return outcome
            except (Late, ProcessExpired):
                raise
            except (RuntimeError, OSError):  # a child died with nothing to do, or none could be started
                pass
            self._replace(pool)
        return (
            "no-child",
            "No process can be started to read the feed: the machine is out of memory, processes or room.",
        )

    def _replace(self, broken: ProcessPool) -> None:
        with self._lock:
            if self._pool is broken and not self._closed:
                broken.stop()  # type: ignore[no-untyped-call]
                broken.join()
                self._pool = self._new_pool()

    def _new_pool(self) -> ProcessPool:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["monitor.feeds.document"])
        with _without_secrets(), suppress(OSError):  # P11: what fails here is tried again for each feed
            resource_tracker.ensure_running()
            forkserver.ensure_running()
        return ProcessPool(max_workers=self._workers, max_tasks=_RECYCLE_AFTER, initializer=_confine, context=context)


@contextmanager
def _without_secrets() -> Iterator[None]:
    """While the server of the children starts: what a process is started with stays in /proc, whatever it forgets later (P15)."""
    hidden = {name: value for name, value in os.environ.items() if name not in _KEPT}
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)


def _confine() -> None:
    """In a new child: no secrets in the environment, no core dump, a ceiling for memory (P15, X4)."""
    for name in [name for name in os.environ if name not in _KEPT]:
        del os.environ[name]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pages = int(_statm().split()[0])
    with suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY,) * 2)


def _statm() -> str:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - one read of a kernel file
        return file.read()


def _parse(body: bytes, url: str, content_type: str) -> Document | tuple[str, str]:
    """The document, or the reason and the sentence of a FeedError: plain values, since errors do not travel well."""
    from monitor.feeds.document import parse_bytes  # noqa: PLC0415 - children need feedparser, their parent does not

    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + CPU_SECONDS + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    try:
        return parse_bytes(body, url=url, content_type=content_type)
    except FeedError as error:
        return error.reason, str(error)
    except MemoryError:
        return "parse-crash", "Reading the feed takes too much memory."
    except Exception as error:  # noqa: BLE001 - whatever a hostile feed provokes is this feed's error only
        return "unreadable", f"The feed cannot be read: {type(error).__name__}."
