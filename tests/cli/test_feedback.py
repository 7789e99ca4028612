"""`monitor feedback` as its users meet it: sentences, JSON, exit codes, and what a replay says of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.model import Storyline, Terms
from monitor.store import Connection, Store, stories
from tests.cli.conftest import Command
from tests.store.conftest import NOON, development, entry, placement

CONFIG = """\
store: sqlite:///{folder}/monitor.db
storylines:
  - {{id: dam, title: The dam, terms: {{all: [dam], any: [report, evacuate]}}}}
feeds: [https://feed.example/rss]
channels: {{console: {{type: console}}}}
"""


@pytest.fixture
def filled(tmp_path: Path) -> None:
    """Two developments: one of the entries e11 and e12, one of e2."""
    store = Store.open(f"sqlite:///{tmp_path}/monitor.db")

    def fill(tx: Connection) -> None:
        stories.sync(tx, [Storyline(id="dam", title="The dam", terms=Terms(any=("dam",)))], NOON)
        placements = [placement(11), placement(12), placement(2, "d-2")]
        stories.save(tx, [entry(11), entry(12), entry(2)], placements, [development(), development("d-2")], NOON)

    store.write(fill)
    store.close()


pytestmark = pytest.mark.usefixtures("filled")


def test_what_changed_is_said_in_a_sentence(command: Command) -> None:
    code, out, _ = command("feedback", "e2", "wrong")
    assert code == 0
    assert out == "“Dam report 2 “댐”” counts as wrong for “The dam”; its threshold is now 0.52 (set: 0.50).\n"


def test_it_is_told_as_json_too(command: Command) -> None:
    told = json.loads(command("feedback", "https://news.example/12", "same-as", "d-2", "--json")[1])
    sentence = told.pop("sentence")
    assert told == {
        "entry": "e12", "title": "Dam report 12 “댐”", "judgement": "same-as", "storyline": "dam", "score": 0.75, "threshold": 0.5,
        "threshold_set": 0.5, "development": "d-2",
    }  # fmt: skip
    assert "counts as a report of “Dam report" in sentence
    view = json.loads(command("timeline", "dam", "--json")[1])
    assert {d["id"]: [report["id"] for report in d["reports"]] for d in view} == {"d-1": ["e11"], "d-2": ["e12", "e2"]}


def test_the_timeline_shows_by_which_id_a_development_can_be_named(command: Command) -> None:
    assert " d-2 " in command("timeline", "dam")[1]


def test_what_was_said_is_taken_back_by_undo(command: Command) -> None:
    def grouped() -> dict[str, list[str]]:
        view = json.loads(command("timeline", "dam", "--json")[1])
        return {d["id"]: [report["id"] for report in d["reports"]] for d in view}

    before = grouped()
    assert command("feedback", "e12", "new")[0] == 0
    assert grouped() != before
    code, out, _ = command("feedback", "e12", "undo")
    assert code == 0
    assert out == "What was said of “Dam report 12 “댐”” (new) is taken back. It is where the rules had put it.\n"
    assert grouped() == before
    assert "nothing to take back" in command("feedback", "e12", "undo")[2]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ("e2 wrnog", 2, "“wrnog” is no judgement; did you mean `wrong`?"),
        ("e2 same-as", 2, "say which: its id, or the id or URL of one of its reports"),
        ("e2 right d-1", 2, "`right` takes none; did you mean `same-as`?"),
        ("e2", 2, "Missing argument"),
        ("e2 undoo", 2, "“undoo” is no judgement; did you mean `undo`?"),
        ("e99 wrong", 1, "There is no entry “e99” in the store"),
        ("e1 wrong", 1, "More than one entry's id begins with “e1”: e11, e12; write more of it."),
        ("e2 same-as d-99", 1, "There is no development “d-99”"),
        ("e2 same-as d-", 1, "More than one development's id begins with “d-”: d-1, d-2"),
        ("e2 wrong --storyline damm", 1, "There is no storyline `damm`; did you mean `dam`?"),
    ],
)
def test_what_cannot_be_meant_is_told(command: Command, arguments: str, code: int, sentence: str) -> None:
    got, out, err = command("feedback", *arguments.split())
    assert (got, out) == (code, "")
    assert sentence in " ".join(err.replace("│", " ").split())


def test_no_store_is_made_by_it(command: Command, tmp_path: Path) -> None:
    (tmp_path / "monitor.db").unlink()
    code, _, err = command("feedback", "e2", "wrong")
    assert code == 1
    assert "There is no entry “e2”" in err
    assert not (tmp_path / "monitor.db").exists()


def test_words_that_are_empty_or_no_text_are_no_accident(command: Command) -> None:
    assert command("feedback", " ", "wrong")[0] == 2
    code, _, err = command("feedback", "\udcff", "wrong")
    assert code == 1
    assert "should not happen" not in err


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    path = tmp_path / "stream.jsonl"
    record = {"id": "e2", "published": "2024-03-05T12:00:00Z", "title": "Minister orders report on dam", "source": "H"}
    path.write_text(json.dumps(record) + "\n")
    return path


def test_a_replay_heeds_it_and_says_so_where_no_program_reads(command: Command, stream: Path) -> None:
    assert json.loads(command("replay", str(stream), "--json")[1])["matched"] == 1
    command("feedback", "e2", "wrong")
    code, out, err = command("replay", str(stream), "--json")
    assert code == 0
    assert (json.loads(out)["matched"], json.loads(out)["feedback"]) == (0, 1)
    assert err.startswith("1 judgement is applied that `monitor feedback` kept in /")
    assert command("replay", str(stream), "--decisions", "-")[1] == ""


def test_a_replay_can_leave_it_out(command: Command, stream: Path) -> None:
    command("feedback", "e2", "wrong")
    _, out, err = command("replay", str(stream), "--json", "--without-feedback")
    assert (json.loads(out)["matched"], json.loads(out)["feedback"], err) == (1, 0, "")


def test_a_replay_goes_on_without_a_store_that_cannot_be_read(command: Command, stream: Path, tmp_path: Path) -> None:
    (tmp_path / "monitor.db").write_bytes(b"not a database, by far" * 100)
    code, out, err = command("replay", str(stream), "--json")
    assert (code, json.loads(out)["matched"]) == (0, 1)
    assert err.startswith("No feedback is applied: ")
    assert "is damaged or not a database" in err
    (tmp_path / "monitor.db").unlink()
    assert command("replay", str(stream), "--json")[2] == ""
    assert not (tmp_path / "monitor.db").exists()


def test_explain_tells_what_a_person_said(command: Command) -> None:
    command("feedback", "e2", "wrong")
    out = command("explain", "e2")[1]
    assert "A person judged it `wrong` for “The dam”." in out
    assert "0.52" in out
