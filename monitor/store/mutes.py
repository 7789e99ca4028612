"""Who does not want to hear of which storyline: silences with an end, and those who follow it no more."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, select, update

from monitor.model import DeliveryState, Hold, Mute
from monitor.store import Prepared, upsert
from monitor.store.schema import deliveries, mutes

_STANDING = (
    select(mutes)
    .where(mutes.c.until.is_(None) | (mutes.c.until > bindparam("now")))
    .order_by(mutes.c.storyline, mutes.c.channel, mutes.c.target)
)


_COUNT = Prepared(lambda _engine: select(func.count()).select_from(mutes), ())


def standing(tx: Connection, now: datetime) -> tuple[Mute, ...]:
    """The mutes that hold now."""
    rows = tx.execute(_STANDING, {"now": now}) if _COUNT.rows(tx) != [(0,)] else ()
    return tuple(Mute(storyline=r.storyline, channel=r.channel, target=r.target, until=r.until) for r in rows)


def mute(tx: Connection, wish: Mute) -> None:
    """Somebody wants to hear nothing of a storyline, for a while or any more; the last word holds."""
    upsert(tx, mutes, [asdict(wish)])


def follow(tx: Connection, wish: Mute, now: datetime) -> bool:
    """They want to hear of it again: what a silence held goes now. Whether anything was muted."""
    ours = (mutes.c.storyline == wish.storyline) & (mutes.c.channel == wish.channel) & (mutes.c.target == wish.target)
    lifted = tx.execute(delete(mutes).where(ours)).rowcount
    d = deliveries.c
    held = (d.state == DeliveryState.HELD) & (d.hold == Hold.SILENCE) & (d.thread == wish.storyline)
    for column, value in ((d.channel, wish.channel), (d.target, wish.target)):
        held = held & (column == value) if value else held
    tx.execute(update(deliveries).where(held).values(due_at=now))
    return bool(lifted)


def prune(tx: Connection, now: datetime) -> None:
    """Forget silences that are over."""
    tx.execute(delete(mutes).where(mutes.c.until <= now))
