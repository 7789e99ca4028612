"""`monitor track`: articles from a file, a page, standard input and a server on loopback; shown, or put into a configuration."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.cli import run
from monitor.config import load
from tests.feeds.conftest import RSS, RawServer, http

ARTICLES = Path(__file__).parents[1] / "articles"
VOLCANO, PAGE, STRAJK = (ARTICLES / name for name in ("volcano.txt", "volcano.html", "strajk.txt"))
CONFIG = """\
# Our desk
store: sqlite:///{folder}/monitor.db
fetch: {{allow_networks: [127.0.0.0/8]}}

entities:
  Sarro: [Sarro, Isle of Sarro]   # the island

storylines:
  - id: mount-kelva-erupts-sarro   # the last time
    title: Kelva in 1987
    terms: {{all: [Kelva], any: ['1987']}}

# Where to look
feeds: [https://feed.example/rss]
"""
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "monitor.yaml"
    path.write_text(CONFIG.format(folder=tmp_path))
    return path


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Run `monitor track`; its exit code, what it printed, and what it complained of."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MONITOR_CONFIG", raising=False)

    def call(*arguments: object) -> tuple[int, str, str]:
        code = run(["track", *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_what_is_printed_is_a_configuration_but_for_its_feeds(command: Command, tmp_path: Path) -> None:
    code, out, err = command(VOLCANO)
    assert (code, err) == (0, "")
    path = tmp_path / "m.yaml"
    path.write_text(f"{out}feeds: [https://feed.example/rss]\n")
    checked = load(path)
    assert checked.storylines[0].entities["Mount Kelva"] == ("Kelva",)
    assert checked.warnings == ()
    assert out.count("# seed: article.txt") == 1


def test_a_page_is_read_without_what_surrounds_the_article(command: Command) -> None:
    code, out, _ = command(PAGE)
    assert code == 0
    assert "Mount Kelva: [Kelva]" in out
    for clutter in ("Herald", "Subscribe", "Cookies", "Regatta", "Chirper", "Quill"):
        assert clutter not in out
    text = command(VOLCANO)[1]
    assert out.count("- id:") == text.count("- id:")


def test_an_article_may_come_by_standard_input(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(STRAJK.read_bytes())))
    code, out, _ = command("-")
    assert code == 0
    assert "Kto zapłaci za fundusz, jeśli spółka się wycofa?" in out


def test_without_any_standard_input_it_is_empty(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    code, _, err = command("-")
    assert code == 1
    assert "Standard input is empty" in err


@pytest.mark.parametrize("kind", ["text/html", "application/octet-stream"])
def test_an_article_may_come_from_the_web(
    command: Command, config: Path, serve: Callable[..., RawServer], kind: str
) -> None:
    server = serve(http(PAGE.read_bytes(), "200 OK", f"Content-Type: {kind}; charset=utf-8"))
    code, out, _ = command(server.url, "-c", config)
    assert code == 0
    assert "Mount Kelva: [Kelva]" in out
    assert b"Accept: text/html" in server.requests[0]


def test_an_address_on_ones_own_network_is_refused(command: Command, serve: Callable[..., RawServer]) -> None:
    server = serve(http(PAGE.read_bytes()))
    code, _, err = command(server.url)
    assert code == 1
    assert "private address" in err
    assert server.requests == []


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (http(b"", "404 Not Found"), "knows no such address (404)"),
        (http(b"", "403 Forbidden"), "forbids this address (403)"),
        (http(b"x", "200 OK", length=500), "broke off"),
        (http(b"x" * 20_000_000), "larger than"),
        (http(RSS), "is a feed, not an article"),
        (http(b"<html><body><p>Hello.</p></body></html>"), "no article"),
    ],
)
def test_a_page_that_cannot_be_had_is_told_in_a_sentence(
    command: Command, config: Path, serve: Callable[..., RawServer], answer: bytes, sentence: str
) -> None:
    code, out, err = command(serve(answer).url, "-c", config)
    assert (code, out) == (1, "")
    assert sentence in err.replace("No article", "no article")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "is empty"),
        (b" \n\t\n", "is empty"),
        (b"\x7fELF\x02\x01\x01\x00\x00\x00" * 50, "is not text"),
        (b"PK\x03\x04\xff\xfe\x00" * 50, "is not text"),
        (b"%PDF-1.7\n%\xe2\xe3", "is a PDF"),
        ("Zażółć gęślą jaźń. ".encode("iso-8859-2") * 30, "not text in UTF-8"),
        (b"Hello there.\nNothing more.", "no article"),
        (b"key: value\n" * 3, "no article"),
        (RSS, "is a feed, not an article"),
        (b"<html><head><title>Sign in</title></head><body><form><input></form></body></html>", "No article"),
        (b"x" * 6_000_000, "larger than 5 MB"),
    ],
)
def test_a_file_that_is_no_article_is_told_in_a_sentence(
    command: Command, config: Path, tmp_path: Path, body: bytes, sentence: str
) -> None:
    (tmp_path / "a.txt").write_bytes(body)
    before = config.read_bytes()
    code, out, err = command(tmp_path / "a.txt", "--into", config)
    assert (code, out) == (1, "")
    assert sentence in err
    assert len(err.splitlines()) == 1
    assert config.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"a.txt", "monitor.yaml"}


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("nowhere.txt", "no such file"),
        (".", "no regular file"),
        ("ftp://files.example/a", "no web address"),
        ("http://", "not of the form"),
    ],
)
def test_a_source_that_is_none_is_told_in_a_sentence(command: Command, source: str, sentence: str) -> None:
    code, _, err = command(source)
    assert code == 1
    assert sentence in err


def test_an_article_in_utf_16_is_read(command: Command, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(VOLCANO.read_text().replace("\n", "\r\n").encode("utf-16"))
    assert "Mount Kelva: [Kelva]" in command(tmp_path / "a.txt")[1]


def test_into_a_configuration_every_line_stays_and_the_outcome_is_right(command: Command, config: Path) -> None:
    config.chmod(0o640)
    before = config.read_text().splitlines()
    code, out, _ = command(VOLCANO, "--into", config)
    assert code == 0
    after = config.read_text().splitlines()
    assert [line for line in after if line in before and line] == [line for line in before if line]
    checked = load(config)
    old, own, *_ = checked.storylines
    assert old.id == "mount-kelva-erupts-sarro"
    assert own.id == "mount-kelva-erupts-sarro-2"
    assert own.id in out
    assert own.seed.strip() == VOLCANO.read_text().strip()
    assert own.entities["Sarro"] == ("Sarro", "Isle of Sarro")
    assert own.entities["Mount Kelva"] == ("Kelva",)
    assert stat.S_IMODE(config.stat().st_mode) == 0o640
    assert run(["check", "-c", str(config)]) == 0


def test_a_second_article_adds_to_the_first(command: Command, config: Path) -> None:
    assert command(VOLCANO, "--into", config)[0] == 0
    first = load(config).storylines
    assert command(PAGE, "--into", config)[0] == 0
    assert command(STRAJK, "--into", config)[0] == 0
    checked = load(config)
    assert checked.storylines[: len(first)][0].id == first[0].id
    assert len({storyline.id for storyline in checked.storylines}) == len(checked.storylines) > 2 * len(first)
    assert config.read_text().count("Mount Kelva: [") == 1


def test_a_link_to_the_configuration_stays_one(command: Command, config: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.yaml"
    link.symlink_to(config)
    assert command(VOLCANO, "--into", link)[0] == 0
    assert link.is_symlink()
    assert len(load(config).storylines) > 1


def test_a_configuration_that_is_wrong_is_left_alone_and_told_of(
    command: Command, config: Path, tmp_path: Path
) -> None:
    config.write_text(config.read_text().replace("https://feed", "ftp://feed"))
    before = config.read_bytes()
    code, _, err = command(VOLCANO, "--into", config)
    assert code == 78
    assert "not a web address" in err
    assert config.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["monitor.yaml"]


def test_a_configuration_without_storylines_gets_its_first(command: Command, config: Path) -> None:
    config.write_text("fetch: {timeout: 5s}\nfeeds: [https://feed.example/rss]\nstorylines:\n")
    assert command(VOLCANO, "--into", config)[0] == 0
    assert load(config).storylines


def test_a_configuration_that_is_not_there_is_not_made(command: Command, tmp_path: Path) -> None:
    code, _, err = command(VOLCANO, "--into", tmp_path / "new.yaml")
    assert code == 78
    assert "cannot be read" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_told_of(command: Command, config: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    code, _, err = command(VOLCANO, "--into", config)
    tmp_path.chmod(0o700)
    assert code == 1
    assert "cannot be written" in err


def test_a_text_file_is_read_without_the_parts_for_pages() -> None:
    code = (
        "import sys\nfrom monitor.cli import run\n"
        f"run(['track', {str(VOLCANO)!r}])\nprint(sorted({{'trafilatura', 'lxml'}} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
