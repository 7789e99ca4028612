"""Serves the page, and the addresses that mails and hubs use, from threads of its own, so that no slow browser keeps a poll waiting."""

from __future__ import annotations

import ipaddress
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import WSGIApplication

from monitor.alerts.notice import Trouble
from monitor.errors import MonitorError, plainly
from monitor.secret import Secret

log = logging.getLogger(__name__)

STREAMS = 8
"""Browsers that are told of changes at once; each keeps a thread, and the next ones ask again by themselves."""
_THREADS = 4 + STREAMS
_CONNECTIONS, _IDLE = 300, 30
"""Browsers at once, and seconds after which one that says nothing is hung up on (W6)."""
_ROUND = 10
"""Seconds after which the server looks at its connections when none of them stirs; of its own it would each second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """The page, and the addresses in mails that silence a storyline or end following it."""

    base_url: str = ""
    """Where readers reach it from outside, such as `https://news.example.org`; mails have such addresses only with it."""
    listen: str = "127.0.0.1:8765"
    """Where it listens; put your web server in front of it."""
    page: bool = True
    """Whether there is a page; with false, only what mails and hubs use is served, and that only with a `base_url`."""
    password: str | Secret = ""
    """What `monitor password` prints; needed as soon as others than this machine's own users can reach the page."""
    token: Secret | None = None
    """Lets programs in that send `Authorization: Bearer ...`, and feed readers that send it as a password."""

    @property
    def is_served(self) -> bool:
        """Whether there is anything to serve."""
        return self.page or bool(self.base_url)

    @property
    def is_open(self) -> bool:
        """Whether the page asks nobody who they are: it listens to this machine alone, and nothing is said of a web server before it.

        A web server that passes requests on to loopback makes strangers look like this machine's own users.
        """
        outside = urlsplit(self.base_url).hostname
        return is_loopback(self.listen.rpartition(":")[0]) and (outside is None or is_loopback(outside))

    @property
    def has_login(self) -> bool:
        """Whether somebody can say who they are."""
        return bool(self.password) or self.token is not None


def is_loopback(host: str) -> bool:
    """Whether a host's name or number means this machine itself."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.rstrip(".").lower() == "localhost"


class Server:
    """Listens until it is closed. Raises MonitorError when the address cannot be had (P16)."""

    def __init__(self, app: WSGIApplication, listen: str) -> None:
        from waitress import create_server  # noqa: PLC0415 - only where something is served
        from waitress.wasyncore import close_all  # noqa: PLC0415

        self._sockets: dict[int, Any] = {}
        self._listen = listen
        try:
            self._server = create_server(
                app,
                map=self._sockets,
                listen=listen,
                threads=_THREADS,
                ident="monitor",
                clear_untrusted_proxy_headers=True,
                channel_request_lookahead=1,  # so that a stream hears when its reader has left
                channel_timeout=_IDLE,
                asyncore_loop_timeout=_ROUND,
                connection_limit=_CONNECTIONS,
                asyncore_use_poll=True,  # select knows no more than 1,024 files
            )
        except (OSError, ValueError) as error:
            close_all(self._sockets)
            said = f"The page cannot be served at {listen}: {plainly(error)}."
            raise MonitorError(f"{said} Free the address, or name another one under `web: {{listen: ...}}`.") from None
        self.port = int(self._server.effective_port)
        self.thread = threading.Thread(target=self._server.run, name="web", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        log.info("web listen=%s", self._listen)
        self.thread.start()

    def close(self) -> None:
        """Serve no more, and hang up on those who keep their connections open."""
        from waitress.trigger import trigger  # noqa: PLC0415
        from waitress.wasyncore import close_all  # noqa: PLC0415

        wakers = [waiting for waiting in self._sockets.values() if isinstance(waiting, trigger)]
        for waker in wakers:  # sockets are closed by the thread that waits for them
            with suppress(OSError):  # it was awake already, and has closed them
                waker.pull_trigger(partial(close_all, self._sockets))
        if self.thread.is_alive():
            self.thread.join(2.0)
        else:  # it was never started, or has died: nobody else closes them
            close_all(self._sockets)
        self._server.task_dispatcher.shutdown()


def anew(
    before: Server | None,
    page: Callable[[], WSGIApplication] | None,
    web: WebSettings,
    complain: Callable[[Trouble], None],
) -> Server | None:
    """A server in the place of the one before, as it is configured; None where nothing is served, or cannot be, which is complained of."""
    if before is not None:
        before.close()
    if page is None or not web.is_served:
        return None
    try:
        server = Server(page(), web.listen)
    except MonitorError as error:
        log.error("web error=%s", error)  # noqa: TRY400 - the sentence says it all
        complain(Trouble(subject="web", title="The page cannot be served", said=str(error)))
        return None
    server.start()
    return server
