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
from typing import Any

from monitor.alerts import templates
from monitor.alerts.clean import cut, host, isolate, line, safe_url
from monitor.alerts.digest import fitted
from monitor.alerts.links import Offer
from monitor.alerts.templates import Own
from monitor.model import Alert, AlertKind, Chapter, Evidence, Link, Severity, Told

__all__ = [
    "PAYLOAD_CAP",
    "SUBJECT_CAP",
    "brief",
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
BRIEF_CAP = 1_500
"""Characters of a brief alert at most: the smallest of the services takes 2,000."""
_BRIEF = 3
_STORY_CAP = 40
_NAME_CAP = 60
_TITLE_CAP = 200
_TEXT_CAP = 600
_LISTED = 10
_MAIL_BUDGET = 70_000
"""Bytes that the chapters of a digest may take in a mail, so that all of it stays below 100 kB, where mail programs cut."""
_JSON_BUDGET = 14_000
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
    prefix = f"[{isolate(_bracket(alert))}] {_mark(alert)}"
    return prefix + isolate(cut(alert.title, SUBJECT_CAP - len(prefix) - 2))


def _bracket(alert: Alert) -> str:
    """What stands for the thread: the same for all of its messages, since mail programs look at it."""
    if alert.kind is AlertKind.DIGEST:
        return "Digest"
    return cut(alert.storylines[0][1], _STORY_CAP) if alert.storylines else "News monitor"


def _mark(alert: Alert) -> str:
    urgent = "Urgent: " if alert.severity is Severity.CRITICAL else ""
    return urgent + ("Update: " if alert.kind is AlertKind.UPDATE else "")


def text(alert: Alert, offers: Sequence[Offer] = (), own: Own | None = None) -> str:
    """The plain-text body; `offers` are what its reader can do about the storyline, `own` are templates of the user's."""
    filled = _filled("txt", alert, offers, own) or plain(alert)
    return re.sub(r"\n{3,}", "\n\n", filled).strip() + "\n"


def html(alert: Alert, offers: Sequence[Offer] = (), own: Own | None = None) -> str:
    """The HTML body: no script, no picture, nothing from elsewhere (T9, T10). Empty when it could not be made."""
    return _filled("html", alert, offers, own)


def brief(alert: Alert) -> list[tuple[str, bool]]:
    """The alert in a few lines for a small screen, under BRIEF_CAP characters; each with whether it is an address."""
    alert = shown(alert)
    links = [(f"{link.outlet}, {_day(link.published)}", link.url) for link in alert.reports[:_BRIEF]]
    links += [
        (f"{told.title} ({', '.join(told.outlets[:_BRIEF])})", told.report.url if told.report else "")
        for chapter in alert.chapters
        for told in chapter.told
    ]
    lines = [(alert.summary, False), (alert.explanation, False)]
    lines += [line for words, url in links for line in ((words, False), (url, True))]
    told, left = [], BRIEF_CAP
    for words, is_address in lines:
        left -= len(words) + 1
        if words and left >= 0:
            told.append((words, is_address))
    return told


def plain(alert: Alert) -> str:
    """What remains to be said when a template fails: the headline, why, and where to read it (D23)."""
    alert = shown(alert)
    links = [f"{link.outlet}: {link.url}" for link in alert.reports if link.url]
    told = [f"* {told.title}" for chapter in alert.chapters for told in chapter.told]
    return "\n".join([subject(alert), "", alert.explanation, *links, *told]) + "\n"


def payload(alert: Alert) -> dict[str, Any]:
    """The JSON of a webhook, under PAYLOAD_CAP bytes; the last links are left out where it would be more.

    {"type": "storyline.development.new" | "storyline.development.update" | "storyline.baseline" | "storyline.state" | "digest" | "notice" | "test",
     "timestamp": when the alert was decided, ISO 8601 in UTC (as all times here),
     "data": {
       "alert": id, "kind": "new" | "update" | "baseline" | "state" | "digest" | "notice" | "test", "development": id or "",
       "severity": "low" | "normal" | "high" | "critical", "reason": a stable code, "explanation": a sentence,
       "title": the headline, "summary": text, "storylines": [{"id", "title"}], best match first, "outlets": [name],
       "evidence": [{"term": asked for, "found": the words found, "field": "title" | "summary", "score": 0..1}],
       "reports": [{"outlet", "title", "url": http(s) or "", "published"}], the one that raised the alert first,
       "known_before": [the same]: earlier developments of the storyline, latest first,
       "first": {the same}: in an update, the report by which the development was told first; else null,
       "follows": in an update, id of the alert that told the development first; "" where there is none,
       "chapters": in a digest [{"storyline", "title", "question", "state", "told": [{"alert": id, "kind", "severity", "title", "outlets",
         "reports": how many, "url", "at"}], "more": alerts left out, "coverage": [reports in equal parts of its time],
         "open": [links to reports in doubt], "folded": reports that told nothing new}]; else []}}
    """
    alert, _ = fitted(shown(alert), _JSON_BUDGET)
    data: dict[str, Any] = {
        "alert": alert.id,
        "kind": alert.kind.value,
        "severity": alert.severity.value,
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
        "chapters": [_chapter_json(chapter) for chapter in alert.chapters],
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
        chapters=tuple(map(_clean_chapter, alert.chapters)),
    )


def _clean_chapter(chapter: Chapter) -> Chapter:
    return replace(
        chapter,
        storyline=line(chapter.storyline, _NAME_CAP),
        title=line(chapter.title, 2 * _NAME_CAP),
        question=line(chapter.question, _TITLE_CAP),
        state=line(chapter.state, _NAME_CAP),
        told=tuple(map(_clean_told, chapter.told)),
        open=tuple(map(_clean_link, chapter.open[:_LISTED])),
    )


def _clean_told(told: Told) -> Told:
    return replace(
        told,
        title=line(told.title, _TITLE_CAP) or _UNTITLED,
        outlets=tuple(filter(None, (line(outlet, _NAME_CAP) for outlet in told.outlets[:_LISTED]))),
        report=_clean_link(told.report) if told.report else None,
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


def _chapter_json(chapter: Chapter) -> dict[str, Any]:
    return {
        "storyline": chapter.storyline,
        "title": chapter.title,
        "question": chapter.question,
        "state": chapter.state,
        "told": [_told_json(told) for told in chapter.told],
        "more": chapter.more,
        "coverage": list(chapter.coverage),
        "open": [_link_json(link) for link in chapter.open],
        "folded": chapter.folded,
    }


def _told_json(told: Told) -> dict[str, Any]:
    return {
        "alert": told.alert, "kind": told.kind.value, "severity": told.severity.value, "title": told.title, "outlets": list(told.outlets),
        "reports": told.reports, "url": told.report.url if told.report else "", "at": _iso(told.at),
    }  # fmt: skip


def _filled(form: str, alert: Alert, offers: Sequence[Offer], own: Own | None) -> str:
    """The filled template; empty, with a word in the log, when that fails. The user's own that fails gives way to ours (D26)."""
    kind = "digest" if alert.kind is AlertKind.DIGEST else "alert"
    try:
        whole, left_out = fitted(shown(alert), _MAIL_BUDGET)
        told = {"alert": whole, "left_out": left_out, "subject": subject(alert), "offers": offers}
        theirs = own.fill(f"{kind}.{form}", told) if own else ""
        return theirs or templates.ours().get_template(f"{kind}.{form}.jinja").render(told)
    except Exception:
        log.exception("render alert=%s template=%s.%s state=failed", alert.id, kind, form)
        return ""


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%-d %b, %H:%M} UTC"


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
