"""The demonstration, played in seconds: the real daemon follows it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.traced

DEMO = Path(__file__).parents[1] / "monitor/demo"
WEEK = yaml.safe_load((DEMO / "week.yaml").read_text())


def test_the_week_is_as_long_as_it_should_be() -> None:
    assert len(WEEK["outlets"]) == 8
    assert len(WEEK["entries"]) == 60
    assert {name for _, name, _, _ in WEEK["entries"]} == set(WEEK["outlets"])
    hours = [entry[0] for entry in WEEK["entries"]]
    assert hours == sorted(hours)
    assert 0 < hours[0] < hours[-1] < 7 * 24


@pytest.mark.parametrize(
    ("headline", "day"), [("arrives in Russia", 12), ("cosmodrome", 13), ("Komsomolsk", 15), ("leaves Russia", 17)]
)
def test_what_happened_is_told_on_the_day_it_happened(headline: str, day: int) -> None:
    hours = next(entry[0] for entry in WEEK["entries"] if headline in entry[2])
    assert WEEK["start"].tzinfo is not None
    assert (WEEK["start"] + timedelta(hours=hours)).date() == date(2023, 9, day)


def test_the_code_knows_nothing_of_the_story() -> None:
    code = (DEMO / "__init__.py").read_text()
    assert not [word for word in (str(WEEK["start"].year), *WEEK["outlets"]) if word in code]


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
    assert 8 <= counts["alerts"] <= counts["reports"] // 2
    assert counts["folded"] == counts["reports"] - counts["alerts"]
    assert [path for path in tmp_path.iterdir() if not path.name.startswith(".coverage")] == []
