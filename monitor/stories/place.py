"""A report and the ledger -> its place: the first to tell a fact, or one more report of what was told.

Similarity proposes, facts decide: two reports are compared by what they tell (concepts, numbers), by their rare words, and by
the time between them, since the reports of one development come in a burst.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, islice, takewhile

from monitor.model import Change, Decision, Development, Match, Placement
from monitor.stories.change import REASONS, Changed, change, reserved, same_change
from monitor.stories.facts import strongest
from monitor.stories.form import form
from monitor.stories.ledger import Ledger
from monitor.stories.nearest import Neighbour, Neighbourhood
from monitor.stories.pair import in_own_words, independent, likelihood, shared_concepts
from monitor.stories.report import Report
from monitor.stories.shelf import Newest, Shelved

WINDOW = timedelta(days=4)
"""How long a development is told on; the same words later are a new event."""
COMPARED = 250
"""The newest reports a report is compared with, so that a flood costs no more than its length."""
NEAR = 5
"""And the older ones, so many near-duplicates at most, so that what was told before a flood is not told anew."""
SAME_FACT = 0.5
"""Two reports this likely to tell one fact share a development."""
RULED_OUT = 0.08
"""A report is not of a development when it is less likely than this to tell what people were told of it."""
LIKEST = 0.5
"""The share of a development's reports that speak for it, those most like the new one."""
SPEAKERS = 5
"""But no more of them than this."""
SURE = 0.7
"""A piece this likely to report an event is told at once."""
DOUBTFUL = 0.3
"""A piece less likely than this is coverage; one between the two waits for other outlets."""
TOGETHER = 0.9
"""Independent pieces on one fact are told when it is this likely that at least one of them reports an event."""
SPEAKS = 0.5
"""A piece this likely to report an event speaks for its development; background tells of many facts, and would join them."""

_SHOWN = 4
"""Concepts that an explanation names."""
_FORM_NAMES = {
    "question": "its headline asks instead of telling",
    "live": "it is a live blog",
    "roundup": "it is a round-up",
    "explainer": "it explains what is known",
    "opinion": "it is opinion or analysis",
    "experts": "it quotes experts on what is known",
    "feature": "it is a feature",
    "section": "it stands in a section for opinion, features or live coverage",
    "report": "its headline tells no event",
}


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What a report is to its story, with a stable code and a sentence."""

    decision: Decision
    reason: str
    explanation: str


def place(report: Report, matches: Sequence[Match], ledger: Ledger) -> Placement:
    """Decide whether `report` is new to its storylines, and which development it belongs to."""
    compared = ledger.newest(report.entry.published - WINDOW, report.storylines, COMPARED)
    around = Neighbourhood(report, compared)
    likest = around.likest(least=SAME_FACT)
    nearest = next(likest, None)
    joined = _joins(
        around, takewhile(lambda n: n.likelihood >= SAME_FACT, chain([nearest] if nearest else [], likest)), ledger
    )
    seconds: Iterable[Report] = (known.report for known in around.among(ledger.shelved(joined.id if joined else "")))
    if joined is None and (before := _told_before(report, compared, ledger)):
        joined, seconds = ledger.development(before.report.development), (before.report,)
        nearest = max(before, nearest or before, key=lambda neighbour: neighbour.likelihood)
    verdict = _updated(report, joined, ledger) or _verdict(report, joined, seconds, nearest)
    return Placement(
        entry=report.entry,
        matches=tuple(matches),
        decision=verdict.decision,
        development=joined.id if joined else new_id(report.entry.id),
        reason=verdict.reason,
        explanation=verdict.explanation,
        nearest=nearest.report.entry.id if nearest else None,
        similarity=round(nearest.likelihood, 3) if nearest else 0.0,
        hearsay=reserved(report),
    )


def _verdict(
    report: Report, joined: Development | None, seconds: Iterable[Report], nearest: Neighbour | None
) -> _Verdict:
    """New, or coverage, and why. A doubtful piece is told only with independent ones beside it."""
    if report.newsworthy < DOUBTFUL:
        kind = form(report.entry)
        return _Verdict(Decision.COVERAGE, kind, f"Coverage: {_FORM_NAMES[kind]}.")
    if joined is not None and joined.alerted:
        return _Verdict(Decision.COVERAGE, "same-fact", _same_fact(report, nearest))
    if report.newsworthy >= SURE:
        return _Verdict(Decision.NEW, "new-fact", _new_fact(report, nearest))
    if (others := _supporters(report, seconds)) and _at_least_one((report, *others)) >= TOGETHER:
        names = ", ".join(other.entry.outlet for other in others)
        why = f"New: doubtful in form, but reported independently by {names} too: “{others[0].entry.title}”."
        return _Verdict(Decision.NEW, "second-outlet", why)
    return _Verdict(Decision.COVERAGE, "waiting", _waiting(report))


def _supporters(report: Report, others: Iterable[Report]) -> list[Report]:
    """Those of the others that may report an event, in words that are nobody else's."""
    return list(in_own_words((report, *(other for other in others if other.newsworthy >= DOUBTFUL))))[1:]


def _at_least_one(reports: Iterable[Report]) -> float:
    """How likely at least one of several reports tells an event (noisy-or)."""
    return 1 - math.prod(1 - report.newsworthy for report in reports)


