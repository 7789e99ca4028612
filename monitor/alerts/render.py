"""An alert in words: subject, text, HTML and JSON, all with the same facts. Everything from a feed is hostile until cleaned here.

Nothing in this module raises for what an alert holds: what cannot be shown well is shown plainly (D23, D26).
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from monitor.alerts.clean import cut, host, isolate, line, safe_url
from monitor.alerts.links import Offer
from monitor.model import Alert, AlertKind, Evidence, Link

__all__ = [
    "PAYLOAD_CAP",
    "SUBJECT_CAP",
    "host",
    "html",
    "line",
    "payload",
    "plain",
    "safe_url",
    "shown",
    "subject",
    "text",
]

SUBJECT_CAP = 150
PAYLOAD_CAP = 20_000
"""Bytes of JSON that a webhook's receiver is sent at most (Standard Webhooks)."""
_STORY_CAP = 40
_NAME_CAP = 60
_TITLE_CAP = 200
_TEXT_CAP = 600
_LISTED = 10
_KNOWN_BEFORE = 3
_UNTITLED = "A report without a headline"
_TYPES = {
    AlertKind.NEW: "storyline.development.new",
    AlertKind.UPDATE: "storyline.development.update",
    AlertKind.BASELINE: "storyline.baseline",
    AlertKind.STATE: "storyline.state",
    AlertKind.DIGEST: "digest",
    AlertKind.NOTICE: "notice",
    AlertKind.TEST: "test",
}
log = logging.getLogger(__name__)


def subject(alert: Alert) -> str:
    """One clean line that says what is new: `[storyline] headline`; the part in brackets is the same for all of a storyline (T8, T14)."""
    alert = shown(alert)
    story = cut(alert.storylines[0][1], _STORY_CAP) if alert.storylines else "News"
    mark = "Update: " if alert.kind is AlertKind.UPDATE else ""
    prefix = f"[{isolate(story)}] {mark}"
    return prefix + isolate(cut(alert.title, SUBJECT_CAP - len(prefix) - 2))


def text(alert: Alert, offers: Sequence[Offer] = ()) -> str:
    """The plain-text body; `offers` are what its reader can do about the storyline."""
    filled = _fill("alert.txt.jinja", alert, offers) or plain(alert)
    return re.sub(r"\n{3,}", "\n\n", filled).strip() + "\n"


def html(alert: Alert, offers: Sequence[Offer] = ()) -> str:
    """The HTML body: no script, no picture, nothing from elsewhere (T9, T10). Empty when it could not be made."""
    return _fill("alert.html.jinja", alert, offers)


def plain(alert: Alert) -> str:
    """What remains to be said when a template fails: the headline, why, and where to read it (D23)."""
    alert = shown(alert)
    links = [f"{link.outlet}: {link.url}" for link in alert.reports if link.url]
    return "\n".join([subject(alert), "", alert.explanation, *links]) + "\n"


