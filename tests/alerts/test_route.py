"""Who hears of a development: one alert, one delivery a channel and recipient, under ids that never change."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.alerts.policy import Policy
from monitor.alerts.route import Routing, deliveries_for, route, route_baseline, sample_alert
from monitor.model import (
    AlertKind,
    Decision,
    Development,
    Entry,
    Evidence,
    Link,
    Match,
    Mute,
    Placement,
    Route,
    Severity,
    Storyline,
    Terms,
)  # fmt: skip
from tests.alerts.samples import NOON

ENTRY = Entry(
    id="e-77 / odd", feed="https://f.example/rss", url="https://herald.example/strike", title="Ferry crews walk out",
    summary="Three ports are closed.", published=NOON, language="en", outlet="Harbour Herald",
)  # fmt: skip
STRIKE = Storyline(id="strike", title="The ferry strike", terms=Terms(any=("strike",)), channels=("mail", "hook"))
FARES = Storyline(
    id="fares",
    title="Ferry fares",
    question="Will fares rise?",
    terms=Terms(any=("fares",)),
    channels=("hook", "console", "gone"),
)
ROUTING = Routing(
    storylines={"strike": STRIKE, "fares": FARES},
    targets={"mail": ("ann@desk.example", "bob@desk.example"), "hook": ("",), "console": ("",), "unused": ("",)},
)
DEVELOPMENT = Development(
    id="d-5ea", title=ENTRY.title, storylines=("strike", "fares"), first_report=ENTRY.id, started_at=NOON, last_report_at=NOON,
    outlets=("Harbour Herald",), reports=1,
)  # fmt: skip


def found(term: str, words: str) -> Evidence:
    return Evidence(term=term, found=words, field="title", score=1.0)


PLACEMENT = Placement(
    entry=ENTRY,
    matches=(
        Match(storyline="strike", score=0.9, evidence=(found("walkout", "walk out"), found("ferry", "Ferry"))),
        Match(storyline="fares", score=0.6, evidence=(found("ferry", "ferry"), found("port", "ports"))),
    ),
    decision=Decision.NEW,
    development="d-5ea",
    reason="new-fact",
    explanation="New: it tells of a walkout.",
)


def test_a_development_on_two_storylines_is_one_alert_and_each_channel_gets_it_once() -> None:
    alert, deliveries = route(PLACEMENT, DEVELOPMENT, (), ROUTING, NOON)
    assert alert.storylines == (("strike", "The ferry strike"), ("fares", "Ferry fares"))
    assert [(d.channel, d.target) for d in deliveries] == [
        ("mail", "ann@desk.example"), ("mail", "bob@desk.example"), ("hook", ""), ("console", ""),
    ]  # fmt: skip
    assert {d.alert for d in deliveries} == {alert.id}
    assert {d.thread for d in deliveries} == {"strike"}


def test_an_alert_carries_all_that_any_channel_may_show() -> None:
    before = tuple(
        Link(outlet="Gazette", title=f"Talks {n}", url="", published=NOON - timedelta(days=n)) for n in (1, 2)
    )
    alert, _ = route(PLACEMENT, DEVELOPMENT, before, ROUTING, NOON)
    assert (alert.kind, alert.reason, alert.explanation) == (AlertKind.NEW, "new-fact", "New: it tells of a walkout.")
    assert (alert.title, alert.summary, alert.development) == (ENTRY.title, ENTRY.summary, "d-5ea")
    assert alert.reports == (Link(outlet="Harbour Herald", title=ENTRY.title, url=ENTRY.url, published=NOON),)
    assert alert.known_before == before


def test_the_evidence_of_all_matches_is_told_and_each_finding_once() -> None:
    alert, _ = route(PLACEMENT, DEVELOPMENT, (), ROUTING, NOON)
    assert [e.found for e in alert.evidence] == ["walk out", "Ferry", "ports"]


def test_the_same_step_taken_again_later_gives_the_same_ids() -> None:
    """S1, D29: a repeated step queues nothing twice."""
    alert, deliveries = route(PLACEMENT, DEVELOPMENT, (), ROUTING, NOON)
    again, once_more = route(PLACEMENT, DEVELOPMENT, (), ROUTING, NOON + timedelta(hours=9))
    assert again.id == alert.id
    assert [d.id for d in once_more] == [d.id for d in deliveries]


def test_ids_are_fit_for_mail_headers_and_signatures_whatever_the_names() -> None:
    alert, deliveries = route(replace(PLACEMENT, decision=Decision.UPDATE), DEVELOPMENT, (), ROUTING, NOON)
    for identifier in (alert.id, *(d.id for d in deliveries)):
        assert re.fullmatch(r"[a-z0-9-]{1,80}", identifier)


def test_recipients_whose_addresses_differ_by_a_dot_have_deliveries_of_their_own() -> None:
    alert = sample_alert(NOON)
    targets = ("a.b@desk.example", "a-b@desk.example", "a_b@desk.example", "A.b@desk.example")
    assert len({d.id for d in deliveries_for(alert, "mail", targets, NOON)}) == 4


def test_a_recipient_listed_twice_gets_one_delivery() -> None:
    assert len(deliveries_for(sample_alert(NOON), "mail", ("a@desk.example", "a@desk.example"), NOON)) == 1


def test_an_update_is_another_alert_of_the_same_thread_for_all_who_heard_of_the_development() -> None:
    first, told = route(PLACEMENT, DEVELOPMENT, (), ROUTING, NOON)
    only_fares = replace(PLACEMENT, decision=Decision.UPDATE, matches=PLACEMENT.matches[1:])
    update, deliveries = route(only_fares, DEVELOPMENT, (), ROUTING, NOON)
    assert update.kind is AlertKind.UPDATE
    assert update.id != first.id
    assert {d.thread for d in deliveries} == {"strike"}
    assert [d.channel for d in deliveries] == [d.channel for d in told]


def test_two_updates_of_one_development_are_two_alerts() -> None:
    update = replace(PLACEMENT, decision=Decision.UPDATE)
    later = replace(update, entry=replace(ENTRY, id="e-78"))
    assert route(update, DEVELOPMENT, (), ROUTING, NOON)[0].id != route(later, DEVELOPMENT, (), ROUTING, NOON)[0].id


def test_coverage_is_never_routed() -> None:
    with pytest.raises(KeyError):
        route(replace(PLACEMENT, decision=Decision.COVERAGE), DEVELOPMENT, (), ROUTING, NOON)


def test_a_storyline_that_is_followed_no_more_neither_names_nor_addresses_the_alert() -> None:
    routing = replace(ROUTING, storylines={"fares": FARES})
    alert, deliveries = route(PLACEMENT, DEVELOPMENT, (), routing, NOON)
    assert alert.storylines == (("fares", "Ferry fares"),)
    assert [d.channel for d in deliveries] == ["hook", "console"]


def test_the_baseline_tells_the_latest_developments_once_a_storyline() -> None:
    known = [
        replace(
            DEVELOPMENT,
            id=f"d-{n}",
            title=f"Step {n}",
            outlets=(f"Outlet {n % 3}",),
            last_report_at=NOON + timedelta(hours=n),
        )
        for n in range(14)
    ]
    alert, deliveries = route_baseline("fares", known, ROUTING, NOON)
    assert alert.kind is AlertKind.BASELINE
    assert [link.title for link in alert.reports] == [f"Step {n}" for n in range(13, 3, -1)]
    assert "14 reports" in alert.explanation
    assert alert.summary == "Will fares rise?"
    assert [d.channel for d in deliveries] == ["hook", "console"]
    assert route_baseline("fares", known[:3], ROUTING, NOON + timedelta(days=1))[0].id == alert.id


def test_two_samples_are_two_messages() -> None:
    assert sample_alert(NOON).id != sample_alert(NOON + timedelta(seconds=1)).id
    assert sample_alert(NOON).kind is AlertKind.TEST


# --- routes, quiet hours, silences


NIGHT = Policy(quiet="11:00-13:00", digest="0 18 * * *")
"""Its quiet hours end an hour after noon."""


def sent(routing: Routing, **placement: object) -> list[tuple[str, str, str, str | None, int]]:
    _, deliveries = route(replace(PLACEMENT, **placement), DEVELOPMENT, (), routing, NOON)  # type: ignore[arg-type]
    hours = [round((d.due_at - NOON).total_seconds() / 3600) for d in deliveries]
    return [(d.channel, d.target, d.state, d.hold, due) for d, due in zip(deliveries, hours, strict=True)]


def following(*routes: Route, **routing: object) -> Routing:
    strike = replace(STRIKE, routes=routes, urgent=("walkout",) if routing.pop("urgent", False) else ())
    return replace(ROUTING, storylines={"strike": strike}, **routing)  # type: ignore[arg-type]


def test_a_route_says_which_channels_get_an_alert_at_once_and_which_in_the_digest() -> None:
    routing = following(
        Route(channels=("hook",), severity=Severity.HIGH),
        Route(channels=("console",)),
        Route(channels=("mail",), send="digest"),
        policies={"mail": NIGHT},
    )
    assert sent(routing) == [
        ("console", "", "pending", None, 0),
        ("mail", "ann@desk.example", "held", "digest", 6),
        ("mail", "bob@desk.example", "held", "digest", 6),
    ]


def test_what_is_sent_both_ways_is_two_deliveries_with_ids_of_their_own() -> None:
    routing = following(Route(channels=("hook",), send="both"))
    _, deliveries = route(PLACEMENT, DEVELOPMENT, (), routing, NOON)
    assert [d.state for d in deliveries] == ["pending", "held"]
    assert len({d.id for d in deliveries}) == 2


def test_quiet_hours_hold_and_critical_passes() -> None:
    assert sent(following(policies={"hook": NIGHT}))[2:] == [("hook", "", "held", "quiet", 1)]
    assert sent(following(policies={"hook": NIGHT}, urgent=True))[2:] == [("hook", "", "pending", None, 0)]


def test_an_alert_waits_for_others_of_its_moment_unless_it_is_critical() -> None:
    patient = Policy(group_wait=timedelta(hours=1))
    assert sent(following(policies={"hook": patient}))[2:] == [("hook", "", "pending", None, 1)]
    assert sent(following(policies={"hook": patient}, urgent=True))[2:] == [("hook", "", "pending", None, 0)]


def test_a_silence_holds_until_its_end_and_longest_counts() -> None:
    silences = tuple(Mute(storyline="strike", until=NOON + timedelta(hours=h)) for h in (2, 8, -1))
    assert {row[2:] for row in sent(following(mutes=silences))} == {("held", "silence", 8)}


def test_who_follows_a_storyline_no_more_gets_nothing_and_all_others_do() -> None:
    gone = Mute(storyline="strike", channel="mail", target="bob@desk.example")
    assert [row[:2] for row in sent(following(mutes=(gone,)))] == [("mail", "ann@desk.example"), ("hook", "")]
    assert sent(following(mutes=(Mute(storyline="strike"),))) == []


def test_an_alert_on_two_storylines_comes_while_one_of_them_is_heard() -> None:
    silent = Mute(storyline="strike", until=NOON + timedelta(hours=8))
    rows = sent(replace(ROUTING, mutes=(silent,)))
    assert rows == [
        ("mail", "ann@desk.example", "held", "silence", 8),
        ("mail", "bob@desk.example", "held", "silence", 8),
        ("hook", "", "pending", None, 0),
        ("console", "", "pending", None, 0),
    ]


def test_a_mute_that_is_over_or_of_another_storyline_changes_nothing() -> None:
    mutes = (Mute(storyline="strike", until=NOON), Mute(storyline="fish"))
    assert sent(replace(ROUTING, mutes=mutes)) == sent(ROUTING)
