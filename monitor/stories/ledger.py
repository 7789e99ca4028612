"""What the storylines have been told: every report with its facts, and how rare each word is.

The only mutable object on the line. It is rebuilt from the store at start and bounded by its window.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from heapq import nlargest

from monitor.model import Change, Decision, Development, Entry, History, Link, Match, Placement, Storyline
from monitor.stories.facts import Facts, facts, told_by
from monitor.stories.profile import Profile, forget_rarest, sharpened
from monitor.stories.report import Report
from monitor.stories.shelf import Newest, Shelf, Shelved
from monitor.stories.text import fold_all

KNOWN_BEFORE = 3
BY_PERSON = "feedback"
"""The reason code of a report that a person put where it is."""
_BACKGROUND_WORDS = 400_000
"""Words of all that was read that are remembered at most."""
_PRIOR = 1_000


class Ledger:
    """The reports of the last weeks by development, and the words of everything that was read."""

    def __init__(self, storylines: Iterable[Storyline] = ()) -> None:
        self._background: Counter[str] = Counter()
        self._read = 0
        self._profiles: dict[str, Profile] = defaultdict(Profile)
        self._storylines = {storyline.id: storyline for storyline in storylines}
        for storyline in self._storylines.values():
            self._profiles[storyline.id] = Profile(told_by(storyline.seed))
        self._reports: list[Shelved] = []
        """All of them, in order of time; the same by storyline, and by development."""
        self._shelves: dict[str, Shelf] = {}
        self._told_of: dict[str, list[Shelved]] = {}
        self._entered = 0
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
                ledger._enter(_placed(report, placement))
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
        self._enter(replace(report, development=placement.development, vouched=True))
        self._developments.setdefault(placement.development, _begun(placement, alerted=True))

    def _learn(self, read: Facts) -> None:
        self._read += 1
        self._background.update(list(read.told))
        forget_rarest(self._background, _BACKGROUND_WORDS)

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

    def _enter(self, report: Report) -> None:
        self._entered += 1
        shelved = Shelved.of(report, self._entered)
        insort(self._reports, shelved)
        insort(self._told_of.setdefault(report.development, []), shelved)
        for storyline in report.storylines:
            self._shelves.setdefault(storyline, Shelf()).add(shelved)

    def shelves(self, storylines: Iterable[str]) -> list[Shelf]:
        """The reports on each of these storylines that has any."""
        return [self._shelves[storyline] for storyline in dict.fromkeys(storylines) if storyline in self._shelves]

    def newest(self, since: datetime, storylines: Iterable[str], most: int) -> Newest:
        """The newest earlier reports on any of these storylines, but no more than `most`."""
        return Newest(self.shelves(storylines), since.timestamp(), most)

    def near(self, report: Report, before: Shelved, since: datetime, most: int) -> list[Report]:
        """Near-duplicates of a report on any of its storylines, published since then and before `before`, each once."""
        found = [shelf.near(report, before, since.timestamp(), most) for shelf in self.shelves(report.storylines)]
        return list({shelved.number: shelved.report for known in found for shelved in known}.values())

    def reports_since(self, since: datetime, storylines: Iterable[str]) -> Iterator[Report]:
        """Earlier reports on any of these storylines, latest first."""
        return (shelved.report for shelved in self.newest(since, storylines, len(self._reports)))

    def development(self, identifier: str) -> Development | None:
        """The development of that id, while it is remembered."""
        return self._developments.get(identifier)

    def development_of(self, entries: Collection[str]) -> Development | None:
        """The development in which the latest of these entries was placed."""
        placed = (found.report.development for found in reversed(self._reports) if found.report.entry.id in entries)
        return self.development(next(placed, ""))

    def reports_of(self, development: str) -> Iterator[Report]:
        """Every report of a development that is remembered, latest first."""
        return (shelved.report for shelved in self.shelved(development))

    def shelved(self, development: str) -> Iterator[Shelved]:
        """The same, each with its place in the order of time."""
        return reversed(self._told_of.get(development, ()))

    def updates(self, development: Development) -> tuple[Change, ...]:
        """The changes of a development that are told: as the first of its storylines has it that is followed."""
        followed = (self._storylines[s].updates for s in development.storylines if s in self._storylines)
        return next(followed, tuple(Change))

    def note(self, placement: Placement, report: Report) -> Development:
        """Enter a placement; returns its development, new or grown."""
        entry = placement.entry
        known = self._developments.get(placement.development)
        self._enter(_placed(report, placement))
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
        earlier = (
            d
            for d in self._developments.values()
            if d.alerted and d.reports and d.id != development.id and not ours.isdisjoint(d.storylines)
        )
        latest = nlargest(KNOWN_BEFORE, earlier, key=lambda d: (d.started_at, d.id))
        return tuple(map(Link.to_start_of, latest))

    def first_told(self, development: Development) -> tuple[Link, str]:
        """(the report by which a development was told first, the id of that alert); no id where following began with it."""
        told = [report.entry for report in self.reports_of(development.id) if report.told]
        link = Link.to(told[-1]) if told else Link.to_start_of(development)
        return link, self._first_alerts.get(development.id, "")

    def forget_before(self, moment: datetime) -> None:
        """Drop what is older than the window."""
        old = bisect_left(self._reports, (moment.timestamp(),))
        if not old:
            return
        on = Counter(
            storyline for shelved in self._reports[:old] for storyline in dict.fromkeys(shelved.report.storylines)
        )
        of = Counter(shelved.report.development for shelved in self._reports[:old])
        del self._reports[:old]
        for storyline, count in on.items():
            self._shelves[storyline].drop(count)
        for development, count in of.items():
            del self._told_of[development][:count]
        self._shelves = {key: shelf for key, shelf in self._shelves.items() if shelf.reports}
        self._told_of = {key: reports for key, reports in self._told_of.items() if reports}
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


def _found(match: Match) -> set[str]:
    """The folded words found for a match's terms."""
    return {word for evidence in match.evidence for word in fold_all(evidence.found).split()}
