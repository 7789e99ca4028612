"""The outbox: every delivery from the moment it is decided until the receiver has it, or nobody wants it any more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, delete, exists, func, literal_column, select, update

from monitor.model import Alert, Delivery, DeliveryState, Development, Hold
from monitor.store import Prepared, batches, upsert
from monitor.store.alert import from_json, to_json
from monitor.store.schema import alerts, deliveries, pauses

_DELIVERY = tuple(deliveries.c[name] for name in Delivery.__dataclass_fields__)
_QUEUED = select(deliveries.c.number, *_DELIVERY, alerts.c.content).join(alerts, alerts.c.id == deliveries.c.alert)
_WAITING: list[ColumnElement[str]] = [
    literal_column(f"'{state.value}'") for state in (DeliveryState.PENDING, DeliveryState.HELD)
]
_ANY_DUE = exists().where(
    deliveries.c.state.in_(_WAITING), deliveries.c.channel == bindparam("of"), deliveries.c.due_at <= bindparam("now")
)
ANY_DUE = Prepared(lambda _engine: select(literal_column("1")).where(_ANY_DUE), ("of", "now"))
"""Finds a row where anything of a channel may be due; a look that writes nothing."""
_FIRST = [select(func.min(deliveries.c.due_at)).where(deliveries.c.state == state, deliveries.c.channel == bindparam("of")) for state in _WAITING]  # fmt: skip
FIRST_DUE = Prepared(lambda _engine: select(*(first.scalar_subquery() for first in _FIRST)), ("of",))
"""When the first delivery of a channel may be due of those that are pending, and of those that are held."""
PENDING = Prepared(lambda _engine: select(func.count(deliveries.c.number)).where(deliveries.c.state == _WAITING[0]), ())
"""How many deliveries are pending."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for a channel."""

    pending: int = 0
    held: int = 0
    oldest_at: datetime | None = None
    dead: int = 0
    paused: str = ""
    """Why the channel rests; empty when it does not."""


class Claim(NamedTuple):
    """A delivery that somebody is about to try, and nobody else until then."""

    delivery: Delivery
    alert: Alert
    until: datetime


def add(tx: Connection, queued: Sequence[Alert], to_deliver: Sequence[Delivery]) -> None:
    """Queue alerts and their deliveries; what is queued already stays as it is, since ids are fixed."""
    rows = [
        {"id": a.id, "created_at": a.created_at, "development": a.development, "content": to_json(a)} for a in queued
    ]
    upsert(tx, alerts, rows, keep=True)
    upsert(tx, deliveries, [asdict(delivery) for delivery in to_deliver], keep=True)


def claim(tx: Connection, channel: str, now: datetime, lease: timedelta, barrier: str = "") -> Claim | None:
    """Take the next delivery of a channel: the oldest that is due and has no earlier one of its thread and target waiting.

    Of the thread `barrier`, if it is named, a target's deliveries wait for all that were queued before, and all that was
    queued after waits for them. What is claimed is counted as an attempt and due again when the lease ends, so that a crash
    frees it; its last error is forgotten, which tells it from one that waits for its next try. Where several claim, `now` is
    the store's time.
    """
    query = _QUEUED.where(deliveries.c.due_at <= now).order_by(deliveries.c.number).limit(1)
    heads = (tx.execute(query.where(deliveries.c.number.in_(some))).first() for some in _heads(tx, channel, barrier))
    row = next(filter(None, heads), None)
    if row is None:
        return None
    attempts = row.attempts + 1
    root = row.root if row.attempts else _root(tx, row)
    until = now + lease
    tx.execute(
        update(deliveries)
        .where(deliveries.c.number == row.number)
        .values(attempts=attempts, due_at=until, error="", root=root)
    )
    return Claim(replace(_delivery(row, attempts=attempts), root=root), from_json(row.content), until)


def _root(tx: Connection, row: Any) -> str:
    """The first delivery of the same thread that the same target has got; empty where there is none."""
    d = deliveries.c
    sent = select(d.id).where(d.state == DeliveryState.SENT, d.channel == row.channel, d.target == row.target)
    return tx.execute(sent.where(d.thread == row.thread).order_by(d.number).limit(1)).scalar() or ""


def _heads(tx: Connection, channel: str, barrier: str) -> Iterator[Sequence[int]]:
    """The numbers of the deliveries that have no earlier one to wait for, in order, some at a time."""
    first = select(deliveries.c.target, deliveries.c.thread, func.min(deliveries.c.number))
    first = first.where(deliveries.c.channel == channel, deliveries.c.state == DeliveryState.PENDING)
    by_target: dict[str, dict[str, int]] = defaultdict(dict)
    for target, thread, number in tx.execute(first.group_by(deliveries.c.target, deliveries.c.thread)):
        by_target[target][thread] = number
    heads: list[int] = []
    for threads in by_target.values():
        wall = threads.pop(barrier, None) if barrier else None
        before = [number for number in threads.values() if wall is None or number < wall]
        heads += before or ([wall] if wall is not None else [])
    return batches(sorted(heads))


