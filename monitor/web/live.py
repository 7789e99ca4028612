"""Tells open pages that something changed, by server-sent events; what it is they fetch themselves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from flask import Blueprint, Response, request

from monitor.errors import StoreError
from monitor.serve import STREAMS
from monitor.store import page
from monitor.web.site import Site

_EVERY = 1.0
"""Seconds between two looks."""
_ALIVE = 15.0
"""Seconds after which a revision is said again, so that everything between sees that the stream lives."""
_LASTS = 600.0
"""Seconds after which a stream ends; its page opens another one. A session may have ended meanwhile."""
_AGAIN = 10_000
"""Milliseconds after which a page asks again: without a stream of its own, that is how often it hears."""


def blueprint(site: Site) -> Blueprint:
    """The stream of changes."""
    routes = Blueprint("live", __name__)
    watch = Watch(site)
    free = threading.BoundedSemaphore(STREAMS)

    @routes.get("/live")
    def stream() -> Response:
        has_left: Callable[[], bool] = request.environ.get("waitress.client_disconnected", lambda: False)
        if request.method == "GET" and free.acquire(blocking=False):  # who asks for the head alone never ends a stream
            return _events(_Held(watch.changes(has_left), free.release))
        return _events(iter([_event(watch.revision(_EVERY))]))

    return routes


class Watch:
    """Looks at the store for all streams together: when one begins, and once a second."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._lock = threading.Lock()
        self._looked_at = float("-inf")
        self._revision = ""

    def revision(self, age: float) -> str:
        """What `page.revision` says, so many seconds old at most."""
        with self._lock:
            if time.monotonic() - self._looked_at >= age:
                with suppress(StoreError), self._site.store.read() as tx:  # the next look may tell
                    self._revision = page.revision(tx)
                self._looked_at = time.monotonic()
            return self._revision

    def changes(self, has_left: Callable[[], bool]) -> Iterator[bytes]:
        """The revision now, and each one from then on, until the reader has left.

        The first is no older than the page that asks: else what its own reader has just done would be news to it.
        """
        begun = spoken = time.monotonic()
        last, age = None, 0.0
        while time.monotonic() - begun < _LASTS and not has_left():
            revision, age = self.revision(age), _EVERY
            if revision != last or time.monotonic() - spoken > _ALIVE:
                yield _event(revision)
                last, spoken = revision, time.monotonic()
            time.sleep(_EVERY)


class _Held:
    """A stream that gives its place back when it ends, however it ends."""

    def __init__(self, events: Iterator[bytes], release: Callable[[], None]) -> None:
        self._events = events
        self._release: Callable[[], None] | None = release

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._events)

    def close(self) -> None:
        """Called by the server in any case, once or more often."""
        release, self._release = self._release, None
        if release is not None:
            release()


def _event(revision: str) -> bytes:
    """The revision, which a page compares with the one it was made from."""
    return f"retry: {_AGAIN}\ndata: {revision}\n\n".encode()


def _events(stream: Iterator[bytes]) -> Response:
    return Response(stream, mimetype="text/event-stream", headers={"X-Accel-Buffering": "no"})
