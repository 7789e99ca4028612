"""A report: why it is where it is, and a person's word on that, which can be taken back."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from monitor import feedback as persons
from monitor.alerts.clean import line
from monitor.errors import MonitorError
from monitor.explain import highlighted, recorded
from monitor.feedback import Said
from monitor.model import Entry, Feedback, Judgement, Placement
from monitor.store import feedback, page, stories
from monitor.web.login import ours
from monitor.web.shown import tell
from monitor.web.site import Site

_OFFERED = 60
"""Developments that a report may be said to be the same as."""
_LEAD = 400
"""Letters of a summary that are shown."""


def blueprint(site: Site) -> Blueprint:
    """The view of one report, and what can be said of it."""
    routes = Blueprint("reports", __name__)

    @routes.get("/reports/<name>")
    def why(name: str) -> str:
        with site.store.read() as tx:
            found = stories.named(tx, name, 1)
            entry = found[0] if found and found[0].id == name else abort(404)
            placement, said = stories.placement(tx, name), feedback.of_entry(tx, name)
            on = placement.storylines if placement else [one.storyline for one in said]
            others = [d for d in page.titles(tx, on, _OFFERED) if placement is None or d["id"] != placement.development]
        if placement is None and not said:
            abort(404)
        back = ours(request.args.get("back", "")) if "back" in request.args else url_for("reports.why", name=name)
        template = "why.html" if "part" in request.args else "report.html"
        return render_template(
            template, entry=entry, placement=placement, said=said, others=others, back=back, told=_told(site, entry, placement, said),
            followed=[s for s in site.config().storylines if s.id in on],
        )  # fmt: skip

    @routes.post("/reports/<name>/say")
    def say(name: str) -> Response:
        said = Said(
            entry=name, judgement=_judgement(request.form.get("judgement", "")), storyline=request.form.get("storyline", ""),
            development=request.form.get("development", ""),
        )  # fmt: skip
        if said.judgement is Judgement.SAME_AS and not said.development:
            raise MonitorError("Choose the development that it reports.")
        told = persons.give(said, site.config(), site.store, site.now())
        back = ours(request.values.get("back", "/"))
        tell(told["sentence"], url_for("reports.take_back", name=told["entry"]), back=back)
        return redirect(back, 303)

    @routes.post("/reports/<name>/take-back")
    def take_back(name: str) -> Response:
        told = persons.take_back(name, site.store, site.now())
        tell(told["sentence"])
        return redirect(ours(request.values.get("back", "/")), 303)

    return routes


def _judgement(word: str) -> Judgement:
    if word not in list(Judgement):
        abort(400)
    return Judgement(word)


def _told(site: Site, entry: Entry, placement: Placement | None, said: tuple[Feedback, ...]) -> dict[str, Any]:
    """What there is to tell: everything of a report, and of what a person took off its story that they did."""
    titles = {storyline.id: storyline.title for storyline in site.config().storylines}
    if placement is None:
        of = " and ".join(f"“{titles.get(one.storyline, one.storyline)}”" for one in said)
        return {
            "sentence": f"A person said that it is not about {of}.",
            "title": [(line(entry.title), False)],
            "lead": [],
        }
    told = recorded(placement, site.config(), site.store)
    found = {field: {e["found"] for s in told["storylines"] for e in s["evidence"] if e["field"] == field} for field in ("title", "summary")}  # fmt: skip
    return told | {
        "title": highlighted(line(entry.title), found["title"]), "lead": highlighted(line(entry.summary, _LEAD), found["summary"]),
    }  # fmt: skip
