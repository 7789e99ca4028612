"""What a later report changes on a development that was told already: a denial, a correction, a number, or its certainty."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from monitor.model import Change
from monitor.stories.facts import cue_list
from monitor.stories.quantity import Quantity, quantities
from monitor.stories.report import Report

CORROBORATED_BY = 3
"""Independent outlets that report plainly what was told with reserve at first."""
MATERIAL = 1.25
"""A number that has changed by less than a quarter is the same news."""
LEAST_STEP = 2
"""Nor does one more of anything change it."""
QUIET = timedelta(hours=6)
"""For so long after an update of a number only one twice as large, or half as large, is another."""
TWICE = 2.0

REASONS = {
    Change.CORROBORATED: "corroborated",
    Change.CORRECTED: "corrected",
    Change.CONTRADICTED: "contradicted",
    Change.NUMBER: "number-changed",
}
"""The stable codes of updates."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A material change, as a sentence."""

    kind: Change
    what: str
    number: Quantity | None = None
    """The number as it is now, where that is what changed."""
    doubtful: bool = False
    """Whether one report is not enough for it: a lower number is as often a part, or an older count, as a change."""


def change(
    report: Report, told: Sequence[Report], plain: Iterable[Report], wanted: Collection[Change]
) -> Changed | None:
    """What `report` changes on a development; None when nothing that is `wanted` and material.

    `told` are the reports of the development by which people were alerted, newest first; `plain` are independent ones that
    tell it without reserve, `report` among them. Each denial, correction and corroboration is told once a development.
    """
    if not told or report.entry.published < told[-1].entry.published:
        return None
    return next((found for found in _changes(report, told, plain) if found.kind in wanted), None)


def _changes(report: Report, told: Sequence[Report], plain: Iterable[Report]) -> Iterator[Changed]:
    said = f"“{report.entry.title}” ({report.entry.outlet})"
    if corrects(report) and not any(map(corrects, told)):
        yield Changed(Change.CORRECTED, f"Update: it is corrected: {said}.")
    if denies(report) and not any(map(denies, told)):
        yield Changed(Change.CONTRADICTED, f"Update: it is denied: {said}.")
    yield from _changed_number(report, told)
    witnesses = list(plain) if _rested_on_hearsay(told) and not reserved(report) else []
    if len(witnesses) >= CORROBORATED_BY:
        outlets = ", ".join(witness.entry.outlet for witness in witnesses)
        what = f"Update: {len(witnesses)} outlets now report plainly what was told with reserve: {outlets}."
        yield Changed(Change.CORROBORATED, what)


def same_change(ours: Changed, theirs: Changed) -> bool:
    """Whether two reports change a development in the same way."""
    if ours.number is None or theirs.number is None:
        return ours.kind is theirs.kind
    return ours.number.counts_as(theirs.number) and not _is_material(ours.number.value, theirs.number.value, MATERIAL)


def denies(report: Report) -> bool:
    """Whether its title tells a denial."""
    return _says(report.headline, "denial") and not _says(report.headline, "refusal")


def corrects(report: Report) -> bool:
    """Whether its title tells a correction."""
    return _says(report.headline, "correction")


def reserved(report: Report) -> bool:
    """Whether its title tells with reserve: as a rumour, a guess, a plan, somebody's word."""
    return _says(report.headline, "reserve")


def _rested_on_hearsay(told: Sequence[Report]) -> bool:
    """Whether all that was told so far is one outlet's word, given with reserve."""
    return len(told) == 1 and told[0].told != "second-outlet" and _says(told[0].headline, "hearsay")


def _changed_number(report: Report, told: Sequence[Report]) -> Iterator[Changed]:
    """A number of the title that differs from all that was told of the same thing, and is no older than they are."""
    for ours in quantities(report.entry):
        before = [
            (earlier, theirs) for earlier in told for theirs in quantities(earlier.entry) if ours.counts_as(theirs)
        ]
        if not before or any(earlier.entry.published > report.entry.published for earlier, _ in before):
            continue
        last, was = before[0]
        recent = last.told == REASONS[Change.NUMBER] and report.entry.published - last.entry.published < QUIET
        if all(_is_material(ours.value, theirs.value, TWICE if recent else MATERIAL) for _, theirs in before):
            lower = ours.value < was.value and not _says(report.headline, "lowered")
            yield Changed(Change.NUMBER, _number_changed(was, ours, report), ours, doubtful=lower)


def _is_material(ours: float, theirs: float, times: float) -> bool:
    return max(ours, theirs) >= times * min(ours, theirs) and abs(ours - theirs) >= LEAST_STEP


def _number_changed(was: Quantity, now: Quantity, report: Report) -> str:
    numbers = f"changed from {_shown(was)} to {_shown(now)}"
    if now.label and not now.measure:
        return f"Update: the number of {now.label} {numbers}."
    return f"Update: a number {numbers}: “{report.entry.title}”."


def _shown(quantity: Quantity) -> str:
    value = f"{quantity.value:,.0f}" if quantity.value.is_integer() else f"{quantity.value:,.2f}".rstrip("0")
    return f"{value} {quantity.measure}".rstrip()


def _says(headline: str, kind: str) -> bool:
    line = f"^ {headline} "
    return any(cue in line for cue in cue_list("changes")[kind])
