"""What came of a run: what was lost, what came twice, how late feeds were polled, and how many were at a host at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median, quantiles

from benchmarks.scale.harm.web import Counted


@dataclass(frozen=True, slots=True)
class Wire:
    """What one receiver got: ids, and the headline that each stands for."""

    name: str
    ids: Sequence[str]
    facts: Sequence[tuple[str, str]]
    """Headline and id, of alerts that something is new."""
    queued: Mapping[str, int]
    """Id -> how often it was tried, of what the store queued for this receiver."""

    def lost(self, published: Sequence[str]) -> list[str]:
        """Headlines that it never heard of, and ids that were queued and never came."""
        told = {fact for fact, _ in self.facts}
        return [fact for fact in published if fact not in told] + sorted(set(self.queued) - set(self.ids))

    def twice(self) -> list[str]:
        """Headlines that came under two identities."""
        identities = Counter(fact for fact, _ in set(self.facts))
        return [fact for fact, count in identities.items() if count > 1]

    def again(self) -> dict[str, int]:
        """Ids that came more often than once: a sender that does not know whether it was heard has to say it again."""
        return {identifier: count for identifier, count in Counter(self.ids).items() if count > 1}

    def unexplained(self) -> list[str]:
        """Ids that came more often than they were tried, or were never queued."""
        return [identifier for identifier, count in Counter(self.ids).items() if count > self.queued.get(identifier, 0)]


def late(counted: Counted, every: float, end: float) -> list[float]:
    """By how many seconds more than its interval each feed was left alone at worst; the last wait counts as far as it got."""
    worst = []
    for asked in counted.asked.values():
        moments = [*(at for at, _ in asked), end]
        worst.append(max(after - before for before, after in pairwise(moments)) - every)
    return worst


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that has to hold: whether it does, and the figures."""

    holds: bool
    said: str


def judged(
    wires: Sequence[Wire], published: Sequence[str], waits: Sequence[float], every: float, counted: Counted
) -> Iterator[Finding]:
    """All that has to hold, and the figures beside it."""
    for wire in wires:
        yield from _of_wire(wire, published)
    per_cent = quantiles(waits, n=100)
    said = f"{median(waits):.0f} s (median), {per_cent[94]:.0f} s (95th percentile), {per_cent[98]:.0f} s (99th), {max(waits):.0f} s (all)"
    late = sum(wait > every for wait in waits)
    yield Finding(
        not late, f"{len(waits)} feeds, each {every:.0f} s: at worst late by {said}; {late} by more than an interval"
    )
    times = len(counted.at_once)
    yield Finding(
        counted.most <= 1,
        f"at most {counted.most} requests at a host at once; {times} times more than one{_such_as(counted.at_once)}",
    )
    asked = ", ".join(f"{source} {count}" for source, count in sorted(counted.by.items()))
    two = f", {counted.closest[True]:.2f} s by two" if len(counted.by) > 1 else ""
    closest = f"{counted.closest[False]:.2f} s by one worker's host{two}"
    said = f"{counted.by.total()} polls ({asked}); the shortest time from one to the next at a host: {closest}"
    yield Finding(holds=True, said=said)


def _of_wire(wire: Wire, published: Sequence[str]) -> Iterator[Finding]:
    lost, twice, again, odd = wire.lost(published), wire.twice(), wire.again(), wire.unexplained()
    came = f"{len(published)} developments published, {len(wire.queued)} alerts queued, {len(set(wire.ids))} received"
    yield Finding(not lost, f"{wire.name}: {came}, {len(lost)} lost{_such_as(lost)}")
    yield Finding(not twice, f"{wire.name}: {len(twice)} developments told under two identities{_such_as(twice)}")
    more = f"{len(again)} alerts came again under the same identity ({sum(again.values()) - len(again)} times)"
    yield Finding(not odd, f"{wire.name}: {more}, {len(odd)} of them more often than they were tried{_such_as(odd)}")


def _such_as(found: Sequence[object]) -> str:
    return f", such as {', '.join(map(str, found[:3]))}" if found else ""
