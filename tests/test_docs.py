"""The documents tell the truth: commands, paths, YAML and version are those of the code."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
import typer
import yaml

from monitor import __version__
from monitor.cli import app, daemon, follow, setup, tables, tryout, watch
from monitor.config import load

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "systemd/README.md",
    ROOT / "benchmarks/README.md",
]
COMMANDS = typer.main.get_command(app).commands if all((daemon, follow, setup, tables, tryout, watch)) else {}  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_and_stands_in_the_readme(name: str) -> None:
    assert COMMANDS[name].help
    assert f"`monitor {name}" in README


def test_the_readme_names_no_command_that_there_is_not() -> None:
    assert set(re.findall(r"`monitor ([a-z][a-z-]*)", README)) <= set(COMMANDS)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_that_is_named_exists(path: Path) -> None:
    text = path.read_text()
    named = re.findall(r"`((?:monitor|tests|config|deploy|systemd|benchmarks|docs)/[\w./-]+)`", text)
    linked = [target for target in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in target]
    for name in named:
        assert (ROOT / name).exists() or name == "config/monitor.yaml", name
    for target in linked:
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("number", range(len(re.findall(r"```yaml\n", README))))
def test_the_readmes_yaml_is_right(number: int, tmp_path: Path) -> None:
    text = re.findall(r"```yaml\n(.+?)```", README, re.DOTALL)[number]
    (tmp_path / "monitor.yaml").write_text(text)
    load(tmp_path / "monitor.yaml")


def test_the_version_is_the_one_on_top_of_the_changes() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert re.findall(r"^## (\S+)", changes, re.MULTILINE)[0] == __version__


def test_the_readme_says_which_commands_take_no_configuration() -> None:
    without = {name for name, command in COMMANDS.items() if not any("--config" in p.opts for p in command.params)}
    stated = re.search(r"All but (.+?) take `-c FILE`", README)
    assert stated
    assert set(re.findall(r"`([a-z-]+)`", stated[1])) == without


def test_the_picture_of_the_demo_is_of_this_week_and_whole() -> None:
    """It is a recording of real output: its headlines, dates and counts are those of the data, and each alert is in it."""
    week = yaml.safe_load((ROOT / "monitor/demo/week.yaml").read_text())
    text = re.sub(
        r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", (ROOT / "docs/demo.svg").read_text())).replace("\xa0", " ")
    )
    shown = [entry for entry in week["entries"] if f"new {entry[2]}" in text]
    alerts = re.search(r"(\d+) alerts were sent", text)
    assert f"{len(week['entries'])} entries from {len(week['outlets'])} outlets" in text
    assert alerts
    assert len(shown) == int(alerts[1])
    for (
        hours,
        outlet,
        _,
        _,
    ) in shown:  # a date that lies ahead of the poll, whose hours last a tenth of a second, becomes the poll's
        told = (week["start"] + timedelta(hours=hours) - timedelta(minutes=late) for late in range(180))
        assert any(f"{outlet}, {at:%-d %b %H:%M}" in text for at in told)


def test_the_picture_of_the_demo_moves_by_itself_and_loads_nothing() -> None:
    drawing = (ROOT / "docs/demo.svg").read_text()
    names = {element.tag.rpartition("}")[2] for element in ET.fromstring(drawing).iter()}
    assert names == {"svg", "title", "style", "defs", "clipPath", "rect", "g", "circle", "text"}
    assert not re.search(r"url\((?!#)|@import|@font-face|href", drawing)
    assert "prefers-reduced-motion" in drawing
    lasts = {float(seconds) for seconds in re.findall(r"animation: \w+ ([\d.]+)s linear infinite", drawing)}
    assert len(lasts) == 1
    assert 20 < lasts.pop() < 35
