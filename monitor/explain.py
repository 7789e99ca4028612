"""Why an entry matched or not, and why it was new or not: for entries the store knows, and for any text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from monitor.config import Config
from monitor.desk import MEMORY, Rules
from monitor.model import Entry, Feedback, History, Match, Placement, Storyline
from monitor.store import Connection, Store, feedback, stories
from monitor.stories.facts import facts
from monitor.stories.feedback import told
from monitor.stories.form import form, form_features
from monitor.stories.headline import likelihood, signs, telling
from monitor.stories.ledger import Ledger
from monitor.stories.pair import difference
from monitor.stories.place import DOUBTFUL, SURE, place
from monitor.stories.report import Report

_SIGNS = 6
"""How many signs of form are named."""
_LEAD = 300
"""Characters of a summary that are shown."""
_NEAR = 60
"""Earlier reports by which a recorded one's words are weighed."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """An entry as the line saw it, or would see it now."""

    entry: Entry
    scored: tuple[Match, ...]
    """Every storyline of which it has a term, the best first."""
    placement: Placement | None
    """None when it matched nothing."""
    report: Report | None
    nearest: Report | None


def explain(what: str, config: Config, store: Store, now: datetime | None = None) -> dict[str, Any]:
    """Explain an entry (its id, the beginning of it, or its URL) as it was decided, or a text as it would be now.

    Returns JSON values: `entry`; `marked`, its title and lead with the found terms in brackets; `storylines` with score,
    threshold, the score's parts and the evidence, the best first, also those that miss; `form`, how likely it reports an event
    and what speaks for it; `placement` with the decision and its reason, or None for a miss; `nearest`, the report most like it,
    with what both tell and what only one does, or None; `sentence`.
    """
    now = now or datetime.now(UTC)
    with store.read() as tx:
        given = feedback.given(tx)
        known = stories.entry(tx, what)
        placement = stories.placement(tx, known.id) if known else None
        entry = known or _as_entry(what, now)
        rules = config.rules().heeding(given)
        past = _past(tx, entry, placement, rules)
    return _told(entry, placement, past, given, config)


def recorded(placement: Placement, config: Config, store: Store) -> dict[str, Any]:
    """Explain a report as it was decided, at once: as `explain` does, with only the storylines that it is on.

    All that was read in the month before it stays unread, so words are weighed by the story's own reports alone: which of
    them are named as common to it and its nearest may differ from what `explain` names; no score and no decision does.
    """
    entry, ours = placement.entry, set(placement.storylines)
    with store.read() as tx:
        near = stories.reports_before(tx, placement.storylines, entry.published, _NEAR)
        nearest = stories.placement(tx, placement.nearest) if placement.nearest else None
        given = feedback.given(tx)
    known = {one.entry.id: one for one in (*near, *((nearest,) if nearest else ()))}
    before = tuple(sorted(known.values(), key=lambda one: (one.entry.published, one.entry.id)))
    past = History(placements=before, entries=tuple(one.entry for one in before))
    followed = tuple(storyline for storyline in config.storylines if storyline.id in ours)
    return _told(entry, placement, past, given, replace(config, storylines=followed))


def _told(
    entry: Entry, placement: Placement | None, past: History, given: Sequence[Feedback], config: Config
) -> dict[str, Any]:
    """What there is to tell of an entry, by what was known of it and before it."""
    rules = config.rules().heeding(given)
    seen = _see(entry, placement, rules, Ledger.recall(_before(past, entry), rules.matcher.storylines))
    storylines = {storyline.id: storyline for storyline in rules.matcher.storylines}
    near = [storyline for storyline in config.storylines if storyline.id in {match.storyline for match in seen.scored}]
    judged = told(entry.id, near, given)
    is_judged = any(one.entry == entry.id for one in given)
    why = seen.placement.explanation if seen.placement else "" if is_judged else _miss(seen.scored, storylines)
    return {
        "entry": {
            "id": entry.id, "title": entry.title, "outlet": entry.outlet, "url": entry.url, "published": entry.published.isoformat(),
        },
        "marked": _marked(entry, seen.scored),
        "storylines": [_scored(match, storylines[match.storyline]) for match in seen.scored],
        "form": _form(entry),
        "placement": _placed(seen.placement) if seen.placement else None,
        "nearest": _nearest(seen),
        "sentence": f"{why} {judged}".strip(),
    }  # fmt: skip


def _past(tx: Connection, entry: Entry, placement: Placement | None, rules: Rules) -> History:
    """What was told before on the storylines that the entry may be on, and what else was read; nothing where it is on none."""
    on = {match.storyline for match in rules.matcher.scores(entry)} | set(placement.storylines if placement else ())
    return stories.history(tx, entry.published - MEMORY, entry.published, on) if on else History()


