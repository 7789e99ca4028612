"""What the storylines have been told: every report with its facts, and how rare each word is.

The only mutable object on the line. It is rebuilt from the store at start and bounded by its window.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from monitor.model import Change, Decision, Development, Entry, History, Link, Match, Placement, Storyline
from monitor.stories.facts import CONCEPTS, TITLE, Facts, facts, first_act, is_plan, told_by
from monitor.stories.form import newsworthiness
from monitor.stories.profile import Profile, sharpened
from monitor.stories.text import Word, fold_all, read_entry, stem

KNOWN_BEFORE = 3
BY_PERSON = "feedback"
"""The reason code of a report that a person put where it is."""
_BACKGROUND_WORDS = 400_000
_PRIOR = 1_000
_LEAD = 25
"""Words of a summary that are compared as they stand."""
_SHORTEST_NAME = 3


@dataclass(frozen=True, slots=True)
class Vector:
    """Weighed facts of one kind, and their Euclidean length."""

    weights: Mapping[str, float]
    length: float

    @classmethod
    def of(cls, weights: Mapping[str, float]) -> Vector:
        """Measure `weights` once; they are compared often."""
        return cls(weights, math.sqrt(sum(weight * weight for weight in weights.values())))

    def shared(self, other: Vector) -> list[str]:
        """The facts that both have."""
        return [key for key in self.weights if key in other.weights]

    def cosine(self, other: Vector) -> float:
        """How alike two vectors are, 0..1; 0 when either is empty."""
        lengths = self.length * other.length
        return sum(self.weights[key] * other.weights[key] for key in self.shared(other)) / lengths if lengths else 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """An entry in the ledger: its weighed facts, where it was placed and how surely it reports an event."""

    entry: Entry
    storylines: tuple[str, ...]
    facts: Facts
    concepts: Vector
    title_concepts: Vector
    words: Vector
    title_words: Vector
    names: Mapping[str, float]
    """The capitalised words of the title, weighed."""
    headline: str
    lead: str
    """The title and the first words of the summary, folded."""
    acts: frozenset[str]
    """The first act that the title tells."""
    plan: bool
    """The title tells what is to come, not what has happened."""
    newsworthy: float
    development: str = ""
    vouched: bool = False
    """A person put it where it is, so it speaks for its development alone."""
    told: str = ""
    """The reason for which people were alerted by it; empty for coverage."""

    @classmethod
    def of(cls, entry: Entry, storylines: tuple[str, ...], read: Facts, weights: Mapping[str, float]) -> Report:
        """A report not yet placed; `weights` gives each fact's weight."""
        concepts = {key: weight for key, weight in weights.items() if key[0] in CONCEPTS}
        words = {key: weight for key, weight in weights.items() if key[0] not in CONCEPTS}
        title, summary = read_entry(entry)
        capitals = (f"w:{stem(word.folded, read.language)}" for word in title.words if _may_be_name(word))
        return cls(
            entry=entry,
            storylines=storylines,
            facts=read,
            concepts=Vector.of(concepts),
            title_concepts=Vector.of({key: weight for key, weight in concepts.items() if read.told[key] == TITLE}),
            words=Vector.of(words),
            title_words=Vector.of({key: weight for key, weight in words.items() if read.told[key] == TITLE}),
            names={key: words[key] for key in capitals if key in words},
            headline=" ".join(word.folded for word in title.words),
            lead=" ".join(word.folded for word in summary.words[:_LEAD]),
            acts=first_act(title),
            plan=is_plan(title, read.language),
            newsworthy=newsworthiness(entry),
        )


