"""The documents tell the truth: commands with their options, YAML, JSON of alerts, what is made from the program; and the site is whole."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import lxml.html
import pytest
import typer

from docs import man, reference
from monitor.alerts import render
from monitor.cli import app
from monitor.config import load
from monitor.model import AlertKind
from tests.alerts.mails import alert, digest, link
from tests.alerts.samples import make_alert
from tests.docs.test_json import agree

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
DOCUMENTS = [ROOT / "README.md", ROOT / "systemd/README.md", ROOT / "SECURITY.md", *PAGES]
COMMANDS = man.commands()
OPTIONS = {option for parameter in typer.main.get_command(app).params for option in parameter.opts}
YAML = [
    (path, text)
    for path in PAGES
    for text in re.findall(r"^```yaml\n(.+?)^```", path.read_text(), re.DOTALL | re.MULTILINE)
    if "storylines" in text
]  # fmt: skip


def calls(path: Path) -> Iterator[list[str]]:
    """Every call of the monitor in a document, as words: in blocks of code, and between backquotes."""
    text = path.read_text()
    blocks = re.findall(r"^(?: {4}|\t)(.+)$", text, re.MULTILINE) + [
        line for block in re.findall(r"^```(?:sh|bash)?\n(.+?)^```", text, re.DOTALL | re.MULTILINE) for line in block.splitlines()
    ]  # fmt: skip
    for line in [*blocks, *re.findall(r"`([^`\n]+)`", text)]:
        found = re.fullmatch(r"(?:\w+=\S+ )*(?:\S*/)?monitor ([a-z-]+\b.*)", line.strip())
        if found:
            yield shlex.split(found[1].partition("   ")[0].partition(" #")[0])


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_in_it_exists_and_so_do_its_options(path: Path) -> None:
    for name, *words in calls(path):
        if name.startswith("--"):
            assert name in OPTIONS | {"--help"}
            continue
        assert name in COMMANDS, name
        options = {option for parameter in COMMANDS[name].params for option in parameter.opts} | {"-h", "--help"}
        assert {word for word in words if re.match(r"--?[a-z]", word)} <= options, (name, words)


def test_commands_are_found_where_they_stand() -> None:
    assert len(list(calls(ROOT / "docs/tutorial.md"))) > 12
    assert ["status", "-c", "/etc/monitor/monitor.yaml"] in list(calls(ROOT / "docs/server.md"))


@pytest.mark.parametrize(("path", "text"), YAML, ids=lambda value: getattr(value, "name", ""))
def test_the_yaml_in_it_is_right(path: Path, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "any")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "store").write_text("postgresql://monitor:any@db.example.org/monitor")
    (tmp_path / "monitor.yaml").write_text(text.replace("/run/secrets", str(tmp_path)))
    load(tmp_path / "monitor.yaml")


def test_what_is_made_from_the_program_is_current() -> None:
    assert reference.PAGE.read_text() == reference.page(), "make reference"
    assert man.PAGE.read_text() == man.page(), "make man"


def test_every_key_of_the_configuration_is_explained() -> None:
    rows = re.findall(r"^\| `([\w]+)` \| (.*) \| (.+) \| (.*) \|$", reference.page(), re.MULTILINE)
    assert len(rows) > 60
    assert [row for row in rows if not row[1].strip() or not row[3].strip()] == []


@pytest.mark.parametrize("linter", [["man", "-l", "--warnings"], ["groff", "-man", "-ww", "-z"], ["mandoc", "-T", "lint", "-W", "error"]], ids=lambda command: command[0])  # fmt: skip
def test_the_manual_page_reads_without_a_warning(linter: list[str]) -> None:
    if shutil.which(linter[0]) is None:
        pytest.skip(f"{linter[0]} is not here")
    done = subprocess.run([*linter, man.PAGE], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    if linter[0] == "man":
        assert all(name in done.stdout for name in COMMANDS)


# --- alerts as JSON


def test_the_keys_of_an_alert_are_those_that_are_sent() -> None:
    text = (ROOT / "docs/alerts.md").read_text()
    told = dict(re.findall(r"^\| `((?:data\.|type|timestamp)[^`]*)` \| (.+) \|$", text, re.MULTILINE))
    kinds = [make_alert(kind=kind, id=f"a-{kind}") for kind in AlertKind if kind is not AlertKind.DIGEST]
    sent = [alert(), digest(), make_alert(first=link("Herald", "x", 1)), *kinds]
    agree(told, *map(render.payload, sent))


def test_the_kinds_of_alerts_are_all_there() -> None:
    text = (ROOT / "docs/alerts.md").read_text()
    told = dict(
        re.findall(r"^\| `([a-z.]+)` \| `([a-z]+)` \| [^`].+ \|$", text.replace("| `type` |", ""), re.MULTILINE)
    )
    sent = [render.payload(digest() if kind is AlertKind.DIGEST else make_alert(kind=kind)) for kind in AlertKind]
    assert told == {message["type"]: message["data"]["kind"] for message in sent}


def test_the_example_of_an_alert_is_a_real_one() -> None:
    example = re.findall(r"^```json\n(.+?)^```", (ROOT / "docs/alerts.md").read_text(), re.DOTALL | re.MULTILINE)
    assert [json.loads(text) for text in example] == [json.loads(json.dumps(render.payload(alert())))]


# --- the site


def test_every_page_is_in_the_sites_contents() -> None:
    import tomllib

    settings = tomllib.loads((ROOT / "zensical.toml").read_text())
    named = re.findall(r"'([\w-]+\.md)'", str(settings["project"]["nav"]))
    assert sorted(named) == [path.name for path in PAGES]
    assert settings["project"]["theme"]["font"] is False, "a font would be loaded from elsewhere"


def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    zensical = Path(sys.executable).with_name("zensical")
    if not zensical.exists():
        pytest.skip("the extra `docs` is not installed")
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    command = [str(zensical), "build", "--clean", "--strict"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = sorted((tmp_path / "site").glob("*.html"))
    assert {page.stem for page in pages} >= {path.stem for path in PAGES}
    for page in pages:
        for element in lxml.html.parse(page).getroot().iter("script", "img", "iframe", "source", "link"):
            address = element.get("src") or element.get("href") or ""
            assert not urlsplit(address).netloc or element.get("rel") == "canonical", (page.name, address)
