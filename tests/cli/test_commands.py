"""The command line as its users meet it: exit codes, sentences, tables and JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.cli import run
from monitor.model import Feed, Storyline, Terms
from monitor.store import Connection, Store, feeds, outbox, stories
from tests.store.conftest import FEED, alert, delivery, development, entry, placement

NOW = datetime(2024, 3, 5, 12, tzinfo=UTC)
CONFIG = """\
store: sqlite:///{folder}/monitor.db
storylines:
  - {{id: dam, title: The dam, terms: {{all: [dam], any: [flood, evacuate], none: [beaver]}}}}
feeds: [https://feed.example/rss]
channels: {{console: {{type: console}}}}
"""
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "monitor.yaml"
    path.write_text(CONFIG.format(folder=tmp_path))
    return path


@pytest.fixture
def command(config: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command; its exit code, what it printed, and what it complained of."""

    def call(*arguments: str, config: Path | None = config) -> tuple[int, str, str]:
        code = run([*arguments, "-c", str(config)] if config else list(arguments))
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def filled(tmp_path: Path, config: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/monitor.db")

    def fill(tx: Connection) -> None:
        feeds.sync(tx, [Feed(url=FEED)], NOW)
        stories.sync(tx, [Storyline(id="dam", title="The dam", terms=Terms(any=("dam",)))], NOW)
        stories.save(tx, [entry(1)], [placement(1)], [development()], NOW)
        outbox.add(tx, [alert()], [delivery("x", channel="console")])

    store.write(fill)
    store.close()


def test_help_names_every_command_and_a_bare_call_shows_it(command: Command) -> None:
    code, out, _ = command("--help", config=None)
    assert code == 0
    names = (
        "init",
        "check",
        "run",
        "once",
        "replay",
        "explain",
        "test-alert",
        "status",
        "feeds",
        "stories",
        "timeline",
        "deliveries",
        "retry",
        "demo",
    )
    for name in names:
        assert f" {name} " in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["check", "--no-such-option"],
        ["timeline"],
        ["demo", "--seconds", "0"],
        ["run", "--log-format", "x"],
    ],
)
def test_wrong_usage_ends_with_2_and_a_hint(command: Command, arguments: list[str]) -> None:
    code, _, err = command(*arguments, config=None)
    assert code == 2
    assert err
    assert "Traceback" not in err


def test_init_writes_a_configuration_that_check_finds_right_and_overwrites_none(
    command: Command, tmp_path: Path
) -> None:
    assert command("init", str(tmp_path / "new"), config=None)[0] == 0
    code, out, _ = command("check", config=tmp_path / "new/monitor.yaml")
    assert code == 0
    assert "is right" in out
    code, _, err = command("init", str(tmp_path / "new"), config=None)
    assert code == 1
    assert "exists already" in err


def test_check_ends_with_78_and_every_problem(command: Command, config: Path) -> None:
    """C15."""
    config.write_text(config.read_text().replace("title", "titel").replace("feeds", "feds"))
    code, _, err = command("check")
    assert code == 78
    assert len(err.splitlines()) == 4
    code, out, _ = command("check", "--json")
    assert code == 78
    assert [problem["line"] for problem in json.loads(out)["problems"]] == [1, 3, 3, 4]


def test_a_missing_configuration_is_told_in_a_sentence(command: Command, tmp_path: Path) -> None:
    code, _, err = command("status", config=tmp_path / "nowhere.yaml")
    assert code == 78
    assert "cannot be read" in err


@pytest.mark.parametrize("name", ["status", "feeds", "stories", "timeline dam", "deliveries"])
def test_tables_of_an_empty_store_say_so_and_their_json_is_json(command: Command, name: str) -> None:
    code, out, _ = command(*name.split())
    assert code == 0
    assert out.strip()
    assert command(*name.split(), "--json")[0] == 0


