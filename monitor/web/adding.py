"""Feeds put into the configuration: those of a site, and lists of them as OPML, which also go out."""

from __future__ import annotations

from contextlib import closing
from urllib.parse import urlsplit

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from monitor.alerts.clean import line
from monitor.config import edit
from monitor.config.proposal import feed_line, with_feeds
from monitor.discover import discover, put_into
from monitor.errors import MonitorError
from monitor.feeds import opml
from monitor.model import Feed
from monitor.secret import mask
from monitor.web.by_hand import Page, written
from monitor.web.shown import count, tell
from monitor.web.site import Site

LONGEST_LIST = 2_000_000
"""Bytes that a list of feeds may have."""


def blueprint(site: Site) -> Blueprint:
    """The views by which feeds come in, and go out."""
    routes = Blueprint("adding", __name__)

    @routes.post("/feeds/find")
    def found() -> str:
        url = address(request.form.get("url", ""))
        there = discover(url, site.config().fetch)
        known = {feed.url for feed in site.config().feeds}
        return render_template("found.html", url=url, found=there, known=known)

    @routes.post("/feeds/add")
    def add() -> AnyResponse | Page:
        feed = Feed(url=address(request.form.get("url", "")), name=line(request.form.get("name", ""), 60))
        if feed.url in {known.url for known in site.config().feeds}:
            tell("That feed is followed already.")
            return redirect(url_for("feeds.index"), 303)
        return _put(site, feed)

    @routes.get("/feeds.opml")
    def as_opml() -> Response:
        listed = opml.write(Feed(url=feed.url, name=line(mask(feed.name))) for feed in site.config().feeds)
        answer = Response(listed, mimetype="text/x-opml")
        answer.headers["Content-Disposition"] = "attachment; filename=feeds.opml"
        return answer

    @routes.post("/feeds.opml")
    def take() -> AnyResponse:
        given = request.files.get("list")
        if given is None or not given.filename:
            raise MonitorError("Choose a file first: a list of feeds as OPML, which every feed reader can export.")
        known = {feed.url for feed in site.config().feeds}
        with closing(given):
            fresh = [feed for feed in opml.read(given.read(), "The list") if feed.url not in known]
        if fresh:
            edit.change(site.config().source, lambda there: with_feeds(there, fresh))
            site.reload()
        tell(
            f"{count(len(fresh), 'feed')} of the list {'is' if len(fresh) == 1 else 'are'} followed from now on."
            if fresh
            else "All of these feeds are followed already."
        )
        return redirect(url_for("feeds.index"), 303)

    return routes


def _put(site: Site, feed: Feed) -> AnyResponse | Page:
    def put() -> AnyResponse:
        put_into(site.config().source, feed)
        tell(f"{feed.name or host_of(feed.url)} is followed from now on.")
        return redirect(url_for("feeds.index"), 303)

    return written(site, put, lambda: f"feeds:\n  - {feed_line(feed.url, feed.name)}")


def address(written: str) -> str:
    """A web address as a person writes it. Raises MonitorError where it is none."""
    written = written.strip()
    url = written if "://" in written else f"https://{written}"
    if not url.lower().startswith(("http://", "https://")) or not host_of(url) or not url.isprintable() or " " in url:
        raise MonitorError("That is no web address; write it like https://example.org/feed.xml.")
    return url


def host_of(url: str) -> str:
    """The host of a web address; empty where it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
