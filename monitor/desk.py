"""The desk: the one place where entries become developments and alerts, one poll at a time.

`decide` is the pure middle of the line (match, place, route); `Desk.settle` wraps it in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from monitor.alerts.route import Routing, alert_id, route, route_baseline, route_state
from monitor.feeds import rhythm, schedule
from monitor.feeds.identity import entries_of
from monitor.model import (
    LIVELY,
    Alert,
    Changes,
    Decision,
    Delivery,
    Development,
    Entry,
    Feedback,
    FeedState,
    Match,
    Mute,
    Placement,
    Poll,
    Settled,
    Storyline,
)  # fmt: skip
from monitor.store import Connection, Store, feedback, feeds, mutes, outbox, settled, stories
from monitor.store.settled import Revisions
from monitor.stories.facts import Facts, facts
from monitor.stories.feedback import Judged, adjusted
from monitor.stories.ledger import Ledger
from monitor.stories.match import Matcher
from monitor.stories.place import place
from monitor.stories.state import LOOKED_AT, Activity, Standing, standing, why

OLD = timedelta(days=7)
"""What was published longer ago than this when it is first seen is no news."""
CARRIES = timedelta(days=14)
"""How long a feed that brought a report on a storyline is one to look at while that storyline moves."""
MEMORY = timedelta(days=30)
"""How far back the ledger remembers; what is older is history, and told again it is new."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration says of stories and of who hears of them, and what persons said of entries."""

    matcher: Matcher
    routing: Routing
    judged: Judged = field(default_factory=Judged)

    def heeding(self, given: Sequence[Feedback]) -> Rules:
        """These rules, as configured, with the thresholds and the places that feedback gives."""
        storylines = adjusted(self.matcher.storylines, given)
        matcher = self.matcher if storylines == self.matcher.storylines else self.matcher.heeding(storylines)
        return replace(self, matcher=matcher, judged=Judged.of(given))

    def minding(self, standing: tuple[Mute, ...]) -> Rules:
        """These rules where those do not hear of storylines who do not want to."""
        return replace(self, routing=replace(self.routing, mutes=standing)) if standing else self

    def scored(self, entry: Entry, read: Facts, ledger: Ledger) -> list[Match]:
        """Every storyline of which `entry` has a term, with the score that its terms and habits give; the best first."""
        return ledger.sharpen(self.matcher.scores(entry), read)

    def within_reach(self, entry: Entry, read: Facts, ledger: Ledger) -> list[Match]:
        """Of those, the ones that `entry` may belong to: all, where a person said to which."""
        meant = entry.id in self.judged.meant
        found = self.matcher.scores(entry) if meant else self.matcher.within_reach(entry)
        return ledger.sharpen(found, read) if found else []

    def matches(self, entry: Entry, scored: Sequence[Match]) -> tuple[Match, ...]:
        """Of those `scored`, the storylines that `entry` belongs to."""
        return self.judged.matches(entry.id, scored, self.matcher.reached(scored)) if scored else ()

    def note_wrong(self, entry: Entry, read: Facts, ledger: Ledger) -> None:
        """Where a person judged `entry` wrong, have `ledger` remember it, so that nobody is told of its rewrites."""
        if self.judged.is_wrong(entry.id):
            matches = self.matcher.reached(self.within_reach(entry, read, ledger))
            if matches:
                ledger.refuse(place(ledger.weighed(entry, read, matches), matches, ledger), read)


def decide(entries: Iterable[Entry], ledger: Ledger, rules: Rules, now: datetime, *, baseline: bool = False) -> Changes:
    """Match, place and route `entries` in order of time, noting each in `ledger` before the next is judged.

    With `baseline`, the feed was polled for the first time: everything is placed, what it tells counts as known, and
    nothing is alerted.
    """
    entries = sorted(entries, key=lambda entry: (entry.published, entry.id))
    placements: list[Placement] = []
    grown: dict[str, Development] = {}
    alerts: list[Alert] = []
    deliveries: list[Delivery] = []
    for entry in entries:
        read = facts(entry)
        matches = rules.matches(entry, rules.within_reach(entry, read, ledger))
        report = ledger.note_entry(entry, read, matches)
        if report is None:
            rules.note_wrong(entry, read, ledger)
            continue
        placement = _unless_old(rules.judged.placed(place(report, matches, ledger), ledger), now)
        development = ledger.note(placement, report)
        if placement.decision is not Decision.COVERAGE:
            if not baseline:
                before = ledger.known_before(development)
                first = ledger.first_told(development) if placement.decision is Decision.UPDATE else None
                alert, queued = route(placement, development, before, rules.routing, now, first)
                alerts.append(alert)
                deliveries.extend(queued)
            development = ledger.mark_alerted(development, "" if baseline else alerts[-1].id)
        placements.append(placement)
        grown[development.id] = development
    return Changes(
        entries=tuple(entries),
        placements=tuple(placements),
        developments=tuple(grown.values()),
        alerts=tuple(alerts),
        deliveries=tuple(deliveries),
    )


