"""What a command says of its use: it is set out alone, and that shows nowhere."""

from __future__ import annotations

import sys

import pytest
from typer.main import get_command

from monitor import cli
from monitor.cli import daemon, follow, setup, tables, tryout, watch

MODULES = (daemon, follow, setup, tables, tryout, watch)  # each adds its commands
COMMANDS = sorted(get_command(cli.app).commands)  # type: ignore[attr-defined]  # it is a group


@pytest.fixture(autouse=True)
def _called_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["monitor"])


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.run(arguments)
    return code, *capsys.readouterr()


@pytest.mark.parametrize("arguments", [(name, more) for name in COMMANDS for more in ("-h", "--no-such-option")])
def test_a_command_tells_its_use_as_it_does_among_all_others(
    arguments: tuple[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = said(capsys, *arguments)
    assert f"Usage: monitor {arguments[0]} " in alone[1] + alone[2]
    monkeypatch.setattr(cli, "_asked", lambda _arguments: cli.app)
    assert said(capsys, *arguments) == alone


def test_a_command_that_there_is_not_is_told_with_the_one_that_may_be_meant(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, error = said(capsys, "onec")
    assert code == cli.USAGE
    assert "No such command 'onec'. Did you mean 'once'?" in error


def test_all_commands_are_listed_where_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    listed = said(capsys, "-h")[1]
    assert [name for name in COMMANDS if f"\n  {name} " not in listed] == []
