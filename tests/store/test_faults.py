"""What goes wrong with files: networks, long readers, copies taken while others write."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.cli import run
from monitor.errors import StoreError
from monitor.store import Store, file, stories
from tests.store.conftest import NOON, entry

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb1 /home/ann/disk\\040two xfs rw 0 0
//server/share /srv/share cifs rw 0 0
tmpfs /home/ann/tmp tmpfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/monitor/monitor.db", ""),
        ("/home/ann/monitor.db", "nfs4"),
        ("/home/ann/disk two/monitor.db", ""),
        ("/srv/share/monitor.db", "cifs"),
        ("/srv/shared/monitor.db", ""),
        ("/home/ann/tmp/monitor.db", ""),
    ],
)
def test_a_file_on_a_network_is_told_from_one_on_a_disk(path: str, kind: str, tmp_path: Path) -> None:
    """S7."""
    (tmp_path / "mounts").write_text(MOUNTS)
    assert file.network_file_system(Path(path), tmp_path / "mounts") == kind
    assert file.network_file_system(Path(path), tmp_path / "nowhere") == ""


def test_a_store_on_a_network_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S7: the sentence; that there is such a file system cannot be made here."""
    monkeypatch.setattr(file, "network_file_system", lambda _path: "nfs4")
    with pytest.raises(StoreError, match=r"lies on a network file system \(nfs4\).* put it on a local disk"):
        file.hold(tmp_path / "monitor.db")


def write(store: Store, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        long = replace(entry(number), summary="x" * 20_000, published=NOON + timedelta(minutes=number))
        store.write(lambda tx, long=long: stories.save(tx, [long], [], [], NOON))  # type: ignore[misc]


def test_the_journal_is_small_again_once_a_long_reader_has_gone(tmp_path: Path) -> None:
    """S8: while somebody reads, it has to grow; afterwards it takes no more than its cap."""
    store = Store.open(f"sqlite:///{tmp_path}/monitor.db")
    store.hold()
    journal = tmp_path / "monitor.db-wal"
    reading, done = threading.Event(), threading.Event()

    def read() -> None:
        with store.read() as tx:
            stories.history(tx, NOON)
            reading.set()
            done.wait(60)

    reader = threading.Thread(target=read)
    reader.start()
    assert reading.wait(10)
    write(store, 800)
    grown = journal.stat().st_size
    done.set()
    reader.join()
    write(store, 60, first=800)
    assert grown > file.JOURNAL_CAP
    assert journal.stat().st_size <= file.JOURNAL_CAP
    store.close()


def test_a_copy_taken_while_others_write_is_whole_and_its_owners_only(tmp_path: Path) -> None:
    """S12, S16."""
    store = Store.open(f"sqlite:///{tmp_path}/monitor.db")
    writer = threading.Thread(target=write, args=(store, 150))
    writer.start()
    copies = [tmp_path / f"copy-{n}" for n in range(5)]
    for copy in copies:
        file.backup(tmp_path / "monitor.db", copy)
    writer.join()
    store.close()
    counts = []
    for copy in copies:
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        file.check(copy)
        again = Store.open(f"sqlite:///{copy}")
        with again.read() as tx:
            counts.append(len(stories.history(tx, NOON - timedelta(days=1)).entries))
        again.close()
    assert counts == sorted(counts)
    assert not list(tmp_path.glob("*.part"))


def test_a_copy_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    """S12, S3."""
    Store.open(f"sqlite:///{tmp_path}/monitor.db").close()
    file.backup(tmp_path / "monitor.db", tmp_path / "copy")
    before = (tmp_path / "copy").read_bytes()
    (tmp_path / "broken.db").write_bytes(b"no database")
    for source, target in (("broken.db", "copy"), ("monitor.db", "nowhere/copy")):
        with pytest.raises(StoreError, match="could not be copied to"):
            file.backup(tmp_path / source, tmp_path / target)
    assert (tmp_path / "copy").read_bytes() == before


def test_the_command_copies_and_says_how_to_go_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "monitor.yaml").write_text(
        f"store: sqlite:///{tmp_path}/monitor.db\nstorylines: [{{id: dam, title: Dam, terms: [dam]}}]\nfeeds: [https://feed.example/rss]\n"
    )
    arguments = ["backup", str(tmp_path / "copy"), "-c", str(tmp_path / "monitor.yaml")]
    assert run(arguments) == 1
    assert "There is no store yet" in capsys.readouterr().err
    Store.open(f"sqlite:///{tmp_path}/monitor.db").close()
    assert run(arguments) == 0
    assert "To go back to it, stop the daemon" in capsys.readouterr().out
    with sqlite3.connect(tmp_path / "copy") as copy:
        assert copy.execute("SELECT count(*) FROM storylines").fetchone() == (0,)
    copy.close()


def test_a_disk_that_takes_no_writes_is_told_in_a_sentence_and_the_store_is_left_alone(tmp_path: Path) -> None:
    """S4: a store on a read-only file system, in a mount namespace of the test's own."""
    data = tmp_path / "data"
    data.mkdir()
    Store.open(f"sqlite:///{data}/monitor.db").close()
    before = (data / "monitor.db").read_bytes()
    (tmp_path / "monitor.yaml").write_text(
        f"store: sqlite:///{data}/monitor.db\nstorylines: [{{id: dam, title: Dam, terms: [dam]}}]\nfeeds: [https://feed.example/rss]\n"
    )
    mount = f"mount --bind {data} {data} && mount -o remount,bind,ro {data} || exit 99"
    command = f"{mount}; exec {sys.executable} -m monitor run -c {tmp_path}/monitor.yaml"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", command],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
        check=False,
    )
    if done.returncode == 99 or "unshare failed" in done.stderr:
        pytest.skip("this user may not mount anything")
    assert done.returncode == 1
    assert "whether the disk takes writes." in done.stderr
    assert "Traceback" not in done.stderr
    assert (data / "monitor.db").read_bytes() == before
