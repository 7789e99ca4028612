from __future__ import annotations

import gzip
import io
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.alerts.route import Routing
from monitor.config import load
from monitor.desk import Rules
from monitor.model import Storyline, Terms
from monitor.replay import run
from monitor.replay.recorded import ReplayError, entries, labels
from monitor.replay.score import Decided, score
from monitor.stories.match import Matcher
from tests.needed import lacking

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
DAM = Storyline(id="dam", title="The dam", terms=Terms(any=("dam",)), channels=("c",))
RULES = Rules(Matcher([DAM]), Routing({"dam": DAM}, {"c": ("",)}))
SHARED = Path(os.environ.get("MONITOR_SHARED", Path(__file__).parents[3] / "shared"))
ROOT = Path(__file__).parents[2]


def record(identifier: str, title: str, minutes: int, **more: Any) -> str:
    return json.dumps({
        "id": identifier, "published": (NOON + timedelta(minutes=minutes)).isoformat(), "source": "Herald", "feed": "f", "lang": "en",
        "title": title, "summary": "", "url": f"https://h.example/{identifier}", **more,
    })  # fmt: skip


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    path = tmp_path / "stream.jsonl.gz"
    lines = [
        record("b", "Crack is found: dam closed", 30),
        record("a", "Dam closed after crack is found", 0),
        record("c", "Ferry fares rise", 5),
    ]
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


def test_a_recording_is_replayed_in_order_of_time_and_each_match_gets_a_line(stream: Path) -> None:
    out = io.StringIO()
    outcome = run([stream], RULES, decisions=out)
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    assert (outcome.entries, outcome.alerts) == (3, 1)
    assert [line["entry"] for line in told] == ["a", "b"]
    assert set(told[0]) == {"entry", "storylines", "score", "decision", "development", "alert", "reason", "nearest"}
    assert told[0] | {"development": "", "score": 0} == {
        "entry": "a", "storylines": ["dam"], "score": 0, "decision": "new", "development": "", "alert": True, "reason": "new-fact", "nearest": None,
    }  # fmt: skip
    assert (told[1]["decision"], told[1]["alert"], told[1]["nearest"]) == ("coverage", False, "a")


def test_a_feed_document_is_a_recording_too(tmp_path: Path) -> None:
    path = tmp_path / "feed.xml"
    path.write_text(
        "<rss version='2.0'><channel><title>Herald</title><item><title>Dam breaks, three die</title><guid>1</guid>"
        "<pubDate>Tue, 05 Mar 2024 12:00:00 GMT</pubDate></item></channel></rss>"
    )
    (entry,) = entries([path])
    assert (entry.title, entry.outlet, entry.published) == ("Dam breaks, three die", "Herald", NOON)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("not json\n", ":1: is not a JSON object"),
        (record("a", "x", 0) + "\n[1]\n", ":2: is not a JSON object"),
        ('{"title": "x"}\n', ':1: the entry has no "id"'),
        ('{"id": "a", "published": "yesterday"}\n', ':1: "published" is not a date'),
    ],
)
def test_a_broken_recording_is_told_with_its_line(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "stream.jsonl"
    path.write_text(content)
    with pytest.raises(ReplayError, match=rf"{path}{sentence}"):
        list(entries([path]))


def test_a_recording_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match="cannot be read"):
        list(entries([tmp_path / "nowhere"]))


def decided(entry: str, development: str, *, alert: bool, minutes: int = 0) -> Decided:
    return Decided(entry, NOON + timedelta(minutes=minutes), development, alert)


def test_scores_follow_the_definition() -> None:
    """Two developments (x: a, b; y: d), coverage c, doubtful q, an unrelated u: one hit late, one redundant, one noise, one missed."""
    gold = {"a": "x", "b": "x", "c": "~", "d": "y", "q": "?", "u": "-"}
    published = dict.fromkeys(gold, NOON)
    made = [
        decided("a", "1", alert=False), decided("b", "1", alert=True, minutes=10), decided("b2", "1", alert=False),
        decided("c", "2", alert=True), decided("q", "3", alert=True), decided("u", "1", alert=False),
    ]  # fmt: skip
    scores = score(made, published, gold)
    assert (scores.hits, scores.redundant, scores.noise, scores.developments) == (1, 0, 1, 2)
    assert scores.alert_precision == 1 / 2
    assert scores.alert_recall == 1 / 2
    assert scores.alert_f1 == 1 / 2
    assert scores.on_story_precision == pytest.approx(3 / 5)  # a, b, c of a, b, b2, c, u
    assert scores.on_story_recall == pytest.approx(3 / 4)
    assert scores.pair_f1 == 1.0
    assert scores.delay_median_minutes == 10


def test_labels_are_read_and_mistakes_in_them_told(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text('{"id": "a", "label": "x"}\n')
    assert labels(path) == {"a": "x"}
    path.write_text('{"id": "a"}\n')
    with pytest.raises(ReplayError, match=":1: a label needs 'label'"):
        labels(path)


@pytest.mark.no_cover
@pytest.mark.shared
@pytest.mark.timeout(400)
def test_the_recorded_month_scores_no_worse_than_it_did() -> None:
    """The floors lie a little below what was reached (docs/quality.md)."""
    stream, gold = SHARED / "data/kim-putin/stream.jsonl.gz", SHARED / "data/kim-putin/labels.jsonl"
    if not stream.exists():
        lacking(f"no labelled data at {SHARED}; set MONITOR_SHARED")
    outcome = run([stream], load(ROOT / "config/monitor.yaml").rules())
    scores = outcome.scores(labels(gold))
    assert outcome.entries == 71_819
    assert scores.on_story_f1 >= 0.93
    assert scores.alert_f1 >= 0.73
    assert scores.pair_f1 >= 0.87
    assert scores.alerts <= 60
    assert scores.delay_median_minutes <= 30
    assert scores.delay_90th_minutes <= 360
