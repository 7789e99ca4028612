"""What the page is made from: the store, the configuration in force, the time, and what signs forms and sessions."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from monitor.config import Config
from monitor.feeds.fetch import Gate
from monitor.model import Push
from monitor.serve import WebSettings
from monitor.store import Store
from monitor.web.health import Health


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Everything a view may use. What changes with the configuration is asked for anew at each request."""

    store: Store
    key: bytes = field(repr=False)
    web: WebSettings
    config: Callable[[], Config]
    gate: Callable[[], Gate]
    """The one way to the network; no view has another."""
    now: Callable[[], datetime]
    pushed: Callable[[Push], bool]
    """Takes what hubs bring."""
    health: Health
    """How the daemon is."""

    reload: Callable[[], None] = lambda: None
    """Has the configuration's file taken up as it is now, soon after."""

    def sign(self, what: str) -> str:
        """A signature of ours; `what` begins with its purpose, so that none serves for another."""
        return hmac.new(self.key, f"page\0{what}".encode(), hashlib.sha256).hexdigest()
