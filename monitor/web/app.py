"""The web application: its routes, and the headers that keep strangers' pages and scripts out of every answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask import Flask, Response

from monitor.model import Push
from monitor.store import Store
from monitor.web import health, links, metrics, websub
from monitor.web.health import Health

LONGEST = 16_384
"""Bytes that a request's body may have."""
OPEN = health.OPEN | {"links.look", "links.act", "websub.verify", "websub.take", "static"}
"""Endpoints that ask for no login, wherever the page is served: they give nothing away, or their address is the key."""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}


def create(store: Store, key: bytes, now: Callable[[], datetime], pushed: Callable[[Push], bool], how: Health) -> Flask:
    """The application over a store; `key` signs the addresses in mails, `pushed` takes what hubs bring, `how` is the daemon."""
    app = Flask("monitor.web", static_url_path="/static")
    app.config["MAX_CONTENT_LENGTH"] = LONGEST
    app.register_blueprint(links.blueprint(store, key, now))
    app.register_blueprint(websub.blueprint(store, pushed, now))
    app.register_blueprint(health.blueprint(how))
    app.register_blueprint(metrics.blueprint(store, now, how))
    app.after_request(_guard)
    return app


def _guard(response: Response) -> Response:
    """W2: nothing is loaded from elsewhere, nobody frames us, nothing is kept."""
    response.headers.update(_HEADERS)
    return response
