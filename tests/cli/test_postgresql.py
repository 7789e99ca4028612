"""Every command on PostgreSQL: it says and does what it does on SQLite."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from monitor.cli import run
from monitor.store import Store
from tests.server import Database
from tests.store.test_move import fill

CONFIG = """\
store: "{url}"
storylines: [{{id: dam, title: The dam, question: Does it hold?, terms: [dam]}}]
feeds: [https://feed.example/rss]
channels: {{mail: {{type: console}}, console: {{type: console}}}}
"""
LOOKING = (
    "status",
    "feeds",
    "stories",
    "timeline dam",
    "deliveries",
    "explain e1",
    "explain e2499",
    "digest --since 9999d",
)
CHANGING = (
    "silence dam 8h", "unfollow dam --channel mail", "stories", "follow dam --channel mail", "feedback e2 wrong", "feedback e7 right",
    "feedback e3 same-as e7", "feedback e2 new", "timeline dam", "retry --all", "retry y", "deliveries --state pending", "status", "explain e7",
)  # fmt: skip
VARIES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(?:\+00:00)?|\"(?:sqlite|postgresql)\": \"[\d.]+\"")


@pytest.fixture
def configs(tmp_path: Path, postgresql: Database) -> Iterator[tuple[Path, Path]]:
    """Of two stores that hold the same."""
    with postgresql.schema() as schema:
        written = []
        for engine, url in (("sqlite", f"sqlite:///{tmp_path}/monitor.db"), ("postgresql", schema)):
            (tmp_path / f"{engine}.yaml").write_text(CONFIG.format(url=url.replace('"', '\\"')))
            written.append(tmp_path / f"{engine}.yaml")
            with closing(Store.open(url)) as store:
                store.write(fill)
        yield written[0], written[1]


def said(command: str, config: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    capsys.readouterr()
    code = run([*command.split(), "-c", str(config)])
    told = capsys.readouterr()
    return code, VARIES.sub("...", told.out), VARIES.sub("...", told.err)


def test_commands_say_the_same_of_the_same_store(
    configs: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    spoken = 0
    for command in (*LOOKING, *(f"{command} --json" for command in LOOKING), *CHANGING):
        in_a_file, in_postgresql = (said(command, config, capsys) for config in configs)
        assert in_postgresql == in_a_file, command
        spoken += in_a_file[0] == 0
    assert spoken >= len(LOOKING) * 2 + len(CHANGING) - 1, "most of this should have gone well"


def test_the_doctor_looks_at_the_server_and_a_backup_is_the_servers_own(
    configs: tuple[Path, Path], tmp_path: Path, postgresql: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    _, config = configs
    assert re.search(
        r"store: postgresql://\S+ can be read and written, by PostgreSQL \d+", said("doctor", config, capsys)[1]
    )
    code, _, err = said(f"backup {tmp_path}/copy", config, capsys)
    assert code == 1
    assert "pg_dump --format=custom --file=" in err
    with postgresql.away():
        assert "cannot be opened" in said("doctor", config, capsys)[1]
        code, _, err = said("status", config, capsys)
    assert (code, "check the address, and whether the server runs" in " ".join(err.split())) == (1, True)


def test_what_is_not_there_yet_is_not_made_by_looking(
    tmp_path: Path, postgresql: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    from monitor.store import exists

    with postgresql.schema() as schema:
        config = tmp_path / "monitor.yaml"
        config.write_text(CONFIG.format(url=schema.replace('"', '\\"')))
        assert said("status", config, capsys)[0] == 0
        assert "is empty yet; the daemon makes its tables" in " ".join(said("doctor", config, capsys)[1].split())
        assert not exists(schema)
