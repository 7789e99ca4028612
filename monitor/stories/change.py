"""What a later report changes on a development that was told already: a number, a denial, a correction, or its certainty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.model import Change
from monitor.stories.facts import concepts, word_list
from monitor.stories.ledger import Report
from monitor.stories.text import Word, read_entry

CORROBORATED_BY = 3
"""Independent outlets that report plainly what was told with reserve at first."""
MATERIAL = 1.1
"""A number that has changed by less than a tenth is the same news."""
_REACH = 3
"""Words after a number among which its unit stands."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A material change, with a sentence's end that says what it is."""

    kind: Change
    what: str


def change(report: Report, told: Sequence[Report], outlets: int) -> Changed | None:
    """What `report` changes on a development whose earlier reports are `told`, newest first; None when nothing material.

    `outlets` is how many independent outlets have reported it plainly, this one included. Each change is found once: the report that
    brings it is among those told from then on.
    """
    if denies(report) and not any(map(denies, told)):
        return Changed(Change.CONTRADICTED, "it is denied")
    if corrects(report) and not any(map(corrects, told)):
        return Changed(Change.CORRECTED, "it is corrected")
    if number := _changed_number(report, told):
        return Changed(Change.NUMBER, number)
    if outlets == CORROBORATED_BY and hedged(told[-1]) and not hedged(report):
        return Changed(Change.CORROBORATED, f"{outlets} outlets report it independently")
    return None


def denies(report: Report) -> bool:
    """Whether its title tells a denial."""
    return "a:deny" in report.title_concepts.weights


def corrects(report: Report) -> bool:
    """Whether its title tells a correction."""
    return "a:correct" in report.title_concepts.weights


def hedged(report: Report) -> bool:
    """Whether its title or lead tells with reserve: as a rumour, a plan, somebody's word."""
    text = f" {report.headline} {report.lead} "
    return any(f" {cue} " in text for cue in _hedges())


def quantities(words: Sequence[Word]) -> dict[str, float]:
    """What is counted in a title -> how many: `1,300 dead` is {"a:die": 1300}. A number whose unit is not known is left out."""
    return {unit: value for place, value in _numbers(words) if (unit := _unit(words[place + 1 :]))}


def _changed_number(report: Report, told: Sequence[Report]) -> str:
    """`from 300 to 600`, when the title counts what an earlier title counted, and no earlier one had that number."""
    ours = quantities(read_entry(report.entry)[0].words)
    for unit, value in ours.items():
        before = [q[unit] for earlier in told if unit in (q := quantities(read_entry(earlier.entry)[0].words))]
        if before and all(max(value, old) > MATERIAL * min(value, old) for old in before):
            return f"a number changed from {before[0]:,g} to {value:,g}"
    return ""


def _numbers(words: Sequence[Word]) -> Iterator[tuple[int, float]]:
    """(place of the last word, value) of each number, with the thousands and millions that follow it."""
    for place, word in enumerate(words):
        if word.folded[0].isdigit():
            try:
                value = float(word.folded.replace(",", "."))
            except ValueError:
                continue
            times = _multipliers().get(words[place + 1].folded, 1.0) if place + 1 < len(words) else 1.0
            yield place + (times > 1), value * times


def _unit(after: Sequence[Word]) -> str:
    """What is counted: the first act or thing told close behind the number."""
    return next((name for word in after[:_REACH] for name in concepts(word.folded) if name[0] in "at"), "")


def _hedges() -> list[str]:
    return word_list("hedges")["hedges"]


def _multipliers() -> dict[str, float]:
    return {word: float(value) for value, words in word_list("multipliers").items() for word in " ".join(words).split()}
