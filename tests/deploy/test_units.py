"""The units of the roles have the walls of monitor.service, and nothing else is different but what has to be."""

from __future__ import annotations

from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "systemd"
SHARED = SYSTEMD / "monitor-@.service.d/role.conf"
ROLES = ("scheduler", "worker", "deliverer", "web")
RUN = "/opt/monitor/bin/monitor run"


def settings(path: Path, section: str = "Service") -> dict[str, list[str]]:
    """What a file says in one section: each name with its values, in order."""
    found: dict[str, list[str]] = {}
    current = ""
    for line in path.read_text().splitlines():
        if line.startswith("["):
            current = line.strip("[]")
        elif line and not line.startswith("#") and current == section:
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def test_roles_differ_from_the_one_process_by_their_name_and_by_keeping_nothing() -> None:
    alone, shared = settings(SYSTEMD / "monitor.service"), settings(SHARED)
    assert len(alone) > 50
    differing = {name for name in alone | shared if alone.get(name) != shared.get(name)}
    assert differing == {
        "ExecStart",
        "StateDirectory",
        "StateDirectoryMode",
        "WorkingDirectory",
        "NoExecPaths",
        "SocketBindAllow",
    }
    assert alone["ExecStart"] == [f"{RUN} --config /etc/monitor/monitor.yaml"]
    assert shared["ExecStart"] == [f"{RUN} --role %j --config /etc/monitor/monitor.yaml"]
    assert alone["NoExecPaths"] == [f"{shared['NoExecPaths'][0]} -/var/lib/private/monitor"]
    assert shared.keys() <= alone.keys()


@pytest.mark.parametrize("role", ROLES)
def test_a_role_adds_nothing_but_that_the_page_is_served(role: str) -> None:
    own = SYSTEMD / f"monitor-{role}@.service"
    alone = settings(SYSTEMD / "monitor.service")
    assert settings(own) == ({"SocketBindAllow": alone["SocketBindAllow"]} if role == "web" else {})
    assert settings(own, "Install") == {"WantedBy": ["monitor.target"], "DefaultInstance": ["1"]}
    assert role in settings(own, "Unit")["Description"][0]


def test_every_role_has_its_unit() -> None:
    assert {path.name for path in SYSTEMD.glob("monitor-*@.service")} == {f"monitor-{role}@.service" for role in ROLES}
