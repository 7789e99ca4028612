"""The templates that alerts are filled into: ours, and a user's own in their place. Both are sandboxed, and HTML is escaped."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.alerts.clean import host, isolate
from monitor.alerts.digest import sparkline
from monitor.model import Severity, Told

if TYPE_CHECKING:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFiles:
    """Templates of your own instead of those that come with the monitor; see docs/templates.md."""

    text: str = ""
    """A file for the plain text of an alert."""
    html: str = ""
    """A file for its HTML."""
    digest_text: str = ""
    """A file for the plain text of a digest."""
    digest_html: str = ""
    """A file for its HTML."""


class Own:
    """A user's templates; `complain` is told, in a sentence, when one of them fails."""

    def __init__(self, files: TemplateFiles, complain: Callable[[str], None]) -> None:
        named = {
            "alert.txt": files.text, "alert.html": files.html, "digest.txt": files.digest_text, "digest.html": files.digest_html,
        }  # fmt: skip
        self._files = {name: file for name, file in named.items() if file}
        self._complain = complain

    def fill(self, name: str, told: Mapping[str, Any]) -> str:
        """The filled template for `name`; empty where the user has none, or it fails (D26)."""
        if name not in self._files:
            return ""
        try:
            template = compiled(Path(self._files[name]).read_text(encoding="utf-8"), name)
            return str(template.render(told))
        except Exception as error:  # noqa: BLE001 - a template can raise anything, and an alert must not be lost for it
            why = f"{type(error).__name__}: {error}".rstrip(".")
            log.warning("render template=%s error=%s", self._files[name], why)
            self._complain(f"The template {self._files[name]} failed, and the built-in one was used: {why}.")
            return ""


def compiled(source: str, name: str) -> Any:
    """The template of that text; HTML is escaped by the `name`'s ending. Raises TemplateError."""
    environment = _environment()
    environment.autoescape = name.endswith("html")
    return environment.from_string(source)


def syntax_error(source: str) -> str:
    """What is wrong with a template's text, with its line; empty when nothing is."""
    from jinja2 import TemplateError  # noqa: PLC0415 - loaded where an alert is written, not at each start

    try:
        _environment().parse(source)
    except TemplateError as error:
        return f"line {getattr(error, 'lineno', 1)}: {error.message}"
    return ""


@cache
def ours() -> ImmutableSandboxedEnvironment:
    """The environment of our own templates."""
    from jinja2 import PackageLoader, select_autoescape  # noqa: PLC0415

    environment = _environment()
    environment.loader = PackageLoader("monitor.alerts")
    environment.autoescape = select_autoescape(["html.jinja"])
    return environment


def _environment() -> ImmutableSandboxedEnvironment:
    from jinja2 import StrictUndefined  # noqa: PLC0415
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "host": host, "when": _when, "isolate": isolate, "sparkline": sparkline, "count_of": _count, "marks": _marks,
        "hour": _hour, "span": _span,
    }  # fmt: skip
    return environment


def _when(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%-d %B %Y, %H:%M} UTC"


def _hour(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%-d %b, %H:%M}"


def _span(first: datetime, last: datetime) -> str:
    """From one day to another, what they have in common said once."""
    first, last = first.astimezone(UTC), last.astimezone(UTC)
    if first.date() == last.date():
        return f"on {last:%-d %B %Y}"
    same_year = first.year == last.year
    return f"{first:%-d %B}{'' if same_year else f' {first.year}'} to {last:%-d %B %Y}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _marks(told: Told) -> str:
    """What sets an alert apart in a list: that it is an update, that it is grave."""
    marks = [told.kind.value] if told.kind.value != "new" else []
    marks += [told.severity.value] if told.severity.reaches(Severity.HIGH) else []
    return f" ({', '.join(marks)})" if marks else ""
