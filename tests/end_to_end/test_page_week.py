"""The demonstration's week, followed in Chromium as it happens: the real daemon tells, and pages that are open take it over."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.traced

WEEK = yaml.safe_load((Path(__file__).parents[2] / "monitor/demo/week.yaml").read_text())
SECONDS = 12
"""How long the week takes here."""
_SOON = 20_000
"""Milliseconds in which what is told must show."""
_NOTE = """() => {
    window.told = [];
    const note = () => {
        const headline = document.querySelector(".headline")?.textContent;
        if (headline && headline !== window.told.at(-1)) window.told.push(headline);
    };
    new MutationObserver(note).observe(document.getElementById("main"), {childList: true, subtree: true});
    note();
}"""
"""Has a tab note each headline that it shows; what it noted is lost when it is loaded anew."""


@dataclass
class Terminal:
    """A terminal in which the demonstration runs; its page stays until somebody presses Enter."""

    screen: int
    shown: str = ""
    has_address: threading.Event = field(default_factory=threading.Event)

    def read(self) -> None:
        """Take what is written, until the program has ended."""
        while True:
            try:
                self.shown += os.read(self.screen, 65_536).decode(errors="replace").replace("\r\n", "\n")
            except OSError:  # nobody has the other end open any more
                return
            if self.address:
                self.has_address.set()

    @property
    def address(self) -> str:
        """Where the page is."""
        found = re.search(r"The page: (http://\S+)\s", self.shown)
        return found[1] if found else ""

    @property
    def alerts(self) -> list[str]:
        """The headlines of new developments, in the order of their alerts."""
        return re.findall(r"(?m)^\d\d:\d\d new +(.+?) *$", self.shown)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The demonstration has a store of its own, in a file; this one stays empty."""
    return f"sqlite:///{tmp_path}/unused.db"


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """The demonstration has begun."""
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "monitor", "demo", "--seconds", str(SECONDS)]
    plain = os.environ | {"TERM": "dumb", "COLUMNS": "500"}
    with subprocess.Popen(command, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs, env=plain) as process:
        os.close(theirs)
        made = Terminal(ours)
        reader = threading.Thread(target=made.read)
        reader.start()
        try:
            assert made.has_address.wait(30), made.shown
            yield made
            os.write(ours, b"\n")
            assert process.wait(20) == 0, made.shown
        finally:
            process.kill()
            reader.join()
            os.close(ours)


def test_the_week_is_followed_as_it_happens_and_then_read(tab: Page, terminal: Terminal) -> None:
    story = tab.context.new_page()
    tab.goto(terminal.address)
    tab.evaluate(_NOTE)
    story.goto(f"{terminal.address}stories/summit")
    before = story.locator(".development").count()
    story.get_by_role("button", name="There is something new").click(timeout=_SOON)
    expect(story.locator(".development")).not_to_have_count(before)
    read_early = story.locator(".development").count()
    expect(tab.locator(".headline")).to_have_text(re.compile(_titles(after=149)), timeout=2 * _SOON)
    noted = [_hours(headline) for headline in tab.evaluate("window.told")]
    assert noted == sorted(set(noted)), "the stories show what is told in the order in which it happens"
    assert len(noted) >= 4, noted

    tab.get_by_role("link", name="Kim in Russia").click()
    markers = tab.get_by_role("list", name="Developments in order of time").get_by_role("link")
    expect(markers.first).to_contain_text(re.compile(_titles(before=5)))
    expect(markers.last).to_contain_text(re.compile(_titles(after=149)))

    told = _read(tab)
    tab.get_by_role("link", name="Earlier developments").click()
    expect(tab.get_by_role("link", name="The latest")).to_be_visible()
    told += _read(tab)
    assert [number for number, _, _ in told] == [str(number) for number in range(len(terminal.alerts), 0, -1)]
    assert len(told) > read_early
    assert [begun for _, begun, _ in told] == sorted((begun for _, begun, _ in told), reverse=True)
    for headline in terminal.alerts:
        assert [text for _, _, text in told if headline in text and "console" in text], headline
    assert [text for _, _, text in told if re.search("[2-9] independent outlets", text)], told
    story.close()


def _read(tab: Page) -> list[tuple[str, str, str]]:
    """Of each development that was told, as the story has it: its number, when it began, and all that is said of it."""
    return [
        (
            one.locator(".marker").inner_text(),
            one.locator("time").first.get_attribute("datetime") or "",
            one.text_content() or "",
        )
        for one in tab.locator(".development:has(.alerts)").all()
    ]


def _titles(*, after: float = 0, before: float = 200) -> str:
    """The headlines of some hours of the week, any of them."""
    return "|".join(re.escape(title) for hours, _, title, _ in WEEK["entries"] if after <= hours <= before)


def _hours(shown: str) -> float:
    """When the first of the headlines in a text was published, in hours of the week."""
    return float(next(hours for hours, _, title, _ in WEEK["entries"] if title[:40] in shown))
