"""The console channel, the log and what the commands print: strangers' words command no terminal, add no line, break no JSON."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from monitor.alerts import render
from monitor.alerts.channels.console import ConsoleChannel, rows
from monitor.alerts.clean import line
from monitor.cli import run
from monitor.cli.output import print_csv, print_feeds
from monitor.cli.watch import facts, picture, seen
from monitor.config import load
from monitor.logs import Format, Line
from monitor.model import Feed
from monitor.secret import mask
from monitor.store import Store
from tests.alerts.samples import make_delivery
from tests.sinks import samples
from tests.sinks.reading import harmless_page, is_plain, leads_to_the_web, read, tags_by_lxml, terminal_text
from tests.sinks.strings import CONTROL, MARKUP, STRINGS

CONFIG = """store: sqlite:///{folder}/monitor.db
storylines: [{{id: dam, title: The Orla dam, question: Does it hold?, terms: [Orla dam]}}]
feeds: [https://herald.example/feed/0]
"""
COMMANDS = [
    ("status",), ("feeds",), ("stories",), ("timeline", "dam", "--limit", "1000"), ("deliveries", "--limit", "1000"), ("digest", "--since", "5000d"),
]  # fmt: skip


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.no_cover
def test_a_terminal_is_told_colours_and_links_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """T3, T7, T13, X6."""
    monkeypatch.setattr(sys, "stdout", terminal := Terminal())
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "5000")
    for alert in (*samples.by_the_front_door()[::8], *samples.direct()[::3], *samples.digests()[::3]):
        terminal.seek(0)
        terminal.truncate()
        ConsoleChannel().send(alert, make_delivery(), lambda _line: None)
        told = terminal_text(terminal.getvalue())
        assert "\x1b[" in terminal.getvalue()
        assert " ".join(render.shown(alert).title.split()) in " ".join(told.split())


def test_a_pipe_gets_a_line_for_each_fact(capsys: pytest.CaptureFixture[str]) -> None:
    """T13."""
    for alert in samples.everything():
        ConsoleChannel().send(alert, make_delivery(), lambda _line: None)
        told = capsys.readouterr().out
        assert is_plain(told)
        assert len(told.splitlines()) == 2 + len(rows(render.shown(alert)))


@pytest.mark.parametrize("form", ["text", "journal", "json"])
def test_a_record_of_the_log_is_one_line_that_commands_nothing(form: Format) -> None:
    """T13, X6: by its words, by what they are put into, and by a traceback."""
    for words in STRINGS:
        try:
            int(f"x{words}")
        except ValueError:
            told = logging.LogRecord("monitor.poll", logging.ERROR, words, 1, "poll feed=%s error=%s", (words, words), sys.exc_info())  # fmt: skip
        line = Line(form).format(told)
        assert is_plain(line)
        assert not {"\n", "\r", "\x85", "\u2028"} & set(line)
        assert len(line.splitlines()) == 1
        if form == "json":
            assert json.loads(line)["level"] == "error"
        if form == "journal":
            assert line.startswith("<3>poll feed=")


@pytest.fixture
def called(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., str]]:
    """Runs a command on a store that holds what the hostile feeds brought; what it printed."""
    (tmp_path / "monitor.yaml").write_text(CONFIG.format(folder=tmp_path))
    store = Store.open(f"sqlite:///{tmp_path}/monitor.db")
    samples.stored(store)

    def call(*arguments: str) -> str:
        assert run([*arguments, "-c", str(tmp_path / "monitor.yaml")]) == 0
        return capsys.readouterr().out

    yield call
    store.close()


@pytest.mark.no_cover
def test_what_commands_print_is_plain_and_their_json_whole(called: Callable[..., str], tmp_path: Path) -> None:
    """T7, T13, T15."""
    for command in COMMANDS:
        assert is_plain(called(*command))
        printed = called(*command, "--json")
        assert is_plain(printed)
        assert json.loads(printed)
    (development, *_) = json.loads(called("timeline", "dam", "--limit", "1", "--json"))
    for entry in (development["reports"][0]["id"], f"Orla dam {' '.join(CONTROL + MARKUP)}"):
        assert is_plain(called("explain", entry))
        assert json.loads(called("explain", entry, "--json"))
    (development, *_) = json.loads(called("timeline", "dam", "--limit", "1", "--json"))
    head, *lines = csv.reader(io.StringIO(called("timeline", "dam", "--limit", "1", "--csv")))
    assert head[:3] == ["development", "development_title", "published"]
    assert [row[0] for row in lines] == [development["id"]] * len(development["reports"])
    page = tmp_path / "digest.html"
    called("digest", "--since", "5000d", "--html", str(page))
    harmless_page(page.read_text())


def test_a_page_to_hand_on_holds_words_as_words_and_leads_to_web_pages_only(
    called: Callable[..., str], tmp_path: Path
) -> None:
    """T9, T10, T16: by Python's parser and by libxml2's."""
    place = tmp_path / "story.html"
    called("export", "dam", "--out", str(place))
    html = place.read_text()
    assert called("export", "dam").strip() == html.strip().replace(_as_of(html), _as_of(called("export", "dam")))
    page, tags = read(html), tags_by_lxml(html)
    assert {name for name, _, _ in page.tags} == {name for name, _, _ in tags} == {
        "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p", "b", "bdi", "small", "figure", "div", "svg", "rect",
        "path", "a", "span", "figcaption", "ol", "li", "time", "details", "summary", "footer",
    }  # fmt: skip
    assert {name for _, name, _ in page.tags} == {name for _, name, _ in tags} == {
        "", "lang", "charset", "name", "content", "http-equiv", "class", "id", "dir", "rel", "style", "viewbox", "preserveaspectratio",
        "role", "aria-label", "aria-hidden", "x", "y", "width", "height", "d",
    }  # fmt: skip
    assert all(re.fullmatch(r"left:[0-9.]+%", style) for _, name, style in page.tags if name == "style")
    outside = [link for link in page.links if not re.fullmatch(r"#d[0-9]+", link)]
    assert len(outside) > 200
    assert all(map(leads_to_the_web, outside))
    assert len(page.texts["style"]) == 1
    assert all(is_plain(text) and "\n" not in text for text in (*page.texts["bdi"], *page.texts["h3"]))


def _as_of(html: str) -> str:
    return html[html.rindex("As of ") :].partition(".")[0]


@pytest.mark.no_cover
def test_what_is_watched_is_plain_in_a_pipe_and_on_a_terminal(
    called: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """T13: with strangers' words for the last development of every storyline."""
    assert called("stories")
    now = seen(load(tmp_path / "monitor.yaml"))
    monkeypatch.setenv("COLUMNS", "5000")
    for words in STRINGS:
        told = replace(now, outbox=words, stories=({**now.stories[0], "title": words, "last_development": words},))
        assert all(is_plain(said) for _, said in facts(told) if said != f"outbox: {words}")
        console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=5000)
        console.print(picture(told))
        drawn = terminal_text(console.file.getvalue())  # type: ignore[attr-defined]
        assert len(drawn.splitlines()) == 6