def _updated(report: Report, joined: Development | None, ledger: Ledger) -> _Verdict | None:
    """An update, where the report changes what was told of its development; a doubtful piece needs an independent one beside it."""
    if joined is None or not joined.alerted or report.newsworthy < SPEAKS:
        return None
    earlier = list(ledger.reports_of(joined.id))
    found = _change(report, earlier, ledger.updates(joined))
    sure = found is not None and report.newsworthy >= SURE and not found.doubtful
    if found is None or not (sure or _is_seconded(report, found, earlier)):
        return None
    return _Verdict(Decision.UPDATE, REASONS[found.kind], found.what)


def _change(report: Report, earlier: Sequence[Report], wanted: Collection[Change]) -> Changed | None:
    return change(report, [r for r in earlier if r.told], _witnesses((report, *earlier)), wanted)


def _witnesses(reports: Iterable[Report]) -> Iterator[Report]:
    """Those that tell without reserve and are independent of each other."""
    return in_own_words(report for report in reports if report.newsworthy >= SPEAKS and not reserved(report))


def _is_seconded(report: Report, found: Changed, earlier: Sequence[Report]) -> bool:
    """Whether an independent report, which was no more than coverage, changes the development in the same way."""
    seconds = (r for r in earlier if not r.told and r.newsworthy >= SPEAKS and independent(report, r))
    changes = (_change(second, [r for r in earlier if r is not second], {found.kind}) for second in seconds)
    return any(theirs is not None and same_change(found, theirs) for theirs in changes)


def _joins(around: Neighbourhood, likely: Iterable[Neighbour], ledger: Ledger) -> Development | None:
    """The development that the report belongs to, if any: the one whose reports are, on the whole, most like it.

    One of those that are `likely` must be among them, or they cannot be so on the whole.
    """
    keys = {neighbour.report.development for neighbour in likely}
    developments = {key: around.among(ledger.shelved(key)) for key in keys}
    belongs = {key: _belongs(around, reports) for key, reports in developments.items()}
    best = max(belongs, key=lambda key: (belongs[key], developments[key][0]), default="")
    return ledger.development(best) if belongs.get(best, 0.0) >= SAME_FACT else None


def _belongs(around: Neighbourhood, reports: Sequence[Shelved]) -> float:
    """How likely a report belongs with those of a development.

    The mean over them keeps a chain of weak links from swallowing the story (average linkage); the likest few speak for the
    rest, since a development is told in several languages. What people were told of it must not be another fact altogether: its
    coverage may have drifted from it. Where a person put a report, it speaks alone.
    """
    told = [known for known in reports if known.report.told]
    speak = [known for known in reports if _speaks(known.report)]
    vouched = around.best([known for known in reports if known.report.vouched])
    if not speak or (told and around.best(told) < RULED_OUT):
        return vouched
    speakers = min(SPEAKERS, max(1, round(len(speak) * LIKEST)))
    return max(sum(n.likelihood for n in islice(around.likest(speak), speakers)) / speakers, vouched)


def _told_before(report: Report, compared: Newest, ledger: Ledger) -> Neighbour | None:
    """The likest near-duplicate of the report that is older than those compared and tells the same fact, if any.

    It speaks for its development under the conditions under which those compared do.
    """
    if len(compared) < COMPARED:
        return None
    older = ledger.near(report, compared.oldest, report.entry.published - WINDOW, NEAR)
    alike = (Neighbour(known, likelihood(report, known)) for known in older if _speaks(known))
    likest = sorted((n for n in alike if n.likelihood >= SAME_FACT), key=lambda n: n.likelihood, reverse=True)
    return next((n for n in likest if not _is_ruled_out(report, n.report.development, ledger)), None)


def _is_ruled_out(report: Report, development: str, ledger: Ledger) -> bool:
    """Whether what people were told of a development is another fact altogether."""
    told = [likelihood(report, known) for known in ledger.reports_of(development) if known.told]
    return bool(told) and max(told) < RULED_OUT


def _speaks(report: Report) -> bool:
    return report.newsworthy >= SPEAKS or report.vouched


def new_id(name: str) -> str:
    """The id of a development that begins with what `name` names."""
    return "d-" + hashlib.sha256(name.encode()).hexdigest()[:12]


def _same_fact(report: Report, earlier: Neighbour | None) -> str:
    assert earlier is not None
    both = ", ".join(shared_concepts(report, earlier.report)) or "the same"
    return f"Told before by {earlier.report.entry.outlet}: “{earlier.report.entry.title}” ({earlier.likelihood:.0%} alike: {both})."


def _new_fact(report: Report, nearest: Neighbour | None) -> str:
    tells = ", ".join(key[2:] for key in strongest(report.title_concepts.weights, _SHOWN)) or "a new event"
    if nearest is None:
        return f"New: the first report on this storyline; it tells of {tells}."
    return f"New: it tells of {tells}; the nearest earlier report is {nearest.likelihood:.0%} alike: “{nearest.report.entry.title}”."


def _waiting(report: Report) -> str:
    return (
        f"Waiting: its form leaves doubt whether it reports an event ({report.newsworthy:.0%} likely); "
        "an alert follows when other outlets report it."
    )
