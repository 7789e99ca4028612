"""Who may come in: asked before every view but the few that are for everybody, so that no view can forget to ask.

In this order: the name by which the page was asked for (DNS rebinding), who asks, and for what changes something that the
form is ours. What is not named here as open to all is closed.
"""

from __future__ import annotations

import hmac
import ipaddress
from urllib.parse import urlsplit

from flask import Flask, Response, g, make_response, render_template, request, session
from werkzeug.exceptions import HTTPException

from monitor.serve import is_loopback
from monitor.web import health, login
from monitor.web.site import Site

FOR_EVERYBODY = health.OPEN | frozenset({"static", "links.look", "links.act", "websub.verify", "websub.take"})
"""Endpoints without a login: what an address in a mail and a hub's token open, and what holds no news."""
FOR_ENTERING = frozenset({"login.enter"})
"""Endpoints that ask who somebody is; they want our form all the same."""


class Refusal(HTTPException):
    """An answer with a sentence of ours."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(said)
        self.code = code


def register(app: Flask, site: Site) -> None:
    """Stand before every view of the application."""
    login.keep_sessions(app, site)

    def check() -> Response | None:
        g.is_in = False
        if is_for_everybody():
            return None
        if not is_ours(request.headers.get("Host", ""), site):
            raise Refusal(421, _WRONG_HOST)
        who = login.who(site)
        g.is_in = who is not login.Who.NOBODY
        if not g.is_in and request.endpoint not in FOR_ENTERING:
            return ask(site)
        changes = request.endpoint and request.method not in ("GET", "HEAD", "OPTIONS")
        if changes and who is not login.Who.PROGRAM:
            _check_form(site)
        return None

    app.before_request(check)


def is_for_everybody() -> bool:
    """Whether what is asked for needs no login."""
    return request.endpoint in FOR_EVERYBODY


def is_ours(host: str, site: Site) -> bool:
    """Whether a Host header names this page: by number, as localhost, or as `base_url` has it (W1).

    A name that somebody else owns may lead to this machine; a number is what was dialled.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    known = {urlsplit(site.web.base_url).hostname, site.web.listen.rpartition(":")[0].strip("[]").lower()} - {None}
    return name in known or is_loopback(name) or _is_number(name)


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def ask(site: Site) -> Response:
    """Ask who it is; whoever follows a link from elsewhere is sent to the same address once more, with their cookie."""
    if not site.web.page:
        raise Refusal(401, "There is no page here.")
    wanted = request.full_path.rstrip("?") if request.method == "GET" else "/"
    answer = make_response(render_template("login.html", wanted=wanted, can_enter=site.web.has_login), 401)
    if request.headers.get("Sec-Fetch-Site") == "cross-site" and login.cookie(site) not in request.cookies:
        answer.headers["Refresh"] = "0"  # SameSite=Strict keeps it back from a first visit by a stranger's link
    return answer


def csrf(site: Site) -> str:
    """What a form of ours carries (W3)."""
    return site.sign(f"form\0{session.get('id', '')}")


def _check_form(site: Site) -> None:
    origin = request.headers.get("Origin")
    if origin is not None and not _is_our_origin(origin, site):
        raise Refusal(403, "This form was sent by another page, so nothing was done.")
    given = request.form.get("csrf", "") or request.headers.get("X-CSRF-Token", "")
    if not hmac.compare_digest(given.encode("utf-8", "replace"), csrf(site).encode()):
        raise Refusal(403, "This form is not ours, or too old; open the page again, and send it from there.")


def _is_our_origin(origin: str, site: Site) -> bool:
    parts, outside = urlsplit(origin), urlsplit(site.web.base_url)
    if outside.netloc and (parts.scheme, parts.netloc) == (outside.scheme, outside.netloc):
        return True
    return parts.scheme in ("http", "https") and parts.netloc == request.headers.get("Host", "")


_WRONG_HOST = (
    "The page does not answer to the name by which you asked for it. Use its number or localhost, or write that name "
    "under `web: {base_url: ...}` in the configuration."
)
