"""The command line as its users meet it: exit codes, sentences, tables and JSON."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.cli import run
from monitor.model import AlertKind, Decision, DeliveryState, Feed, Storyline, Terms
from monitor.store import Connection, Store, feeds, outbox, stories
from tests.store.conftest import FEED, alert, delivery, development, entry, placement

pytestmark = pytest.mark.traced

ROOT = Path(__file__).parents[2]
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
        "track",
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
        ["run", "--role", "x"],
        ["run", "--role", "all", "--role", "web"],
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
    code, out, _ = command("explain", "Police evacuate two towns after dam burst")
    assert code == 0
    assert "New:" in out
    assert "evacuate" in out
    _, out, _ = command("explain", "Dam turns fifty")
    assert "below the threshold" in out
    assert "nothing was found of flood, evacuate" in out
    assert "excludes what says “beaver”" in command("explain", "Beaver dam causes flood")[1].lower()
    assert "none of their terms" in command("explain", "Ferry fares rise")[1]


def test_retry_wants_to_know_what(command: Command) -> None:
    code, _, err = command("retry")
    assert code == 2
    assert "--all" in err
    assert "0 deliveries are queued again" in command("retry", "--all")[1]


@pytest.mark.usefixtures("filled")
def test_retry_of_a_delivery_that_is_not_there_is_no_success(command: Command) -> None:
    code, out, err = command("retry", "no-such-delivery")
    assert code == 1
    assert out == ""
    assert "`monitor deliveries`" in err


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
            {
                "id": "a",
                "published": "2024-03-05T12:00:00Z",
                "title": "Police evacuate two towns after dam burst",
                "source": "H",
            }
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


PAINT = "\x1b[31mred \x1b]0;title\x07 \x9b1m \u202edesrever [bold]x[/bold]"


def test_an_explained_text_cannot_paint_the_terminal(command: Command) -> None:
    """T13."""
    for arguments in (["explain", f"Dam {PAINT}"], ["explain", f"Dam {PAINT}", "--json"]):
        code, out, _ = command(*arguments)
        assert code == 0
        assert "[bold]x[/bold]" in out
        assert not set("\x1b\x07\x9b\u202e") & set(out)
    assert json.loads(out)["entry"]["title"] == f"Dam {PAINT}"


@pytest.fixture
def rude_mail_server() -> Iterator[int]:
    """A mail server that refuses everybody, in colours."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            while True:
                try:
                    caller, _ = server.accept()
                except OSError:
                    return
                with caller:
                    caller.sendall(f"554 go away {PAINT}\r\n".encode())

        thread = threading.Thread(target=refuse, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_a_refused_test_alert_ends_with_1_and_tells_what_the_server_said_to_whom(
    command: Command, config: Path, rude_mail_server: int
) -> None:
    """T13: what the server says is shown, not obeyed."""
    config.write_text(
        config.read_text().replace(
            "console: {type: console}",
            f"mail: {{type: email, host: 127.0.0.1, port: {rude_mail_server}, security: none, from: a@example.org, "
            "to: [b@example.org, c@example.org]}",
        )
    )
    code, out, _ = command("test-alert", "mail")
    assert code == 1
    assert "< 554 go away [31mred" in out
    assert "b@example.org: The mail server" in out
    assert "c@example.org: The mail server" in out
    assert not set("\x1b\x07\x9b\u202e") & set(out)
    code, out, _ = command("test-alert", "mail", "--json")
    assert code == 1
    assert json.loads(out)["accepted"] is False
    assert "554 go away" in json.loads(out)["transcript"][0]
    assert "\x9b" not in out


def monitor_in_a_shell(pipeline: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a shell pipeline in which `monitor` stands for the real process, buffered as outside of tests."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", f'monitor() {{ "{sys.executable}" -m monitor "$@"; }}; {pipeline}'],
        capture_output=True, text=True, check=False, cwd=ROOT, env=kept | environment,
    )  # fmt: skip


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", ["check --json", "feeds", "explain dam"])
@pytest.mark.usefixtures("filled")
def test_a_reader_that_leaves_early_is_no_error(config: Path, arguments: str, unbuffered: str) -> None:
    done = monitor_in_a_shell(f"monitor {arguments} -c {config} | true", PYTHONUNBUFFERED=unbuffered)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_reader_that_leaves_the_help_early_is_no_error() -> None:
    done = monitor_in_a_shell("monitor --help | true")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("arguments", "code"), [("no-such-command", 2), ("check -c nowhere.yaml", 78)])
def test_a_complaint_that_nobody_reads_keeps_its_exit_code(arguments: str, code: int) -> None:
    done = monitor_in_a_shell(f"monitor {arguments} 2>&1 >/dev/null | true")
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


def test_without_any_standard_output_the_exit_code_is_told(config: Path) -> None:
    done = monitor_in_a_shell(f"monitor check -c {config} >&-")
    assert (done.returncode, done.stderr) == (0, "")


