"""What this process has done, counted where it happens; `monitor.web.metrics` tells it, with what the store knows.

A registry of our own: what other libraries count of themselves is nobody's business here.
"""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)  # fmt: skip

from monitor.model import Alert, AlertKind, Changes, Delivery, DeliveryState, Hold, Poll

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series beside each, which nobody asks for
REGISTRY = CollectorRegistry()
LABELS = 50
"""Values that a label has at most, where the configuration says how many there are; the rest is summed as OTHER."""
OTHER = "other"
UNREADABLE = ("unreadable", "not-a-feed", "parse-crash")
"""Reasons for which an answer was there and no feed could be made of it."""

POLLS = Counter("monitor_polls", "Polls that were settled.", ["outcome"], registry=REGISTRY)
FAILURES = Counter("monitor_poll_failures", "Polls that failed, by reason.", ["reason"], registry=REGISTRY)
PARSE_FAILURES = Counter("monitor_parse_failures", "Answers that could not be read as a feed.", registry=REGISTRY)
ENTRIES = Counter("monitor_entries", "Entries that were new.", registry=REGISTRY)
MATCHES = Counter("monitor_matches", "Entries that were on a storyline.", registry=REGISTRY)
DEVELOPMENTS = Counter("monitor_developments", "Developments that began.", registry=REGISTRY)
TRIES = Counter("monitor_delivery_tries", "Tries to hand over a delivery.", ["channel", "outcome"], registry=REGISTRY)
POLL_SECONDS = Histogram(
    "monitor_poll_seconds", "A poll, from its request to its commit.", registry=REGISTRY,
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)  # fmt: skip
DESK_SECONDS = Histogram(
    "monitor_desk_seconds", "From a poll's answer, parsed, to its commit, waiting in line included.", registry=REGISTRY,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)  # fmt: skip
_UNTIL_HANDED_OVER = (0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400)
HANDOVER_SECONDS = Histogram(
    "monitor_handover_seconds", "From the decision to alert to the receiver's word that it has it; held deliveries left out.",
    registry=REGISTRY, buckets=_UNTIL_HANDED_OVER,
)  # fmt: skip
NEWS_SECONDS = Histogram(
    "monitor_news_seconds", "From a report's publication to the receiver's word that it has the alert; held ones left out.",
    registry=REGISTRY, buckets=_UNTIL_HANDED_OVER,
)  # fmt: skip
_SETTLED = {outcome: POLLS.labels(outcome) for outcome in ("new", "unchanged", "failed", "pushed")}
"""Made before there are any, so that a rate is right from the first one on."""
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
_channels: set[str] = set()


def settled(poll: Poll, changes: Changes, seconds: float) -> None:
    """Count a poll that was settled, in so many seconds, and what it brought."""
    DESK_SECONDS.observe(seconds)
    if poll.error:
        FAILURES.labels(poll.error.reason).inc()
        PARSE_FAILURES.inc(poll.error.reason in UNREADABLE)
    _SETTLED[_outcome_of(poll, changes)].inc()
    if changes.entries:  # most polls bring nothing
        ENTRIES.inc(len(changes.entries))
    if changes.placements:
        MATCHES.inc(len(changes.placements))
        new = {entry.id for entry in changes.entries}
        DEVELOPMENTS.inc(sum(development.first_report in new for development in changes.developments))


def tried(alert: Alert, delivery: Delivery) -> None:
    """Count a try to deliver; `delivery` is as it stands after it."""
    outcome = "retry" if delivery.state is DeliveryState.PENDING else delivery.state.value
    TRIES.labels(bounded(delivery.channel, _channels), outcome).inc()
    if delivery.sent_at is None or not _is_prompt(alert, delivery):
        return
    HANDOVER_SECONDS.observe(max(0.0, (delivery.sent_at - alert.created_at).total_seconds()))
    if alert.reports:
        NEWS_SECONDS.observe(max(0.0, (delivery.sent_at - alert.reports[0].published).total_seconds()))


def bounded(value: str, known: set[str]) -> str:
    """`value` as a label, if it is among the first LABELS ones of its kind; else OTHER."""
    if value not in known and len(known) >= LABELS:
        return OTHER
    known.add(value)
    return value


def _is_prompt(alert: Alert, delivery: Delivery) -> bool:
    """Whether the alert was to go at once: its delay is ours, and not its reader's wish."""
    return alert.kind in (AlertKind.NEW, AlertKind.UPDATE) and delivery.hold in (None, Hold.GROUP)


def _outcome_of(poll: Poll, changes: Changes) -> str:
    if poll.error:
        return "failed"
    if poll.pushed:
        return "pushed"
    return "new" if changes.entries else "unchanged"
