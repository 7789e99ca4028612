"""`monitor feedback`: a person's judgement of an entry, kept or taken back; the grouping of the reports and the thresholds follow it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from monitor.config import Config
from monitor.config.shape import nearest
from monitor.desk import MEMORY
from monitor.errors import MonitorError
from monitor.model import Decision, Development, Entry, Feedback, Judgement, Match, Placement, Storyline
from monitor.store import Connection, Store, exists, feedback, stories
from monitor.stories.facts import facts
from monitor.stories.feedback import is_in_reach, put, shown, threshold
from monitor.stories.ledger import BY_PERSON, Ledger
from monitor.stories.place import new_id, place


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a person says, in their own words."""

    entry: str
    """The entry's id, the beginning of it, or its URL."""
    judgement: Judgement
    development: str = ""
    """With `same-as`: the development's id, the beginning of it, or one of its reports, named like an entry."""
    storyline: str = ""
    """The id of the storyline that is meant; empty for the one that the entry fits best."""


@dataclass(frozen=True, slots=True)
class _Case:
    """An entry with what is known of it before it is judged."""

    entry: Entry
    placed: Placement | None
    """As the rules had it before any judgement; for an entry that missed, the coverage that it would be."""
    missed: bool
    scores: tuple[Match, ...]
    """Its matches; for one that missed, how near it came to each storyline. Best first."""
    earlier: tuple[Feedback, ...]


def give(said: Said, config: Config, store: Store, now: datetime | None = None) -> dict[str, Any]:
    """Keep what a person said of an entry, in the place of what they said of it before, and let the grouping follow.

    Returns JSON values: `entry` (id), `title`, `judgement`, `storyline` (id), `score`, `threshold` now in force,
    `threshold_set`, `development` (id, or None when it is in none), `sentence`. Sends no alert: who says it knows it.
    Raises MonitorError when the entry, storyline or development cannot be told, or the judgement does not fit.
    """
    now = now or datetime.now(UTC)
    with store.read() as tx:
        case = _case(tx, said, config)
    storyline = _storyline(said, case, config)
    return store.write(lambda tx: _settle(tx, said, case, storyline, now))


def take_back(name: str, store: Store, now: datetime | None = None) -> dict[str, Any]:
    """Take back all that a person said of an entry: it goes where the rules had put it, and thresholds follow.

    Returns JSON values: `entry` (id), `title`, `judgements` that held, `storylines` (ids) they were about, `development` (id, or
    None when it is in none), `sentence`. Raises MonitorError when nothing was said of it.
    """
    now = now or datetime.now(UTC)
    return store.write(lambda tx: _take_back(tx, name, now))


def _take_back(tx: Connection, name: str, now: datetime) -> dict[str, Any]:
    entry = _entry(tx, name)
    said = feedback.of_entry(tx, entry.id)
    if not said:
        raise MonitorError(f"Nothing was said of “{entry.title}”, so there is nothing to take back.")
    was = feedback.undecided(tx, entry)
    is_there = was is not None and stories.development(tx, was.development) is not None
    lent = _lent(tx, entry, said)
    feedback.replace(tx, entry, ())
    told = was is not None and was.decision is not Decision.COVERAGE
    feedback.move(tx, entry, was, now, known=told)
    _give_back(tx, lent, now)
    if was is not None and not is_there and not told:  # it waits alone again, and nobody has been told
        remade = stories.development(tx, was.development)
        assert remade is not None
        stories.save(tx, (), (), [replace(remade, alerted=False)], now)
    judgements = sorted({str(one.judgement) for one in said})
    where = "It is where the rules had put it." if was else "It matches no storyline, as before."
    return {
        "entry": entry.id, "title": entry.title, "judgements": judgements, "storylines": [one.storyline for one in said],
        "development": was.development if was else None,
        "sentence": f"What was said of “{entry.title}” ({', '.join(judgements)}) is taken back. {where}",
    }  # fmt: skip


def given(config: Config) -> tuple[Feedback, ...]:
    """What was said of entries so far, on the storylines of `config`; nothing where there is no store. Raises StoreError."""
    if not exists(config.store):
        return ()
    store = Store.open(config.store)
    try:
        with store.read() as tx:
            known = {storyline.id for storyline in config.storylines}
            return tuple(one for one in feedback.given(tx) if one.storyline in known)
    finally:
        store.close()


