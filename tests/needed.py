"""What a test cannot do without, on a machine that may not have it."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def lacking(said: str) -> NoReturn:
    """Skip the test; fail it where all has to be there."""
    if os.environ.get("CI"):
        pytest.fail(said)
    pytest.skip(said)


def needed(missing: str) -> None:
    """The same where something is missing; go on where nothing is."""
    if missing:
        lacking(missing)