@pytest.mark.usefixtures("filled")
def test_tables_show_what_the_store_holds(command: Command) -> None:
    assert "1 followed" in command("status")[1]
    assert "feed.example" in command("feeds")[1]
    assert "Dam breaks" in command("stories")[1]
    assert "Dam breaks" in command("timeline", "dam")[1]
    assert json.loads(command("timeline", "dam", "--json")[1])[0]["reports"][0]["id"] == "e1"
    assert "pending" in command("deliveries")[1]
    assert json.loads(command("deliveries", "--state", "dead", "--json")[1]) == []


def test_a_storyline_that_is_not_there_is_told_with_the_nearest(command: Command) -> None:
    code, _, err = command("timeline", "damm")
    assert code == 1
    assert "did you mean `dam`?" in err


@pytest.mark.usefixtures("filled")
def test_an_entry_is_explained_as_it_was_decided(command: Command) -> None:
    told = json.loads(command("explain", "e1", "--json")[1])
    assert told["sentence"] == "It is new."
    assert told["placement"]["reason"] == "new-fact"


def test_a_headline_is_explained_as_it_would_be_decided(command: Command) -> None:
    code, out, _ = command("explain", "Towns evacuate below the dam")
    assert code == 0
    assert "New:" in out
    assert "evacuate" in out
    _, out, _ = command("explain", "Dam turns fifty")
    assert "below the threshold" in out
    assert "nothing was found of flood, evacuate" in out
    assert "excludes what says “beaver”" in command("explain", "Beaver dam causes flood")[1].lower()
    assert "none of their terms" in command("explain", "Ferry fares rise")[1]


def test_retry_wants_to_know_what(command: Command) -> None:
    assert command("retry")[0] == 1
    assert "0 deliveries are queued again" in command("retry", "--all")[1]


def test_a_test_alert_on_the_console_is_printed(command: Command) -> None:
    code, out, _ = command("test-alert", "console")
    assert code == 0
    assert "This is a test of your alerts" in out
    code, _, err = command("test-alert", "konsole")
    assert code == 1
    assert "did you mean `console`?" in err


def test_replay_writes_decisions_to_standard_output(command: Command, tmp_path: Path) -> None:
    (tmp_path / "s.jsonl").write_text(
        json.dumps(
            {"id": "a", "published": "2024-03-05T12:00:00Z", "title": "Towns evacuate below the dam", "source": "H"}
        )
        + "\n"
    )
    code, out, _ = command("replay", str(tmp_path / "s.jsonl"), "--decisions", "-")
    assert code == 0
    assert json.loads(out)["alert"] is True
    (tmp_path / "labels.jsonl").write_text('{"id": "a", "label": "x"}\n')
    scores = json.loads(
        command("replay", str(tmp_path / "s.jsonl"), "--labels", str(tmp_path / "labels.jsonl"), "--json")[1]
    )["scores"]
    assert scores["alert_f1"] == 1.0
    code, _, err = command("replay", str(tmp_path / "nowhere.jsonl"))
    assert code == 1
    assert "cannot be read" in err


def test_text_of_feeds_cannot_paint_the_terminal(command: Command, tmp_path: Path) -> None:
    """T13: escape sequences and Rich markup are shown, not obeyed."""
    store = Store.open(f"sqlite:///{tmp_path}/monitor.db")
    feeds_now = [Feed(url="https://feed.example/[bold]x")]
    store.write(lambda tx: feeds.sync(tx, feeds_now, NOW))
    store.close()
    out = command("feeds")[1]
    assert "[bold]x" in out
    assert "\x1b" not in out


def test_a_reader_that_leaves_early_is_no_error(config: Path) -> None:
    shell = f"{sys.executable} -m monitor check -c {config} | true"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", shell],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": "."},
    )
    assert "Traceback" not in done.stderr


def test_a_bare_help_loads_none_of_the_heavy_parts() -> None:
    code = (
        "import sys\nfrom monitor.cli import run\nrun(['--help'])\n"
        "print(sorted({'sqlalchemy', 'feedparser', 'requests', 'apscheduler', 'rapidfuzz', 'jinja2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
