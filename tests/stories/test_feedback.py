"""What persons said of entries: where it puts thresholds, and the entries themselves."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.model import Decision, Development, Entry, Feedback, Judgement, Match, Placement, Storyline, Terms
from monitor.stories.feedback import FLOOR, REACH, STEP, Judged, adjusted, is_in_reach, shown, threshold, told
from monitor.stories.ledger import Ledger
from monitor.stories.match import Matcher, ceiling
from tests.stories.conftest import NOON, MakeEntry

FERRY = Storyline(
    id="ferry", title="The ferry strike", terms=Terms(all=(("ferry",),), any=("strike", "pay")), threshold=0.5
)
WRONG, RIGHT = Judgement.WRONG, Judgement.RIGHT


def said(*judgements: tuple[Judgement, float], storyline: str = "ferry") -> list[Feedback]:
    return [
        Feedback(entry=f"e{n}", storyline=storyline, judgement=judgement, score=score, given_at=NOON)
        for n, (judgement, score) in enumerate(judgements)
    ]


@pytest.mark.parametrize(
    ("judgements", "expected"),
    [
        ([], 0.5),
        ([(WRONG, 0.9)], 0.52),
        ([(WRONG, 0.9)] * 3, 0.56),
        ([(WRONG, 0.9)] * 30, 0.6),
        ([(WRONG, 0.505)], 0.506),
        ([(WRONG, 0.3)], 0.5),
        ([(RIGHT, 0.9)] * 9, 0.5),
        ([(RIGHT, 0.49)], 0.49),
        ([(RIGHT, 0.42)], 0.48),
        ([(RIGHT, 0.42)] * 4, 0.42),
        ([(RIGHT, 0.2)] * 9, 0.5),
        ([(WRONG, 0.9)] * 5 + [(RIGHT, 0.55)], 0.55),
        ([(WRONG, 0.505), (RIGHT, 0.51)], 0.506),
        ([(WRONG, 0.485), (RIGHT, 0.48), (RIGHT, 0.49)], 0.486),
        ([(Judgement.NEW, 0.5), (WRONG, 0.9)], 0.5),
    ],
)
def test_the_threshold_parts_what_is_wrong_from_what_is_right(
    judgements: list[tuple[Judgement, float]], expected: float
) -> None:
    assert threshold(FERRY, said(*judgements)) == expected


def test_a_threshold_is_never_raised_above_what_an_entry_can_score() -> None:
    low = replace(FERRY, threshold=ceiling(FERRY) - 0.01)
    assert threshold(low, said(*[(WRONG, 1.0)] * 20)) == ceiling(FERRY)


def test_a_threshold_that_is_set_low_stays_and_none_is_lowered_below_the_floor() -> None:
    assert threshold(replace(FERRY, threshold=0.4), said(*[(RIGHT, FLOOR)] * 20)) == FLOOR
    assert threshold(replace(FERRY, threshold=0.2), said(*[(RIGHT, 0.15)] * 20)) == 0.2


def test_feedback_on_one_storyline_moves_no_other() -> None:
    assert threshold(FERRY, said((WRONG, 0.9), storyline="dam")) == 0.5
    assert [s.threshold for s in adjusted([FERRY, replace(FERRY, id="dam")], said((WRONG, 0.9)))] == [0.52, 0.5]


judgements = st.lists(
    st.tuples(st.sampled_from(list(Judgement)), st.integers(0, 1000).map(lambda n: n / 1000)), max_size=12
)
levels = st.integers(0, 1000).map(lambda n: n / 1000)


@settings(max_examples=200, deadline=None)
@given(judgements, levels, st.randoms())
def test_the_order_of_feedback_changes_nothing_and_the_bounds_hold(
    given_: list[tuple[Judgement, float]], level: float, random: Random
) -> None:
    storyline, feedback = replace(FERRY, threshold=level), said(*given_)
    moved = threshold(storyline, feedback)
    assert threshold(storyline, random.sample(feedback, len(feedback))) == moved
    assert abs(moved - level) <= min(REACH, STEP * len(feedback)) + 1e-9
    assert moved <= max(level, ceiling(storyline))
    assert moved >= min(level, FLOOR)


@settings(max_examples=200, deadline=None)
@given(judgements, levels, st.integers(0, 1000).map(lambda n: n / 1000))
def test_a_wrong_never_lowers_and_a_right_never_raises(
    given_: list[tuple[Judgement, float]], level: float, score: float
) -> None:
    storyline = replace(FERRY, threshold=level)
    before = threshold(storyline, said(*given_))
    assert threshold(storyline, said(*given_, (WRONG, score))) >= before
    assert threshold(storyline, said(*given_, (RIGHT, score))) <= before


def test_what_is_too_far_below_is_out_of_reach() -> None:
    assert is_in_reach(0.4, FERRY)
    assert not is_in_reach(0.399, FERRY)


def test_a_persons_word_on_an_entry_decides_whatever_it_scores(entry: MakeEntry) -> None:
    matcher = Matcher([FERRY, replace(FERRY, id="port", terms=Terms(any=("strike",)))])
    strike, fares = entry("Ferry strike begins"), entry("Ferry fares rise")
    judged = Judged.of([
        Feedback(entry=strike.id, storyline="ferry", judgement=WRONG, score=0.8, given_at=NOON),
        Feedback(entry=fares.id, storyline="ferry", judgement=RIGHT, score=0.4, given_at=NOON),
    ])  # fmt: skip

    def matched(one: Entry, of: Judged) -> list[str]:
        scored = matcher.scores(one)
        return [m.storyline for m in of.matches(one.id, scored, matcher.reached(scored))]

    assert (matched(strike, Judged()), matched(fares, Judged())) == (["ferry", "port"], [])
    assert (matched(strike, judged), matched(fares, judged)) == (["port"], ["ferry"])


def test_what_a_term_excludes_is_brought_back_by_nobody(entry: MakeEntry) -> None:
    matcher = Matcher([replace(FERRY, terms=replace(FERRY.terms, none=("toy",)))])
    toy = entry("Toy ferry strike")
    judged = Judged.of([Feedback(entry=toy.id, storyline="ferry", judgement=RIGHT, score=0.8, given_at=NOON)])
    scored = matcher.scores(toy)
    assert scored
    assert judged.matches(toy.id, scored, matcher.reached(scored)) == ()


def place_of(entry: MakeEntry, decision: Decision = Decision.NEW) -> Placement:
    match = Match(storyline="ferry", score=0.8, evidence=())
    return Placement(
        entry=entry("Ferry strike begins"), matches=(match,), decision=decision, development="d-1", reason="new-fact",
        explanation="New.",
    )  # fmt: skip


def test_an_entry_that_is_the_same_as_what_is_not_known_yet_starts_it_and_leaves_the_alert_to_what_comes(
    entry: MakeEntry,
) -> None:
    """In a replay, a person may have put the first report with one that comes later."""
    placement = place_of(entry)
    same = Feedback(
        entry=placement.entry.id, storyline="ferry", judgement=Judgement.SAME_AS, score=0.8, development="d-9", given_at=NOON
    )  # fmt: skip
    placed = Judged.of([same]).placed(placement, Ledger())
    assert (placed.development, placed.decision, placed.reason) == ("d-9", Decision.COVERAGE, "feedback")


def test_one_development_is_not_new_twice(entry: MakeEntry) -> None:
    """What a person started early is known when the report comes that its id is made of."""
    placement = place_of(entry)
    ledger = Ledger()
    ledger.mark_alerted(
        Development(
            id="d-1", title="The ferries stand still", storylines=("ferry",), first_report="e0", started_at=NOON, last_report_at=NOON,
            outlets=("Herald",), reports=1,
        )
    )  # fmt: skip
    placed = Judged().placed(placement, ledger)
    assert (placed.decision, placed.reason) == (Decision.COVERAGE, "same-fact")
    assert "The ferries stand still" in placed.explanation


def test_what_was_said_is_told_in_sentences() -> None:
    feedback = said((WRONG, 0.9))
    assert told("e0", [FERRY], feedback) == (
        "A person judged it `wrong` for “The ferry strike”. "
        "Feedback moved the threshold of “The ferry strike” to 0.52 (set: 0.50)."
    )
    assert told("e7", [replace(FERRY, id="dam")], feedback) == ""
    assert (shown(0.5), shown(0.505)) == ("0.50", "0.505")
