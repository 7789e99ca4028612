"""Placements -> alerts and their deliveries: one alert a development, one delivery a channel and recipient. Pure.

Ids follow from what is told, not from the moment, so that a repeated step queues nothing twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.model import Alert, AlertKind, Decision, Delivery, Development, Evidence, Link, Match, Placement, Storyline

STATE_OF_STORY = 10
"""Developments that the first message on a storyline lists at most."""


@dataclass(frozen=True, slots=True)
class Routing:
    """Who follows what: the storylines by id, and each channel's recipients (`""` where it has but one)."""

    storylines: Mapping[str, Storyline]
    targets: Mapping[str, tuple[str, ...]]


def route(
    placement: Placement,
    development: Development,
    known_before: Sequence[Link],
    routing: Routing,
    now: datetime,
    first: tuple[Link, str] | None = None,
) -> tuple[Alert, tuple[Delivery, ...]]:
    """The alert for a new or changed development, and its deliveries: each channel once, however many storylines it is on.

    Who was told of a development is told of its update, whichever of its storylines matched this time. `first` is given with
    an update: the report by which the development was told first, and the id of that alert.
    """
    entry = placement.entry
    kind = {Decision.NEW: AlertKind.NEW, Decision.UPDATE: AlertKind.UPDATE}[placement.decision]
    storylines = tuple(dict.fromkeys(development.storylines + placement.storylines))
    alert = Alert(
        id=f"{development.id}-new" if kind is AlertKind.NEW else f"{development.id}-update-{_digest(entry.id)}",
        kind=kind,
        reason=placement.reason,
        explanation=placement.explanation,
        created_at=now,
        storylines=_titled(storylines, routing),
        development=development.id,
        title=entry.title,
        summary=entry.summary,
        evidence=_evidence(placement.matches),
        outlets=development.outlets,
        reports=(Link.to(entry),),
        known_before=tuple(known_before),
        first=first[0] if first else None,
        follows=first[1] if first else "",
    )
    return alert, _deliveries(alert, routing, now)


def route_baseline(
    storyline: str, developments: Sequence[Development], routing: Routing, now: datetime
) -> tuple[Alert, tuple[Delivery, ...]]:
    """The one message that following began: what the feeds say of the storyline at that moment, latest first."""
    latest = sorted(developments, key=lambda d: (d.last_report_at, d.id), reverse=True)[:STATE_OF_STORY]
    titled = _titled((storyline,), routing)
    reports = sum(development.reports for development in developments)
    told = "1 report" if reports == 1 else f"{reports} reports"
    alert = Alert(
        id=f"{storyline}-baseline",
        kind=AlertKind.BASELINE,
        reason="baseline",
        explanation=f"Following began. The feeds hold {told} on this storyline; from now on you hear what is new.",
        created_at=now,
        storylines=titled,
        development="",
        title=f"Now following: {titled[0][1]}",
        summary=routing.storylines[storyline].question if storyline in routing.storylines else "",
        evidence=(),
        outlets=tuple(dict.fromkeys(outlet for development in latest for outlet in development.outlets)),
        reports=tuple(map(Link.to_start_of, latest)),
        known_before=(),
    )
    return alert, _deliveries(alert, routing, now)


def sample_alert(now: datetime) -> Alert:
    """An alert with all that an alert can have, which says of itself that it is a test."""
    return Alert(
        id=f"test-{_digest(now.isoformat())}",
        kind=AlertKind.TEST,
        reason="test",
        explanation="You asked for a test message. Nothing has happened.",
        created_at=now,
        storylines=(("test", "Test"),),
        development="",
        title="This is a test of your alerts",
        summary="If you can read this, alerts reach you by this channel.",
        evidence=(Evidence(term="test", found="tests", field="title", score=1.0),),
        outlets=("Example Herald",),
        reports=(Link(outlet="Example Herald", title="This is a test", url="https://example.org/test", published=now),),
        known_before=(
            Link(outlet="Example Herald", title="A test was announced", url="", published=now - timedelta(days=1)),
        ),
    )


def deliveries_for(alert: Alert, channel: str, targets: Sequence[str], now: datetime) -> tuple[Delivery, ...]:
    """One delivery a recipient of a channel; its id is what receivers tell repeats by."""
    thread = alert.storylines[0][0] if alert.storylines else ""
    return tuple(
        Delivery(
            id=f"{alert.id}-{_digest(channel, target)}", alert=alert.id, channel=channel, target=target, thread=thread,
            due_at=now, created_at=now,
        )
        for target in dict.fromkeys(targets)
    )  # fmt: skip


def _deliveries(alert: Alert, routing: Routing, now: datetime) -> tuple[Delivery, ...]:
    wanted = [
        channel for s, _ in alert.storylines if s in routing.storylines for channel in routing.storylines[s].channels
    ]
    known = [channel for channel in dict.fromkeys(wanted) if channel in routing.targets]
    return tuple(
        delivery for channel in known for delivery in deliveries_for(alert, channel, routing.targets[channel], now)
    )


def _titled(storylines: Sequence[str], routing: Routing) -> tuple[tuple[str, str], ...]:
    """The storylines with their titles; those that are followed no more only if there are no others."""
    followed = [s for s in storylines if s in routing.storylines]
    return tuple((s, routing.storylines[s].title if s in routing.storylines else s) for s in followed or storylines)


def _evidence(matches: Sequence[Match]) -> tuple[Evidence, ...]:
    """What all the matches rest on, best match first, each finding once."""
    found: dict[tuple[str, str], Evidence] = {}
    for evidence in (e for match in matches for e in match.evidence):
        found.setdefault((evidence.term, evidence.found.casefold()), evidence)
    return tuple(found.values())


def _digest(*parts: str) -> str:
    """Ten letters and digits that stand for exactly these parts: no two recipients share an id, whatever their names."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:10]
