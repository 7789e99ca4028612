"""`monitor watch` on a terminal of its own and into a pipe, on a store that changes meanwhile; colours only where they are wanted."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from monitor.cli.watch import Seen, picture
from monitor.model import Feed, Storyline, StoryState, Terms
from monitor.store import Connection, Store, feeds, outbox, stories
from tests.store.conftest import FEED, alert, delivery, development, entry, placement

pytestmark = pytest.mark.traced

CONFIG = """\
store: sqlite:///{folder}/monitor.db
storylines: [{{id: dam, title: The dam, terms: [dam]}}]
feeds: [https://feed.example/rss]
"""
NOW = datetime.now(UTC)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "monitor.yaml"
    path.write_text(CONFIG.format(folder=tmp_path))
    return path


@pytest.fixture
def store(config: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{config.parent}/monitor.db")

    def fill(tx: Connection) -> None:
        feeds.sync(tx, [Feed(url=FEED)], NOW)
        stories.sync(tx, [Storyline(id="dam", title="The dam", terms=Terms(any=("dam",)))], NOW)
        stories.save(tx, [entry(1)], [placement(1)], [development()], NOW)
        outbox.add(tx, [alert()], [delivery("x", channel="console")])

    opened.write(fill)
    yield opened
    opened.close()


@dataclass
class Terminal:
    """A program on a terminal of its own, and what it has shown."""

    process: subprocess.Popen[bytes]
    keys: int
    seen: str = ""

    def until(self, text: str) -> str:
        """All that is shown until that text is."""
        deadline = time.monotonic() + 40
        while text not in self.seen:
            assert time.monotonic() < deadline, self.seen
            self.read()
        return self.seen

    def read(self) -> bool:
        """Whether there was more to see."""
        more = b""
        if select.select([self.keys], [], [], 0.05)[0]:
            with suppress(OSError):  # so Linux says that the other side has closed
                more = os.read(self.keys, 65_536)
        self.seen += more.decode(errors="replace")
        return bool(more)

    def press(self, key: str) -> int:
        """Press a key that ends it, and read on; its exit code."""
        os.write(self.keys, key.encode())
        deadline = time.monotonic() + 30
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.seen
            self.read()
        while self.read():  # what it showed last
            pass
        return self.process.returncode


@pytest.fixture
def watching(config: Path) -> Iterator[Terminal]:
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
    command = [sys.executable, "-m", "monitor", "watch", "-c", str(config)]
    process = subprocess.Popen(
        command, stdin=its, stdout=its, stderr=its, env=environment | {"TERM": "xterm-256color"}, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - the only way to give it the terminal
    )  # fmt: skip
    os.close(its)
    yield Terminal(process, ours)
    process.kill()
    process.wait()
    os.close(ours)


def test_it_shows_storylines_feeds_and_the_outbox_and_what_changes(store: Store, watching: Terminal) -> None:
    shown = watching.until("Dam breaks")
    for told in ("The dam", "Dam breaks", "1 new; last poll never", "console: 1 waiting"):
        assert told in shown
    store.write(lambda tx: stories.stand(tx, "dam", StoryState.SURGE, NOW))
    watching.until("surge")
    assert watching.press("q") == 0


def test_what_moves_most_stands_first() -> None:
    said = [
        ("quiet", "2026-03-05"),
        ("surge", "2026-03-01"),
        ("", ""),
        ("developing", "2026-03-02"),
        ("surge", "2026-03-03"),
        ("closed", ""),
    ]
    stories = tuple(
        {"title": f"{state} {day}", "state": state, "last_development": "x", "developments": 1, "last_development_at": f"{day}T00:00:00+00:00" if day else None}
        for state, day in said
    )  # fmt: skip
    console = Console(file=io.StringIO(), width=120)
    console.print(picture(Seen("3 fine", "nothing waits", stories)))
    drawn = console.file.getvalue()  # type: ignore[attr-defined]
    order = re.findall(r"● +(\w* ?[\d-]*)", drawn)
    assert [told.strip() for told in order[:4]] == [
        "surge 2026-03-03",
        "surge 2026-03-01",
        "developing 2026-03-02",
        "quiet 2026-03-05",
    ]
    assert drawn.index("3 fine") < drawn.index("storyline"), "what is below may have no room"


def test_ctrl_c_ends_it_too_and_leaves_the_terminal_as_it_was(store: Store, watching: Terminal) -> None:
    usual = termios.tcgetattr(watching.keys)
    watching.until("q ends")
    assert termios.tcgetattr(watching.keys) != usual
    assert watching.press("\x03") == 0
    assert termios.tcgetattr(watching.keys) == usual


def test_another_key_ends_nothing(store: Store, watching: Terminal) -> None:
    watching.until("q ends")
    os.write(watching.keys, b"x")
    with pytest.raises(subprocess.TimeoutExpired):
        watching.process.wait(3)
    assert watching.press("q") == 0


def test_a_pipe_gets_each_fact_once_and_each_change_as_a_line(config: Path, store: Store) -> None:
    command = [sys.executable, "-u", "-m", "monitor", "watch", "-c", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"FORCE_COLOR": ""}) as process:
        assert process.stdout is not None
        first = [process.stdout.readline()[9:].rstrip() for _ in range(3)]
        assert first == ["feeds: 1 new", "outbox: console: 1 waiting", "dam: new, 1 development, the last: Dam breaks"]
        time.sleep(2.5)
        sent = replace(delivery("x", channel="console"), sent_at=NOW)
        store.write(lambda tx: outbox.record(tx, replace(sent, state="sent")))  # type: ignore[arg-type]
        assert process.stdout.readline()[9:].rstrip() == "outbox: nothing waits"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert process.stdout.read() == ""


def test_a_reader_that_has_enough_is_no_failure(config: Path, store: Store) -> None:
    command = f"{sys.executable} -m monitor watch -c {config} | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


def test_a_store_that_is_not_there_yet_is_watched_and_not_made(config: Path) -> None:
    command = [sys.executable, "-u", "-m", "monitor", "watch", "-c", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline()[9:].rstrip() == "feeds: none followed yet"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert not (config.parent / "monitor.db").exists()


@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_tables_have_colours_on_a_terminal_unless_nobody_wants_them(
    environment: dict[str, str], coloured: bool
) -> None:
    ours, its = pty.openpty()
    told = os.environ | {"TERM": "xterm-256color"} | environment
    drawing = "from monitor.cli.output import table; from rich.text import Text; table('ab', [(Text('red', 'red'), '')], empty='')"
    with subprocess.Popen([sys.executable, "-c", drawing], stdout=its, env=told) as process:
        os.close(its)
        seen = b""
        try:
            while more := os.read(ours, 65_536):
                seen += more
        except OSError:
            pass
        assert process.wait(30) == 0
    os.close(ours)
    assert (re.search(rb"\x1b\[[0-9;]*3[0-7]m", seen) is not None) == coloured
    assert b"red" in seen
