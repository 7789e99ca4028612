"""Placements -> alerts and their deliveries: one alert a development, one delivery a channel and recipient. Pure.

A delivery goes at once, or is held for the next digest, for the end of quiet hours or of a silence: nothing is dropped but for
those who follow a storyline no more. Ids follow from what is told, not from the moment, so that a repeated step queues nothing twice.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from monitor.alerts.policy import Policy
from monitor.alerts.severity import Outlets, severity
from monitor.model import (
    Alert,
    AlertKind,
    Decision,
    Delivery,
    DeliveryState,
    Development,
    Evidence,
    Hold,
    Link,
    Match,
    Mute,
    Placement,
    Route,
    Severity,
    Storyline,
    StoryState,
)  # fmt: skip

_STATES = {
    StoryState.SURGE: "coverage surges",
    StoryState.DEVELOPING: "developing",
    StoryState.COOLING: "cooling down",
    StoryState.QUIET: "gone quiet",
    StoryState.CLOSED: "closed, as it seems",
}
STATE_OF_STORY = 10
"""Developments that the first message on a storyline lists at most."""


@dataclass(frozen=True, slots=True)
class Routing:
    """Who follows what, and when they want to hear of it."""

    storylines: Mapping[str, Storyline]
    targets: Mapping[str, tuple[str, ...]]
    """Each channel's recipients; `("",)` where it has but one."""
    policies: Mapping[str, Policy] = field(default_factory=dict)
    outlets: Outlets = field(default_factory=Outlets)
    mutes: tuple[Mute, ...] = ()


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
        id=alert_id(placement),
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
        severity=severity(placement, development, _urgent(storylines, routing), routing.outlets),
    )
    return alert, _deliveries(alert, routing, now)


def alert_id(placement: Placement) -> str:
    """The id of the alert that tells what is new, or has changed, by this placement."""
    what = "new" if placement.decision is Decision.NEW else f"update-{short_hash(placement.entry.id)}"
    return f"{placement.development}-{what}"


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


def route_state(
    storyline: str, state: StoryState, why: str, known_before: Sequence[Link], routing: Routing, now: datetime
) -> tuple[Alert, tuple[Delivery, ...]]:
    """The message that a storyline went into another state."""
    titled = _titled((storyline,), routing)
    alert = Alert(
        id=f"{storyline}-state-{state}-{now:%Y%m%d%H%M}",
        kind=AlertKind.STATE,
        reason=state.value,
        explanation=why,
        created_at=now,
        storylines=titled,
        development="",
        title=f"{titled[0][1]}: {_STATES[state]}",
        summary="",
        evidence=(),
        outlets=(),
        reports=(),
        known_before=tuple(known_before),
        severity=Severity.HIGH if state is StoryState.SURGE else Severity.LOW,
    )
    return alert, _deliveries(alert, routing, now)


def sample_alert(now: datetime) -> Alert:
    """An alert with all that an alert can have, which says of itself that it is a test."""
    return Alert(
        id=f"test-{short_hash(now.isoformat())}",
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
    """One delivery a recipient of a channel, due now; its id is what receivers tell repeats by."""
    return tuple(delivery_for(alert, channel, target, now) for target in dict.fromkeys(targets))


def delivery_for(alert: Alert, channel: str, target: str, now: datetime, *, thread: str | None = None) -> Delivery:
    """The delivery of an alert to one recipient, in the thread of its first storyline or in another one."""
    first = alert.storylines[0][0] if alert.storylines else ""
    return Delivery(
        id=f"{alert.id}-{short_hash(channel, target)}", alert=alert.id, channel=channel, target=target,
        thread=first if thread is None else thread, due_at=now, created_at=now,
    )  # fmt: skip


def _deliveries(alert: Alert, routing: Routing, now: datetime) -> tuple[Delivery, ...]:
    return tuple(
        delivery
        for (channel, target), wishes in _wishes(alert, routing, now).items()
        for delivery in _timed(delivery_for(alert, channel, target, now), wishes, alert.severity, routing, now)
    )


@dataclass(frozen=True, slots=True)
class _Wish:
    """How one of an alert's storylines would have it sent to a recipient, and until when they want to hear nothing of it."""

    send: str
    silent_until: datetime | None


def _wishes(alert: Alert, routing: Routing, now: datetime) -> Mapping[tuple[str, str], list[_Wish]]:
    """Each recipient with what the alert's storylines want for them; nobody who follows none of them."""
    found: dict[tuple[str, str], list[_Wish]] = defaultdict(list)
    for storyline, _ in alert.storylines:
        for way in _ways(storyline, alert.severity, routing):
            for channel in way.channels:
                for target in dict.fromkeys(routing.targets.get(channel, ())):
                    mutes = [m for m in routing.mutes if _concerns(m, storyline, channel, target, now)]
                    if all(mute.until for mute in mutes):
                        until = max((mute.until for mute in mutes if mute.until), default=None)
                        found[channel, target].append(_Wish(way.send, until))
    return found


def _ways(storyline: str, reached: Severity, routing: Routing) -> Iterator[Route]:
    known = routing.storylines.get(storyline)
    if known is not None:
        yield from (r for r in known.routes or (Route(channels=known.channels),) if reached.reaches(r.severity))


def _concerns(mute: Mute, storyline: str, channel: str, target: str, now: datetime) -> bool:
    meant = mute.storyline == storyline and mute.channel in ("", channel) and mute.target in ("", target)
    return meant and (mute.until is None or mute.until > now)


def _timed(
    delivery: Delivery, wishes: Sequence[_Wish], reached: Severity, routing: Routing, now: datetime
) -> Iterator[Delivery]:
    """The delivery when it is wanted: held where all of its storylines are silent."""
    if all(wish.silent_until for wish in wishes):
        yield _held(delivery, Hold.SILENCE, min(wish.silent_until for wish in wishes if wish.silent_until))
    else:
        yield from timed(delivery, {wish.send for wish in wishes if not wish.silent_until}, reached, routing, now)


def timed(
    delivery: Delivery, ways: Collection[str], reached: Severity, routing: Routing, now: datetime
) -> Iterator[Delivery]:
    """The delivery when its channel's readers want it: at once, held, in the next digest, or at once and in the digest."""
    policy = routing.policies.get(delivery.channel, Policy())
    ways = set(ways)
    if ways & {"immediate", "both"}:
        wait = policy.held(reached, now)
        group_wait = timedelta(0) if reached is Severity.CRITICAL else policy.group_wait
        yield _held(delivery, *wait) if wait else replace(delivery, due_at=now + group_wait)
    if ways & {"digest", "both"}:
        own_id = f"{delivery.id}-digest" if "immediate" in ways or "both" in ways else delivery.id
        yield _held(replace(delivery, id=own_id), Hold.DIGEST, policy.next_digest(now))


def _held(delivery: Delivery, hold: Hold, until: datetime) -> Delivery:
    return replace(delivery, state=DeliveryState.HELD, hold=hold, due_at=until)


def _urgent(storylines: Sequence[str], routing: Routing) -> frozenset[str]:
    return frozenset(term for s in storylines if s in routing.storylines for term in routing.storylines[s].urgent)


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


def short_hash(*parts: str) -> str:
    """Ten letters and digits that stand for exactly these parts: no two recipients share an id, whatever their names."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:10]
