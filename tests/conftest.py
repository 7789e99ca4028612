"""What all tests have in common."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.store import Store
from tests.alerts.receiver import Clock
from tests.needed import lacking
from tests.server import Database, database

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So a shell starts what it puts into the background, and children inherit it; what Ctrl-C does could not be tested.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until it is told to go."""
    return Clock()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Database]:
    """A database of this session's own on a server of PostgreSQL."""
    with database() as made:
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a store of the test's own can be: in a file, and in PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/data/monitor.db"
        return
    with request.getfixturevalue("postgresql").schema() as made:
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
