"""The store: whether it is sound, and has room."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from monitor.config import Config
from monitor.doctor.finding import Finding, Level
from monitor.errors import MonitorError
from monitor.store import Store, exists
from monitor.store.file import check

_ROOM = 200_000_000
"""Bytes below which a disk is nearly full."""


def store(config: Config) -> Iterator[Finding]:
    """Open it, look whether it is sound, and how much room there is."""
    path = Path(config.store.removeprefix("sqlite:///"))
    if exists(config.store):
        try:
            Store.open(config.store).close()
            check(path)
        except MonitorError as error:
            yield Finding("store", Level.PROBLEM, str(error))
            return
        yield Finding("store", Level.OK, f"{path} is sound (SQLite {sqlite3.sqlite_version}).")
    else:
        yield Finding("store", Level.NOTE, f"{path} is not there yet; the daemon makes it when it starts.")
    folder = next(folder for folder in path.absolute().parents if folder.exists())
    if shutil.disk_usage(folder).free < _ROOM:
        yield Finding(
            "store", Level.WARNING, f"The disk of {folder} is nearly full; make room, or alerts cannot be kept."
        )
