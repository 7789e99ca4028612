"""What persons said of entries -> the thresholds in force, and the places of the entries they judged. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from monitor.model import Decision, Development, Feedback, Judgement, Match, Placement, Storyline
from monitor.stories.ledger import BY_PERSON, Ledger
from monitor.stories.match import ceiling

STEP = 0.02
"""The most that one judgement moves a storyline's threshold."""
REACH = 0.1
"""The most that all of them together move it from where it is set."""
FLOOR = 0.35
"""Feedback lowers no threshold below this: an entry that lacks a whole group of terms scores about as much."""
_GRAIN = 0.001
"""Scores have three decimals; a threshold this much above a score leaves it out."""


def threshold(storyline: Storyline, given: Iterable[Feedback]) -> float:
    """The threshold in force for `storyline`, 0..1: as it is set, moved by all that was `given`, in whatever order it came.

    The bounds: each `wrong` on an entry at or above the set threshold allows STEP upwards, each other judgement on one
    below it STEP downwards; neither way further than REACH, nor above the storyline's ceiling, nor below FLOOR, unless it is
    set so. What lies further below than REACH is a matter of terms and does not count.

    Within the bounds the threshold stands where the fewest entries are on the wrong side of it (`wrong` ones at or above,
    others below). Where that leaves a choice, it goes as near as it can to the entries it cannot get on the right side, so
    that a `wrong` always asks for a little more; and else it stays as near as it can to where it is set.
    """
    ours = [feedback for feedback in given if feedback.storyline == storyline.id]
    wrong = [f.score for f in ours if f.judgement is Judgement.WRONG]
    right = [f.score for f in ours if f.judgement is not Judgement.WRONG and is_in_reach(f.score, storyline)]
    low, high = _bounds(storyline, wrong, right)
    wished = (*right, *(round(score + _GRAIN, 3) for score in wrong))

    def cost(place: float) -> tuple[int, float, float, float]:
        off = [score + _GRAIN - place for score in wrong if score >= place]
        off += [place - score for score in right if score < place]
        return len(off), round(math.fsum(off), 6), round(abs(place - storyline.threshold), 6), place

    return min({storyline.threshold, low, high, *(place for place in wished if low <= place <= high)}, key=cost)


def is_in_reach(score: float, storyline: Storyline) -> bool:
    """Whether feedback could ever lower the storyline's threshold to this score."""
    return score >= max(round(storyline.threshold - REACH, 6), min(FLOOR, storyline.threshold))


def _bounds(storyline: Storyline, wrong: Sequence[float], right: Sequence[float]) -> tuple[float, float]:
    level = storyline.threshold
    down = min(REACH, STEP * sum(score < level for score in right))
    up = min(REACH, STEP * sum(score >= level for score in wrong))
    low = min(level, max(FLOOR, round(level - down, 6)))
    high = max(level, min(ceiling(storyline), round(level + up, 6))) if up else level
    return low, high


def adjusted(storylines: Iterable[Storyline], given: Sequence[Feedback]) -> tuple[Storyline, ...]:
    """The storylines with the thresholds in force."""
    return tuple(replace(storyline, threshold=threshold(storyline, given)) for storyline in storylines)


@dataclass(frozen=True, slots=True)
class Judged:
    """What persons said of single entries: their word on an entry is final, whatever it scores."""

    wrong: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Entry -> the storylines to which it does not belong."""
    meant: Mapping[str, Feedback] = field(default_factory=dict)
    """Entry -> the judgement by which it belongs to its storyline."""

    @classmethod
    def of(cls, given: Iterable[Feedback]) -> Judged:
        """Look-up tables of what was given."""
        wrong, meant = defaultdict[str, set[str]](set), dict[str, Feedback]()
        for judged in given:
            if judged.judgement is Judgement.WRONG:
                wrong[judged.entry].add(judged.storyline)
            else:
                meant[judged.entry] = judged
        return cls(wrong, meant)

    def matches(self, entry: str, scored: Sequence[Match], reached: Sequence[Match]) -> tuple[Match, ...]:
        """Of `scored`, best first, those that `reached` their threshold or are meant by a person, and are not judged wrong.

        What a term of `none` excludes has no score, and stays excluded.
        """
        meant = self.meant[entry].storyline if entry in self.meant else None
        kept = (m for m in scored if m in reached or (m.storyline == meant and m.score))
        wrong = self.wrong.get(entry, ())
        return tuple(match for match in kept if match.storyline not in wrong)

    def is_wrong(self, entry: str) -> bool:
        """Whether a person judged the entry wrong for any storyline."""
        return entry in self.wrong

    def placed(self, placement: Placement, ledger: Ledger) -> Placement:
        """`placement`, or where a person put its entry; what people know of already is coverage."""
        feedback = self.meant.get(placement.entry.id)
        if feedback is not None and feedback.judgement is not Judgement.RIGHT:
            known = ledger.development(feedback.development) or ledger.development_of(feedback.beside)
            placement = put(placement, feedback, known)
        elif placement.decision is Decision.COVERAGE and placement.nearest and self.is_wrong(placement.nearest):
            return replace(placement, explanation=f"{placement.explanation} A person judged that wrong.")
        known = ledger.development(placement.development)
        if known is None or not known.alerted or placement.decision is not Decision.NEW:
            return placement
        if placement.reason == BY_PERSON:
            return replace(placement, decision=Decision.COVERAGE)
        why = f"A person put what came before it into its development: “{known.title}”."
        return replace(placement, decision=Decision.COVERAGE, reason="same-fact", explanation=why)


def put(placement: Placement, feedback: Feedback, known: Development | None) -> Placement:
    """`placement` as `same-as` or `new` has it; `known` is the development that is meant, where it is there already."""
    if feedback.judgement is Judgement.NEW:
        decision, why = Decision.NEW, "A person said that it is a development of its own."
    else:
        told = known is None or known.alerted or placement.decision is Decision.COVERAGE
        decision = Decision.COVERAGE if told else Decision.NEW
        why = f"A person put it with “{known.title}”." if known else "A person put it with what came later."
    return replace(
        placement,
        decision=decision,
        development=known.id if known else feedback.development,
        reason=BY_PERSON,
        explanation=why,
    )


def shown(score: float) -> str:
    """A score or threshold for people: `0.50`, `0.505`."""
    return f"{score:.3f}".removesuffix("0")


def told(entry: str, configured: Sequence[Storyline], given: Sequence[Feedback]) -> str:
    """What persons said of an entry, and which of the `configured` thresholds they moved, in a sentence or two; or nothing."""
    titles = {storyline.id: storyline.title for storyline in configured}
    said = [
        f"A person judged it `{f.judgement}` for “{titles.get(f.storyline, f.storyline)}”."
        for f in given
        if f.entry == entry
    ]
    moved = [
        f"Feedback moved the threshold of “{before.title}” to {shown(after.threshold)} (set: {shown(before.threshold)})."
        for before, after in zip(configured, adjusted(configured, given), strict=True)
        if before.threshold != after.threshold
    ]
    return " ".join(said + moved)
