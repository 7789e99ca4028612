"""What a person wants to hear: a storyline is silenced, left or followed again, and each of it undone."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from monitor.follow import whom, wish
from monitor.model import Mute
from monitor.store import mutes
from monitor.web.login import ours
from monitor.web.shown import tell
from monitor.web.site import Site

HOURS = {"1": "1 hour", "8": "8 hours", "24": "1 day", "168": "1 week"}
"""How long a silence may last."""


def blueprint(site: Site) -> Blueprint:
    """What can be wished of a story."""
    routes = Blueprint("wishes", __name__)

    @routes.post("/stories/<name>/silence")
    def silence(name: str) -> Response:
        hours, until = request.form.get("hours", ""), request.form.get("until", "")
        end = site.now() + timedelta(hours=int(hours)) if hours in HOURS else _moment(until)
        asked = wish(site.config(), name, request.form.get("channel", ""), request.form.get("target", ""), end)
        site.store.write(lambda tx: mutes.mute(tx, asked))
        said = f"hears nothing of it until {end:%-d %B, %H:%M} UTC" if end else "follows it no more"
        return _done(f"{whom(asked)} {said}.", url_for("wishes.follow", name=name), _fields(asked))

    @routes.post("/stories/<name>/follow")
    def follow(name: str) -> Response:
        asked = wish(site.config(), name, request.form.get("channel", ""), request.form.get("target", ""))
        with site.store.read() as tx:
            standing = [
                m for m in mutes.standing(tx, site.now()) if _fields(m) == _fields(asked) and m.storyline == name
            ]
        site.store.write(lambda tx: mutes.follow(tx, asked, site.now()))
        if not standing:
            return _done(f"{whom(asked)} follows it already.", "", {})
        until = {"until": standing[0].until.isoformat()} if standing[0].until else {}
        return _done(f"{whom(asked)} follows it again.", url_for("wishes.silence", name=name), _fields(asked) | until)

    return routes


def _fields(wish: Mute) -> dict[str, str]:
    return {"channel": wish.channel, "target": wish.target}


def _moment(written: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _done(said: str, undo: str, fields: dict[str, str]) -> Response:
    back = ours(request.form.get("back", "/"))
    tell(said, undo, **fields, back=back)
    return redirect(back, 303)