def one(tx: Connection, identifier: str) -> tuple[Delivery, Alert] | None:
    """The delivery with that id, and its alert."""
    return next(iter(_queued(tx, deliveries.c.id == identifier)), None)


def due(tx: Connection, channel: str, now: datetime) -> list[tuple[Delivery, Alert]]:
    """What may be sent by a channel now, tried or not, in the order in which it was queued."""
    return _queued(tx, *_due(DeliveryState.PENDING, channel, now))


def held(tx: Connection, channel: str, now: datetime) -> list[tuple[Delivery, Alert]]:
    """What was held for a channel until now or earlier, in the order in which it was queued."""
    return _queued(tx, *_due(DeliveryState.HELD, channel, now))


def untried(tx: Connection, channel: str, now: datetime) -> dict[str, int]:
    """How many deliveries of a channel are due and were never tried, by target."""
    query = select(deliveries.c.target, func.count().label("waiting")).where(
        *_due(DeliveryState.PENDING, channel, now), deliveries.c.attempts == 0
    )
    return {
        row.target: row.waiting for row in tx.execute(query.group_by(deliveries.c.target).order_by(deliveries.c.target))
    }


def untried_of(tx: Connection, channel: str, target: str, now: datetime) -> list[tuple[Delivery, Alert]]:
    """Those of one target whose thread waits for no try, in the order in which they were queued."""
    d = deliveries.c
    tried = select(d.thread).where(
        d.state == DeliveryState.PENDING, d.channel == channel, d.target == target, d.attempts > 0
    )
    due = _due(DeliveryState.PENDING, channel, now)
    return _queued(tx, *due, d.attempts == 0, d.target == target, d.thread.not_in(tried))


def waits(tx: Connection, channel: str, target: str, thread: str) -> bool:
    """Whether a delivery of a thread waits to be sent to a target."""
    d = deliveries.c
    ours = (d.state == DeliveryState.PENDING, d.channel == channel, d.target == target, d.thread == thread)
    return tx.execute(select(d.number).where(*ours).limit(1)).first() is not None


