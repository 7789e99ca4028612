"""The outbox: every delivery from the moment it is decided until the receiver has it, or nobody wants it any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from monitor.model import Alert, AlertKind, Delivery, DeliveryState, Development, Evidence, Link
from monitor.store import upsert
from monitor.store.schema import alerts, deliveries, pauses

_DELIVERY = tuple(deliveries.c[name] for name in Delivery.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for a channel."""

    pending: int = 0
    oldest_at: datetime | None = None
    dead: int = 0
    paused: str = ""
    """Why the channel rests; empty when it does not."""


def add(tx: Connection, queued: Sequence[Alert], to_deliver: Sequence[Delivery]) -> None:
    """Queue alerts and their deliveries; what is queued already stays as it is, since ids are fixed."""
    rows = [
        {"id": a.id, "created_at": a.created_at, "development": a.development, "content": to_json(a)} for a in queued
    ]
    upsert(tx, alerts, rows, keep=True)
    upsert(tx, deliveries, [asdict(delivery) for delivery in to_deliver], keep=True)


def claim(tx: Connection, channel: str, now: datetime, lease: timedelta) -> tuple[Delivery, Alert] | None:
    """Take the next delivery of a channel: the oldest that is due and has no earlier one of its thread and target waiting.

    It is counted as an attempt and due again when the lease ends, so that a crash frees it; its last error is forgotten,
    which tells it from one that waits for its next try.
    """
    first = select(func.min(deliveries.c.number)).group_by(deliveries.c.target, deliveries.c.thread)
    first = first.where(deliveries.c.channel == channel, deliveries.c.state == DeliveryState.PENDING)
    query = select(deliveries.c.number, *_DELIVERY, alerts.c.content).join(alerts, alerts.c.id == deliveries.c.alert)
    query = query.where(deliveries.c.number.in_(first), deliveries.c.due_at <= now)
    row = tx.execute(query.order_by(deliveries.c.number).limit(1)).first()
    if row is None:
        return None
    attempts = row.attempts + 1
    tx.execute(
        update(deliveries)
        .where(deliveries.c.number == row.number)
        .values(attempts=attempts, due_at=now + lease, error="")
    )
    return _delivery(row, attempts=attempts), from_json(row.content)


def free(tx: Connection, now: datetime) -> None:
    """What was claimed by a process that ended before it could record the outcome is due now; for the one that holds the store."""
    claimed = (deliveries.c.state == DeliveryState.PENDING) & (deliveries.c.attempts > 0) & (deliveries.c.error == "")
    tx.execute(update(deliveries).where(claimed).values(due_at=now))


def record(tx: Connection, delivery: Delivery) -> None:
    """Remember what came of a try."""
    values = {name: getattr(delivery, name) for name in ("state", "attempts", "due_at", "sent_at", "error")}
    tx.execute(update(deliveries).where(deliveries.c.id == delivery.id).values(values))


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
    counted = counted.where(deliveries.c.state.in_([DeliveryState.PENDING, DeliveryState.DEAD]))
    found: dict[str, dict[str, Any]] = {}
    for channel, state, count, oldest in tx.execute(counted.group_by(deliveries.c.channel, deliveries.c.state)):
        known = found.setdefault(channel, {})
        known |= {"pending": count, "oldest_at": oldest} if state == DeliveryState.PENDING else {"dead": count}
    resting = {channel: paused(tx, channel, now) for channel in tx.execute(select(pauses.c.channel)).scalars().all()}
    for channel in found.keys() | resting.keys():
        found.setdefault(channel, {})["paused"] = resting.get(channel, "")
    return {channel: Backlog(**values) for channel, values in found.items()}


def pending(tx: Connection) -> int:
    """How many deliveries wait, over all channels."""
    return tx.execute(
        select(func.count()).select_from(deliveries).where(deliveries.c.state == DeliveryState.PENDING)
    ).scalar_one()


def drop_channel(tx: Connection, kept: Sequence[str]) -> int:
    """Give up what waits for channels that are configured no more; returns how many deliveries that were."""
    query = update(deliveries).where(deliveries.c.state == DeliveryState.PENDING, deliveries.c.channel.not_in(kept))
    return tx.execute(query.values(state=DeliveryState.DEAD, error="The channel is configured no more.")).rowcount


def without_alert(tx: Connection, known: Sequence[Development]) -> list[Development]:
    """Those of the developments that no alert has told of."""
    told = set(tx.execute(select(alerts.c.development).distinct()).scalars())
    return [development for development in known if development.id not in told]


def to_json(alert: Alert) -> dict[str, Any]:
    """An alert as JSON values."""
    content: dict[str, Any] = _plain(asdict(alert))
    return content


def from_json(content: dict[str, Any]) -> Alert:
    """The alert that `to_json` wrote."""
    return Alert(
        **content
        | {
            "kind": AlertKind(content["kind"]),
            "created_at": datetime.fromisoformat(content["created_at"]),
            "storylines": tuple((identifier, title) for identifier, title in content["storylines"]),
            "evidence": tuple(Evidence(**evidence) for evidence in content["evidence"]),
            "outlets": tuple(content["outlets"]),
            "reports": tuple(map(_link, content["reports"])),
            "known_before": tuple(map(_link, content["known_before"])),
            "first": _link(content["first"]) if content.get("first") else None,
        }
    )


def _link(content: dict[str, Any]) -> Link:
    return Link(**content | {"published": datetime.fromisoformat(content["published"])})


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime) else value


def _delivery(row: Any, *, attempts: int) -> Delivery:
    fields = {name: row._mapping[name] for name in Delivery.__dataclass_fields__}
    return Delivery(**fields | {"state": DeliveryState(row.state), "attempts": attempts})
