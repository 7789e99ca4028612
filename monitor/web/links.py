"""The addresses in mails. To look at one changes nothing, since mail scanners do; to send its form does it, once.

RFC 8058 has a mail program send that form by itself: `List-Unsubscribe=One-Click`, without cookies, login or redirect.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, abort, render_template

from monitor.alerts.links import Deed, read, token
from monitor.alerts.render import line
from monitor.model import Alert, Delivery, Mute
from monitor.store import Connection, Store, links, mutes, outbox

SILENCE = timedelta(hours=8)
"""How long an address in a mail silences a storyline."""
_ASKED = {
    Deed.SILENCE: "Hear nothing of this for 8 hours?",
    Deed.UNFOLLOW: "Follow this no more?",
    Deed.FOLLOW: "Follow this again?",
}
_DONE = {
    Deed.SILENCE: "You hear nothing of this for 8 hours; then what came is told in one message.",
    Deed.UNFOLLOW: "You follow this no more.",
    Deed.FOLLOW: "You follow this again.",
}


def blueprint(store: Store, key: bytes, now: Callable[[], datetime]) -> Blueprint:
    """The routes under /links."""
    routes = Blueprint("links", __name__)

    @routes.get("/links/<name>")
    def look(name: str) -> str:
        with store.read() as tx:
            deed, delivery, alert = _meant(tx, name, key)
            before = links.used(tx, name)
        if before is not None:
            return _page(alert, _used(before), undo=_undo(deed, delivery, key))
        return _page(alert, _ASKED[deed], do=name)

    @routes.post("/links/<name>")
    def act(name: str) -> str:
        deed, delivery, alert, before = store.write(lambda tx: _do(tx, name, key, now()))
        return _page(alert, _used(before) if before else _DONE[deed], undo=_undo(deed, delivery, key))

    return routes


def _meant(tx: Connection, name: str, key: bytes) -> tuple[Deed, Delivery, Alert]:
    """What an address asks for; 404 where it is not ours, or too old."""
    asked = read(name, key)
    known = outbox.one(tx, asked[1]) if asked else None
    if asked is None or known is None:
        abort(404)
    return asked[0], *known


def _do(tx: Connection, name: str, key: bytes, now: datetime) -> tuple[Deed, Delivery, Alert, datetime | None]:
    """Do it, if this address has not done it before; and when it did, if it has."""
    deed, delivery, alert = _meant(tx, name, key)
    before = links.used(tx, name)
    if before is None:
        links.use(tx, name, now)
        for storyline, _ in alert.storylines:
            until = now + SILENCE if deed is Deed.SILENCE else None
            wish = Mute(storyline=storyline, channel=delivery.channel, target=delivery.target, until=until)
            if deed is Deed.FOLLOW:
                mutes.follow(tx, wish, now)
            else:
                mutes.mute(tx, wish)
    return deed, delivery, alert, before


def _used(before: datetime) -> str:
    return f"This address was used already, on {before:%-d %B %Y, %H:%M} UTC."


def _undo(deed: Deed, delivery: Delivery, key: bytes) -> str:
    """The token that follows again, for who has just left."""
    return "" if deed is Deed.FOLLOW else token(Deed.FOLLOW, delivery.id, key)


def _page(alert: Alert, said: str, **shown: Any) -> str:
    titles = [line(title) for _, title in alert.storylines]
    return render_template("link.html", titles=titles, said=said, **shown)