def _due(state: DeliveryState, channel: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (deliveries.c.state == state, deliveries.c.channel == channel, deliveries.c.due_at <= now)


def _queued(tx: Connection, *conditions: ColumnElement[bool]) -> list[tuple[Delivery, Alert]]:
    """The deliveries of which all of this holds, each with its alert, in the order in which they were queued."""
    rows = tx.execute(_QUEUED.where(*conditions).order_by(deliveries.c.number))
    return [(_delivery(row, attempts=row.attempts), from_json(row.content)) for row in rows]


def sent_at(tx: Connection, channel: str, target: str, since: datetime) -> list[datetime]:
    """When a target was sent messages since then, the first one first."""
    d = deliveries.c
    query = select(d.sent_at).where(d.channel == channel, d.target == target, d.sent_at > since)
    return list(tx.execute(query.order_by(d.sent_at)).scalars())


def under_way(tx: Connection, channel: str, target: str, now: datetime) -> int:
    """How many deliveries to a target are claimed: it may have got them by now."""
    d = deliveries.c
    ours = (d.state == DeliveryState.PENDING, d.channel == channel, d.target == target)
    claimed = (d.attempts > 0, d.error == "", d.due_at > now)
    return tx.execute(select(func.count()).where(*ours, *claimed)).scalar_one()


def hold(tx: Connection, ids: Sequence[str], why: Hold, until: datetime) -> None:
    """Hold deliveries back until then."""
    _update(tx, ids, state=DeliveryState.HELD, hold=why, due_at=until)


def postpone(tx: Connection, ids: Sequence[str], until: datetime) -> None:
    """Try these again no earlier."""
    _update(tx, ids, due_at=until)


def release(tx: Connection, ids: Sequence[str], now: datetime) -> None:
    """Let held deliveries go, each as it is, in the order in which they were queued."""
    _update(tx, ids, state=DeliveryState.PENDING, due_at=now)


def fold(tx: Connection, ids: Sequence[str], into: Delivery) -> None:
    """These deliveries are told by another one, which is queued."""
    _update(tx, ids, state=DeliveryState.FOLDED, told_by=into.id)


def _update(tx: Connection, ids: Sequence[str], **values: Any) -> None:
    for some in batches(ids):
        tx.execute(update(deliveries).where(deliveries.c.id.in_(some)).values(values))


def free(tx: Connection, now: datetime) -> None:
    """What was claimed by a process that ended before it could record the outcome is due now; for one that holds the store alone."""
    claimed = (deliveries.c.state == DeliveryState.PENDING) & (deliveries.c.attempts > 0) & (deliveries.c.error == "")
    tx.execute(update(deliveries).where(claimed).values(due_at=now))


def record(tx: Connection, delivery: Delivery, claim: Claim | None = None) -> bool:
    """Remember what came of a try, unless it is no more by that `claim`; whether it was remembered.

    Who stood still until a claim had ended may find the delivery claimed, or settled, by somebody else (S14).
    """
    values = {name: getattr(delivery, name) for name in ("state", "attempts", "due_at", "sent_at", "error")}
    query = update(deliveries).where(deliveries.c.id == delivery.id)
    if claim is not None:
        query = query.where(deliveries.c.attempts == claim.delivery.attempts, deliveries.c.due_at == claim.until)
    return tx.execute(query.values(values)).rowcount > 0


def pause(tx: Connection, channel: str, until: datetime | None, reason: str) -> None:
    """Let a channel rest until then; without a time, until a person resumes it."""
    upsert(tx, pauses, [{"channel": channel, "until": until, "reason": reason}])


def resume(tx: Connection, channel: str | None = None) -> None:
    """Let a channel, or all of them, go on."""
    tx.execute(delete(pauses) if channel is None else delete(pauses).where(pauses.c.channel == channel))


def paused(tx: Connection, channel: str, now: datetime) -> str:
    """Why a channel rests now; empty when it does not."""
    row = tx.execute(select(pauses.c.until, pauses.c.reason).where(pauses.c.channel == channel)).first()
    return row.reason if row and (row.until is None or row.until > now) else ""


def retry(tx: Connection, ids: Sequence[str] | None, now: datetime) -> int:
    """Queue dead and refused deliveries again, and let resting channels go on; all of them, or those with these ids."""
    query = update(deliveries).where(deliveries.c.state.in_([DeliveryState.DEAD, DeliveryState.FAILED]))
    query = query.values(state=DeliveryState.PENDING, due_at=now, attempts=0)
    resume(tx)
    return tx.execute(query if ids is None else query.where(deliveries.c.id.in_(ids))).rowcount


def backlog(tx: Connection, now: datetime) -> dict[str, Backlog]:
    """What waits, by channel."""
    counted = select(deliveries.c.channel, deliveries.c.state, func.count(), func.min(deliveries.c.created_at))
    counted = counted.where(deliveries.c.state.in_([DeliveryState.PENDING, DeliveryState.HELD, DeliveryState.DEAD]))
    found: dict[str, dict[str, Any]] = {}
    for channel, state, count, oldest in tx.execute(counted.group_by(deliveries.c.channel, deliveries.c.state)):
        known = found.setdefault(channel, {})
        known |= {"pending": count, "oldest_at": oldest} if state == DeliveryState.PENDING else {state: count}
    resting = {channel: paused(tx, channel, now) for channel in tx.execute(select(pauses.c.channel)).scalars().all()}
    for channel in found.keys() | resting.keys():
        found.setdefault(channel, {})["paused"] = resting.get(channel, "")
    return {channel: Backlog(**values) for channel, values in found.items()}


def pending(tx: Connection) -> int:
    """How many deliveries wait, over all channels."""
    ((count,),) = PENDING.rows(tx)
    return int(count)


def drop_channel(tx: Connection, kept: Sequence[str]) -> int:
    """Give up what waits for channels that are configured no more; returns how many deliveries that were."""
    waiting = deliveries.c.state.in_([DeliveryState.PENDING, DeliveryState.HELD])
    query = update(deliveries).where(waiting, deliveries.c.channel.not_in(kept))
    return tx.execute(query.values(state=DeliveryState.DEAD, error="The channel is configured no more.")).rowcount


def without_alert(tx: Connection, known: Sequence[Development]) -> list[Development]:
    """Those of the developments that no alert has told of."""
    told = set(tx.execute(select(alerts.c.development).distinct()).scalars())
    return [development for development in known if development.id not in told]


def _delivery(row: Any, *, attempts: int) -> Delivery:
    fields = {name: row._mapping[name] for name in Delivery.__dataclass_fields__}
    hold = Hold(row.hold) if row.hold else None
    return Delivery(**fields | {"state": DeliveryState(row.state), "attempts": attempts, "hold": hold})
