"""deploy/compose.yaml: Compose itself takes it, the program knows its commands, and nothing in it can do more than it has to."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from monitor.cli import app, daemon
from monitor.errors import MonitorError
from monitor.serve import Server
from monitor.store import Store
from monitor.web import app as page
from monitor.web.health import Health
from tests.alerts.receiver import Clock
from tests.needed import lacking
from tests.web.sites import make_site

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy/compose.yaml"
SERVICES: dict[str, Any] = yaml.safe_load(FILE.read_text())["services"]
OURS = sorted(SERVICES.keys() - {"db"})
RUN = typer.main.get_command(app).commands["run"] if daemon else None  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def compose() -> list[str]:
    """Docker Compose, as a part of Docker or by itself; it needs no engine to read a file."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            done = subprocess.run([*command, "version", "--short"], capture_output=True, text=True, check=False)
            if done.returncode == 0 and int(re.sub(r"^v?(\d+).*", r"\1", done.stdout.strip(), flags=re.DOTALL)) >= 2:
                return command
    return lacking("Docker Compose (2 or newer) is not here; .ci/run brings it")


def read(compose: list[str], file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*compose, "-f", str(file), "config", "--format", "json"], capture_output=True, text=True, timeout=60, check=False
    )  # fmt: skip


def test_compose_takes_it_without_a_warning(compose: list[str]) -> None:
    done = read(compose, FILE)
    assert (done.returncode, done.stderr) == (0, "")
    services = json.loads(done.stdout)["services"]
    assert sorted(services) == ["db", "deliverer", "scheduler", "web", "worker"]
    assert services["worker"]["scale"] == 2
    assert services["worker"]["build"] == {"context": str(ROOT), "dockerfile": "deploy/Containerfile"}
    assert all(services[name]["depends_on"]["db"]["condition"] == "service_healthy" for name in OURS)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("read_only: true\n", "read_only: perhaps\n"),
        ("cap_drop:", "cap_dropp:"),
        ("networks: [store]", "networks: [stores]"),
    ],
)
def test_compose_would_say_what_is_wrong(compose: list[str], right: str, wrong: str, tmp_path: Path) -> None:
    assert right in FILE.read_text()
    (tmp_path / "compose.yaml").write_text(FILE.read_text().replace(right, wrong))
    assert read(compose, tmp_path / "compose.yaml").returncode != 0


def test_each_role_has_its_service() -> None:
    assert RUN is not None
    roles = {}
    for name in OURS:
        command, *options = SERVICES[name]["command"]
        assert command == "run"
        roles[name] = list(RUN.make_context("run", options).params["role"])
    assert roles == {name: [name] for name in ("scheduler", "worker", "deliverer", "web")}


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_can_do_no_more_than_it_has_to(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert not service.keys() & {"privileged", "cap_add", "devices", "network_mode", "pid", "ipc", "userns_mode"}
    assert all("noexec" in place for place in service["tmpfs"])
    assert all("PASSWORD" not in key or key.endswith("_FILE") for key in service.get("environment", {}))
    assert int(service["stop_grace_period"].rstrip("s")) >= 45, "as long as the units give it"


def test_only_the_page_is_reached_and_only_from_this_machine() -> None:
    assert {name for name in SERVICES if "ports" in SERVICES[name]} == {"web"}
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["web"]["ports"])
    assert SERVICES["db"]["networks"] == ["store"]
    assert yaml.safe_load(FILE.read_text())["networks"]["store"] == {"internal": True}


@pytest.mark.parametrize("name", OURS)
def test_the_configuration_is_read_only_and_nothing_else_of_the_machine_is_there(name: str) -> None:
    (mounted,) = SERVICES[name]["volumes"]
    assert (mounted["target"], mounted["read_only"]) == ("/etc/monitor", True)


@pytest.fixture
def served(store: Store, clock: Clock) -> Iterator[tuple[int, list[str]]]:
    """The page's port, and a list of what is wrong with the daemon."""
    wrong: list[str] = []

    def check() -> None:
        if wrong:
            raise MonitorError(wrong[0])

    site = make_site(store, clock, health=Health(check, lambda: "", dict))
    server = Server(page.create(site), "127.0.0.1:0")
    server.start()
    yield server.port, wrong
    server.close()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_the_page_is_healthy_while_the_daemon_is(served: tuple[int, list[str]]) -> None:
    port, wrong = served
    how, command = SERVICES["web"]["healthcheck"]["test"]
    assert how == "CMD-SHELL"
    asked = command.replace(":8765/", f":{port}/")
    here = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    assert subprocess.run(["sh", "-c", asked], env=here, capture_output=True, check=False).returncode == 0
    wrong.append("The desk hangs.")
    assert subprocess.run(["sh", "-c", asked], env=here, capture_output=True, check=False).returncode != 0
