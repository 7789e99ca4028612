"""The demonstration, played in seconds: the real daemon follows it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import yaml

WEEK = Path(__file__).parents[1] / "monitor/demo/week.yaml"


def test_the_week_is_as_long_as_it_should_be() -> None:
    week = yaml.safe_load(WEEK.read_text())
    assert len(week["outlets"]) == 8
    assert len(week["entries"]) == 60
    assert {name for _, name, _, _ in week["entries"]} == set(week["outlets"])


def test_the_demo_follows_its_week_without_network_or_set_up(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "monitor", "demo", "--seconds", "8", "--json"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert counts["entries"] == 60
    assert 8 <= counts["alerts"] <= 20
    assert counts["folded"] == counts["reports"] - counts["alerts"]
    assert [path for path in tmp_path.iterdir() if not path.name.startswith(".coverage")] == []