def test_a_list_of_feeds_for_other_readers_is_xml_and_says_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    """X6: as `monitor feeds --opml` prints it."""
    named = [Feed(url=f"https://herald.example/{n}?a=<&b='\"", name=words) for n, words in enumerate(STRINGS)]
    print_feeds(named)
    found = list(ET.fromstring(capsys.readouterr().out.encode()).iter("outline"))
    assert [outline.get("xmlUrl") for outline in found] == [feed.url for feed in named]
    assert all(
        outline.get("text") == (render.line(mask(feed.name)) or feed.url)
        for outline, feed in zip(found, named, strict=True)
    )


def test_a_table_for_a_spreadsheet_holds_no_formula(capsys: pytest.CaptureFixture[str]) -> None:
    """T12, T7, T13: every string in every cell reads back as it is shown elsewhere, and none begins as a formula does."""
    formulas = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", '=HYPERLINK("https://evil.example","x")']
    print_csv(("a", "b"), [(text, text) for text in [*formulas, *STRINGS]])
    head, *told = csv.reader(io.StringIO(capsys.readouterr().out))
    assert head == ["a", "b"]
    assert len(told) == len(formulas) + len(STRINGS)
    for row, text in zip(told, [*formulas, *STRINGS], strict=True):
        assert row[0] == row[1]
        assert row[0].removeprefix("'") == line(mask(text)).removeprefix("'")
        assert not row[0].startswith(("=", "+", "-", "@", "\t", "\r"))
        assert is_plain(row[0])
