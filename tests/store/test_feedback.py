"""Judgements in the store: kept, replaced, noticed; and the developments that follow them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from monitor.model import Decision, Development, Entry, Feedback, Judgement, Placement
from monitor.store import Connection, Store, feedback, stories
from monitor.store.schema import developments, on_storyline
from tests.store.conftest import NOON, development, entry, placement


def judged(number: int, judgement: Judgement, *, of: str = "", storyline: str = "dam") -> Feedback:
    return Feedback(
        entry=f"e{number}", storyline=storyline, judgement=judgement, score=0.75, development=of, given_at=NOON
    )


def at(number: int, minutes: float, of: str, decision: Decision = Decision.COVERAGE) -> Placement:
    return replace(placement(number, of), entry=entry(number, minutes=minutes), decision=decision)


@pytest.fixture
def told(store: Store) -> Store:
    """d-1 of e1 (new), e2 and e3, d-2 of e4, which waits for another outlet."""
    placements = [at(1, 0, "d-1", Decision.NEW), at(2, 5, "d-1"), at(3, 10, "d-1"), at(4, 20, "d-2")]
    known = [development(), development("d-2", alerted=False)]
    store.write(lambda tx: stories.save(tx, [p.entry for p in placements], placements, known, NOON))
    return store


def put(store: Store, number: int, *said: Feedback) -> None:
    store.write(lambda tx: feedback.replace(tx, _entry(tx, number), said))


def move(store: Store, number: int, to: Placement | None, *, known: bool = False) -> None:
    store.write(lambda tx: feedback.move(tx, _entry(tx, number), to, NOON, known=known))


def _entry(tx: Connection, number: int) -> Entry:
    found = stories.entry(tx, f"e{number}")
    assert found is not None
    return found


def of(store: Store, identifier: str) -> Development | None:
    with store.read() as tx:
        return stories.development(tx, identifier)


def test_what_was_said_comes_back_in_a_fixed_order_with_the_reports_beside(told: Store) -> None:
    put(told, 4, judged(4, Judgement.SAME_AS, of="d-1"))
    put(told, 2, judged(2, Judgement.WRONG), judged(2, Judgement.WRONG, storyline="court"))
    with told.read() as tx:
        assert feedback.given(tx) == (
            judged(2, Judgement.WRONG, storyline="court"),
            judged(2, Judgement.WRONG),
            replace(judged(4, Judgement.SAME_AS, of="d-1"), beside=("e1", "e2", "e3")),
        )
        assert [f.storyline for f in feedback.of_entry(tx, "e2")] == ["court", "dam"]


def test_the_last_word_replaces_the_first_and_each_raises_the_revision(told: Store) -> None:
    revisions = []
    for judgement in (Judgement.WRONG, Judgement.RIGHT, Judgement.RIGHT):
        put(told, 1, judged(1, judgement))
        with told.read() as tx:
            revisions.append(feedback.revision(tx))
    assert revisions == [1, 2, 3]
    with told.read() as tx:
        assert feedback.given(tx) == (judged(1, Judgement.RIGHT),)


def test_where_an_entry_was_before_anybody_judged_it_is_remembered_through_all_judgements(told: Store) -> None:
    before = at(3, 10, "d-1")
    for judgement, to in (
        (Judgement.NEW, at(3, 10, "d-9", Decision.NEW)),
        (Judgement.WRONG, None),
        (Judgement.RIGHT, before),
    ):
        put(told, 3, judged(3, judgement))
        move(told, 3, to)
        with told.read() as tx:
            assert feedback.undecided(tx, entry(3, minutes=10)) == before


def test_what_missed_is_remembered_as_a_miss(told: Store) -> None:
    told.write(lambda tx: stories.save(tx, [entry(5)], [], [], NOON))
    put(told, 5, judged(5, Judgement.RIGHT))
    move(told, 5, at(5, 0, "d-2"))
    with told.read() as tx:
        assert feedback.undecided(tx, entry(5)) is None


def test_a_moved_report_is_counted_where_it_is(told: Store) -> None:
    move(told, 1, at(1, 0, "d-2"))
    left, joined = of(told, "d-1"), of(told, "d-2")
    assert left == Development(
        id="d-1", title=entry(2).title, storylines=("dam",), first_report="e2", started_at=NOON + timedelta(minutes=5),
        last_report_at=NOON + timedelta(minutes=10), outlets=("Herald",), reports=2, alerted=True,
    )  # fmt: skip
    assert joined is not None
    assert (joined.first_report, joined.reports, joined.started_at, joined.alerted) == ("e1", 2, NOON, False)


def test_people_know_of_what_they_made_and_of_what_they_say_they_know(told: Store) -> None:
    move(told, 3, at(3, 10, "d-9"))
    made = of(told, "d-9")
    assert made is not None
    assert made.alerted
    move(told, 3, at(3, 10, "d-2"), known=True)
    joined = of(told, "d-2")
    assert joined is not None
    assert joined.alerted


def test_a_development_without_reports_goes_with_its_links(told: Store) -> None:
    move(told, 4, None)
    with told.read() as tx:
        assert tx.execute(select(developments.c.id)).scalars().all() == ["d-1"]
        assert tx.execute(select(on_storyline.c.development)).scalars().all() == ["d-1"]
        assert stories.placement(tx, "e4") is None


def test_a_storyline_that_none_of_its_reports_is_on_loses_the_development(told: Store) -> None:
    (match,) = at(4, 20, "d-2").matches
    both = replace(at(4, 20, "d-2"), matches=(match, replace(match, storyline="court")))
    move(told, 4, both)
    move(told, 4, replace(both, matches=both.matches[1:]))
    known = of(told, "d-2")
    assert known is not None
    assert known.storylines == ("court",)
    with told.read() as tx:
        assert [d.id for d in stories.of_storyline(tx, "dam")] == ["d-1"]
        assert [d.id for d in stories.of_storyline(tx, "court")] == ["d-2"]


def test_a_history_names_what_was_judged_wrong_where_it_was(told: Store) -> None:
    put(told, 4, judged(4, Judgement.WRONG))
    move(told, 4, None)
    put(told, 3, judged(3, Judgement.WRONG, storyline="court"))
    with told.read() as tx:
        assert stories.history(tx, NOON).refused == (at(4, 20, "d-2"),)


def test_judgements_outlive_their_entries(told: Store) -> None:
    put(told, 1, judged(1, Judgement.WRONG))
    later = NOON + timedelta(days=100)
    told.write(lambda tx: stories.prune(tx, later, NOON))
    with told.read() as tx:
        assert feedback.given(tx) == (judged(1, Judgement.WRONG),)
        assert stories.history(tx, NOON).refused == ()


def test_an_entry_named_by_its_address_is_the_one_that_was_placed(told: Store) -> None:
    copy = replace(entry(9, minutes=60), url=entry(3).url)
    told.write(lambda tx: stories.save(tx, [copy], [], [], NOON))
    with told.read() as tx:
        assert [e.id for e in stories.named(tx, copy.url)] == ["e3"]
        assert [e.id for e in stories.named(tx, "e")] == ["e1", "e2", "e3"]
        assert stories.named(tx, "%") == []
