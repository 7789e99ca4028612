"""How much an alert matters, from what is known when it is decided: urgent terms, whose report it is, how sure it is. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from monitor.model import Change, Development, Placement, Severity

_SEVERAL = 3
"""Outlets from which on a development is beyond doubt."""
_STEPS = (Severity.LOW, Severity.NORMAL, Severity.HIGH)
_GRAVE = (Change.CONTRADICTED.value, Change.CORRECTED.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlets:
    """How far outlets are trusted; those that are named nowhere lie between the two."""

    trusted: tuple[str, ...] = ()
    """Their word is enough."""
    doubtful: tuple[str, ...] = ()
    """Alone, they are not enough."""


def severity(placement: Placement, development: Development, urgent: Collection[str], outlets: Outlets) -> Severity:
    """Critical for an urgent term; else by a step above normal for each good sign, and below it for each bad one.

    Good: a trusted outlet, or three outlets; what was told is denied or corrected. Bad: hearsay; nobody but doubtful
    outlets, which make an urgent term no more than high.
    """
    said_by = {name.casefold() for name in development.outlets}
    trusted, doubtful = _folded(outlets.trusted), _folded(outlets.doubtful)
    alone = bool(said_by) and said_by <= doubtful
    if any(e.term in urgent for match in placement.matches for e in match.evidence):
        return Severity.HIGH if alone else Severity.CRITICAL
    good = bool(said_by & trusted) or len(said_by - doubtful) >= _SEVERAL
    step = 1 + good + (placement.reason in _GRAVE) - placement.hearsay - alone
    return _STEPS[min(max(step, 0), len(_STEPS) - 1)]


def _folded(names: Iterable[str]) -> set[str]:
    return {name.casefold() for name in names}
