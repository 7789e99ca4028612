"""One world a test."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.world import World, feed_server, hook_server, mail_server


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with feed_server() as web, hook_server() as hook, mail_server(tmp_path) as mail:
        made = World(tmp_path, web, hook, mail)
        yield made
        if made.process is not None and made.process.poll() is None:
            made.stop(signal.SIGKILL)
