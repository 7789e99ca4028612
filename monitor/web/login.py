"""Who somebody is: this machine's own user, a person with the password, or a program with the token."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections import OrderedDict
from datetime import timedelta
from enum import Enum, auto
from urllib.parse import urlsplit

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import Blueprint, Flask, Response, make_response, redirect, render_template, request, session
from werkzeug.wrappers import Response as AnyResponse

from monitor.secret import Secret
from monitor.web.site import Site

LASTS = timedelta(days=30)
"""How long a login holds."""
TRIES = 5
"""Wrong passwords from one address before it has to wait."""
WAIT = 60.0
"""Seconds that it then waits."""
SHORTEST, LONGEST = 10, 1_000
"""Letters of a password."""
_REMEMBERED = 1_000
_PATIENCE = 2.0
"""Seconds that a try waits for others, so that a flood of them holds no thread for long."""


class Who(Enum):
    """Who asks."""

    NOBODY = auto()
    PERSON = auto()
    PROGRAM = auto()
    """Who sends the token with each request: no stranger's page can make a browser do that."""


def keep_sessions(app: Flask, site: Site) -> None:
    """Sessions are signed by this store's key and for this password: another password ends them all."""
    app.secret_key = site.sign(f"session\0{_hash(site)}")
    app.config.update(
        SESSION_COOKIE_NAME=cookie(site), SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_SECURE=urlsplit(site.web.base_url).scheme == "https", PERMANENT_SESSION_LIFETIME=LASTS,
        SESSION_REFRESH_EACH_REQUEST=False,
    )  # fmt: skip


def cookie(site: Site) -> str:
    """The name of our cookie: browsers tell no ports apart, and a second monitor may run on this machine."""
    return f"monitor-{site.web.listen.rpartition(':')[2]}"


def who(site: Site) -> Who:
    """Who sends this request."""
    given = request.authorization
    if given is not None and site.web.token is not None:
        is_right = _same(given.token or given.password or "", site.web.token.reveal())
        if is_right and given.type == "bearer":
            return Who.PROGRAM
        if is_right and request.method in ("GET", "HEAD"):  # browsers repeat a password by themselves: look, do nothing
            return Who.PERSON
    return Who.PERSON if site.web.is_open or session.get("id") else Who.NOBODY


def blueprint(site: Site) -> Blueprint:
    """Coming in and going out."""
    routes = Blueprint("login", __name__)
    tries, one_at_a_time = Tries(), threading.Lock()  # a check takes 64 MB and a tenth of a second

    @routes.post("/login")
    def enter() -> AnyResponse:
        address, now = request.remote_addr or "", time.monotonic()
        wanted = ours(request.form.get("wanted", "/"))
        if (wait := tries.wait(address, now)) > 0:
            return _again(wanted, "Too many wrong passwords came from here; try again in a minute.", 429, wait)
        if not one_at_a_time.acquire(timeout=_PATIENCE):
            return _again(wanted, "Many are trying to log in just now; try again in a moment.", 429, _PATIENCE)
        try:
            is_right = _fits(_hash(site), request.form.get("password", ""))
        finally:
            one_at_a_time.release()
        if not is_right:
            tries.note(address, now)
            return _again(wanted, "That is not the password.", 401)
        tries.forget(address)
        session.clear()
        session["id"] = secrets.token_hex(16)
        session.permanent = True
        return redirect(wanted, 303)

    @routes.post("/logout")
    def leave() -> AnyResponse:
        session.clear()
        return redirect("/", 303)

    return routes


class Tries:
    """Wrong passwords by address, of the last minute or so."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, address: str, now: float) -> float:
        """Seconds until this address may try again; 0 when it may now."""
        with self._lock:
            lately = [at for at in self._wrong.get(address, ()) if now - at < WAIT]
        return WAIT - (now - lately[-TRIES]) if len(lately) >= TRIES else 0.0

    def note(self, address: str, now: float) -> None:
        """A wrong password came from there."""
        with self._lock:
            self._wrong[address] = [*self._wrong.get(address, ())[-TRIES:], now]
            self._wrong.move_to_end(address)
            if len(self._wrong) > _REMEMBERED:
                self._wrong.popitem(last=False)

    def forget(self, address: str) -> None:
        """The right one came."""
        with self._lock:
            self._wrong.pop(address, None)


def _again(wanted: str, said: str, code: int, wait: float = 0.0) -> Response:
    answer = make_response(render_template("login.html", wanted=wanted, said=said, can_enter=True), code)
    if wait:
        answer.headers["Retry-After"] = str(int(wait) + 1)
    return answer


def kept(password: str) -> str:
    """What is kept of a password: an argon2 hash, from which nobody reads it back."""
    return PasswordHasher().hash(password)


def ours(wanted: str) -> str:
    """An address of this page, for after the login; never a stranger's."""
    plain = wanted.isascii() and wanted.isprintable() and "\\" not in wanted
    return wanted if plain and wanted.startswith("/") and not wanted.startswith("//") else "/"


def _hash(site: Site) -> str:
    password = site.web.password
    return password.reveal() if isinstance(password, Secret) else password


def _fits(known: str, password: str) -> bool:
    try:
        return bool(known) and len(password) <= LONGEST and PasswordHasher().verify(known, password)
    except (VerificationError, InvalidHashError):
        return False


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), known.encode())