def follow(others: Settled, ledger: Ledger, rules: Rules) -> None:
    """Note in `ledger` what another desk decided, as if it had been decided here."""
    for entry in others.entries:
        read, placement = facts(entry), others.placements.get(entry.id)
        report = ledger.note_entry(entry, read, placement.matches if placement else ())
        if report is None or placement is None:
            rules.note_wrong(entry, read, ledger)
            continue
        development = ledger.note(placement, report)
        if placement.decision is not Decision.COVERAGE:
            ledger.mark_alerted(development, "" if others.baseline else alert_id(placement))
    ledger.forget_before(others.at - MEMORY)


def _unless_old(placement: Placement, now: datetime) -> Placement:
    """`placement`, or coverage where the entry is only new to us: an old article that a feed shows again (S12, X16)."""
    age = now - placement.entry.published
    if age <= OLD or placement.decision is Decision.COVERAGE:
        return placement
    why = f"Coverage: it was published {age.days} days before it was seen here."
    return replace(placement, decision=Decision.COVERAGE, reason="old", explanation=why)


@dataclass(frozen=True, slots=True)
class _Memory:
    """What a desk knows of the stories as of some revisions of the store; its ledger goes on from there."""

    ledger: Ledger
    rules: Rules
    """As configured, and heeding what persons said."""
    as_of: Revisions


class Desk:
    """Settles polls, first come first served, on the store's writer thread.

    There may be others on the same store, in other processes: each decides by all that was decided before, by whichever of them.
    """

    def __init__(self, store: Store, rules: Rules) -> None:
        self._store = store
        self._rules = rules
        self._memory: _Memory | None = None

    def settle(self, poll: Poll) -> Changes:
        """Commit what a poll brought, and what follows from it, together or not at all."""
        return self.take(poll, waits=False).result()

    def take(self, poll: Poll, *, waits: bool = True) -> Future[Changes]:
        """Like `settle`, and heard of later; what brought nothing, as most do, `waits` a moment for others to be committed with."""
        if poll.document is None:
            return self._store.write_together(partial(_settle_quiet, poll), waits=waits)
        if self._store.is_shared:
            self._store.on_writer(self._catch_up, poll.at)
        return self._store.write_together(partial(self._settle, poll), self._forget)

    def adopt(self, rules: Rules) -> None:
        """Go on with other rules; no poll sees half of each."""
        self._store.on_writer(self._adopt, rules)

    def announce(self, now: datetime) -> Changes:
        """Tell the state of each storyline that has not been announced yet, once its feeds' baseline is known."""
        return self._store.on_writer(self._announce, now)

    def watch(self, now: datetime) -> Changes:
        """Look how lively the storylines are, and tell of those that went into a state that somebody wants to hear of."""
        return self._store.on_writer(self._watch, now)

    def _watch(self, now: datetime) -> Changes:
        with self._store.begin() as tx:
            routing = self._rules.minding(mutes.standing(tx, now)).routing
            told = [
                route_state(storyline.id, after.state, why(after.state, activity, now), stories.last_told(tx, storyline.id), routing, now)
                for storyline, before, after, activity in _moved(tx, routing.storylines.values(), now)
                if before is not None and after.state in storyline.states
            ]  # fmt: skip
            return _queued(tx, told)

    def _settle(self, poll: Poll, tx: Connection) -> Changes:
        memory, self._memory = self._memory, None  # forgotten, unless this succeeds, and the commit after it
        sifted = feeds.sift(tx, poll.feed.url, entries_of(poll), poll.at)
        by_now = _by_now(tx, poll)
        baseline = (by_now or poll.state).is_new
        changes = Changes()
        if sifted.unseen:  # most polls bring nothing
            memory = self._up_to_date(tx, memory, poll.at)
            rules = memory.rules.minding(mutes.standing(tx, poll.at))
            changes = decide(sifted.unseen, memory.ledger, rules, poll.at, baseline=baseline)
            memory = replace(memory, as_of=settled.note(tx, memory.as_of, changes.entries, poll.at, baseline=baseline))
        if by_now is not None:
            state = _enriched(by_now, poll, len(changes.entries))
        else:
            state = _state_after(tx, poll, changes, renamed=sifted.most_renamed)
        changes = replace(changes, state=state)
        save(tx, changes, poll.at)
        feeds.carry(tx, poll.feed.url, {s for p in changes.placements for s in p.storylines}, poll.at)
        if memory is not None:
            memory.ledger.forget_before(poll.at - MEMORY)
        self._memory = memory
        return changes

    def _forget(self) -> None:
        self._memory = None

    def _catch_up(self, now: datetime) -> None:
        """Follow the other desks before they have to wait for this one, as far as they have got."""
        memory, self._memory = self._memory, None
        with self._store.read() as tx:
            self._memory = self._up_to_date(tx, memory, now)

    def _announce(self, now: datetime) -> Changes:
        with self._store.begin() as tx:
            fresh = [(storyline, outbox.without_alert(tx, known)) for storyline, known in stories.unannounced(tx)]
            routing = self._rules.minding(mutes.standing(tx, now)).routing
            told = [route_baseline(storyline, untold, routing, now) for storyline, untold in fresh if untold]
            stories.mark_announced(tx, [storyline for storyline, _ in fresh], now)
            return _queued(tx, told)

    def _adopt(self, rules: Rules) -> None:
        self._rules = rules
        self._memory = None

    def _up_to_date(self, tx: Connection, memory: _Memory | None, now: datetime) -> _Memory:
        """`memory` with all that was decided since; made anew where a person has judged since, or too much has happened."""
        known = settled.revisions(tx)
        if memory is not None and memory.as_of == known:
            return memory
        missed = (
            settled.between(tx, memory.as_of, known) if memory and memory.as_of.feedback == known.feedback else None
        )
        if memory is None or missed is None:
            rules = self._rules.heeding(feedback.given(tx))
            return _Memory(Ledger.recall(stories.history(tx, now - MEMORY), rules.matcher.storylines), rules, known)
        for others in missed:
            follow(others, memory.ledger, memory.rules)
        return replace(memory, as_of=known)


