"""What `monitor explain` tells: for what was decided, and for a text as it would be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.config import Config, load
from monitor.desk import MEMORY, decide, save
from monitor.explain import explain, recorded
from monitor.model import Entry
from monitor.store import Connection, Store, feeds, stories
from monitor.stories.ledger import Ledger

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
CONFIG = """
store: sqlite:///{folder}/monitor.db
storylines:
  - {{id: ferry, title: The Tarn ferry, terms: {{all: [Tarn, [ferry, strike]]}}, channels: [console]}}
feeds: [https://feed.example/rss]
channels: {{console: {{type: console}}}}
"""
TOLD = (
    ("Union calls strike at Tarn ferry", "Crews walk out over wages on Monday."),
    ("Tarn ferry: union calls crews out on strike", "Wages are the reason."),
    ("Police arrest two over blaze on Tarn ferry", "The harbour was closed."),
)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "monitor.yaml"
    path.write_text(CONFIG.format(folder=tmp_path))
    return load(path)


@pytest.fixture
def store(config: Config) -> Iterator[Store]:
    """What three outlets told, settled."""
    store = Store.open(config.store)
    ledger = Ledger(config.storylines)
    told = [
        Entry(id=f"e{n}", feed="https://feed.example/rss", url=f"https://h.example/{n}", title=title, summary=summary,
              published=NOON + timedelta(minutes=10 * n), language="en", outlet=f"Outlet {n}", keys=(f"e{n}",))
        for n, (title, summary) in enumerate(TOLD)
    ]  # fmt: skip
    changes = decide(told, ledger, config.rules(), NOON + timedelta(hours=1))

    def keep(tx: Connection) -> None:
        feeds.sync(tx, config.feeds, NOON)
        stories.sync(tx, config.storylines, NOON)
        save(tx, changes, NOON)

    store.write(keep)
    yield store
    store.close()


def told_of(what: str, config: Config, store: Store) -> dict[str, Any]:
    return explain(what, config, store, NOON + timedelta(hours=2))


def test_the_words_that_counted_are_marked_where_they_stand(config: Config, store: Store) -> None:
    assert told_of("e0", config, store)["marked"]["title"] == "Union calls strike at [Tarn] [ferry]"
    assert told_of("Rain all week", config, store)["marked"]["title"] == "Rain all week"


def test_a_rewrite_names_the_nearest_report_and_what_both_tell(config: Config, store: Store) -> None:
    told = told_of("e1", config, store)
    assert told["placement"]["decision"] == "coverage"
    assert told["nearest"]["id"] == "e0"
    assert "strike" in told["nearest"]["both"]
    assert told["nearest"]["alike"] >= 0.5


def test_a_new_fact_names_what_only_it_tells(config: Config, store: Store) -> None:
    told = told_of("https://h.example/2", config, store)
    assert told["placement"]["decision"] == "new"
    assert "arrest" in told["nearest"]["only_this"]
    assert "strike" in told["nearest"]["only_nearest"]


def test_an_entry_is_explained_by_what_was_known_when_it_came(config: Config, store: Store) -> None:
    """The first report has no nearest one, though there are later ones now."""
    assert told_of("e0", config, store)["nearest"] is None


def test_the_parts_of_a_score_add_up(config: Config, store: Store) -> None:
    for what in ("e0", "e1", "e2", "Tarn ferry sails again"):
        for storyline in told_of(what, config, store)["storylines"]:
            assert storyline["by_terms"] + storyline["familiarity"] == pytest.approx(storyline["score"])


def test_the_form_says_what_speaks_for_an_event_and_what_against(config: Config, store: Store) -> None:
    event = told_of("Police arrest two over theft on Tarn ferry", config, store)["form"]
    asks = told_of("Why does the Tarn ferry strike matter? An explainer", config, store)["form"]
    assert event["event"] > event["told_from"] > asks["event"]
    assert asks["form"] == "question"
    assert any(sign["weight"] < 0 for sign in asks["signs"])


def test_a_miss_says_how_far_and_for_want_of_what(config: Config, store: Store) -> None:
    told = told_of("Tarn bridge is painted", config, store)
    assert told["placement"] is None
    assert told["nearest"] is None
    assert "below the threshold" in told["sentence"]
    assert "nothing was found of ferry or strike" in told["sentence"]


def test_what_has_no_term_of_any_storyline_is_explained_without_looking_back(
    config: Config, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stories, "history", lambda *_: pytest.fail("a month is read for nothing"))
    assert told_of("Rain all week", config, store)["placement"] is None


def test_looking_changes_nothing(config: Config, store: Store) -> None:
    def known() -> object:
        with store.read() as tx:
            return stories.history(tx, NOON - MEMORY)

    before = known()
    told_of("Police arrest two over theft on Tarn ferry", config, store)
    assert known() == before


def test_an_old_entry_is_explained_by_what_was_read_then_however_much_came_since(config: Config, store: Store) -> None:
    """The newest entries are no background for an old one."""
    later = [
        Entry(id=f"late{n}", feed="https://feed.example/rss", url=f"https://h.example/late{n}", title="Tarn ferry: crews on strike", summary="",
              published=NOON + timedelta(hours=1), language="en", outlet="Outlet 9", keys=(f"late{n}",))
        for n in range(3)
    ]  # fmt: skip
    store.write(lambda tx: stories.save(tx, later, (), (), NOON))
    with store.read() as tx:
        past = stories.history(tx, NOON - MEMORY, NOON + timedelta(minutes=10))
    assert [entry.id for entry in past.entries] == ["e0", "e1"]
    assert [placement.entry.id for placement in past.placements] == ["e0", "e1"]


def test_a_recorded_report_is_explained_as_it_was_decided(config: Config, store: Store) -> None:
    """The page's quick way says what the command says, of the storylines that the report is on."""
    for number in range(len(TOLD)):
        with store.read() as tx:
            placement = stories.placement(tx, f"e{number}")
        assert placement is not None
        quick, whole = recorded(placement, config, store), explain(f"e{number}", config, store)
        for part in ("entry", "marked", "form", "placement", "sentence", "storylines"):
            assert quick[part] == whole[part], part
        assert (quick["nearest"] or {}).keys() == (whole["nearest"] or {}).keys()
        assert (quick["nearest"] or {}).get("id") == (whole["nearest"] or {}).get("id")
