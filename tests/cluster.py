"""A PostgreSQL server of one's own, which may be restarted and pulled down as nobody else's may."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import psycopg

USER = "monitor"
_SETTINGS = {
    "max_connections": "300",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "wal_compression": "on",
}
_FORGETFUL = {"fsync": "off", "full_page_writes": "off"}


class Cluster:
    """The server, and its one database."""

    def __init__(self, folder: Path, address: str, port: int, password: str) -> None:
        self.address, self.port = address, port
        login = f"{USER}:{password}" if password else USER
        self.url = f"postgresql://{login}@{address}:{port}/postgres"
        self._data, self._log = folder / "data", folder / "log"

    def run(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """What a statement finds."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def cut(self, pid: int | None = None) -> int:
        """Cut the connections of all monitors, or of one process; how many there were."""
        named = "monitor %" if pid is None else f"monitor {pid}"
        found = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE %s"
        return len(self.run(found, named))

    def control(self, *words: str) -> None:
        """Run pg_ctl; it waits until that is done."""
        _as_its_user("pg_ctl", "-D", str(self._data), "-l", str(self._log), "-w", "-s", *words)

    def restart(self, how: Literal["fast", "immediate"]) -> None:
        """End it, in good order or as a crash would, and begin it again."""
        self.control("restart", "-m", how)


@contextmanager
def cluster(address: str, port: int, *, lasting: bool = True) -> Iterator[Cluster]:
    """A new one, in a folder of its own; `why_not` tells where that cannot be.

    One that is not `lasting` asks nobody for a password, and keeps what it has when it crashes, but not when the machine does.
    """
    with tempfile.TemporaryDirectory() as name:
        folder, password = Path(name), secrets.token_hex(16)
        (folder / "password").write_text(password)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        made = Cluster(folder, address, port, password if lasting else "")
        _as_its_user(
            "initdb", "-D", f"{folder}/data", "-U", USER, "-A", "scram-sha-256" if lasting else "trust", "--no-sync", "--pwfile", f"{folder}/password", "-E", "UTF8", "--locale", "C.UTF-8",
        )  # fmt: skip
        settings = (
            _SETTINGS
            | ({} if lasting else _FORGETFUL)
            | {"listen_addresses": address, "port": str(port), "unix_socket_directories": name}
        )
        with (folder / "data/postgresql.conf").open("a") as conf:
            conf.writelines(f"{setting} = '{value}'\n" for setting, value in settings.items())
        with (folder / "data/pg_hba.conf").open("a") as allowed:
            allowed.write("host all all 0.0.0.0/0 scram-sha-256\n")
        made.control("start")
        try:
            yield made
        finally:
            made.control("stop", "-m", "immediate")


def why_not() -> str:
    """What is missing for a server of one's own; empty when nothing is."""
    return "" if _program("initdb") else "there is no initdb (Debian's postgresql)"


def _program(name: str) -> str:
    """Where it is; Debian keeps those of a server away from the others."""
    beside = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(beside[-1]) if beside else "")


def _as_its_user(name: str, *words: str) -> None:
    """PostgreSQL refuses to be run by root."""
    user = "postgres" if os.geteuid() == 0 else None
    subprocess.run(
        [_program(name), *words], user=user, group=user, extra_groups=[] if user else None, cwd="/", stdout=subprocess.DEVNULL, check=True
    )  # fmt: skip
