"""deploy/Containerfile: a linter finds nothing, and the commands of its first stage make a monitor that runs, here as there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.needed import lacking

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy/Containerfile"
_LINES = re.sub(r"\\\n", "", re.sub(r"(?m)^#.*\n", "", FILE.read_text())).splitlines()
INSTRUCTIONS = [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in _LINES if line)]
FROM = [number for number, (name, _) in enumerate(INSTRUCTIONS) if name == "FROM"]
FIRST, LAST = INSTRUCTIONS[FROM[0] + 1 : FROM[1]], INSTRUCTIONS[FROM[1] + 1 :]


def test_a_linter_finds_nothing() -> None:
    if shutil.which("hadolint") is None:
        lacking("hadolint is not here; .ci/run brings it")
    done = subprocess.run(
        ["hadolint", "--no-color", str(FILE)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.timeout(600)
@pytest.mark.skipif(
    os.environ.get("CI") != "true", reason="all packages are fetched anew, which takes a minute; CI does"
)
def test_the_first_stage_makes_a_monitor_that_runs(tmp_path: Path) -> None:
    made = tmp_path / "opt/monitor"
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    place = tmp_path
    for name, rest in FIRST:
        match name:
            case "ENV":
                environment |= dict(pair.split("=", 1) for pair in shlex.split(rest))
                environment.pop("PIP_NO_CACHE_DIR", None)  # what was fetched before will do
            case "WORKDIR":
                place = tmp_path / rest.strip("/")
                place.mkdir(parents=True)
            case "COPY":
                _copy(rest, place)
            case "RUN":
                command = rest.replace("/opt/monitor", str(made))
                done = subprocess.run(["sh", "-ec", command], cwd=place, env=environment, capture_output=True, text=True, check=False)  # fmt: skip
                assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
            case _:
                pytest.fail(f"{name} is not known here")
    done = subprocess.run(
        [made / "bin/monitor", "demo", "--seconds", "5"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert re.search(r", [1-9]\d* alerts were sent", done.stdout), done.stderr
    assert (made / "share/man/man1/monitor.1").exists()
    assert subprocess.run([made / "bin/python", "-c", "import psycopg"], check=False).returncode == 0
    assert not (made / "bin/pip").exists()


def _copy(said: str, place: Path) -> None:
    *sources, target = said.split()
    for source in sources:
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, place / target)
        else:
            (place / target).mkdir(exist_ok=True)
            shutil.copy(ROOT / source, place / target)


def test_what_runs_is_nobody_and_ends_as_the_daemon_does() -> None:
    told = dict(LAST)
    user, _, group = told["USER"].partition(":")
    assert user == group
    assert int(user) > 10_000
    assert told["ENTRYPOINT"] == '["monitor"]'
    assert told["STOPSIGNAL"] == "SIGTERM"
    assert f"chown {user} secrets/store" in (ROOT / "docs/machines.md").read_text(), "whose the secrets are"


def test_the_last_stage_installs_nothing() -> None:
    assert [rest for name, rest in LAST if name == "COPY"] == ["--from=build /opt/monitor /opt/monitor"]
    assert not re.search(
        r"\b(pip|apt|apt-get|gcc|cc|curl|wget)\b", "\n".join(rest for name, rest in LAST if name == "RUN")
    )
