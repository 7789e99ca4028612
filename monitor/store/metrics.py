"""What is counted for a Prometheus: how feeds, storylines, alerts and deliveries stand. Whole tables, so each as one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, case, func, or_, select

from monitor.model import DeliveryState, Health
from monitor.model.feeds import OFFENCES
from monitor.store.schema import alerts, deliveries, feeds, pauses, storylines


@dataclass(frozen=True, slots=True)
class Told:
    """How many alerts were queued, by kind, and when the last of those was."""

    by_kind: tuple[tuple[str, int], ...] = ()
    until: datetime | None = None

    @property
    def total(self) -> int:
        """All of them."""
        return sum(count for _, count in self.by_kind)


def feeds_by_health(tx: Connection) -> dict[str, int]:
    """Each health -> how many of the followed feeds are so."""
    f = feeds.c
    signs = {
        "gone": f.gone, "harmful": f.offences >= OFFENCES, "failing": f.failures > 0, "unread": f.succeeded_at.is_(None),
    }  # fmt: skip
    shown = (case((sign, 1), else_=0).label(name) for name, sign in signs.items())
    each = select(*shown).where(f.followed).subquery()  # PostgreSQL groups by a column, not by what has parameters
    found = dict.fromkeys(map(str, Health), 0)
    for *row, number in tx.execute(select(*each.c, func.count()).group_by(*each.c)):
        found[str(Health.of(**{name: bool(is_so) for name, is_so in zip(signs, row, strict=True)}))] += number
    return found


def failing(tx: Connection) -> list[tuple[str, int]]:
    """The followed feeds whose last poll failed and how often they failed in a row, most first."""
    f = feeds.c
    query = select(f.url, f.failures).where(f.followed, f.failures > 0).order_by(f.failures.desc(), f.url)
    return [(row.url, row.failures) for row in tx.execute(query)]


def lag(tx: Connection, now: datetime) -> float:
    """Seconds for which the feed that is due longest has waited; 0 when none is due."""
    f = feeds.c
    oldest = tx.execute(select(func.min(f.next_poll_at)).where(f.followed, ~f.gone)).scalar()
    return max(0.0, (now - oldest).total_seconds()) if oldest else 0.0


def storylines_by_state(tx: Connection) -> dict[str, int]:
    """The followed storylines by how lively they are; those that were never looked at count as `quiet`."""
    s = storylines.c
    rows = tx.execute(select(s.state, func.count().label("storylines")).where(s.followed).group_by(s.state))
    found: dict[str, int] = {}
    for row in rows:
        found[row.state or "quiet"] = found.get(row.state or "quiet", 0) + row.storylines
    return found


def told(tx: Connection, before: Told) -> Told:
    """How many alerts were ever queued, by kind; those counted `before` are not read again.

    To read every alert's kind takes long, and it is asked every few seconds. So the alerts since then are added to what was
    known, and the sum is held against their number, which an index knows: where a clock was set back, or two share a moment,
    they differ, and all are read.
    """
    total = tx.execute(select(func.count()).select_from(alerts)).scalar_one()
    more = _counted(tx, before)
    return more if more.total == total else _counted(tx, Told())


def _counted(tx: Connection, before: Told) -> Told:
    kind = alerts.c.content["kind"].as_string().label("kind")
    fresh = select(kind, alerts.c.created_at)
    each = (fresh if before.until is None else fresh.where(alerts.c.created_at > before.until)).subquery()
    query = select(each.c.kind, func.count().label("number"), func.max(each.c.created_at).label("last"))
    rows = tx.execute(query.group_by(each.c.kind)).all()
    by_kind = dict(before.by_kind)
    for row in rows:
        by_kind[row.kind] = by_kind.get(row.kind, 0) + row.number
    moments = [row.last for row in rows] + ([before.until] if before.until else [])
    return Told(tuple(sorted(by_kind.items())), max(moments, default=None))


def deliveries_by_state(tx: Connection) -> Sequence[tuple[str, str, int]]:
    """(channel, state, how many) of all deliveries there ever were."""
    d = deliveries.c
    query = select(d.channel, d.state, func.count().label("number")).group_by(d.channel, d.state)
    return [(row.channel, row.state, row.number) for row in tx.execute(query.order_by(d.channel, d.state))]


def resting(tx: Connection, now: datetime) -> list[str]:
    """The channels that rest."""
    query = select(pauses.c.channel).where(or_(pauses.c.until.is_(None), pauses.c.until > now))
    return list(tx.execute(query.order_by(pauses.c.channel)).scalars())


def oldest_waiting(tx: Connection, now: datetime) -> dict[str, float]:
    """By channel, seconds since the oldest delivery was queued of those that wait to be sent and are not held back."""
    d = deliveries.c
    query = select(d.channel, func.min(d.created_at).label("oldest")).where(d.state == DeliveryState.PENDING)
    return {row.channel: max(0.0, (now - row.oldest).total_seconds()) for row in tx.execute(query.group_by(d.channel))}