def test_an_output_that_takes_nothing_is_told_in_a_sentence(config: Path) -> None:
    done = monitor_in_a_shell(f"monitor check -c {config} >/dev/full")
    assert done.returncode == 1
    assert done.stderr == "Standard output cannot be written: No space left on device.\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_of_another_encoding_gets_what_it_can_show(config: Path, encoding: str) -> None:
    done = monitor_in_a_shell(f"monitor explain 'Dam 댐 “cracks”' -c {config}", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Dam" in done.stdout


@pytest.mark.parametrize(("command_name", "code"), [("explain", 0), ("timeline", 1), ("retry", 1), ("test-alert", 1)])
def test_words_that_are_no_text_are_no_accident(config: Path, command_name: str, code: int) -> None:
    done = monitor_in_a_shell(f"monitor {command_name} $'Dam \\xff\\xfe cracks' -c {config}")
    assert done.returncode == code
    assert "should not happen" not in done.stderr


def test_ctrl_c_ends_quietly_with_130(tmp_path: Path) -> None:
    demo = subprocess.Popen(
        [sys.executable, "-m", "monitor", "demo"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ | {"TMPDIR": str(tmp_path)},
    )  # fmt: skip
    while not list(tmp_path.glob("monitor-demo-*/monitor.db")):
        assert demo.poll() is None
        time.sleep(0.05)
    demo.send_signal(signal.SIGINT)
    _, err = demo.communicate(timeout=30)
    assert (demo.returncode, err) == (130, "")
    assert not list(tmp_path.glob("monitor-demo-*"))


def test_ctrl_c_in_the_middle_of_a_start_ends_as_quietly(tmp_path: Path) -> None:
    """Threads are half started then, and none of them can be joined."""
    code = """
        import os, signal, sys
        from apscheduler.schedulers.base import BaseScheduler
        from monitor.__main__ import main
        start = BaseScheduler.start
        def interrupted(self, *how):
            start(self, *how)
            os.kill(os.getpid(), signal.SIGINT)
        BaseScheduler.start = interrupted
        sys.argv = ["monitor", "demo"]
        main()
    """
    demo = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True, text=True, cwd=ROOT, env=os.environ | {"TMPDIR": str(tmp_path)}, timeout=60, check=False,
    )  # fmt: skip
    assert (demo.returncode, demo.stderr) == (130, "")
    assert not list(tmp_path.glob("monitor-demo-*"))


@pytest.mark.parametrize(
    "arguments", ["status", "feeds", "stories", "timeline dam", "deliveries", "explain dam", "retry --all"]
)
def test_looking_at_a_store_that_is_not_there_makes_none(command: Command, tmp_path: Path, arguments: str) -> None:
    """Looked at as root, it would be root's, and the daemon could not open it."""
    assert command(*arguments.split())[0] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["monitor.yaml"]


def test_nothing_cannot_be_explained(command: Command) -> None:
    assert command("explain", " ")[0] == 2


def test_one_is_told_as_one(command: Command) -> None:
    assert "1 storyline, 1 feed," in command("check")[1]


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("arguments", ["feeds", "stories", "timeline dam", "deliveries"])
def test_tables_fit_the_width_and_keep_what_one_copies_whole(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: str, width: int
) -> None:
    refused = replace(
        delivery("d-4e1195df020d-new-122fc1a086", channel="mail"), target="desk@example.org", state=DeliveryState.DEAD,
        error="The mail server smtp.example.org refuses: 554 go away.",
    )  # fmt: skip
    store = Store.open(f"sqlite:///{tmp_path}/monitor.db")
    store.write(lambda tx: outbox.add(tx, [alert()], [refused]))
    store.close()
    monkeypatch.setenv("COLUMNS", str(width))
    out = command(*arguments.split())[1]
    drawn, _, errors = out.partition("\n\n")
    assert max(map(len, drawn.splitlines())) <= width
    if arguments == "deliveries":
        assert "d-4e1195df020d-new-122fc1a086 " in drawn
        assert errors == "d-4e1195df020d-new-122fc1a086: The mail server smtp.example.org refuses: 554 go away.\n"
    assert "\x1b" not in out


_HEAVY = {"sqlalchemy", "requests", "urllib3", "jinja2", "feedparser", "apscheduler", "flask", "apprise", "rich"}
"""What takes 20 ms of processor to load, and mostly more."""


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (["--help"], set()),
        (["version"], set()),
        (["check", "-c", "config/monitor.yaml"], set()),
        (["status", "-c", "config/monitor.yaml"], {"sqlalchemy"}),
    ],
)
def test_a_command_loads_of_the_heavy_parts_only_what_it_needs(arguments: list[str], needed: set[str]) -> None:
    code = f"import sys\nfrom monitor.cli import run\nrun({arguments})\nprint(sorted({_HEAVY} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == str(sorted(needed))


def test_a_bare_help_does_not_even_load_what_reads_a_configuration() -> None:
    code = (
        "import sys\nfrom monitor.cli import run\nrun(['--help'])\n"
        "print(sorted({'yaml', 'rapidfuzz', 'smtplib', 'monitor.config', 'monitor.store'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.usefixtures("filled")
def test_tables_mark_what_is_an_update(command: Command, tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/monitor.db")

    def fill(tx: Connection) -> None:
        changed = replace(placement(2), decision=Decision.UPDATE, reason="contradicted")
        stories.save(tx, [entry(2)], [changed], [development()], NOW)
        outbox.add(tx, [replace(alert("b"), kind=AlertKind.UPDATE)], [delivery("y", of="b", channel="console")])

    store.write(fill)
    store.close()
    assert "● +1" in command("timeline", "dam")[1]
    assert "Update: Dam breaks" in command("deliveries")[1]
    assert [row["kind"] for row in json.loads(command("deliveries", "--json")[1])] == ["update", "new"]