# --- what is meant


def _case(tx: Connection, said: Said, config: Config) -> _Case:
    entry = _entry(tx, said.entry)
    earlier = feedback.of_entry(tx, entry.id)
    placed = feedback.undecided(tx, entry)
    if placed is not None:
        return _Case(entry, placed, missed=False, scores=placed.matches, earlier=earlier)
    rules = config.rules().heeding(feedback.given(tx))
    history = stories.history(tx, entry.published - MEMORY)
    others = tuple(placement for placement in history.placements if placement.entry.id != entry.id)
    ledger = Ledger.recall(replace(history, placements=others), rules.matcher.storylines)
    read = facts(entry)
    scores = tuple(match for match in rules.scored(entry, read, ledger) if match.score)
    meant = [match for match in scores if match.storyline == said.storyline] if said.storyline else scores[:1]
    report = ledger.note_entry(entry, read, meant)
    would_be = replace(place(report, meant, ledger), decision=Decision.COVERAGE) if report else None
    return _Case(entry, would_be, missed=True, scores=scores, earlier=earlier)


def _entry(tx: Connection, name: str) -> Entry:
    found = stories.named(tx, name)
    if not found:
        raise MonitorError(f"There is no entry “{name}” in the store; give its id, the beginning of it, or its URL.")
    if len(found) > 1:
        some = ", ".join(entry.id for entry in found)
        raise MonitorError(f"More than one entry's id begins with “{name}”: {some}; write more of it.")
    return found[0]


def _storyline(said: Said, case: _Case, config: Config) -> Storyline:
    """The storyline that the judgement is about. Raises MonitorError when there is none, or it does not fit."""
    known = {storyline.id: storyline for storyline in config.storylines}
    title = case.entry.title
    if said.storyline and said.storyline not in known:
        raise MonitorError(f"There is no storyline `{said.storyline}`; {nearest(said.storyline, set(known))}")
    scored = [match.storyline for match in case.scores if match.storyline in known]
    if said.judgement is Judgement.WRONG and case.missed and not case.earlier:
        raise MonitorError(f"“{title}” matches no storyline, so nothing is wrong with it.")
    if not scored:
        raise MonitorError(
            f"“{title}” has no term of any storyline, or one that excludes it; change the terms, `monitor explain` shows them."
        )
    if said.storyline and said.storyline not in scored:
        on = " and ".join(f"`{storyline}`" for storyline in scored)
        raise MonitorError(f"“{title}” is not on `{said.storyline}`, but on {on}.")
    return known[said.storyline or scored[0]]


def _development(tx: Connection, name: str) -> Development:
    """A development by its id, the beginning of it, or one of its reports. Raises MonitorError."""
    found = stories.developments_named(tx, name)
    if len(found) > 1:
        some = ", ".join(development.id for development in found)
        raise MonitorError(f"More than one development's id begins with “{name}”: {some}; write more of it.")
    if found:
        return found[0]
    entries = stories.named(tx, name)
    placement = stories.placement(tx, entries[0].id) if len(entries) == 1 else None
    known = stories.development(tx, placement.development) if placement else None
    if known is None:
        raise MonitorError(
            f"There is no development “{name}”; give the id of one (`monitor timeline STORYLINE` shows them), or the id or URL of a report."
        )
    return known


# --- what follows


def _settle(tx: Connection, said: Said, case: _Case, storyline: Storyline, now: datetime) -> dict[str, Any]:
    """Write the judgement and all that follows from it, in the caller's transaction."""
    before = threshold(storyline, feedback.given(tx))
    meant = _development(tx, said.development) if said.judgement is Judgement.SAME_AS else None
    one = Feedback(
        entry=case.entry.id,
        storyline=storyline.id,
        judgement=said.judgement,
        score=next(match.score for match in case.scores if match.storyline == storyline.id),
        development=meant.id if meant else _own(tx, case) if said.judgement is Judgement.NEW else "",
        given_at=now,
    )
    in_force = _with_earlier(one, case.earlier)
    placement, lent = _placed(case, in_force, meant), _lent(tx, case.entry, case.earlier)
    feedback.replace(tx, case.entry, in_force)
    told = placement is not None and placement.decision is not Decision.COVERAGE
    feedback.move(tx, case.entry, placement, now, known=told)
    _give_back(tx, lent, now)
    after = threshold(storyline, feedback.given(tx))
    assert case.placed is not None
    development = stories.development(tx, (placement or case.placed).development)
    return {
        "entry": case.entry.id, "title": case.entry.title, "judgement": str(said.judgement), "storyline": storyline.id,
        "score": one.score, "threshold": after, "threshold_set": storyline.threshold,
        "development": placement.development if placement else None,
        "sentence": " ".join(_sentences(case, in_force, storyline, (before, after), development)),
    }  # fmt: skip


