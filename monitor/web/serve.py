"""Serves the web application from threads of its own, so that no slow browser keeps a poll waiting."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from monitor.errors import MonitorError

if TYPE_CHECKING:
    from flask import Flask

log = logging.getLogger(__name__)

_THREADS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """Serves addresses in mails that silence a storyline or end following it."""

    base_url: str = ""
    """Where readers reach it from outside, such as `https://news.example.org`; mails have such addresses only with it."""
    listen: str = "127.0.0.1:8765"
    """Where it listens; put your web server in front of it."""


class Server:
    """Listens until it is closed. Raises MonitorError when the address cannot be had (P16)."""

    def __init__(self, app: Flask, listen: str) -> None:
        from waitress import create_server  # noqa: PLC0415 - only where something is served
        from waitress.wasyncore import close_all  # noqa: PLC0415

        self._sockets: dict[int, Any] = {}
        try:
            self._server = create_server(
                app,
                map=self._sockets,
                listen=listen,
                threads=_THREADS,
                ident="monitor",
                clear_untrusted_proxy_headers=True,
            )
        except (OSError, ValueError) as error:
            close_all(self._sockets)
            said = f"The page cannot be served at {listen}: {getattr(error, 'strerror', None) or error}."
            raise MonitorError(f"{said} Free the address, or name another one under `web: {{listen: ...}}`.") from None
        self.port = int(self._server.effective_port)
        self.thread = threading.Thread(target=self._server.run, name="web", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
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
