"""What would happen: a headline or a link tried on the storylines, and a storyline's terms tried on the last thirty days."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from monitor.alerts.clean import line
from monitor.config import edit
from monitor.config.terms import as_yaml, with_terms
from monitor.desk import MEMORY
from monitor.errors import MonitorError
from monitor.explain import explain, highlighted
from monitor.model import Entry, Storyline, Terms
from monitor.replay.preview import Preview, Stopped, preview
from monitor.store import feedback, stories
from monitor.track import from_web
from monitor.web.adding import address
from monitor.web.article import terms
from monitor.web.by_hand import Page, written
from monitor.web.shown import tell
from monitor.web.site import Site

_CAP = 500
"""Letters of a headline."""


@dataclass(slots=True)
class Trial:
    """Terms that are tried, as far as that has come."""

    storyline: str
    terms: Terms
    of: int
    done: int = 0
    outcome: Preview | None = None
    said: str = ""
    """Why it came to no end."""
    name: str = field(default_factory=lambda: secrets.token_hex(8))


class Trials:
    """One trial at a time: a new one ends the one before, since nobody waits for that any more."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._lock = threading.Lock()
        self._latest: Trial | None = None

    def begin(self, storyline: Storyline, wanted: Terms) -> Trial:
        """Try these terms in the background."""
        since = self._site.now() - MEMORY
        with self._site.store.read() as tx:
            trial = Trial(storyline.id, wanted, stories.count_since(tx, since))
        with self._lock:
            self._latest = trial
        threading.Thread(target=self._run, args=(trial, storyline), name="trial", daemon=True).start()
        return trial

    def get(self, name: str) -> Trial | None:
        """The trial of that name, while it is the latest."""
        with self._lock:
            return self._latest if self._latest and self._latest.name == name else None

    def _run(self, trial: Trial, storyline: Storyline) -> None:
        def goes_on(done: int) -> bool:
            trial.done = done
            return self.get(trial.name) is trial

        config = self._site.config()
        with self._site.store.read() as tx:
            said = [one for one in feedback.given(tx) if one.storyline == storyline.id]
        sides = (storyline, replace(storyline, terms=trial.terms))
        now, then = (replace(config, storylines=(one,)).rules().heeding(said) for one in sides)
        try:
            trial.outcome = preview(self._entries(), now, then, goes_on)
        except Stopped:
            trial.said = "Another trial was begun."
        except MonitorError as error:
            trial.said = str(error)

    def _entries(self) -> Iterator[Entry]:
        """What was read in the last thirty days, a piece at a time: nobody who writes waits for it.

        After each entry it rests for as long as that took. Else polls and views got Python's lock only after 5 ms, at every query.
        """
        after = (self._site.now() - MEMORY, "")
        while True:
            with self._site.store.read() as tx:
                some = stories.entries_after(tx, after)
            for one in some:
                begun = time.perf_counter()
                yield one
                time.sleep(time.perf_counter() - begun)
            if not some:
                return
            after = (some[-1].published, some[-1].id)


def blueprint(site: Site) -> Blueprint:
    """The views by which something is tried."""
    routes, trials = Blueprint("tries", __name__), Trials(site)

    @routes.get("/try")
    def index() -> str:
        return render_template("try.html", storylines=site.config().storylines)

    @routes.post("/try")
    def headline() -> str:
        said = request.form.get("text", "").strip()
        return render_template("try.html", storylines=site.config().storylines, tried=said, told=_told(site, said))

    @routes.get("/try/<name>")
    def edited(name: str) -> str:
        storyline = _storyline(site, name)
        return render_template("terms.html", story=storyline, terms=storyline.terms)

    @routes.post("/try/<name>")
    def begin(name: str) -> Response:
        trial = trials.begin(_storyline(site, name), _wanted())
        return redirect(url_for("tries.trial", name=name, of=trial.name), 303)

    @routes.get("/try/<name>/<of>")
    def trial(name: str, of: str) -> str:
        found = trials.get(of)
        if found is None or found.storyline != name:
            abort(404)
        return render_template("terms.html", story=_storyline(site, name), terms=found.terms, trial=found)

    @routes.post("/try/<name>/save")
    def save(name: str) -> Response | Page:
        return _save(site, _storyline(site, name), _wanted())

    return routes


def _save(site: Site, storyline: Storyline, wanted: Terms) -> Response | Page:
    def put() -> Response:
        edit.change(site.config().source, lambda there: with_terms(there, storyline.id, wanted))
        tell("The terms are saved, and hold from now on.")
        return redirect(url_for("story.timeline", name=storyline.id), 303)

    return written(site, put, lambda: f"storylines:\n  - id: {storyline.id}\n    terms: {as_yaml(wanted)}")


def _storyline(site: Site, name: str) -> Storyline:
    return next((one for one in site.config().storylines if one.id == name), None) or abort(404)


def _wanted() -> Terms:
    """The terms of the form. Raises MonitorError where there are none."""
    wanted = terms(request.form)
    if not wanted.all and not wanted.any:
        raise MonitorError("Without a term that an entry must have, nothing would match; add some.")
    return wanted


def _told(site: Site, said: str) -> dict[str, object]:
    """What would happen to a headline, to the article at an address, or what did to an entry that is known."""
    if not said:
        raise MonitorError("Paste a headline, or an article's address.")
    with site.store.read() as tx:
        known = stories.entry(tx, said) if "://" in said else None
    if known is None and "://" in said:
        article = from_web(address(said), site.config().fetch)
        said = article.title or article.text.strip().partition("\n")[0]
    told = explain(said if known else line(said, _CAP), site.config(), site.store, site.now())
    found = {evidence["found"] for one in told["storylines"] for evidence in one["evidence"]}
    return told | {"title": highlighted(known.title if known else line(said, _CAP), found), "lead": []}
