"""The store: whether it is sound and for its owner only, and has room."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from monitor.config import Config
from monitor.doctor.finding import Finding, Level
from monitor.errors import MonitorError
from monitor.store import Store, exists
from monitor.store.database import database
from monitor.store.file import check, check_place
from monitor.store.sqlite import Sqlite

_ROOM = 200_000_000
"""Bytes below which a disk is nearly full."""
_FAULTY = ((3, 7, 0), (3, 51, 2))
"""The first and the last SQLite whose log may be lost when two connections empty it at once (0.10)."""


def store(config: Config) -> Iterator[Finding]:
    """Open it, look whether it is sound, and at what it stands on."""
    try:
        place = database(config.store)
        if isinstance(place, Sqlite):
            yield from _file(config.store, place.path)
        elif exists(config.store):
            opened = Store.open(config.store)
            with opened.read() as tx:
                version = tx.exec_driver_sql("SHOW server_version").scalar_one()
            opened.close()
            yield Finding("store", Level.OK, f"{place.shown} can be read and written, by PostgreSQL {version}.")
        else:
            yield Finding(
                "store", Level.NOTE, f"{place.shown} is empty yet; the daemon makes its tables when it starts."
            )
    except MonitorError as error:
        yield Finding("store", Level.PROBLEM, str(error))
    except OSError as error:
        yield Finding("store", Level.PROBLEM, f"The store cannot be looked at: {error.strerror}.")


def _file(url: str, path: Path) -> Iterator[Finding]:
    """Who may read it, and how much room there is. Raises MonitorError and OSError."""
    check_place(path)
    if exists(url):
        Store.open(url).close()
        check(path)
        yield Finding("store", Level.OK, f"{path} is sound.")
        yield from _modes(path)
    else:
        yield Finding("store", Level.NOTE, f"{path} is not there yet; the daemon makes it when it starts.")
    yield sqlite(sqlite3.sqlite_version_info)
    yield room(path)


def _modes(path: Path) -> Iterator[Finding]:
    """S16."""
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        said = f"Others on this machine can read or change {path} (mode {mode:o}); run chmod 600 on it."
        yield Finding("store", Level.WARNING, said)


def sqlite(version: tuple[int, ...]) -> Finding:
    """Which SQLite there is; one that has the WAL-reset fault (0.10) is no danger here."""
    said = f"SQLite {'.'.join(map(str, version))} is in use"
    if _FAULTY[0] <= version <= _FAULTY[1]:
        said += "; its fault (3.7.0 to 3.51.2) needs two that empty its log at once, which here the daemon alone does"
    return Finding("store", Level.OK, f"{said}.")


def room(path: Path, least: int = _ROOM) -> Finding:
    """Whether at least `least` bytes are free where the store is, or will be (S3). Raises OSError."""
    folder = next(folder for folder in path.absolute().parents if folder.exists())
    free = shutil.disk_usage(folder).free
    if free < least:
        said = (
            f"The disk of {folder} is nearly full ({free // 1_000_000} MB free); make room, or alerts cannot be kept."
        )
        return Finding("store", Level.WARNING, said)
    return Finding("store", Level.OK, f"There is room for it: {free / 1e9:,.1f} GB free.")