def _see(entry: Entry, placement: Placement | None, rules: Rules, ledger: Ledger) -> _Seen:
    """`entry` beside what `ledger` knew; where it has no place yet, it gets the one it would have."""
    read = facts(entry)
    decided = {match.storyline: match for match in placement.matches} if placement else {}
    scored = rules.scored(entry, read, ledger)
    matches = placement.matches if placement else rules.matches(entry, scored)
    scored = [decided.get(match.storyline, match) for match in scored]
    report = ledger.note_entry(entry, read, matches)
    if report is not None and placement is None:
        placement = rules.judged.placed(place(report, matches, ledger), ledger)
    earlier = ledger.reports_since(entry.published - MEMORY, report.storylines) if report else ()
    return _Seen(
        entry=entry,
        scored=tuple(sorted(scored, key=lambda match: (-match.score, match.storyline))),
        placement=placement,
        report=report,
        nearest=next((known for known in earlier if placement and known.entry.id == placement.nearest), None),
    )


def _before(past: History, entry: Entry) -> History:
    """What was known when `entry` came."""
    moment = (entry.published, entry.id)
    return replace(
        past,
        entries=tuple(known for known in past.entries if (known.published, known.id) < moment),
        placements=tuple(known for known in past.placements if (known.entry.published, known.entry.id) < moment),
    )


def _as_entry(text: str, now: datetime) -> Entry:
    title, _, summary = text.strip().partition("\n")
    identifier = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()
    url = title if title.startswith(("http://", "https://")) else ""
    return Entry(id=identifier, feed="", url=url, title=title, summary=summary, published=now, language="", outlet="")


# --- what was found, in JSON values


def _scored(match: Match, storyline: Storyline) -> dict[str, Any]:
    return {
        "id": storyline.id, "title": storyline.title, "score": match.score, "threshold": storyline.threshold,
        "matched": match.score >= storyline.threshold, "by_terms": match.by_terms, "familiarity": match.familiarity,
        "familiar": list(match.familiar), "evidence": [asdict(evidence) for evidence in match.evidence],
    }  # fmt: skip


def _form(entry: Entry) -> dict[str, Any]:
    found = signs(entry, form_features(entry))
    return {
        "form": form(entry), "event": round(likelihood(found), 3), "told_from": SURE, "waits_from": DOUBTFUL,
        "signs": [{"sign": sign, "weight": weight} for sign, weight in telling(found, _SIGNS)],
    }  # fmt: skip


def _placed(placement: Placement) -> dict[str, Any]:
    return {
        "decision": placement.decision.value, "reason": placement.reason, "development": placement.development,
        "nearest": placement.nearest, "similarity": placement.similarity,
    }  # fmt: skip


def _nearest(seen: _Seen) -> dict[str, Any] | None:
    if seen.report is None or seen.placement is None or seen.nearest is None:
        return None
    differs, entry = difference(seen.report, seen.nearest), seen.nearest.entry
    return {
        "id": entry.id, "title": entry.title, "outlet": entry.outlet, "published": entry.published.isoformat(),
        "alike": seen.placement.similarity, "both": list(differs.both), "only_this": list(differs.later),
        "only_nearest": list(differs.earlier),
    }  # fmt: skip


def _marked(entry: Entry, scored: Iterable[Match]) -> dict[str, str]:
    """The title and the lead with the words found for terms in brackets."""
    texts = {"title": entry.title, "summary": entry.summary[:_LEAD]}
    for field, text in texts.items():
        found = {evidence.found for match in scored for evidence in match.evidence if evidence.field == field}
        texts[field] = _bracketed(text, found)
    return texts


def _bracketed(text: str, found: Iterable[str]) -> str:
    return "".join(f"[{part}]" if is_found else part for part, is_found in highlighted(text, found))


def highlighted(text: str, found: Iterable[str]) -> list[tuple[str, bool]]:
    """`text` in parts, each with whether it is one of the words `found` for a term."""
    phrases = [
        r"\W+".join(map(re.escape, phrase.split())) for phrase in sorted(found, key=lambda said: (-len(said), said))
    ]
    if not phrases:
        return [(text, False)]
    parts = re.split(rf"(?<!\w)({'|'.join(phrases)})(?!\w)", text)
    return [(part, number % 2 == 1) for number, part in enumerate(parts) if part]


# --- a miss in a sentence


def _miss(scores: Sequence[Match], storylines: dict[str, Storyline]) -> str:
    if not scores:
        return "It matches no storyline: none of their terms was found."
    best = scores[0]
    storyline = storylines[best.storyline]
    vetoes = [evidence.found for evidence in best.evidence if evidence.term in storyline.terms.none]
    if vetoes:
        return f"It matches no storyline: “{storyline.title}” excludes what says “{vetoes[0]}”."
    found = ", ".join(dict.fromkeys(evidence.found for evidence in best.evidence))
    return (
        f"It matches no storyline: “{storyline.title}” is nearest, {storyline.threshold - best.score:.2f} below the threshold; "
        f"found were {found}; {_missing(best, storyline)}."
    )


def _missing(match: Match, storyline: Storyline) -> str:
    """What the entry would have needed."""
    if match.by_terms >= storyline.threshold:
        return "these would do, but its other words are not those of the storyline's entries"
    terms = {evidence.term for evidence in match.evidence}
    groups = [" or ".join(group[:4]) for group in storyline.terms.all if not terms & set(group)]
    if groups:
        return "nothing was found of " + "; nor of ".join(groups)
    if storyline.terms.any and not terms & set(storyline.terms.any):
        return "nothing was found of " + ", ".join(storyline.terms.any[:6])
    return "they stand too far down or too few of them were found"
