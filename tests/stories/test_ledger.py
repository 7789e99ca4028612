"""The ledger stays as large as its window, however long it has been at work."""

from __future__ import annotations

import pickle
from collections import Counter
from datetime import timedelta

import pytest

from monitor.desk import MEMORY
from monitor.model import Match
from monitor.stories import ledger as ledger_module
from monitor.stories import profile
from monitor.stories.facts import facts
from monitor.stories.ledger import Ledger
from monitor.stories.place import place
from monitor.stories.profile import forget_rarest
from tests.stories.conftest import NOON, MakeEntry

MATCHES = (Match(storyline="mill", score=1.0, evidence=()),)
A_DAY = 4


def size_by_month(months: int, entry: MakeEntry) -> list[int]:
    """Bytes of all that a ledger holds, at the end of each month of reports in ever new words."""
    ledger, sizes = Ledger(), []
    for day in range(months * MEMORY.days):
        for n in range(A_DAY):
            number = day * A_DAY + n
            told = entry(
                f"Mill: quarrel{number} over vat{number % 50} settled",
                f"Weaver{number} and spinner{number} met.",
                minutes=day * 24 * 60 + n,
            )
            report = ledger.note_entry(told, facts(told), MATCHES)
            assert report is not None
            ledger.note(place(report, MATCHES, ledger), report)
        ledger.forget_before(NOON + timedelta(days=day) - MEMORY)
        if (day + 1) % MEMORY.days == 0:
            sizes.append(len(pickle.dumps(ledger)))
    return sizes


@pytest.mark.no_cover
def test_months_of_reports_take_no_more_memory_than_the_window_of_them(
    entry: MakeEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "_BACKGROUND_WORDS", 400)
    monkeypatch.setattr(profile, "_WORDS", 200)
    monkeypatch.setattr("monitor.stories.shelf._SLACK", 50)
    monkeypatch.setattr("monitor.stories.place.COMPARED", 8)  # so that older reports are asked for, too
    sizes = size_by_month(8, entry)
    assert sizes[0] > 100 * A_DAY * MEMORY.days
    assert max(sizes[4:]) <= 1.05 * max(sizes[1:4])


def test_the_words_that_were_said_least_are_forgotten_first() -> None:
    counts = Counter(mill=9, fire=7, owner=5, noon=1, late=1)
    forget_rarest(counts, 5)
    assert len(counts) == 5
    forget_rarest(counts, 4)
    assert set(counts) == {"mill", "fire"}


def test_where_all_words_are_as_rare_none_is_worth_keeping() -> None:
    counts = Counter({f"word{n}": 1 for n in range(5)})
    forget_rarest(counts, 4)
    assert not counts
