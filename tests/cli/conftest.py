"""How commands are called, and what those that go to the web are tested against: the server of the feeds' tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.cli import run
from tests.feeds.conftest import serve

__all__ = ["serve"]

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> Command:
    """Runs a command on the module's CONFIG; its exit code, what it printed, and what it complained of."""
    (tmp_path / "monitor.yaml").write_text(request.module.CONFIG.format(folder=tmp_path))

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run([*arguments, "-c", str(tmp_path / "monitor.yaml")])
        out, err = capsys.readouterr()
        return code, out, err

    return call
