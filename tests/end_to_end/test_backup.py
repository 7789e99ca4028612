"""The way back from a copy, by the very commands of docs/machines.md: nobody is told again what was told before the copy."""

from __future__ import annotations

import re
import secrets
import shlex
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from tests.end_to_end.world import World
from tests.needed import lacking
from tests.server import Database, database, dropping, server

PAGE = Path(__file__).parents[2] / "docs/machines.md"
ADDRESS, COPY, OWNED = "postgresql://monitor@db.example.org/monitor", "monitor.dump", "--owner monitor monitor"

BEFORE = "Orla dam closed after crack is found"
AFTER = "Police evacuate 4,000 as Orla dam floods valley"
LATER = "Minister resigns over Orla dam"


@pytest.fixture
def source(world: World, postgresql: Database) -> Iterator[str]:
    """A database of the test's own, in which the world's store is."""
    if shutil.which("pg_restore") is None:
        lacking("no pg_restore is here; Debian's package postgresql-client brings it")
    with database() as made:
        world.postgresql = made.url.render_as_string(hide_password=False)
        yield world.postgresql


def documented(program: str) -> str:
    """The command of the page's part on copies."""
    part = PAGE.read_text().partition("## Backup and restore")[2].partition("In containers")[0]
    (command,) = re.findall(rf"^    ({program} .+)$", part, re.MULTILINE)
    assert isinstance(command, str)
    return command


def carry_out(command: str, meant: dict[str, str]) -> None:
    """The command, with what stands for something in the page replaced by what it is here."""
    for said, here in meant.items():
        command = command.replace(said, here)
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, ""), command


def alerted(world: World, title: str) -> None:
    """It happened, and whatever alerts follow have arrived."""
    before = len(world.hook.received)
    world.web.publish("herald", title)
    world.poll_all()
    world.wait_for(lambda: world.waiting() == 0 and len(world.hook.received) == len(world.mail.messages) > before)


def test_a_daemon_on_a_restored_copy_tells_again_only_what_came_after_the_copy(world: World, source: str) -> None:
    world.write_config("herald")
    world.start()
    world.wait_for(lambda: world.starts == 1)
    world.poll_all()
    alerted(world, BEFORE)
    copy = str(world.folder / COPY)
    carry_out(documented("pg_dump"), {ADDRESS: source, COPY: copy})  # while it runs
    alerted(world, AFTER)
    assert world.stop() == 0

    name = f"monitor_test_{secrets.token_hex(6)}"
    restored = make_url(server()).set(database=name).render_as_string(hide_password=False)
    with dropping(name):
        carry_out(documented("createdb"), {OWNED: f"--maintenance-db={shlex.quote(server())} {name}"})
        carry_out(documented("pg_restore"), {ADDRESS: restored, COPY: copy})
        world.postgresql = restored
        world.write_config("herald")
        world.start()
        world.wait_for(lambda: world.starts == 2)
        alerted(world, LATER)
        assert world.stop() == 0
    told = Counter(payload["data"]["title"] for _, payload in world.hook.received)
    assert told == {BEFORE: 1, AFTER: 2, LATER: 1}
    assert Counter(world.mail.subjects) == {f"[The Orla dam] {title}": times for title, times in told.items()}
