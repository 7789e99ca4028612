"""What the operator should look at -> a notice: once when it begins, once when it is over. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.alerts.route import Routing, delivery_for, short_hash, timed
from monitor.model import Alert, AlertKind, Delivery, Severity

THREAD = "-operator"
"""No storyline can be named like it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Who hears that a feed, a channel or the configuration needs a look."""

    channels: tuple[str, ...] = ()
    """Where notices go; by default the first channel that is well."""
    feed_silent: timedelta = timedelta(days=1)
    """How long a feed may fail before you hear of it."""
    channel_failing: timedelta = timedelta(minutes=30)
    """How long a channel may fail before you hear of it, by another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that does not go as it should."""

    subject: str
    """What it is about, always in the same words: `feed https://...`, `channel mail`."""
    title: str
    """What is wrong, in a few words."""
    said: str
    """What happened, and what to do."""
    channel: str = ""
    """The channel that is itself in trouble, and cannot tell of it (D27)."""
    tells_end: bool = True
    """Whether the end of it is worth a notice too."""


def notice(trouble: Trouble, now: datetime, *, over: bool = False) -> Alert:
    """The alert for the operator that `trouble` began, or that it is over."""
    return Alert(
        id=f"notice-{short_hash(trouble.subject, now.isoformat(), str(over))}",
        kind=AlertKind.NOTICE,
        reason="resolved" if over else "trouble",
        explanation="It is well again; there is nothing to do." if over else trouble.said,
        created_at=now,
        storylines=(),
        development="",
        title=f"Well again: {trouble.title}" if over else trouble.title,
        summary="",
        evidence=(),
        outlets=(),
        reports=(),
        known_before=(),
        severity=Severity.LOW if over else Severity.NORMAL,
    )


def route_notice(
    alert: Alert, wanted: Sequence[str], ill: Collection[str], routing: Routing, now: datetime
) -> tuple[Delivery, ...]:
    """Its deliveries: by the channels that the operator `wanted`, as far as they are well; else by the first that is (D20).

    None at all where no channel is well: a notice that cannot be told must not make the next one (D27).
    """
    well = [channel for channel in routing.targets if channel not in ill]
    chosen = [channel for channel in wanted if channel in well] or well[:1]
    return tuple(_deliveries(alert, chosen, routing, now))


def _deliveries(alert: Alert, channels: Sequence[str], routing: Routing, now: datetime) -> Iterator[Delivery]:
    for channel in channels:
        for target in dict.fromkeys(routing.targets[channel]):
            made = delivery_for(alert, channel, target, now, thread=THREAD)
            yield from timed(made, {"immediate"}, alert.severity, routing, now)


def begun_and_over(
    troubles: Sequence[Trouble], standing: Mapping[str, str]
) -> tuple[list[Trouble], list[tuple[str, str]]]:
    """Those of the troubles that are not known yet, and of those known (subject -> title) the ones that are over."""
    here = {trouble.subject for trouble in troubles}
    begun = [trouble for trouble in troubles if trouble.subject not in standing]
    return begun, [(subject, title) for subject, title in standing.items() if subject not in here]