class Ledger:
    """The reports of the last weeks by development, and the words of everything that was read."""

    def __init__(self, storylines: Iterable[Storyline] = ()) -> None:
        self._background: Counter[str] = Counter()
        self._read = 0
        self._profiles: dict[str, Profile] = defaultdict(Profile)
        self._storylines = {storyline.id: storyline for storyline in storylines}
        for storyline in self._storylines.values():
            self._profiles[storyline.id] = Profile(told_by(storyline.seed))
        self._reports: list[Report] = []
        self._developments: dict[str, Development] = {}
        self._first_alerts: dict[str, str] = {}

    @classmethod
    def recall(cls, history: History, storylines: Iterable[Storyline] = ()) -> Ledger:
        """The ledger as it was when the store last committed."""
        ledger = cls(storylines)
        placed = {placement.entry.id: placement for placement in history.placements}
        refused = {placement.entry.id: placement for placement in history.refused}
        ledger._developments = {development.id: development for development in history.developments}
        for entry in history.entries:
            placement = placed.get(entry.id)
            report = ledger.note_entry(entry, facts(entry), placement.matches if placement else ())
            if report and placement:
                ledger._reports.append(_placed(report, placement))
            elif entry.id in refused:
                ledger.refuse(refused[entry.id], facts(entry))
        ledger._first_alerts = dict(history.first_alerts)
        return ledger

    def sharpen(self, matches: Sequence[Match], read: Facts) -> list[Match]:
        """`matches`, best first, with their scores moved by how familiar the entry's words are to each storyline."""
        weights = self._rare(read) if matches else {}
        sharp = [
            sharpened(match, self._profiles[match.storyline].familiarity(weights, _found(match))) for match in matches
        ]
        return sorted(sharp, key=lambda match: (-match.score, match.storyline))

    def note_entry(self, entry: Entry, read: Facts, matches: Sequence[Match]) -> Report | None:
        """Learn the words of an entry; where it matched, give it back as a weighed report.

        Only a match that the terms alone make teaches its storyline: drift has an end.
        """
        self._learn(read)
        if not matches:
            return None
        report = self.weighed(entry, read, matches)
        for match in matches:
            storyline = self._storylines.get(match.storyline)
            if storyline is None or match.by_terms >= storyline.threshold:
                self._profiles[match.storyline].learn(read)
        return report

    def weighed(self, entry: Entry, read: Facts, matches: Sequence[Match]) -> Report:
        """An entry as a report that is not placed, with its facts weighed by what was read so far."""
        storylines = tuple(match.storyline for match in matches)
        return Report.of(entry, storylines, read, self._weigh(read, storylines))

    def refuse(self, placement: Placement, read: Facts) -> None:
        """Remember an entry that a person judged wrong where it would be: it is no report, but its rewrites are no news."""
        entry = placement.entry
        report = self.weighed(entry, read, placement.matches)
        self._reports.append(replace(report, development=placement.development, vouched=True))
        self._developments.setdefault(placement.development, _begun(placement, alerted=True))

    def _learn(self, read: Facts) -> None:
        self._read += 1
        self._background.update(read.told.keys())
        if len(self._background) > _BACKGROUND_WORDS:
            self._background = Counter({word: count for word, count in self._background.items() if count > 1})

    def _rare(self, read: Facts) -> dict[str, float]:
        """Each fact's weight: its place, times its inverse document frequency in everything read.

        As if _PRIOR entries without the word had been read before: a young ledger knows little.
        """
        of_all, background = math.log(self._read + _PRIOR), self._background
        return {key: place * (of_all - _log(background[key])) for key, place in read.told.items()}

    def _weigh(self, read: Facts, storylines: Iterable[str]) -> dict[str, float]:
        """Each fact's weight, the less the more its own story says it: what all of a story's entries say carries nothing."""
        profiles = [self._profiles[storyline] for storyline in storylines]
        return {
            key: weight * (1 - max((profile.share(key) for profile in profiles), default=0.0))
            for key, weight in self._rare(read).items()
        }

    def reports_since(self, since: datetime, storylines: Sequence[str]) -> Iterator[Report]:
        """Earlier reports on any of these storylines, latest first."""
        ours = set(storylines)
        for report in reversed(self._reports):
            if report.entry.published < since:
                return
            if not ours.isdisjoint(report.storylines):
                yield report

    def development(self, identifier: str) -> Development | None:
        """The development of that id, while it is remembered."""
        return self._developments.get(identifier)

    def development_of(self, entries: Collection[str]) -> Development | None:
        """The development in which the latest of these entries was placed."""
        placed = (report.development for report in reversed(self._reports) if report.entry.id in entries)
        return self.development(next(placed, ""))

    def reports_of(self, development: Development) -> Iterator[Report]:
        """Every report of a development that is remembered, latest first."""
        return (report for report in reversed(self._reports) if report.development == development.id)

    def updates(self, development: Development) -> tuple[Change, ...]:
        """The changes of a development that are told: as the first of its storylines has it that is followed."""
        followed = (self._storylines[s].updates for s in development.storylines if s in self._storylines)
        return next(followed, tuple(Change))

    def note(self, placement: Placement, report: Report) -> Development:
        """Enter a placement; returns its development, new or grown."""
        entry = placement.entry
        known = self._developments.get(placement.development)
        self._reports.append(_placed(report, placement))
        if known is None or not known.reports:
            known = _begun(placement, alerted=known is not None and known.alerted)
        known = replace(
            known,
            last_report_at=max(known.last_report_at, entry.published),
            outlets=known.outlets if entry.outlet in known.outlets else (*known.outlets, entry.outlet),
            reports=known.reports + 1,
            storylines=tuple(dict.fromkeys(known.storylines + placement.storylines)),
            title=entry.title if placement.decision is Decision.NEW else known.title,
        )
        self._developments[known.id] = known
        return known

    def mark_alerted(self, development: Development, alert: str = "") -> Development:
        """Remember that the development has been told to people, and by which alert first."""
        if alert:
            self._first_alerts.setdefault(development.id, alert)
        development = replace(development, alerted=True)
        self._developments[development.id] = development
        return development

    def known_before(self, development: Development) -> tuple[Link, ...]:
        """The last developments told on the same storylines before this one, latest first."""
        ours = set(development.storylines)
        earlier = [
            d
            for d in self._developments.values()
            if d.alerted and d.reports and d.id != development.id and ours & set(d.storylines)
        ]
        earlier.sort(key=lambda d: (d.started_at, d.id), reverse=True)
        return tuple(map(Link.to_start_of, earlier[:KNOWN_BEFORE]))

    def first_told(self, development: Development) -> tuple[Link, str]:
        """(the report by which a development was told first, the id of that alert); no id where following began with it."""
        told = [report.entry for report in self.reports_of(development) if report.told]
        link = Link.to(told[-1]) if told else Link.to_start_of(development)
        return link, self._first_alerts.get(development.id, "")

    def forget_before(self, moment: datetime) -> None:
        """Drop what is older than the window."""
        if self._reports and self._reports[0].entry.published < moment:
            self._reports = [report for report in self._reports if report.entry.published >= moment]
            self._developments = {key: d for key, d in self._developments.items() if d.last_report_at >= moment}
            self._first_alerts = {key: alert for key, alert in self._first_alerts.items() if key in self._developments}


@lru_cache(maxsize=100_000)
def _log(count: int) -> float:
    return math.log(count + 0.5)


def _placed(report: Report, placement: Placement) -> Report:
    told = "" if placement.decision is Decision.COVERAGE else placement.reason
    vouched = placement.reason == BY_PERSON
    return replace(report, development=placement.development, told=told, vouched=vouched)


def _begun(placement: Placement, *, alerted: bool) -> Development:
    """The development that opens with an entry, before any report of it counts."""
    entry = placement.entry
    return Development(
        id=placement.development, title=entry.title, storylines=placement.storylines, first_report=entry.id,
        started_at=entry.published, last_report_at=entry.published, outlets=(), reports=0, alerted=alerted,
    )  # fmt: skip


def _may_be_name(word: Word) -> bool:
    return word.surface[0].isupper() and len(word.folded) >= _SHORTEST_NAME


def _found(match: Match) -> set[str]:
    """The folded words found for a match's terms."""
    return {word for evidence in match.evidence for word in fold_all(evidence.found).split()}
