"""Looks whether feeds and channels do what they did, and has the operator told: once when something begins, once when it is over."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from monitor.alerts.clean import host
from monitor.alerts.notice import Operator, Trouble, begun_and_over, notice, route_notice
from monitor.alerts.route import Routing
from monitor.feeds import rhythm
from monitor.model import Alert, Changes, FeedState
from monitor.store import Connection, Store, feeds, notices, outbox
from monitor.store.notices import Failing

log = logging.getLogger(__name__)

OFTEN = 20
"""Entries that a feed must have brought for its rhythm to be known."""
TIMES = 10
"""How many of its usual pauses a feed may be quiet."""
QUIET = timedelta(days=2)
"""No feed is called too quiet before: weekends are quiet."""
NEVER = 5
"""Polls in vain after which a feed that never answered is in trouble."""
RENAMED = 3
"""Polls in a row after which ids that change are no accident."""
GIVEN_UP = timedelta(days=7)
"""How long a delivery that was given up is worth a notice."""


def look(store: Store, operator: Operator, routing: Routing, now: datetime, known: Sequence[Trouble] = ()) -> Changes:
    """Queue a notice for each trouble that began and each that is over; `known` are those that do not show in the store.

    The look keeps nobody from writing; only what it finds is written.
    """
    if not known and not store.glance(notices.ANY_TROUBLE, now - GIVEN_UP, RENAMED, OFTEN, now - QUIET):
        return Changes()
    with store.read() as tx:
        channels = list(_channels(tx, operator, now))
        troubles = [*known, *channels, *_feeds(tx, operator, now)]
        begun, over = begun_and_over(troubles, notices.standing(tx))
    ill = {trouble.channel for trouble in channels}

    def tell(tx: Connection) -> Changes:
        alerts = [*_begin(tx, begun, now), *_end(tx, over, now)]
        queued = [d for alert in alerts for d in route_notice(alert, operator.channels, ill, routing, now)]
        outbox.add(tx, alerts, queued)
        return Changes(alerts=tuple(alerts), deliveries=tuple(queued))

    return store.write(tell) if begun or over else Changes()


def _begin(tx: Connection, begun: Sequence[Trouble], now: datetime) -> Iterator[Alert]:
    for trouble in begun:
        log.warning("notice subject=%s said=%s", trouble.subject, trouble.said)
        notices.note(tx, trouble.subject, trouble.title if trouble.tells_end else "", now)
        yield notice(trouble, now)


def _end(tx: Connection, over: Sequence[tuple[str, str]], now: datetime) -> Iterator[Alert]:
    for subject, title in over:
        log.info("notice subject=%s over", subject)
        notices.forget(tx, subject)
        if title:
            yield notice(Trouble(subject=subject, title=title, said=""), now, over=True)


def _channels(tx: Connection, operator: Operator, now: datetime) -> Iterator[Trouble]:
    for name, backlog in outbox.backlog(tx, now).items():
        if backlog.paused:
            advice = "It goes on by itself later, or with `monitor retry --all` when the cause is mended."
            yield _trouble(name, f"The channel {name} rests", f"{backlog.paused} {advice}")
    for failing in notices.failing(tx, now - GIVEN_UP):
        yield from _failing(failing, operator, now)


def _failing(failing: Failing, operator: Operator, now: datetime) -> Iterator[Trouble]:
    name = failing.channel
    if failing.since and now - failing.since > operator.channel_failing:
        waiting = f"{failing.retrying} alerts have" if failing.retrying != 1 else "1 alert has"
        said = f"{waiting} been tried in vain, the oldest since {failing.since:%-d %B, %H:%M} UTC; nothing is lost. The receiver said: "
        yield _trouble(name, f"The channel {name} does not deliver", said + failing.error)
    if failing.given_up:
        count = f"{failing.given_up} alerts were" if failing.given_up != 1 else "1 alert was"
        said = f"{count} given up or refused for good; `monitor deliveries` shows them, `monitor retry --all` sends them again."
        yield Trouble(
            subject=f"given up {name}", title=f"Alerts by {name} were not delivered",
            said=f"{said} The receiver said: {failing.error}", channel=name, tells_end=False,
        )  # fmt: skip


def _trouble(name: str, title: str, said: str) -> Trouble:
    return Trouble(subject=f"channel {name}", title=title, said=said, channel=name)


def _feeds(tx: Connection, operator: Operator, now: datetime) -> Iterator[Trouble]:
    for state in feeds.conspicuous(tx, renamed=RENAMED, arrived=OFTEN, quiet_since=now - QUIET):
        yield from _odd(state)
        if state.is_quarantined:
            said = f"{state.error} It is tried once a day only, until it can be read again: {state.url}"
            yield Trouble(subject=f"harm {state.url}", title=f"The feed {_name(state)} is in quarantine", said=said)
        elif state.gone or state.failures:
            if said := _is_dead(state, operator, now):
                yield Trouble(subject=f"feed {state.url}", title=f"The feed {_name(state)} does not answer", said=said)
        elif state.arrived_at and is_too_quiet(state, now):
            said = (
                f"It answers, but has brought nothing new since {state.arrived_at:%-d %B, %H:%M} UTC; it used to bring "
                f"about {max(1, round(rhythm.pace(state, state.arrived_at)))} a day. Look whether its address has changed."
            )
            yield Trouble(subject=f"quiet {state.url}", title=f"The feed {_name(state)} has gone quiet", said=said)


def _odd(state: FeedState) -> Iterator[Trouble]:
    """X10: what a feed does that makes news hard to tell."""
    if state.renamed >= RENAMED:
        said = (
            "Its entries are told apart by their links and titles, so that nothing comes twice; where those change too, something may. "
            f"Look whether the site has another feed: {state.url}"
        )
        title = f"The feed {_name(state)} gives its entries other ids at each poll"
        yield Trouble(subject=f"ids {state.url}", title=title, said=said)


def _is_dead(state: FeedState, operator: Operator, now: datetime) -> str:
    """Why a feed is to be looked at; empty where it may still come back."""
    if state.gone:
        return f"Its server says that it has ended (410). Take it out, or find its new address: {state.url}"
    if state.succeeded_at is None:
        return f"It never answered as a feed: {state.error}" if state.failures >= NEVER else ""
    late = now - state.succeeded_at > operator.feed_silent
    return f"It was last read on {state.succeeded_at:%-d %B, %H:%M} UTC. {state.error}" if late else ""


def is_too_quiet(state: FeedState, now: datetime) -> bool:
    """Whether a feed has been quiet for longer than its own history lets one expect."""
    if state.arrived < OFTEN or state.arrived_at is None:
        return False
    usual = timedelta(days=1) / rhythm.pace(state, state.arrived_at)
    return now - state.arrived_at > max(QUIET, TIMES * usual)


def _name(state: FeedState) -> str:
    return state.title or host(state.url) or state.url
