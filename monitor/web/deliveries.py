"""The deliveries: what waits and what came of each, by channel; dead ones sent again; a channel tried."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from monitor.model import DeliveryState
from monitor.sample import send
from monitor.secret import mask
from monitor.store import outbox, views
from monitor.store.outbox import Backlog
from monitor.web.shown import count, tell
from monitor.web.site import Site

LISTED = 100
"""Deliveries that are shown at most."""


def blueprint(site: Site) -> Blueprint:
    """The views of the deliveries."""
    routes = Blueprint("deliveries", __name__)

    @routes.get("/deliveries")
    def index() -> str:
        state, channel = request.args.get("state") or None, request.args.get("channel") or None
        if state is not None and state not in list(DeliveryState):
            abort(404)
        with site.store.read() as tx:
            waiting = outbox.backlog(tx, site.now())
            listed = views.listed(tx, LISTED, state, channel)
        channels = {name: waiting.get(name, Backlog()) for name in site.config().channels}
        return render_template(
            "deliveries.html",
            channels=channels,
            deliveries=listed,
            states=list(DeliveryState),
            state=state,
            channel=channel,
            most=LISTED,
        )

    @routes.post("/deliveries/retry")
    def retry() -> Response:
        wanted = request.form.getlist("delivery") or None
        queued = site.store.write(lambda tx: outbox.retry(tx, wanted, site.now()))
        tell(
            f"{count(queued, 'delivery is', 'deliveries are')} sent again."
            if queued
            else "Nothing was to be sent again: it is on its way, or has arrived."
        )
        return redirect(url_for("deliveries.index"), 303)

    @routes.post("/deliveries/test")
    def test() -> str:
        channel = request.form.get("channel", "")
        conversation: list[str] = []
        refused = send(channel, site.config(), site.now(), conversation.append)
        return render_template(
            "tested.html",
            channel=channel,
            refused=[mask(said) for said in refused],
            conversation=[mask(said) for said in conversation],
        )

    return routes
