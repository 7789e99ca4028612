"""What was held is told together: digests, quiet hours and silences that are over, alerts of one moment, more than a limit lets through.

Nothing is dropped: a folded delivery stays in the store and names the one that told it. All of it happens in the caller's
transaction, before a channel's next delivery is taken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from monitor.alerts.digest import THREAD, compose
from monitor.alerts.policy import Policy
from monitor.alerts.route import delivery_for
from monitor.model import Alert, AlertKind, Delivery, Hold, Severity
from monitor.store import Connection, digests, outbox

Queued = list[tuple[Delivery, Alert]]

HOUR = timedelta(hours=1)
"""The time that a limit counts messages in."""
_FEW = 2
"""From so many on, alerts of one moment go in one message."""


def fold_due(tx: Connection, channel: str, policy: Policy, now: datetime) -> None:
    """Let go of what was held for `channel` until now, and fold what is more than its readers want at once."""
    _let_go(tx, channel, policy, now)
    _keep_quiet(tx, channel, policy, now)
    if not (policy.group_wait or policy.limit):
        return
    for target, count in outbox.untried(tx, channel, now).items():
        if outbox.waits(
            tx, channel, target, THREAD
        ):  # D1: a second message would tell older alerts after the first one's
            continue
        left = count
        if count >= _FEW and policy.group_wait:
            _group(tx, outbox.untried_of(tx, channel, target, now), now)
            left = outbox.untried(tx, channel, now).get(target, 0)
        if policy.limit:
            _keep_to_limit(tx, (channel, target), left, policy.limit, now)


def _let_go(tx: Connection, channel: str, policy: Policy, now: datetime) -> None:
    """What waited for this moment goes: in one message, or as it is where it is but one alert."""
    together: dict[tuple[str, Hold], Queued] = defaultdict(list)
    for delivery, alert in outbox.held(tx, channel, now):
        assert delivery.hold is not None
        together[delivery.target, delivery.hold].append((delivery, alert))
    for (_, hold), queued in together.items():
        quiet = policy.quiet_until(now) if hold is not Hold.DIGEST else None
        if quiet:
            outbox.hold(tx, _ids(queued), Hold.QUIET, quiet)
        elif len(queued) == 1 and hold is not Hold.DIGEST:
            outbox.release(tx, _ids(queued), now)
        else:
            _fold(tx, queued, hold, now)


def _keep_quiet(tx: Connection, channel: str, policy: Policy, now: datetime) -> None:
    """What was queued by day, and could not be sent before the quiet hours began, waits for their end too.

    What was tried may have come through, and a message that tells of several is whole: they keep their place and their id,
    and go then as they are; the rest is told together.
    """
    end = policy.quiet_until(now)
    if end is None:
        return
    waiting = {
        delivery.id: bool(delivery.attempts) or alert.kind is AlertKind.DIGEST
        for delivery, alert in outbox.due(tx, channel, now)
        if alert.reason != Hold.DIGEST.value and not alert.severity.reaches(policy.quiet_passes)
    }
    outbox.postpone(tx, [delivery for delivery, whole in waiting.items() if whole], end)
    outbox.hold(tx, [delivery for delivery, whole in waiting.items() if not whole], Hold.QUIET, end)


def _group(tx: Connection, queued: Queued, now: datetime) -> None:
    """What is due at one moment on one storyline goes in one message."""
    by_thread: dict[str, Queued] = defaultdict(list)
    for delivery, alert in queued:
        if _may_wait(alert):
            by_thread[delivery.thread].append((delivery, alert))
    for ours in by_thread.values():
        if len(ours) >= _FEW:
            _fold(tx, ours, Hold.GROUP, now)


def _keep_to_limit(tx: Connection, reader: tuple[str, str], count: int, limit: int, now: datetime) -> None:
    """The last message that an hour has room for tells all that is more than that; without room, it waits for some.

    `reader` is a channel and a target, to whom `count` deliveries are due.
    """
    sent = outbox.sent_at(tx, *reader, now - HOUR) + [now] * outbox.under_way(tx, *reader, now)
    room = limit - len(sent)
    if count <= room:
        return
    waiting = [(d, alert) for d, alert in outbox.untried_of(tx, *reader, now) if _may_wait(alert)]
    if len(waiting) <= max(room, 0):
        return
    if room <= 0:
        outbox.hold(tx, _ids(waiting), Hold.LIMIT, sent[-limit] + HOUR)
    else:
        _fold(tx, waiting[room - 1 :], Hold.LIMIT, now)


def _may_wait(alert: Alert) -> bool:
    return alert.kind is not AlertKind.DIGEST and alert.severity is not Severity.CRITICAL


def told_together(tx: Connection, alerts: Sequence[Alert], hold: Hold | None, since: datetime, now: datetime) -> Alert:
    """One alert that tells of all of `alerts`, with what the store knows of their storylines and developments `since` then."""
    ids = {identifier for alert in alerts for identifier, _ in alert.storylines}
    return compose(alerts, hold, now, digests.background(tx, ids, since, now), digests.known(tx, alerts))


def _fold(tx: Connection, queued: Queued, hold: Hold, now: datetime) -> None:
    """Queue one message that tells all of these, in their place."""
    told = [alert for _, alert in queued]
    first = queued[0][0]
    digest = told_together(tx, told, hold, min(alert.created_at for alert in told), now)
    message = delivery_for(digest, first.channel, first.target, now, thread=THREAD)
    outbox.add(tx, [digest], [message])
    outbox.fold(tx, _ids(queued), message)


def _ids(queued: Sequence[tuple[Delivery, Alert]]) -> list[str]:
    return [delivery.id for delivery, _ in queued]
