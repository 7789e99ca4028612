"""What all tests have in common."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.store import Store
from tests.alerts.receiver import Clock

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So a shell starts what it puts into the background, and children inherit it; what Ctrl-C does could not be tested.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until it is told to go."""
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store in a file of its own."""
    opened = Store.open(f"sqlite:///{tmp_path}/monitor.db")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def browser() -> str:
    """Where Chromium is."""
    found = shutil.which("chromium")
    if found is None:
        said = "Chromium is not here; Debian's package chromium brings it"
        if os.environ.get("CI") == "true":
            pytest.fail(said)
        pytest.skip(said)
    return found
