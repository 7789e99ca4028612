"""The database file: made for its owner only, judged before anything touches it, held by one process at a time."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from monitor.errors import StoreError, StoreHeld, plainly

APPLICATION = 0x53544D4E
"""SQLite's application_id: tells our files from anybody else's."""
BUSY_SECONDS = 10.0
JOURNAL_CAP = 16_000_000
"""Bytes that the journal keeps on disk once nobody reads what is in it (S8)."""
_PAGES = 1_000
"""Pages that are copied at a time, so that nobody waits long."""
_NETWORK = {
    "nfs",
    "nfs3",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "afs",
    "9p",
    "fuse.sshfs",
    "fuse.rclone",
    "fuse.s3fs",
    "davfs",
}


def prepare(path: Path) -> None:
    """Make the file where there is none; refuse one that is damaged or another program's, and leave it as it is (S5)."""
    with _openable(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.exists() and path.stat().st_size:
            _judge(path)
            return
        journal = Path(f"{path}-wal")
        if journal.exists() and journal.stat().st_size:  # SQLite would delete it, and with it the last that was kept
            raise _damaged(path)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))  # S16: SQLite gives its other files the same mode


def check(path: Path) -> None:
    """Read every page. Raises StoreError when one is damaged (S5)."""
    with _openable(path), _probe(path) as probe:
        if probe.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise _damaged(path)


def backup(path: Path, to: Path) -> None:
    """Copy the store as it is at one moment, also while others write; the copy is whole, or not there (S12). Raises StoreError."""
    part = to.with_name(f"{to.name}.part")
    try:
        with _probe(path) as source:
            os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            with closing(sqlite3.connect(part)) as copy:
                source.backup(copy, pages=_PAGES)
        part.replace(to)
    except (OSError, sqlite3.Error) as error:
        part.unlink(missing_ok=True)
        raise StoreError(f"{path} could not be copied to {to}: {plainly(error)}.") from None


def check_place(path: Path) -> None:
    """Raises StoreError where the file lies on a network, whose locks SQLite cannot rely on (S7)."""
    if kind := network_file_system(path):
        raise StoreError(
            f"{path} lies on a network file system ({kind}), where a database can be damaged; put it on a local disk."
        )


def network_file_system(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """The kind of network file system that `path` lies on, such as `nfs4`; empty where it lies on none, or nobody can say."""
    try:
        lines = [line.split() for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return ""
    place = path.absolute()
    points = [(Path(line[1].replace("\\040", " ")), line[2]) for line in lines if len(line) > 2]  # noqa: PLR2004
    under = [(point, kind) for point, kind in points if place.is_relative_to(point)]
    kind = max(under, key=lambda mount: len(mount[0].parts), default=(place, ""))[1]
    return kind if kind in _NETWORK else ""


def hold(path: Path) -> int:
    """Lock the file for this process; the lock lasts until the descriptor is closed, or the process ends. Raises StoreHeld.

    Raises StoreError where the file lies on a network, whose locks SQLite cannot rely on (S7).
    """
    check_place(path)
    with _openable(path):
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        pid = int(os.read(lock, 20) or b"0")
        os.close(lock)
        raise StoreHeld(f"{path} is already followed by the process with pid {pid}; stop it first.", pid) from None
    os.ftruncate(lock, os.pwrite(lock, str(os.getpid()).encode(), 0))
    return lock


def _judge(path: Path) -> None:
    with _probe(path) as probe:
        tables = probe.execute("SELECT count(*) FROM sqlite_master").fetchone()
        owner = probe.execute("PRAGMA application_id").fetchone()
    if tables != (0,) and owner != (APPLICATION,):
        raise StoreError(f"{path} is a database of another program; give the monitor a file of its own.")


@contextmanager
def _probe(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write, so that nothing is changed by looking; but a change that was cut off is taken back (S5)."""
    mode = "rw" if _is_cut_off(path) else "ro"
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, timeout=BUSY_SECONDS)) as probe:
        yield probe


def _is_cut_off(path: Path) -> bool:
    """Whether the power failed while the file was being made, before it had its write-ahead log: SQLite takes that back."""
    journal = Path(f"{path}-journal")
    if not (journal.exists() and journal.stat().st_size):
        return False
    with path.open("rb") as file:
        return int.from_bytes(file.read(72)[68:72], "big") in (
            0,
            APPLICATION,
        )  # where SQLite keeps the application's id


@contextmanager
def _openable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        raise StoreError(
            f"{path} cannot be opened: {plainly(error)}; check who owns the folder and the file, and whether the disk takes writes."
        ) from None
    except sqlite3.DatabaseError:
        raise _damaged(path) from None


def _damaged(path: Path) -> StoreError:
    return StoreError(
        f"{path} is damaged or not a database; it was left as it is. Move it aside, or put a backup in its place."
    )
