"""Alerts on a terminal and in a pipe."""

from __future__ import annotations

import io
import sys

import pytest

from monitor.alerts.channels.console import ConsoleChannel
from monitor.alerts.route import sample_alert
from monitor.errors import DeliveryError
from monitor.model import Alert, Delivery
from tests.alerts.samples import HOSTILE, NOON, make_alert


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def printed(alert: Alert, delivery: Delivery, capsys: pytest.CaptureFixture[str]) -> str:
    ConsoleChannel().send(alert, delivery, lambda _line: None)
    return capsys.readouterr().out


def test_a_pipe_gets_each_fact_on_a_line_without_colours(
    alert: Alert, delivery: Delivery, capsys: pytest.CaptureFixture[str]
) -> None:
    assert printed(alert, delivery, capsys).splitlines() == [
        "12:00 new     Two valleys below the Orla dam are evacuated",
        "      story   The Orla dam · Will the minister resign?",
        "              Some 4,200 people left their homes overnight.",
        "      report  Valley Herald, 5 Mar 12:00",
        "              https://herald.example/orla",
        "      why     New: it tells of an evacuation; the nearest earlier report is 31% alike.",
        "      match   evacuation -> evacuated",
        "      outlets Valley Herald, Upland Radio",
        "      before  4 Mar 12:00  Cracks in the dam (Upland Radio)",
        "",
    ]


def test_a_terminal_gets_colours_and_wrapped_lines(
    alert: Alert, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", terminal := Terminal())
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.delenv("NO_COLOR", raising=False)
    ConsoleChannel().send(alert, delivery, lambda _line: None)
    assert "\x1b[1;31mnew" in terminal.getvalue()
    assert "Two valleys below the Orla dam are" in terminal.getvalue()


@pytest.mark.parametrize("words", HOSTILE)
def test_a_feeds_words_neither_steer_the_terminal_nor_add_lines(
    words: str, delivery: Delivery, capsys: pytest.CaptureFixture[str]
) -> None:
    """T7, T13"""
    hostile = make_alert(title=words, summary="", explanation=words, outlets=(words, words), known_before=())
    lines = printed(hostile, delivery, capsys).split("\n")
    assert all(line.isprintable() or set("\u200d\u200c") & set(line) for line in lines)
    assert len(lines) <= 9


def test_markup_is_shown_as_it_was_written(delivery: Delivery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", terminal := Terminal())
    ConsoleChannel().send(make_alert(title="[bold red]x[/] :boom:"), delivery, lambda _line: None)
    assert "[bold red]x[/] :boom:" in terminal.getvalue()


def test_a_pipe_that_knows_only_ascii_gets_question_marks(delivery: Delivery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", pipe := io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    ConsoleChannel().send(make_alert(title="Дамба трещит"), delivery, lambda _line: None)
    pipe.seek(0)
    assert "????? ??????" in pipe.read()


def test_a_closed_pipe_is_a_delivery_that_is_tried_again(
    alert: Alert, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    with pytest.raises(DeliveryError, match="Standard output cannot be written") as caught:
        ConsoleChannel().send(alert, delivery, lambda _line: None)
    assert caught.value.verdict == "retry"


def test_the_transcript_says_where_it_went(delivery: Delivery, capsys: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []
    ConsoleChannel().send(sample_alert(NOON), delivery, told.append)
    assert told == ["printed to standard output"]
    assert "This is a test of your alerts" in capsys.readouterr().out
