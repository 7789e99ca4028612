"""An alert in words: subject, text, HTML and JSON, all with the same facts. Everything from a feed is hostile until escaped here."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from monitor.model import Alert, AlertKind, Link

SUBJECT_CAP = 150
_TEXT_CAP = 1_000
_REPORTS_CAP = 20
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_MARKS = {AlertKind.NEW: "", AlertKind.UPDATE: "Update: ", AlertKind.BASELINE: "", AlertKind.TEST: "Test: "}


def subject(alert: Alert) -> str:
    """One clean line that says what is new: `[storyline] headline`, at most SUBJECT_CAP characters (T8, T14)."""
    title = alert.storylines[0][1] if alert.storylines else "Story monitor"
    return line(f"[{line(title, 50)}] {_MARKS[alert.kind]}{alert.title or alert.summary or 'A report without a headline'}", SUBJECT_CAP)


def text(alert: Alert) -> str:
    """The plain-text body."""
    return re.sub(r"\n{3,}", "\n\n", _templates().get_template("alert.txt.jinja").render(_facts(alert))).strip() + "\n"


def html(alert: Alert) -> str:
    """The HTML body: no script, no picture, nothing from elsewhere (T9, T10)."""
    return _templates().get_template("alert.html.jinja").render(_facts(alert))


def payload(alert: Alert) -> dict[str, Any]:
    """The JSON of a webhook, under 20 kB.

    {"type": "storyline.development.new" | "storyline.development.update" | "storyline.baseline" | "test",
    "timestamp": ISO 8601, when the alert was decided,
    "data": {"alert", "development", "reason", "explanation", "title", "summary", "storylines": [{"id", "title"}], "outlets": [str],
    "evidence": [{"term", "found", "field", "score"}], "reports" and "known_before": [{"outlet", "title", "url", "published"}]}}
    """
    kinds = {
        AlertKind.NEW: "storyline.development.new",
        AlertKind.UPDATE: "storyline.development.update",
        AlertKind.BASELINE: "storyline.baseline",
        AlertKind.TEST: "test",
    }
    return {
        "type": kinds[alert.kind],
        "timestamp": alert.created_at.isoformat(),
        "data": {
            "alert": alert.id,
            "development": alert.development,
            "reason": alert.reason,
            "explanation": paragraph(alert.explanation),
            "title": line(alert.title),
            "summary": paragraph(alert.summary),
            "storylines": [{"id": identifier, "title": line(title)} for identifier, title in alert.storylines],
            "outlets": [line(outlet, 100) for outlet in alert.outlets[:_REPORTS_CAP]],
            "evidence": [
                {"term": line(e.term, 100), "found": line(e.found, 100), "field": e.field, "score": e.score} for e in alert.evidence[:20]
            ],
            "reports": [_link_json(link) for link in alert.reports[:_REPORTS_CAP]],
            "known_before": [_link_json(link) for link in alert.known_before],
        },
    }


def plain(alert: Alert) -> str:
    """What remains to be said when a template fails: the headline and where to read it (D23)."""
    return "\n".join([subject(alert), *(f"{line(link.outlet)}: {safe_url(link.url)}" for link in alert.reports)]) + "\n"


def line(value: str, cap: int = 300) -> str:
    """`value` as one line of printable text, cut on a character's border at `cap` (T1, T3, T6, T13)."""
    value = _CONTROL.sub(" ", value.encode("utf-8", "replace").decode())
    value = "".join(c for c in value if unicodedata.category(c) not in ("Cf", "Cs", "Co") or c == "\u200d")
    value = " ".join(value.split())
    if len(value) <= cap:
        return value
    end = cap - 1
    while end > 0 and (unicodedata.combining(value[end]) or "\u200d" in value[end - 1 : end + 1] or value[end] in "\ufe0f\ufe0e"):
        end -= 1
    return value[:end].rstrip() + "…"


def paragraph(value: str) -> str:
    """A summary or explanation, as one line of bounded length."""
    return line(value, _TEXT_CAP)


def safe_url(url: str) -> str:
    """`url` if it is an http(s) address, else nothing."""
    cleaned = _CONTROL.sub("", url.strip())
    try:
        parts = urlsplit(cleaned)
    except ValueError:
        return ""
    return cleaned.replace(" ", "%20")[:2_000] if parts.scheme in ("http", "https") and parts.hostname else ""


def host(url: str) -> str:
    """The host that a link really leads to, as it is dialled (T16)."""
    name = urlsplit(safe_url(url)).hostname or ""
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return name


def _when(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%-d %B %Y, %H:%M UTC")


def _link_json(link: Link) -> dict[str, str]:
    return {
        "outlet": line(link.outlet, 100), "title": line(link.title), "url": safe_url(link.url), "published": link.published.isoformat(),
    }  # fmt: skip


def _facts(alert: Alert) -> dict[str, Any]:
    return {"alert": alert, "subject": subject(alert)}


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("monitor.alerts"),
        autoescape=select_autoescape(["html.jinja"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"line": line, "paragraph": paragraph, "url": safe_url, "host": host, "when": _when}
    return environment
