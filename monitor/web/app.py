"""The web application: which views there are, what stands before each of them, and the headers of every answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from monitor.daemon import Daemon
from monitor.errors import MonitorError, StoreError
from monitor.web import (
    adding,
    article,
    deliveries,
    feeds,
    guard,
    health,
    links,
    live,
    login,
    metrics,
    reports,
    shown,
    stories,
    story,
    tries,
    websub,
    wishes,
)
from monitor.web.health import Health
from monitor.web.site import Site

LONGEST = 16_384
"""Bytes that a request's body may have."""
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}
_OF_THE_PAGE = {
    "Referrer-Policy": "same-origin",  # browsers send no Origin with a form without it
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_LONGER = {"adding.take": adding.LONGEST_LIST, "article.proposal": article.LONGEST, "article.follow": article.LONGEST}
NAVIGATION = (
    ("stories.index", "Stories"),
    ("feeds.index", "Feeds"),
    ("deliveries.index", "Deliveries"),
    ("tries.index", "Try"),
    ("article.index", "Add a story"),
)
"""Endpoint and label of each view that the head of the page leads to."""


def of(daemon: Daemon, reload: Callable[[], None] = lambda: None) -> Flask:
    """What a daemon serves; `reload` has its configuration read again."""
    return create(
        Site(
            store=daemon.store, key=daemon.key, web=daemon.config.web, config=lambda: daemon.config, gate=lambda: daemon.gate,
            now=daemon.now, pushed=daemon.polls.push, reload=reload,
            health=Health(daemon.check, daemon.unready, daemon.ages),
        )
    )  # fmt: skip


def create(site: Site) -> Flask:
    """The application over a site."""
    app = Flask("monitor.web", static_url_path="/static")
    app.config["MAX_CONTENT_LENGTH"] = LONGEST
    app.before_request(_allow_more)
    app.register_blueprint(links.blueprint(site.store, site.key, site.now))
    app.register_blueprint(websub.blueprint(site.store, site.pushed, site.now))
    app.register_blueprint(health.blueprint(site.health))
    app.register_blueprint(metrics.blueprint(site))
    if site.web.page:
        for view in (login, stories, story, reports, wishes, live, article, feeds, adding, deliveries, tries):
            app.register_blueprint(view.blueprint(site))
    shown.register(app, site, NAVIGATION)
    guard.register(app, site)
    app.after_request(partial(_headers, site))
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(MonitorError, _said)
    return app


def _allow_more() -> None:
    """A list of feeds and an article are longer than anything else that a form brings; only who may come in brings one."""
    if request.endpoint in _LONGER:
        request.max_content_length = _LONGER[request.endpoint]


def _headers(site: Site, response: Response) -> Response:
    """W2: nothing is loaded from elsewhere, nobody frames us, nothing is kept."""
    response.headers.update(_HEADERS)
    if request.endpoint == "static":
        response.headers["Cache-Control"] = "no-cache"  # asked for again, and answered by `not changed`
    elif site.web.page and not guard.is_for_everybody():
        response.headers.update(_OF_THE_PAGE)
    return response


def _refused(error: HTTPException) -> tuple[str, int]:
    """W5: a sentence of ours, and nothing of what was asked."""
    code = error.code or 500
    said = error.description if isinstance(error, guard.Refusal) else _SENTENCES.get(code, "This cannot be done.")
    return render_template("error.html", title=_TITLES.get(code, "Something is wrong"), said=said), code


def _said(error: MonitorError) -> tuple[str, int]:
    """What a person can do something about."""
    code = 503 if isinstance(error, StoreError) else 409 if request.method == "POST" else 404
    return render_template("error.html", title=_TITLES.get(code, "This could not be done"), said=str(error)), code


_TITLES = {404: "There is nothing here", 503: "Not just now"}
_SENTENCES = {
    404: "What you look for is not here, or not any more.",
    405: "This address cannot be used so.",
    413: "That is more than this page takes.",
    500: "Something went wrong here; the monitor's log says what.",
}
