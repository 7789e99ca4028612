"""One story: its timeline as a picture, its developments with their reports, and both for programs and feed readers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, abort, jsonify, render_template, request

from monitor.alerts.clean import line, safe_url
from monitor.store import Connection, page, views
from monitor.store.views import View
from monitor.web import atom, picture
from monitor.web.corroboration import independent
from monitor.web.shown import number
from monitor.web.site import Site
from monitor.web.wishes import HOURS

LISTED = 25
"""Developments on one page."""
_IN_A_FEED = 50
_ON_A_PAGE = 100
_PARTS = 240
"""Points of the picture that is shown without a script."""


def blueprint(site: Site) -> Blueprint:
    """The views of one story."""
    routes = Blueprint("story", __name__)

    @routes.get("/stories/<name>")
    def timeline(name: str) -> str:
        before = _place(request.args.get("before", ""))
        with site.store.read() as tx:
            story = _known(tx, name)
            shown = page.timeline(tx, name, LISTED + 1, before)
            numbers, hours = page.numbers(tx, name, site.now() - page.LONGEST), _hours(tx, site, name)
            off, muted = page.taken_off(tx, name), views.muted(tx, site.now()).get(name, [])
            waiting, revision = page.waiting(tx, [name], site.now())[name], page.revision(tx)
        more = shown[LISTED - 1] if len(shown) > LISTED else None
        return render_template(
            "story.html", story=story, developments=[_told(d) for d in shown[:LISTED]], numbers=numbers, before=before,
            more=f"{more['started_at'].isoformat()}~{more['id']}" if more else "", picture=_picture(hours, story), taken_off=off,
            muted=muted, waiting=waiting, revision=revision, channels=list(site.config().channels), is_configured=_is_configured(site, name), hours=HOURS,
        )  # fmt: skip

    @routes.get("/stories/<name>.json")
    def as_json(name: str) -> Response:
        with site.store.read() as tx:
            story = _known(tx, name)
            marks, hours = page.marks(tx, name, site.now() - page.LONGEST), _hours(tx, site, name)
        return jsonify(
            _plain(story | {"coverage": [[hour * 3_600, n] for hour, n in sorted(hours.items())], "timeline": marks})
        )

    @routes.get("/stories/<name>.atom")
    def as_atom(name: str) -> Response:
        with site.store.read() as tx:
            story = _known(tx, name)
            marks = page.marks(tx, name, site.now() - page.LONGEST)[-_IN_A_FEED:]
            first = page.first_reports(tx, [d["id"] for d in marks], 1)
        home = site.web.base_url.rstrip("/") or request.host_url.rstrip("/")
        return Response(atom.feed(story, marks[::-1], first, home), mimetype="application/atom+xml")

    @routes.get("/developments/<name>")
    def development(name: str) -> str:
        start = (number(request.args.get("page", "")) - 1) * _ON_A_PAGE
        with site.store.read() as tx:
            found = page.development(tx, name)
            listed = page.reported(tx, name, _ON_A_PAGE, start) if found else []
        if found is None:
            abort(404)
        told = _told(found | {"entries": listed})
        titles = {storyline.id: storyline.title for storyline in site.config().storylines}
        return render_template("development.html", development=told, titles=titles, start=start, step=_ON_A_PAGE)

    return routes


def _known(tx: Connection, name: str) -> View:
    story = page.story(tx, name)
    if story is None:
        abort(404)
    return story


def _is_configured(site: Site, name: str) -> bool:
    return any(storyline.id == name for storyline in site.config().storylines)


def _hours(tx: Connection, site: Site, name: str) -> page.Hours:
    return page.coverage(tx, [name], site.now() - page.LONGEST)[name]


def _place(written: str) -> page.Place | None:
    """Where a page of the timeline begins; the newest where that cannot be read."""
    at, _, identifier = written.partition("~")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC), identifier[:100])


def _told(development: View) -> View:
    """A development with what its reports say of it: in whose own words, and which repeat another's."""
    entries = tuple(report["entry"] for report in development["entries"])
    own = independent(entries)
    voices = list(dict.fromkeys(entry.outlet for entry in entries if entry.id in own))
    listed = [report | {"own": report["entry"].id in own} for report in development["entries"]]
    return development | {"entries": listed, "voices": voices}


def _picture(hours: page.Hours, story: View) -> Any:
    """The coverage from the first report to the last, for who has no script."""
    if not hours:
        return None
    first, final = min(hours), max(hours) + 1
    step = max(1, -(-(final - first) // _PARTS))
    end = datetime.fromtimestamp(final * 3_600, UTC)
    counted = picture.counts(hours, end - timedelta(seconds=1), timedelta(hours=max(2, final - first)), step)
    said = f"Reports on “{line(story['title'])}” from {_day(first)} to {_day(final)}: {sum(hours.values())} in all"
    return {
        "svg": picture.sparkline(counted, said),
        "from": _day(first),
        "to": _day(final),
        "reports": sum(hours.values()),
    }


def _day(hour: int) -> str:
    return f"{datetime.fromtimestamp(hour * 3_600, UTC):%-d %b %Y}"


def _plain(value: Any) -> Any:
    """JSON values; words of strangers as they may be shown."""
    if isinstance(value, dict):
        return {key: safe_url(item) if key == "url" else _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return line(value) if isinstance(value, str) else value
