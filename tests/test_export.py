"""A story as one page: all that was reported is in it, in order, at its place in the picture; and it loads and runs nothing."""

from __future__ import annotations

import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.export import page, picture
from monitor.model import Decision
from monitor.store import Connection, Store, stories
from tests.sinks.reading import Page, leads_to_the_web, read
from tests.store.conftest import NOON, STORYLINE, development, entry, placement

LATER = NOON + timedelta(days=3)


def report(number: int, of: str, hours: float, **said: object) -> tuple[object, object]:
    told = replace(entry(number, minutes=60 * hours), title=f"Report {number}", outlet=f"Outlet {number % 3}")
    return told, replace(placement(number, of), entry=told, **said)  # type: ignore[arg-type]


@pytest.fixture
def filled(store: Store) -> Store:
    """Two developments: one told, with eight reports of which one changes it, and one that was not told."""
    pairs = [report(number, "d-1", number) for number in range(1, 8)]
    pairs.append(report(8, "d-1", 30, decision=Decision.UPDATE, explanation="Update: six towns, not four."))
    pairs.append(report(9, "d-2", 40))
    told = [
        development("d-1"),
        replace(development("d-2", alerted=False), title="Who built it", started_at=NOON + timedelta(hours=40), first_report="e9"),
    ]  # fmt: skip

    def fill(tx: Connection) -> None:
        stories.sync(tx, [STORYLINE], NOON)
        stories.save(tx, [e for e, _ in pairs], [p for _, p in pairs], told, NOON)  # type: ignore[misc]

    store.write(fill)
    return store


def exported(store: Store) -> tuple[str, Page]:
    with store.read() as tx:
        html = page(tx, "dam", LATER)
    return html, read(html)


def test_every_report_is_in_it_once_with_its_outlet_and_its_time(filled: Store) -> None:
    html, shown = exported(filled)
    assert shown.texts["h1"] == ["The dam"]
    assert [heading.strip() for heading in shown.texts["h3"]] == ["Dam breaks", "Who built it"]
    for number in range(1, 10):
        assert html.count(f"<bdi>Report {number}</bdi>") == 1
        assert f"https://news.example/{number}" in shown.links
    assert "2 developments" in html
    assert "9 reports" in html
    assert "3 outlets" in html
    assert "5 March to 7 March 2024" in html
    assert "5 Mar, 13:00" in html
    assert "As of 8 March 2024, 12:00 UTC" in html


def test_an_update_says_what_changed_and_is_never_folded_in(filled: Store) -> None:
    html, _ = exported(filled)
    before = html.partition("<details>")[0]
    assert "Update: six towns, not four." in before
    assert "<bdi>Report 8</bdi>" in before
    assert "<bdi>Report 7</bdi>" not in before
    assert "and 3 more reports" in html


def test_what_was_not_told_looks_otherwise(filled: Store) -> None:
    html, _ = exported(filled)
    assert 'class="development" id="d1"' in html
    assert 'class="development quiet" id="d2"' in html


def test_it_is_whole_and_needs_nothing_but_itself(filled: Store) -> None:
    html, shown = exported(filled)
    names = {tag for tag, _, _ in shown.tags}
    assert not names & {"script", "img", "link", "iframe", "object", "form", "base", "image", "use", "foreignObject"}
    assert not any(name.startswith("on") or name in ("src", "xlink:href", "background") for _, name, _ in shown.tags)
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html
    inside = {link for link in shown.links if link.startswith("#")}
    assert inside == {"#d1", "#d2"}
    assert all(map(leads_to_the_web, set(shown.links) - inside))


def test_the_picture_is_drawn_as_xml_has_it(filled: Store) -> None:
    html, _ = exported(filled)
    drawn = ET.fromstring(html[html.index("<svg") : html.index("</svg>") + 6])
    bars = list(drawn.iter("rect"))
    assert [float(bar.get("x") or 0) - 0.08 for bar in bars] == [0, 1, 2, 3, 4, 5, 6, 29, 39]
    assert {float(bar.get("height") or 0) for bar in bars} == {100}
    assert drawn.get("viewBox") == "0 0 40 100"
    assert "5 Mar, 13:00: 1" in [title.text for title in drawn.iter("title")]


@pytest.mark.parametrize(
    ("span", "parts", "hours"),
    [(timedelta(0), 24, 1), (timedelta(days=13), 313, 1), (timedelta(days=30), 241, 3), (timedelta(days=400), 332, 29)],
)
def test_the_picture_has_room_for_an_hour_and_for_a_year(span: timedelta, parts: int, hours: int) -> None:
    begin = datetime(2024, 3, 5, 12, 30, tzinfo=UTC)
    told = [{"number": n, "at": at, "alerted": True, "title": "x"} for n, at in enumerate((begin, begin + span))]
    drawn = picture(told, [begin, begin, begin + span])
    assert (drawn.parts, drawn.hours) == (parts, hours)
    assert 24 <= drawn.parts <= 24 * 14
    assert sum(int(bar.said.rpartition(" ")[2]) for bar in drawn.bars) == 3
    assert all(0 <= bar.at < drawn.parts for bar in drawn.bars)
    assert all(0 <= mark.at <= 100 for mark in drawn.marks)
    assert len(drawn.days) <= 7
    assert max(bar.height for bar in drawn.bars) == 100


def test_a_story_without_reports_has_no_page(store: Store) -> None:
    with store.read() as tx:
        assert page(tx, "dam", LATER) == ""


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_of_it_is_wider_than_the_screen(filled: Store, browser: str, tmp_path: Path, width: int) -> None:
    """In Chromium, by what the page measures of itself; only this copy of it may run a script."""
    html, _ = exported(filled)
    loose = html.replace("default-src 'none';", "").replace("Dam breaks", "Dam" + "breaks" * 40)
    measuring = "<script>document.title = document.documentElement.scrollWidth + ' of ' + innerWidth</script></body>"
    (tmp_path / "story.html").write_text(loose.replace("</body>", measuring))
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},800", "--dump-dom"]
    printed = subprocess.run(
        [*command, (tmp_path / "story.html").as_uri()], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    wide, of = printed.partition("<title>")[2].partition("</title>")[0].split(" of ")
    assert int(wide) <= int(of)
