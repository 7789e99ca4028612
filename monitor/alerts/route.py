"""Placements -> alerts and their deliveries: one alert a development, one delivery a channel and recipient. Pure.

Ids follow from what is told, not from the moment, so that a repeated step queues nothing twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.model import (
    Alert, AlertKind, Decision, Delivery, Development, Evidence, Link, Placement, Storyline,
)  # fmt: skip

_STATE_OF_STORY = 10
"""Developments that the first message on a storyline lists at most."""


@dataclass(frozen=True, slots=True)
class Routing:
    """Who follows what: the storylines by id, and each channel's recipients (`""` where it has but one)."""

    storylines: Mapping[str, Storyline]
    targets: Mapping[str, tuple[str, ...]]


def route(
    placement: Placement, development: Development, known_before: Sequence[Link], routing: Routing, now: datetime
) -> tuple[Alert, tuple[Delivery, ...]]:
    """The alert for a new or changed development, and its deliveries: each channel once, however many storylines matched."""
    kind = AlertKind.NEW if placement.decision is Decision.NEW else AlertKind.UPDATE
    entry = placement.entry
    alert = Alert(
        id=f"{development.id}-{kind}" if kind is AlertKind.NEW else f"{development.id}-{kind}-{_slug(entry.id)}",
        kind=kind,
        reason=placement.reason,
        explanation=placement.explanation,
        created_at=now,
        storylines=_titles(placement.storylines, routing),
        development=development.id,
        title=entry.title,
        summary=entry.summary,
        evidence=placement.matches[0].evidence,
        outlets=development.outlets,
        reports=(Link(outlet=entry.outlet, title=entry.title, url=entry.url, published=entry.published),),
        known_before=tuple(known_before),
    )
    return alert, _deliveries(alert, placement.storylines, routing, now)


def route_baseline(
    storyline: str, developments: Sequence[Development], routing: Routing, now: datetime
) -> tuple[Alert, tuple[Delivery, ...]]:
    """The one message that following began: what the feeds say of the storyline at that moment."""
    latest = sorted(developments, key=lambda d: (d.last_report_at, d.id), reverse=True)[:_STATE_OF_STORY]
    title = dict(_titles((storyline,), routing)).get(storyline, storyline)
    reports = sum(development.reports for development in developments)
    alert = Alert(
        id=f"{_slug(storyline)}-baseline",
        kind=AlertKind.BASELINE,
        reason="baseline",
        explanation=f"Following began. The feeds hold {reports} reports on this storyline; from now on you hear what is new.",
        created_at=now,
        storylines=((storyline, title),),
        development="",
        title=f"Now following: {title}",
        summary=routing.storylines[storyline].question if storyline in routing.storylines else "",
        evidence=(),
        outlets=tuple(dict.fromkeys(outlet for development in latest for outlet in development.outlets)),
        reports=tuple(Link(outlet=d.outlets[0], title=d.title, url="", published=d.started_at) for d in latest),
        known_before=(),
    )
    return alert, _deliveries(alert, (storyline,), routing, now)


def sample_alert(now: datetime) -> Alert:
    """An alert that says of itself that it is a test."""
    link = Link(outlet="Example Herald", title="This is a test", url="https://example.org/test", published=now)
    return Alert(
        id=f"test-{now:%Y%m%d%H%M%S%f}", kind=AlertKind.TEST, reason="test",
        explanation="You asked for a test message. Nothing has happened.", created_at=now,
        storylines=(("test", "Test"),), development="", title="This is a test of your alerts",
        summary="If you can read this, alerts reach you by this channel.",
        evidence=(Evidence(term="test", found="test", field="title", score=1.0),),
        outlets=("Example Herald",), reports=(link,), known_before=(),
    )  # fmt: skip


def deliveries_for(alert: Alert, channel: str, targets: Sequence[str], now: datetime) -> tuple[Delivery, ...]:
    """One delivery a recipient of a channel; its id is what receivers tell repeats by."""
    thread = alert.storylines[0][0] if alert.storylines else ""
    return tuple(
        Delivery(
            id=".".join(filter(None, (alert.id, _slug(channel), _slug(target)))),
            alert=alert.id, channel=channel, target=target, thread=thread, due_at=now, created_at=now,
        )  # fmt: skip
        for target in targets
    )


def _deliveries(alert: Alert, storylines: Sequence[str], routing: Routing, now: datetime) -> tuple[Delivery, ...]:
    wanted = [channel for s in storylines if s in routing.storylines for channel in routing.storylines[s].channels]
    known = [channel for channel in dict.fromkeys(wanted) if channel in routing.targets]
    return tuple(delivery for channel in known for delivery in deliveries_for(alert, channel, routing.targets[channel], now))


def _titles(storylines: Sequence[str], routing: Routing) -> tuple[tuple[str, str], ...]:
    return tuple((s, routing.storylines[s].title if s in routing.storylines else s) for s in storylines)


def _slug(text: str) -> str:
    """`text` in letters, digits and dashes; what differs only in other characters is told apart by the caller's other parts."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
