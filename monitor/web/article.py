"""A story added: an article in, storylines proposed, looked over, and followed."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from monitor.alerts.clean import line
from monitor.config.proposal import as_yaml
from monitor.errors import MonitorError
from monitor.feeds.article import Article
from monitor.model import Terms
from monitor.stories.seed import TEXT_CAP, Draft, Proposal
from monitor.track import from_web, proposed, put_into
from monitor.web.adding import address
from monitor.web.by_hand import Page, written
from monitor.web.shown import tell
from monitor.web.site import Site

LONGEST = 400_000
"""Bytes that an article with its storylines may have."""
_CAP = 200
"""Letters of a title or a question."""


def blueprint(site: Site) -> Blueprint:
    """The views by which a story is added."""
    routes = Blueprint("article", __name__)

    @routes.get("/add")
    def index() -> str:
        return render_template("add.html")

    @routes.post("/add")
    def proposal() -> str:
        url, text = request.form.get("url", "").strip(), request.form.get("text", "").strip()
        if bool(url) == bool(text):
            raise MonitorError("Give an article's address, or paste its text; one of them.")
        article = from_web(address(url), site.config().fetch) if url else Article(text=text.replace("\r\n", "\n"))
        article = replace(article, text=article.text[:TEXT_CAP])
        return render_template("proposed.html", article=article, proposal=proposed(article, _known(site)))

    @routes.post("/add/follow")
    def follow() -> Response | Page:
        form = request.form
        article = Article(**{name: form.get(name, "") for name in ("title", "text", "language", "outlet")})

        def put() -> Response:
            added = put_into(site.config().source, article, lambda proposal: _adjusted(proposal, form))
            tell(f"{', '.join(added.ids)}: followed from now on.")
            return redirect(url_for("stories.index"), 303)

        def lines() -> str:
            return as_yaml(_adjusted(proposed(article, _known(site)), form), article.title or line(article.text, _CAP))

        return written(site, put, lines)

    return routes


def _known(site: Site) -> dict[str, tuple[str, ...]]:
    """The entities that the configuration has already."""
    return {name: aliases for one in site.config().storylines for name, aliases in one.entities.items()}


def _adjusted(proposal: Proposal, form: MultiDict[str, str]) -> Proposal:
    """The proposal as the form has it. Raises MonitorError where nothing of it is left."""
    drafts = [_draft(draft, n, form) for n, draft in enumerate(proposal.drafts) if form.get(f"keep-{n}")]
    if not drafts:
        raise MonitorError("Choose at least one storyline to follow.")
    return replace(proposal, drafts=tuple(drafts))


def _draft(draft: Draft, number: int, form: MultiDict[str, str]) -> Draft:
    told = draft.storyline
    asked = terms(form, f"-{number}")
    if not asked.all and not asked.any:
        raise MonitorError(f"“{told.title}” has no terms, and would match nothing.")
    title = line(form.get(f"title-{number}", ""), _CAP) or told.title
    question = line(form.get(f"question-{number}", ""), _CAP)
    return replace(draft, storyline=replace(told, title=title, question=question, terms=asked))


def terms(form: MultiDict[str, str], suffix: str = "") -> Terms:
    """The terms of a form, a group a line; `suffix` is how its fields' names end."""
    groups = map(_words, form.get(f"all{suffix}", "").splitlines())
    any_, none = (_words(form.get(f"{name}{suffix}", "")) for name in ("any", "none"))
    return Terms(all=tuple(group for group in groups if group), any=any_, none=none)


def _words(written: str) -> tuple[str, ...]:
    """Terms as a person writes them, with commas between them."""
    return tuple(dict.fromkeys(term for part in written.split(",") if (term := line(part, _CAP))))
