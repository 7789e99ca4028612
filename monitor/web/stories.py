"""The stories at a glance, each with its state, its last development, its coverage and what is still open."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, render_template, request
from markupsafe import Markup

from monitor.store import page
from monitor.store.views import View
from monitor.web import picture
from monitor.web.shown import count, number
from monitor.web.site import Site

LISTED = 40
"""Stories on one page."""
_LIVELIEST = ("surge", "developing", "cooling", "quiet", "closed")
"""In which order storylines stand."""


def blueprint(site: Site) -> Blueprint:
    """The view of all storylines."""
    routes = Blueprint("stories", __name__)

    @routes.get("/")
    def index() -> str:
        now, start = site.now(), (number(request.args.get("page", "")) - 1) * LISTED
        with site.store.read() as tx:
            followed = sorted(page.followed(tx), key=_order)
            shown, revision = page.cards(tx, followed[start : start + LISTED], now), page.revision(tx)
        cards = [view | {"spark": _spark(view, now), "week": sum(view["coverage"].values())} for view in shown]
        return render_template(
            "stories.html", stories=cards, of=len(followed), start=start, step=LISTED, revision=revision
        )

    return routes


def _spark(view: View, now: datetime) -> Markup:
    counted = picture.counts(view["coverage"], now, page.WEEK)
    said = f"Reports in the last seven days: {sum(counted)} in all, at most {max(counted)} in three hours"
    return picture.sparkline(counted, said if sum(counted) else f"{count(0, 'report')} in the last seven days")


def _order(view: View) -> tuple[int, float, str]:
    state = view["state"] if view["state"] in _LIVELIEST else _LIVELIEST[-1]
    return _LIVELIEST.index(state), -view["last_at"].timestamp() if view["last_at"] else 0.0, view["title"]