def payload(alert: Alert) -> dict[str, Any]:
    """The JSON of a webhook, under PAYLOAD_CAP bytes; the last links are left out where it would be more.

    {"type": "storyline.development.new" | "storyline.development.update" | "storyline.baseline" | "test",
     "timestamp": when the alert was decided, ISO 8601 in UTC (as all times here),
     "data": {
       "alert": id, "kind": "new" | "update" | "baseline" | "test", "development": id or "", "reason": a stable code,
       "explanation": a sentence,
       "title": the headline, "summary": text, "storylines": [{"id", "title"}], best match first, "outlets": [name],
       "evidence": [{"term": asked for, "found": the words found, "field": "title" | "summary", "score": 0..1}],
       "reports": [{"outlet", "title", "url": http(s) or "", "published"}], the one that raised the alert first,
       "known_before": [the same]: earlier developments of the storyline, latest first,
       "first": {the same}: in an update, the report by which the development was told first; else null,
       "follows": in an update, id of the alert that told the development first; "" where there is none}}
    """
    alert = shown(alert)
    data: dict[str, Any] = {
        "alert": alert.id,
        "kind": alert.kind.value,
        "development": alert.development,
        "reason": alert.reason,
        "explanation": alert.explanation,
        "title": alert.title,
        "summary": alert.summary,
        "storylines": [{"id": identifier, "title": title} for identifier, title in alert.storylines],
        "outlets": list(alert.outlets),
        "evidence": [{"term": e.term, "found": e.found, "field": e.field, "score": e.score} for e in alert.evidence],
        "reports": [_link_json(link) for link in alert.reports],
        "known_before": [_link_json(link) for link in alert.known_before],
        "first": _link_json(alert.first) if alert.first else None,
        "follows": alert.follows,
    }
    message = {"type": _TYPES[alert.kind], "timestamp": _iso(alert.created_at), "data": data}
    while len(json.dumps(message, ensure_ascii=False).encode()) > PAYLOAD_CAP and (
        data["known_before"] or data["reports"]
    ):
        (data["known_before"] or data["reports"]).pop()
    return message


def shown(alert: Alert) -> Alert:
    """`alert` as every channel shows it: each text one clean line of bounded length, each list bounded, each link http(s) or empty."""
    try:
        return _cleaned(alert)
    except Exception:
        log.exception("render alert=%s state=poisoned", alert.id)
        return replace(
            alert, reason="", explanation="The rest of this alert cannot be shown.", storylines=(), development="",
            title=line(str(alert.title)) or _UNTITLED, summary="", evidence=(), outlets=(), reports=(), known_before=(),
            first=None,
        )  # fmt: skip


def _cleaned(alert: Alert) -> Alert:
    title = line(alert.title, _TITLE_CAP) or line(alert.summary, _TITLE_CAP // 2) or _UNTITLED
    summary = line(alert.summary, _TEXT_CAP)
    return replace(
        alert,
        reason=line(alert.reason, _NAME_CAP),
        explanation=line(alert.explanation, _TEXT_CAP),
        storylines=tuple((identifier, line(name, 2 * _NAME_CAP)) for identifier, name in alert.storylines[:_LISTED]),
        title=title,
        summary="" if summary == title else summary,
        evidence=tuple(map(_clean_evidence, alert.evidence[:_LISTED])),
        outlets=tuple(filter(None, (line(outlet, _NAME_CAP) for outlet in alert.outlets[: 2 * _LISTED]))),
        reports=tuple(map(_clean_link, alert.reports[:_LISTED])),
        known_before=tuple(map(_clean_link, alert.known_before[:_KNOWN_BEFORE])),
        first=_clean_link(alert.first) if alert.first else None,
    )


def _clean_evidence(evidence: Evidence) -> Evidence:
    return replace(
        evidence,
        term=line(evidence.term, _NAME_CAP),
        found=line(evidence.found, _NAME_CAP),
        field=line(evidence.field, _NAME_CAP),
    )


def _clean_link(link: Link) -> Link:
    return replace(
        link, outlet=line(link.outlet, _NAME_CAP) or host(link.url) or "An outlet without a name",
        title=line(link.title, _TITLE_CAP) or _UNTITLED, url=safe_url(link.url),
    )  # fmt: skip


def _link_json(link: Link) -> dict[str, str]:
    return {"outlet": link.outlet, "title": link.title, "url": link.url, "published": _iso(link.published)}


def _fill(template: str, alert: Alert, offers: Sequence[Offer]) -> str:
    """The filled template; empty, with a word in the log, when that fails."""
    try:
        return _templates().get_template(template).render(alert=shown(alert), subject=subject(alert), offers=offers)
    except Exception:
        log.exception("render alert=%s template=%s state=failed", alert.id, template)
        return ""


def _when(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%-d %B %Y, %H:%M} UTC"


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("monitor.alerts"),
        autoescape=select_autoescape(["html.jinja"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"host": host, "when": _when, "isolate": isolate}
    return environment
