"""The web application: its routes, and the headers that keep strangers' pages and scripts out of every answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask import Flask, Response

from monitor.model import Push
from monitor.store import Store
from monitor.web import links, websub

LONGEST = 16_384
"""Bytes that a request's body may have."""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}


def create(store: Store, key: bytes, now: Callable[[], datetime], pushed: Callable[[Push], bool]) -> Flask:
    """The application over a store; `key` signs the addresses in mails, `pushed` takes what hubs bring."""
    app = Flask("monitor.web", static_url_path="/static")
    app.config["MAX_CONTENT_LENGTH"] = LONGEST
    app.register_blueprint(links.blueprint(store, key, now))
    app.register_blueprint(websub.blueprint(store, pushed, now))
    app.after_request(_guard)
    return app


def _guard(response: Response) -> Response:
    """W2: nothing is loaded from elsewhere, nobody frames us, nothing is kept."""
    response.headers.update(_HEADERS)
    return response