def _settle_quiet(poll: Poll, tx: Connection) -> Changes:
    """A poll that brought no document: all that it teaches is of the feed, and nothing where another has ended meanwhile."""
    state = _state_after(tx, poll, Changes(), renamed=False)
    return Changes(state=state) if feeds.save_after(tx, state, poll.state) else Changes()


def _by_now(tx: Connection, poll: Poll) -> FeedState | None:
    """What is known of the feed already, where this poll adds no more to that than its entries; else None.

    So it is with what a hub brought, which says nothing of the feed but that it lives; and where another poll has ended
    since this one began, because whoever polled stood still for so long that the feed was given to somebody else.
    """
    if poll.pushed or feeds.is_polled_since(tx, poll.state):
        return feeds.one(tx, poll.feed.url) or poll.state
    return None


def _enriched(known: FeedState, poll: Poll, news: int) -> FeedState:
    """What is known of a feed, and that it brought so many new entries; the first that it ever brings are its baseline."""
    return replace(rhythm.noted(known, news, poll.at), succeeded_at=known.succeeded_at or poll.at)


def _state_after(tx: Connection, poll: Poll, changes: Changes, *, renamed: bool) -> FeedState:
    """What is known of the feed now; one that carries a storyline that moves is polled as often as it may be."""
    lively = bool(changes.placements) or (
        schedule.is_slow(poll) and feeds.carries_lively(tx, poll.feed.url, poll.at - CARRIES)
    )
    state = schedule.after(poll, len(changes.entries), lively=lively)
    times = poll.state.renamed + 1 if renamed else 0
    return replace(state, renamed=times) if poll.document and state.renamed != times else state


def _moved(
    tx: Connection, storylines: Iterable[Storyline], now: datetime
) -> Iterator[tuple[Storyline, Standing | None, Standing, Activity]]:
    """The storylines that go into another state now, which is remembered: what they were, what they are, and by what."""
    for storyline in storylines:
        known = stories.standing(tx, storyline.id)
        before = Standing(*known) if known else None
        activity = Activity(*stories.activity(tx, storyline.id, now - LOOKED_AT))
        after = standing(before, activity, now)
        if after != before:
            stories.stand(tx, storyline.id, after.state, after.since)
            if after.state in LIVELY:
                feeds.hasten(tx, storyline.id, now - CARRIES)
            yield storyline, before, after, activity


def _queued(tx: Connection, told: Sequence[tuple[Alert, Sequence[Delivery]]]) -> Changes:
    """Queue alerts that were routed, each with its deliveries."""
    changes = Changes(
        alerts=tuple(alert for alert, _ in told), deliveries=tuple(d for _, deliveries in told for d in deliveries)
    )
    outbox.add(tx, changes.alerts, changes.deliveries)
    return changes


def save(tx: Connection, changes: Changes, now: datetime) -> None:
    """Write all of `changes` in the caller's transaction."""
    if changes.state is not None:
        feeds.save(tx, changes.state)
    stories.save(tx, changes.entries, changes.placements, changes.developments, now)
    outbox.add(tx, changes.alerts, changes.deliveries)
