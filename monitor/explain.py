"""Why an entry matched or not, and why it was new or not: for entries the store knows, and for any text."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from monitor.config import Config
from monitor.desk import MEMORY
from monitor.model import Entry, Match, Placement, Storyline
from monitor.store import Store, feedback, stories
from monitor.stories.facts import facts
from monitor.stories.feedback import adjusted, told
from monitor.stories.ledger import Ledger
from monitor.stories.match import Matcher
from monitor.stories.place import place


def explain(what: str, config: Config, store: Store, now: datetime | None = None) -> dict[str, Any]:
    """Explain an entry (its id, the beginning of it, or its URL) as it was decided, or a text as it would be now.

    Returns JSON values: `entry`; `storylines` with score, threshold and evidence, the best first, also those that
    miss; `placement` with the decision, its reason, the nearest report and how alike it is, or None for a miss; `sentence`.
    """
    now = now or datetime.now(UTC)
    with store.read() as tx:
        given = feedback.given(tx)
        storylines = adjusted(config.storylines, given)
        matcher = Matcher(storylines)
        entry = stories.entry(tx, what)
        placement = stories.placement(tx, entry.id) if entry else None
        if entry is None:
            entry = _as_entry(what, now)
            placement = _would_be(entry, matcher, Ledger.recall(stories.history(tx, now - MEMORY), storylines))
        nearest = stories.entry(tx, placement.nearest) if placement and placement.nearest else None
    scores = matcher.scores(entry)
    thresholds = {storyline.id: storyline for storyline in storylines}
    near = {match.storyline for match in scores}
    judged = told(entry.id, [storyline for storyline in config.storylines if storyline.id in near], given)
    sentence = placement.explanation if placement else "" if "A person" in judged else _miss(scores, thresholds)
    return {
        "entry": {
            "id": entry.id,
            "title": entry.title,
            "outlet": entry.outlet,
            "url": entry.url,
            "published": entry.published.isoformat(),
        },
        "storylines": [_scored(match, thresholds[match.storyline]) for match in scores],
        "placement": _placed(placement, nearest) if placement else None,
        "sentence": f"{sentence} {judged}".strip(),
    }


def _would_be(entry: Entry, matcher: Matcher, ledger: Ledger) -> Placement | None:
    read = facts(entry)
    matches = matcher.reached(ledger.sharpen(matcher.scores(entry), read))
    report = ledger.note_entry(entry, read, matches)
    return place(report, matches, ledger) if report else None


def _as_entry(text: str, now: datetime) -> Entry:
    title, _, summary = text.strip().partition("\n")
    identifier = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()
    url = title if title.startswith(("http://", "https://")) else ""
    return Entry(id=identifier, feed="", url=url, title=title, summary=summary, published=now, language="", outlet="")


def _scored(match: Match, storyline: Storyline) -> dict[str, Any]:
    return {
        "id": storyline.id, "title": storyline.title, "score": match.score, "threshold": storyline.threshold,
        "matched": match.score >= storyline.threshold, "evidence": [asdict(evidence) for evidence in match.evidence],
    }  # fmt: skip


def _placed(placement: Placement, nearest: Entry | None) -> dict[str, Any]:
    return {
        "decision": placement.decision.value, "reason": placement.reason, "development": placement.development,
        "nearest": placement.nearest, "nearest_title": nearest.title if nearest else None, "similarity": placement.similarity,
    }  # fmt: skip


def _miss(scores: list[Match], storylines: dict[str, Storyline]) -> str:
    if not scores:
        return "It matches no storyline: none of their terms was found."
    best = scores[0]
    storyline = storylines[best.storyline]
    vetoes = [evidence.found for evidence in best.evidence if evidence.term in storyline.terms.none]
    if vetoes:
        return f"It matches no storyline: “{storyline.title}” excludes what says “{vetoes[0]}”."
    found = ", ".join(dict.fromkeys(evidence.found for evidence in best.evidence))
    missing = _missing(best, storyline)
    return (
        f"It matches no storyline: “{storyline.title}” is nearest, {storyline.threshold - best.score:.2f} below the threshold; "
        f"found were {found}; {missing}."
    )


def _missing(match: Match, storyline: Storyline) -> str:
    """What the entry would have needed."""
    terms = {evidence.term for evidence in match.evidence}
    groups = [" or ".join(group[:4]) for group in storyline.terms.all if not terms & set(group)]
    if groups:
        return "nothing was found of " + "; nor of ".join(groups)
    if storyline.terms.any and not terms & set(storyline.terms.any):
        return "nothing was found of " + ", ".join(storyline.terms.any[:6])
    return "they stand too far down or too few of them were found"
