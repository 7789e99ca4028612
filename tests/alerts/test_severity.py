"""How much an alert matters: what is known decides, urgent terms first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.alerts.severity import Outlets, severity
from monitor.model import Severity
from tests.alerts.test_route import DEVELOPMENT, PLACEMENT

OUTLETS = Outlets(trusted=("Wire Service",), doubtful=("Rumour Mill", "Daily Whisper"))


def judged(*outlets: str, hearsay: bool = False, reason: str = "new-fact", urgent: tuple[str, ...] = ()) -> Severity:
    placement = replace(PLACEMENT, hearsay=hearsay, reason=reason)
    return severity(placement, replace(DEVELOPMENT, outlets=outlets), urgent, OUTLETS)


@pytest.mark.parametrize(
    ("outlets", "hearsay", "expected"),
    [
        (("Herald",), False, Severity.NORMAL),
        (("Herald",), True, Severity.LOW),
        (("WIRE service",), False, Severity.HIGH),
        (("Wire Service",), True, Severity.NORMAL),
        (("Herald", "Post", "Gazette"), False, Severity.HIGH),
        (("Herald", "Rumour Mill", "Daily Whisper"), False, Severity.NORMAL),
        (("Rumour Mill",), False, Severity.LOW),
        (("Rumour Mill", "Daily Whisper"), True, Severity.LOW),
    ],
)
def test_trust_number_and_reserve_raise_and_lower(outlets: tuple[str, ...], hearsay: bool, expected: Severity) -> None:
    assert judged(*outlets, hearsay=hearsay) is expected


def test_a_denial_matters_more_than_another_report() -> None:
    assert judged("Herald", reason="contradicted") is Severity.HIGH
    assert judged("Herald", reason="number-changed") is Severity.NORMAL


def test_an_urgent_term_is_critical_unless_only_doubtful_outlets_say_it() -> None:
    assert judged("Herald", hearsay=True, urgent=("walkout",)) is Severity.CRITICAL
    assert judged("Rumour Mill", urgent=("walkout",)) is Severity.HIGH
    assert judged("Herald", urgent=("mutiny",)) is Severity.NORMAL


def test_severities_have_an_order() -> None:
    assert [s for s in Severity if s.reaches(Severity.HIGH)] == [Severity.HIGH, Severity.CRITICAL]