def _lent(tx: Connection, entry: Entry, said: Sequence[Feedback]) -> str:
    """The development that people know of only since the entry, which they had been told of, was put there; empty for none."""
    placed = stories.placement(tx, entry.id)
    is_put = any(one.judgement is Judgement.SAME_AS for one in said)
    return placed.development if is_put and placed and placed.decision is Decision.NEW else ""


def _give_back(tx: Connection, lent: str, now: datetime) -> None:
    """Once the entry has left it, people know no more of that development, unless by another of its reports."""
    left = stories.development(tx, lent) if lent else None
    if left is None:
        return
    told = (one.decision is not Decision.COVERAGE or one.reason == BY_PERSON for one in stories.reports_of(tx, lent))
    if not any(told):
        stories.save(tx, (), (), [replace(left, alerted=False)], now)


def _own(tx: Connection, case: _Case) -> str:
    """The id of the entry's own development: the one it is in when it is alone there, else one that follows from its id."""
    assert case.placed is not None
    if all(report.entry.id == case.entry.id for report in stories.reports_of(tx, case.placed.development)):
        return case.placed.development
    return new_id(f"{case.entry.id}\0new")


def _with_earlier(one: Feedback, earlier: Sequence[Feedback]) -> tuple[Feedback, ...]:
    """What holds from now on: an entry may be wrong for several storylines; any other judgement stands alone."""
    if all(other.judgement is Judgement.WRONG for other in (one, *earlier)):
        return (*(other for other in earlier if other.storyline != one.storyline), one)
    return (one,)


def _placed(case: _Case, in_force: Sequence[Feedback], meant: Development | None) -> Placement | None:
    """Where the entry belongs by what holds from now on."""
    assert case.placed is not None
    one = in_force[-1]
    if one.judgement is Judgement.WRONG:
        wrong = {other.storyline for other in in_force}
        matches = tuple(match for match in case.placed.matches if match.storyline not in wrong)
        return replace(case.placed, matches=matches) if matches and not case.missed else None
    if one.judgement is not Judgement.RIGHT:
        return put(case.placed, one, meant)
    if not case.missed:
        return case.placed
    return replace(case.placed, reason="right", explanation="A person said that it is about the storyline.")


# --- how it is told


def _sentences(
    case: _Case,
    in_force: Sequence[Feedback],
    storyline: Storyline,
    thresholds: tuple[float, float],
    development: Development | None,
) -> Iterator[str]:
    one, (before, after) = in_force[-1], thresholds
    as_what = {
        Judgement.WRONG: "wrong",
        Judgement.RIGHT: "right",
        Judgement.SAME_AS: f"a report of “{development.title if development else ''}”",
        Judgement.NEW: "a development of its own",
    }[one.judgement]
    verb = "stays" if after == before else "is now"
    as_set = "" if after == storyline.threshold else f" (set: {shown(storyline.threshold)})"
    yield f"“{case.entry.title}” counts as {as_what} for “{storyline.title}”; its threshold {verb} {shown(after)}{as_set}."
    if one.judgement is not Judgement.WRONG and one.score < after:
        more = (
            "more such judgements lower it further" if is_in_reach(one.score, storyline) else "wider terms would help"
        )
        yield f"The entry is kept, but what scores no more than its {shown(one.score)} still misses; {more}."
    if one.judgement is Judgement.WRONG and development and not case.missed:
        wrong = {other.storyline for other in in_force}
        left = [match.storyline for match in case.scores if match.storyline not in wrong]
        others = "1 other report" if development.reports == 1 else f"{development.reports} other reports"
        on = f"It stays on `{left[0]}`; with `--storyline {left[0]}` it is taken off there too." if left else ""
        yield on or f"The development that it was in keeps {others}."
    if replaced := {str(f.judgement) for f in case.earlier} - {str(one.judgement)}:
        yield f"This takes the place of `{min(replaced)}`."
