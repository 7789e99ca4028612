"""One world a test."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.end_to_end.world import World, feed_server, hook_server, mail_server


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Its store is in a file, or in PostgreSQL where the test says so (`on_both`, `on_postgresql`)."""
    with feed_server() as web, hook_server() as hook, mail_server(tmp_path) as mail, ExitStack() as stack:
        made = World(tmp_path, web, hook, mail)
        if getattr(request, "param", "sqlite") == "postgresql":
            made.postgresql = stack.enter_context(request.getfixturevalue("postgresql").schema())
        yield made
        if made.process is not None and made.process.poll() is None:
            made.stop(signal.SIGKILL)
