"""Several alerts -> one: the digest of the morning, what came in quiet hours, what a limit held back. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from monitor.alerts.route import short_hash
from monitor.model import Alert, AlertKind, Chapter, Development, Hold, Severity, Told

THREAD = "-digest"
"""The thread of digests, which no storyline can be named like: they follow what was queued before them, and what is queued after them follows."""
LISTED = 40
"""Alerts that a chapter lists at most."""
_CHAPTER_COST = 1_200
_TOLD_COST = 500
"""Bytes of the frame around a chapter, and around an alert in it."""
_BLOCKS = "▁▂▃▄▅▆▇█"
_WHY = {
    Hold.DIGEST: "Your digest: what was held for it since the last one.",
    Hold.QUIET: "What came in your quiet hours.",
    Hold.SILENCE: "What came while the storyline was silent.",
    Hold.LIMIT: "More came than this channel takes in an hour; here is all of it in one message.",
    Hold.GROUP: "These came together.",
}


def compose(
    alerts: Sequence[Alert],
    hold: Hold | None,
    now: datetime,
    background: Mapping[str, Chapter] | None = None,
    known: Mapping[str, Development] | None = None,
) -> Alert:
    """One alert that tells of all of `alerts`, a chapter a storyline, each in order of time.

    `background` has what else there is to tell of a storyline, `known` what each development has grown to since.
    """
    by_storyline: dict[tuple[str, str], list[Alert]] = defaultdict(list)
    for alert in sorted(alerts, key=lambda alert: (alert.created_at, alert.id)):
        by_storyline[alert.storylines[0] if alert.storylines else ("", "Notices")].append(alert)
    chapters = tuple(
        _chapter(storyline, title, ours, background or {}, known or {})
        for (storyline, title), ours in by_storyline.items()
    )
    return Alert(
        id=f"digest-{short_hash(*sorted(alert.id for alert in alerts))}",
        kind=AlertKind.DIGEST,
        reason=hold.value if hold else "digest",
        explanation=_WHY[hold] if hold else "What came since the time you named.",
        created_at=now,
        storylines=tuple((chapter.storyline, chapter.title) for chapter in chapters if chapter.storyline),
        development="",
        title=_title(len(alerts), chapters),
        summary="",
        evidence=(),
        outlets=(),
        reports=(),
        known_before=(),
        severity=max((alert.severity for alert in alerts), key=list(Severity).index, default=Severity.NORMAL),
        chapters=chapters,
    )


def _chapter(
    storyline: str,
    title: str,
    alerts: Sequence[Alert],
    background: Mapping[str, Chapter],
    known: Mapping[str, Development],
) -> Chapter:
    told = tuple(_told(alert, known.get(alert.development)) for alert in alerts[-LISTED:])
    whole = background.get(storyline, Chapter(storyline=storyline, title=title))
    return replace(whole, told=told, more=len(alerts) - len(told))


def _told(alert: Alert, known: Development | None) -> Told:
    return Told(
        alert=alert.id,
        kind=alert.kind,
        severity=alert.severity,
        title=alert.title,
        outlets=known.outlets if known else alert.outlets,
        report=alert.reports[0] if alert.reports else None,
        at=alert.created_at,
        reports=known.reports if known else 1,
    )


def _title(count: int, chapters: Sequence[Chapter]) -> str:
    alerts = "1 alert" if count == 1 else f"{count} alerts"
    return f"{alerts} on {chapters[0].title}" if len(chapters) == 1 else f"{alerts} on {len(chapters)} storylines"


def fitted(digest: Alert, budget: int) -> tuple[Alert, int]:
    """`digest` with no more than about `budget` bytes of chapters, and how many chapters were left out.

    Each chapter has an equal share; its oldest alerts give way, and are counted in `more`.
    """
    kept = digest.chapters[: max(1, budget // _CHAPTER_COST)]
    share = budget // max(1, len(kept))
    chapters = tuple(_fitted(chapter, share - _CHAPTER_COST) for chapter in kept)
    return replace(digest, chapters=chapters), len(digest.chapters) - len(kept)


def _fitted(chapter: Chapter, budget: int) -> Chapter:
    told: list[Told] = []
    for alert in reversed(chapter.told):
        budget -= _cost(alert)
        if budget < 0:
            break
        told.insert(0, alert)
    return replace(chapter, told=tuple(told), more=chapter.more + len(chapter.told) - len(told))


def _cost(told: Told) -> int:
    """About how many bytes an alert takes in text and HTML, where letters outside ASCII take more."""
    words = "".join((told.title, *told.outlets)).encode("utf-8", "replace")
    return _TOLD_COST + 3 * len(words) + 2 * len(told.report.url if told.report else "")


def sparkline(values: Sequence[int]) -> str:
    """A line of blocks as high as the values: `▁▂█`."""
    most = max(values, default=0)
    return "".join(_BLOCKS[round(value / most * (len(_BLOCKS) - 1))] if most else _BLOCKS[0] for value in values)
