"""/healthz and /readyz: whether the process works, and whether it follows stories. They say no more, since anybody may ask."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import Blueprint, Response

from monitor.errors import MonitorError

OPEN = frozenset({"health.healthz", "health.readyz"})
"""Endpoints that ask nobody who he is."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Health:
    """How the daemon is, asked at each request."""

    check: Callable[[], None]
    """Raises MonitorError when a part has died or shows no life."""
    unready: Callable[[], str]
    """Why no story is followed now, in a sentence; empty when all are."""
    ages: Callable[[], Mapping[str, float]]
    """Seconds since each part last showed that it works."""


def blueprint(health: Health) -> Blueprint:
    """The routes /healthz and /readyz: 200 for yes, 503 for no."""
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    def healthz() -> Response:
        """Whether the process is to be left alone, or started anew."""
        try:
            health.check()
        except MonitorError as error:
            log.warning("healthz error=%s", error)
            return _said("A part has died or hangs; the log says which.", well=False)
        return _said("well", well=True)

    @routes.get("/readyz")
    def readyz() -> Response:
        """Whether it polls, and can keep what comes of it."""
        why = health.unready()
        return _said(why or "ready", well=not why)

    return routes


def _said(what: str, *, well: bool) -> Response:
    return Response(f"{what}\n", status=200 if well else 503, mimetype="text/plain")
