"""How words, times and numbers stand on the page: what every template may use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask, flash, g
from markupsafe import Markup

from monitor.alerts.clean import cut, line, safe_url
from monitor.web import guard
from monitor.web.site import Site

_AGO = ((timedelta(days=2), 86_400, "day"), (timedelta(hours=1), 3_600, "hour"), (timedelta(minutes=1), 60, "minute"))


def register(app: Flask, site: Site, navigation: Sequence[tuple[str, str]]) -> None:
    """Give every template these names."""
    app.jinja_env.filters |= {
        "plain": line, "cut": cut, "url": safe_url, "when": when, "ago": lambda at: ago(at, site.now()), "until": lambda at: until(at, site.now()), "span": span, "some": some, "count": count, "language": language, "moment": datetime.fromisoformat,
    }  # fmt: skip

    def names() -> dict[str, Any]:
        return {
            "navigation": navigation if site.web.page else (), "csrf": lambda: csrf_field(site), "is_in": g.get("is_in", False),
            "can_leave": g.get("is_in", False) and not site.web.is_open,
        }  # fmt: skip

    app.context_processor(names)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def tell(said: str, undo: str = "", **fields: str) -> None:
    """Say on the next page what was done; `undo` is where its form of `fields` goes that undoes it."""
    flash({"said": said, "undo": undo, "fields": fields})  # type: ignore[arg-type]  # whatever JSON can hold


def csrf_field(site: Site) -> Markup:
    """The field that every form has."""
    return Markup('<input type="hidden" name="csrf" value="{}">').format(guard.csrf(site))


def when(at: datetime) -> Markup:
    """A moment; the page's script puts it into the reader's own time."""
    at = at.astimezone(UTC)
    return Markup('<time datetime="%s">%s</time>') % (at.isoformat(timespec="seconds"), _named(at))


def ago(at: datetime, now: datetime) -> Markup:
    """How long ago a moment was, which its title names."""
    return _titled(at, _ago(now - at))


def until(at: datetime, now: datetime) -> Markup:
    """How long it is until a moment, which its title names."""
    return _titled(at, f"in {span(at - now)}" if at > now else "now")


def _titled(at: datetime, said: str) -> Markup:
    at = at.astimezone(UTC)
    return Markup('<time datetime="%s" title="%s">%s</time>') % (at.isoformat(timespec="seconds"), _named(at), said)


def _named(at: datetime) -> str:
    return f"{at:%-d %b %Y, %H:%M} UTC"


def span(lasting: timedelta) -> str:
    """About how long something lasts: `15 minutes`."""
    for least, seconds, unit in _AGO:
        if lasting >= least:
            return count(round(lasting.total_seconds() / seconds), unit)
    return count(max(1, round(lasting.total_seconds())), "second")


def _ago(since: timedelta) -> str:
    for least, seconds, unit in _AGO:
        if since >= least:
            return f"{count(int(since.total_seconds() // seconds), unit)} ago"
    return "just now"


def number(written: str) -> int:
    """The number of a page as an address has it; the first where it cannot be read (W5)."""
    return int(written) if re.fullmatch(r"[1-9][0-9]{0,5}", written, re.ASCII) else 1


def language(code: str) -> str:
    """A language code as it may stand in `lang`, and be shown."""
    return code[:20] if re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", code) else ""


def count(number: int, one: str, many: str = "") -> str:
    """`1 report`, `2 reports`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def some(names: Sequence[str], most: int = 3) -> str:
    """The first of these names, and how many more there are."""
    shown = [line(name, 60) for name in names[:most]]
    more = len(names) - len(shown)
    if more == 1:
        return ", ".join([*shown, line(names[-1], 60)])
    return f"{', '.join(shown)} and {more} more" if more else ", ".join(shown)
