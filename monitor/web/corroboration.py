"""How many outlets tell a development in their own words: copy of one agency counts once. Pure."""

from __future__ import annotations

from functools import lru_cache

from monitor.model import Entry
from monitor.stories.facts import facts
from monitor.stories.pair import in_own_words
from monitor.stories.report import Report

_REMEMBERED = 2_000


@lru_cache(_REMEMBERED)
def independent(reports: tuple[Entry, ...]) -> frozenset[str]:
    """Ids of the entries, in order of time, that are their outlets' own words: none repeats one before it."""
    own = in_own_words(Report.of(entry, (), facts(entry), {}) for entry in reports)
    return frozenset(report.entry.id for report in own)
