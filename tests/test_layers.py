"""The shape of the code: who may import whom, how long a file may be, and what no module is called."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LONGEST = 450
"""Lines a file may have. Raising it needs a sentence in the commit."""
MEANINGLESS = {"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"}


def modules() -> list[Path]:
    return sorted((ROOT / "monitor").rglob("*.py"))


def test_imports_point_one_way() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_file_is_too_long_to_read_in_one_go() -> None:
    lengths = {path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    sys.stdout.write(f"{sum(lengths.values())} lines in {len(lengths)} files\n")  # shown by pytest -rP
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST} == {}


def test_every_module_is_named_for_what_it_does() -> None:
    assert [path for path in modules() if path.stem in MEANINGLESS or path.parent.name in MEANINGLESS] == []


def test_every_module_opens_with_a_sentence_that_says_what_it_is_for() -> None:
    assert [path for path in modules() if not path.read_text(encoding="utf-8").startswith('"""')] == []
