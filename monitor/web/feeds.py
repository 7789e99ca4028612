"""The feeds: how each of them is, when it is polled and why; one looked at, one polled at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from monitor.discover import look
from monitor.errors import FeedError
from monitor.feeds import pauses
from monitor.model import Feed, FeedState
from monitor.store import feeds, subscriptions
from monitor.web.adding import address, host_of
from monitor.web.shown import tell
from monitor.web.site import Site

LISTED = 100
"""Feeds on one page."""
_SHOWN = 20
"""Entries that are shown of a feed that is looked at."""
_DAY = timedelta(days=1)


def blueprint(site: Site) -> Blueprint:
    """The views of the feeds."""
    routes = Blueprint("feeds", __name__)

    @routes.get("/feeds")
    def index() -> str:
        words, start = request.args.get("q", "")[:200].strip(), _number(request.args.get("from", ""))
        now = site.now()
        with site.store.read() as tx:
            states = feeds.some(tx, words, LISTED, start)
            brought = feeds.brought(tx, now - _DAY, [state.url for state in states])
            counts = {"found": feeds.count(tx, words), "all": feeds.count(tx), "ailing": feeds.count_ailing(tx)}
            pushed = subscriptions.told_until(tx, now)
        configured = {feed.url: feed for feed in site.config().feeds}
        rows = [_row(state, configured.get(state.url), brought, pushed.get(state.url)) for state in states]
        return render_template("feeds.html", feeds=rows, counts=counts, words=words, start=start, step=LISTED)

    @routes.post("/feeds/look")
    def looked() -> str:
        url = address(request.form.get("url", ""))
        try:
            answer, document = look(url, site.config().fetch)
        except FeedError as error:
            return render_template("feed.html", url=url, error=str(error))
        newest = sorted(
            document.items,
            key=lambda item: item.published or datetime.min.replace(tzinfo=site.now().tzinfo),
            reverse=True,
        )
        return render_template("feed.html", url=url, answer=answer, document=document, items=newest[:_SHOWN])

    @routes.post("/feeds/due")
    def due() -> Response:
        url = request.form.get("url", "")
        asked = site.store.write(lambda tx: feeds.make_due(tx, site.now(), url))
        tell("It is polled now." if asked else "That feed is not followed.")
        return redirect(url_for("feeds.index", q=url if asked else None), 303)

    return routes


def _row(
    state: FeedState, feed: Feed | None, brought: dict[str, tuple[int, int]], pushed: datetime | None
) -> dict[str, Any]:
    entries, placed = brought.get(state.url, (0, 0))
    return {
        "state": state, "name": (feed.name if feed else "") or state.title or host_of(state.url), "health": state.health, "entries": entries,
        "reports": placed, "pause": pauses.pause(state), "why": pauses.why(feed, state) if feed else "", "pushed": pushed,
    }  # fmt: skip


def _number(written: str) -> int:
    return int(written) if written.isascii() and written.isdigit() and len(written) < 9 else 0  # noqa: PLR2004
