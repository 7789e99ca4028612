"""The settings of the page: who is let in by which, and the password that the command makes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from monitor import secret
from monitor.cli import run
from monitor.config import Config, load
from monitor.errors import ConfigError
from monitor.serve import WebSettings
from monitor.web import login

BEGIN = "storylines: [{id: dam, title: The dam, terms: [dam]}]\nfeeds: [https://news.example/rss]\n"


@pytest.fixture(autouse=True)
def _nothing_read_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of its own would know of no secret of another test."""
    monkeypatch.setattr(secret, "_revealed", set())


def read(folder: Path, web: str) -> Config:
    (folder / "monitor.yaml").write_text(f"{BEGIN}web: {web}\n")
    return load(folder / "monitor.yaml")


@pytest.mark.parametrize(
    ("settings", "is_open"),
    [
        ({}, True),
        ({"listen": "localhost:1"}, True),
        ({"listen": "[::1]:1"}, True),
        ({"listen": "127.8.9.1:1"}, True),
        ({"base_url": "http://127.0.0.1:8765"}, True),
        ({"base_url": "https://localhost"}, True),
        ({"listen": "0.0.0.0:1"}, False),
        ({"listen": "[::]:1"}, False),
        ({"listen": "10.0.0.1:1"}, False),
        ({"listen": "desk:1"}, False),
        ({"listen": "localhost.example.org:1"}, False),
        ({"base_url": "https://news.example.org"}, False),
        ({"base_url": "http://192.168.1.2"}, False),
        ({"base_url": "http://localhost.example.org"}, False),
    ],
)
def test_only_what_this_machine_alone_can_reach_is_open(settings: dict[str, Any], is_open: bool) -> None:
    assert WebSettings(**settings).is_open is is_open


def test_a_page_that_others_could_reach_without_a_password_is_a_warning_and_no_error(tmp_path: Path) -> None:
    """What followed stories before the page came goes on following them."""
    for web in ("{listen: '0.0.0.0:8765'}", "{base_url: https://news.example.org}"):
        (warning,) = read(tmp_path, web).warnings
        assert warning.line == 3
        assert "stays shut until it has a password; `monitor password` makes one" in warning.message
    for web in ("{}", "{listen: '0.0.0.0:8765', page: false}"):
        assert read(tmp_path, web).warnings == ()


def test_a_token_that_can_be_guessed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGE_TOKEN", "abc")
    with pytest.raises(ConfigError, match="too short for a token; `openssl rand -hex 32` makes a good one") as caught:
        read(tmp_path, "{token: {env: PAGE_TOKEN}}")
    assert "environment variable PAGE_TOKEN" in str(caught.value)
    monkeypatch.setenv("PAGE_TOKEN", "0123456789abcdef0123456789abcdef")
    assert read(tmp_path, "{token: {env: PAGE_TOKEN}, listen: '0.0.0.0:8765'}").warnings == ()


def asked(typed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """What `monitor password` ends with and prints when this is typed."""
    monkeypatch.setattr("sys.stdin", io.StringIO(typed + "\n"))
    code = run(["password"])
    return code, *capsys.readouterr()


def test_the_command_prints_a_line_by_which_the_password_is_known_and_not_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = asked("correct horse battery", monkeypatch, capsys)
    assert code == 0
    assert "horse" not in out
    (tmp_path / "monitor.yaml").write_text(BEGIN + out)
    kept = load(tmp_path / "monitor.yaml").web.password
    assert isinstance(kept, str)
    assert login._fits(kept, "correct horse battery")
    assert not login._fits(kept, "correct horse")


@pytest.mark.parametrize("chosen", ["", "short", "x" * 2_000])
def test_a_password_that_is_no_good_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], chosen: str
) -> None:
    code, out, err = asked(chosen, monkeypatch, capsys)
    assert (code, out) == (1, "")
    assert "has 10 letters or more" in err


def test_a_hash_can_be_a_secret_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGE_PASSWORD", login.kept("correct horse battery"))
    assert read(tmp_path, "{password: {env: PAGE_PASSWORD}, listen: '0.0.0.0:8765'}").web.has_login
    monkeypatch.setenv("PAGE_PASSWORD", "correct horse battery")
    with pytest.raises(ConfigError, match="never the password itself") as caught:
        read(tmp_path, "{password: {env: PAGE_PASSWORD}}")
    assert "horse" not in str(caught.value)
