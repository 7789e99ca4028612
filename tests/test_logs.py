"""Log lines: one each, without secrets, without floods, in the form the reader wants."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from monitor import logs
from monitor.logs import Line, Once
from monitor.secret import Secret

pytestmark = pytest.mark.traced

HOSTILE = "ferry\r\nstrike\x1b[31m\x00\x9b\u2028\u202e\udc80"


def record(text: str, *arguments: object, level: int = logging.ERROR) -> logging.LogRecord:
    return logging.LogRecord("monitor.poll", level, __file__, 1, text, arguments, None)


@pytest.mark.parametrize("form", ["text", "journal", "json"])
def test_whatever_a_feed_is_named_a_record_stays_one_harmless_line(form: logs.Format) -> None:
    """T13."""
    line = Line(form).format(record("poll feed=%s error=x", HOSTILE))
    read = json.loads(line)["message"] if form == "json" else line
    assert "poll feed=ferry\\r\\nstrike\\x1b[31m\\x00\\x9b\\u2028\\u202e\\udc80 error=x" in read
    assert all(character.isprintable() for character in line)


@pytest.mark.parametrize("form", ["text", "journal", "json"])
def test_a_secret_that_was_read_shows_in_no_line_nor_in_a_traceback(
    form: logs.Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C16."""
    monkeypatch.setenv("HARBOUR_KEY", "tide-table-7731")
    secret = Secret(env="HARBOUR_KEY").reveal()
    try:
        int(f"535 {secret} refused")
    except ValueError:
        told = logging.LogRecord(
            "monitor.deliver",
            logging.ERROR,
            __file__,
            1,
            "login=%s https://ann:%s@x.example/",
            (secret, "pw1"),
            sys.exc_info(),
        )
    line = Line(form).format(told)
    assert secret not in line
    assert "pw1" not in line
    assert "535 <secret> refused" in line  # from the traceback
    assert "\n" not in line


@pytest.mark.parametrize(
    ("level", "priority"),
    [(logging.DEBUG, 7), (logging.INFO, 6), (logging.WARNING, 4), (logging.ERROR, 3), (logging.CRITICAL, 2)],
)
def test_the_journal_gets_priorities(level: int, priority: int) -> None:
    assert Line("journal").format(record("tick late", level=level)) == f"<{priority}>tick late"


def test_a_json_line_tells_time_level_logger_and_message() -> None:
    told = json.loads(Line("json").format(record("poll feed=%s", "Łódź")))
    assert (told["level"], told["logger"], told["message"]) == ("error", "monitor.poll", "poll feed=Łódź")
    assert told["time"].endswith("+00:00")


def test_a_person_at_a_terminal_sees_the_time_and_in_a_file_the_date_too() -> None:
    told = record("run stopped", level=logging.INFO)
    told.created = 1_700_000_000
    assert Line("text", dated=False).format(told) == "22:13:20Z info    run stopped"
    assert Line("text").format(told) == "2023-11-14 22:13:20Z info    run stopped"


class _Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


def test_the_same_complaint_passes_once_a_minute_and_tells_how_often_it_was_made(clock: _Clock) -> None:
    """P8."""
    once = Once(clock)
    passed = []
    for number in range(240):
        clock.now += 0.5  # two minutes in all
        told = record("poll feed=%s failures=%d error=%s", "herald", number, "refused")
        if once.filter(told):
            passed.append(told.getMessage())
    assert len(passed) == 2
    assert passed[0] == "poll feed=herald failures=0 error=refused"
    assert passed[1].startswith("poll feed=herald failures=120 ")
    assert passed[1].endswith("(119 more like it in the last minutes)")


def test_other_complaints_and_plain_news_pass_beside_a_flood(clock: _Clock) -> None:
    once = Once(clock)
    assert once.filter(record("poll feed=%s error=refused", "feed-1"))
    assert once.filter(record("poll feed=%s error=refused", "feed-2"))
    assert not once.filter(record("poll feed=%s error=refused", "feed-1"))
    assert all(once.filter(record("deliver state=sent", level=logging.INFO)) for _ in range(3))


def test_a_million_different_complaints_are_not_all_remembered(clock: _Clock) -> None:
    """P7."""
    once = Once(clock)
    assert all(once.filter(record(f"feed=f{number} broke")) for number in range(5_000))
    assert len(once._last) <= 1_000
    assert not once.filter(record("feed=f4999 broke"))


SAY = "import logging; from monitor import logs; logs.set_up(); logging.getLogger('monitor').warning('tick late')"


def test_priorities_are_written_only_where_standard_error_is_the_journal(tmp_path: Path) -> None:
    with (tmp_path / "stderr").open("wb") as journal:
        there = os.fstat(journal.fileno())
        for stream in (f"{there.st_dev}:{there.st_ino}", "8:1", ""):
            environment = {**os.environ, "JOURNAL_STREAM": stream}
            subprocess.run([sys.executable, "-c", SAY], env=environment, stderr=journal, check=True)
    first, second, third = (tmp_path / "stderr").read_text().splitlines()
    assert first == "<4>tick late"
    assert second.endswith("Z warning tick late")
    assert third.endswith("Z warning tick late")
