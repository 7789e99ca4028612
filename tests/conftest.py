"""What all tests have in common."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache

from monitor import secret
from monitor.store import Store
from tests.alerts.receiver import Clock
from tests.needed import lacking
from tests.server import Database, database, running

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So a shell starts what it puts into the background, and children inherit it; what Ctrl-C does could not be tested.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _trace_no_child(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that a test starts are traced for coverage where it says so: traced, each takes half as long again to begin."""
    if not request.node.get_closest_marker("traced"):
        for name in [name for name in os.environ if name.startswith("COV")]:
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _know_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test has read as a secret is masked in no other's words."""
    monkeypatch.setattr(secret, "_revealed", set())


class _Compiled(BytecodeCache):
    """What the page's templates compile to, which every page that a test makes would find out anew."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


Flask.jinja_options = {"bytecode_cache": _Compiled()}


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until it is told to go."""
    return Clock()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Database]:
    """A database of this session's own on a server of PostgreSQL."""
    with running(), database() as made:
        yield made


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with its tables and nothing in them: to copy it takes a tenth of the time that it takes to make one."""
    file = tmp_path_factory.mktemp("empty") / "monitor.db"
    Store.open(f"sqlite:///{file}").close()
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a store of the test's own can be: in a file, and in PostgreSQL. It is there already for a test that has it opened."""
    opened = "store" in request.fixturenames
    if request.param == "sqlite":
        file = tmp_path / "data/monitor.db"
        if opened:
            file.parent.mkdir(mode=0o700)
            shutil.copy(request.getfixturevalue("empty_file"), file)
        yield f"sqlite:///{file}"
        return
    server: Database = request.getfixturevalue("postgresql")
    with server.store() if opened else server.schema() as made:
        yield made


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """A store that is empty."""
    opened = Store.open(url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def browser() -> str:
    """Where Chromium is."""
    found = shutil.which("chromium")
    if found is None:
        lacking("Chromium is not here; Debian's package chromium brings it")
    return found
