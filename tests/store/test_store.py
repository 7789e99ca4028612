"""The store itself: transactions, the lock, and files that are damaged, foreign, newer or full."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest
from sqlalchemy import inspect, select

from monitor.errors import StoreError, StoreHeld
from monitor.store import Connection, Store, migrations, outbox, stories, upsert
from monitor.store.schema import entries, meta
from monitor.store.schema import feeds as feeds_table
from monitor.store.schema import reports as reports_table
from monitor.store.writer import _FEW
from tests.store.conftest import NOON, alert, busy, delivery, development, entry, in_a_file, placement

RESTING = """
import sys
from pathlib import Path
from monitor.process import give_back
from monitor.store import Store, stories
from tests.store.conftest import NOON, entry
def resident():
    give_back()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
store = Store.open(sys.argv[1])
store.hold()
before = resident()
for begin in range(0, 20_000, 1_000):
    some = [entry(number) for number in range(begin, begin + 1_000)]
    store.write(lambda tx: stories.save(tx, some, [], [], NOON))
full = resident()
store.rest()
print(full - before, full - resident())
"""

WRITER = """
import sys
from monitor.store import Store, stories
from tests.store.conftest import NOON, alert, delivery, development, entry, placement
from monitor.store import outbox
store = Store.open(sys.argv[1])
def write(tx, n):
    stories.save(tx, [entry(n)], [placement(n, f"d-{n}")], [development(f"d-{n}")], NOON)
    outbox.add(tx, [alert(f"a-{n}")], [delivery(f"x-{n}", of=f"a-{n}")])
for n in range(100_000):
    store.write(lambda tx: write(tx, n))
    print(n, flush=True)
"""


def test_a_transaction_that_fails_leaves_nothing_behind(store: Store) -> None:
    def half(tx: Connection) -> None:
        stories.save(tx, [entry(1)], [], [], NOON)
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        store.write(half)
    with store.read() as tx:
        assert tx.execute(select(entries)).all() == []


def test_a_killed_writer_leaves_whole_transactions_and_each_it_acknowledged(url: str) -> None:
    """S1, S2: entry, place, development, alert and delivery together, or none of them."""
    acknowledged = -1
    for pause in (0.05, 0.2):
        command = [sys.executable, "-c", WRITER, url]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": "."}
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(pause)
            process.send_signal(signal.SIGKILL)
            printed = process.stdout.read().split()
        acknowledged = max([acknowledged, *map(int, printed[:-1])])
    store = Store.open(url)
    with store.read() as tx:
        kept = {row.id.removeprefix("e") for row in tx.execute(select(entries.c.id))}
        queued = {identifier.removeprefix("x-") for identifier in _ids(tx)}
    store.close()
    assert kept == queued
    assert {str(n) for n in range(acknowledged + 1)} <= kept


def _ids(tx: Connection) -> list[str]:
    return [str(row[0]) for row in tx.exec_driver_sql("SELECT id FROM deliveries")]


def test_readers_see_only_what_is_committed(store: Store) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(tx: Connection) -> None:
        stories.save(tx, [entry(1)], [], [], NOON)
        begun.set()
        go_on.wait(5)

    thread = threading.Thread(target=store.write, args=(slow,))
    thread.start()
    begun.wait(5)
    with store.read() as tx:
        assert stories.entry(tx, "e1") is None
    go_on.set()
    thread.join()
    with store.read() as tx:
        assert stories.entry(tx, "e1") is not None


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(StoreError), store.read() as tx:
        stories.save(tx, [entry(1)], [], [], NOON)


def test_only_one_process_may_follow_stories_on_a_store_and_its_pid_is_told(store: Store, url: str) -> None:
    """S6."""
    store.hold()
    code = "import sys; from monitor.store import Store; Store.open(sys.argv[1]).hold()"
    other = subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True, check=False)
    assert f"pid {os.getpid()}" in other.stderr
    second = Store.open(url)
    with pytest.raises(StoreHeld) as held:
        second.hold()
    assert held.value.pid == os.getpid()
    second.close()
    store.close()
    third = Store.open(url)
    third.hold()
    third.close()


def test_a_killed_holder_holds_nothing(url: str) -> None:
    """S6."""
    code = "import sys, time; from monitor.store import Store; Store.open(sys.argv[1]).hold(); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        store = Store.open(url)
        with pytest.raises(StoreHeld, match=rf"pid {holder.pid}\b"):
            store.hold()
        holder.kill()
    store.hold()
    store.close()


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    """S16: whatever the umask."""
    code = "import os, sys; os.umask(0); from monitor.store import Store; s = Store.open(sys.argv[1]); s.hold(); os._exit(0)"
    subprocess.run([sys.executable, "-c", code, f"sqlite:///{tmp_path}/data/m.db"], check=True)
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").iterdir()}
    assert modes == dict.fromkeys(("m.db", "m.db-wal", "m.db-shm", "m.db.lock"), 0o600)


@pytest.mark.parametrize("content", [b"no", b"not a database, by far" * 100, b"SQLite format 3\0" + b"\xff" * 5_000])
def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    """S5."""
    (tmp_path / "m.db").write_bytes(content)
    with pytest.raises(StoreError, match=r"m\.db is damaged or not a database; it was left as it is"):
        Store.open(f"sqlite:///{tmp_path}/m.db")
    assert (tmp_path / "m.db").read_bytes() == content


def test_a_damaged_page_is_found_when_a_daemon_takes_the_store(tmp_path: Path) -> None:
    """S5."""
    store = Store.open(f"sqlite:///{tmp_path}/m.db")
    store.write(lambda tx: stories.save(tx, [entry(n) for n in range(2_000)], [], [], NOON))
    store.close()
    with (tmp_path / "m.db").open("r+b") as file:
        file.seek(4096 * 100)  # beyond the roots of the tables
        file.write(b"\xa5" * 4096 * 10)
    again = Store.open(f"sqlite:///{tmp_path}/m.db")
    with pytest.raises(StoreError, match="damaged"):
        again.hold()
    again.close()


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    (tmp_path / "m.db").touch()
    Store.open(f"sqlite:///{tmp_path}/m.db").close()


@pytest.mark.parametrize(
    "url", ["mysql://ann:canary@db.example/monitor", "sqlite://", "sqlite:///:memory:", "monitor.db"]
)
def test_only_a_file_can_be_a_store(url: str) -> None:
    with pytest.raises(StoreError, match="write sqlite:///FILE") as refused:
        Store.open(url)
    assert "canary" not in str(refused.value)


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        Store.open(f"sqlite:///{tmp_path}")


def test_another_programs_database_is_refused_and_untouched(tmp_path: Path) -> None:
    """S5: also one that has a table of a name that we use."""
    with sqlite3.connect(tmp_path / "m.db") as other:
        other.execute("CREATE TABLE meta (name, value)")
    other.close()
    before = (tmp_path / "m.db").read_bytes()
    with pytest.raises(StoreError, match="database of another program"):
        Store.open(f"sqlite:///{tmp_path}/m.db")
    assert (tmp_path / "m.db").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["m.db"]


def test_what_is_left_of_a_store_without_its_file_is_not_thrown_away(tmp_path: Path) -> None:
    """S5: SQLite itself would delete a journal that has no file."""
    (tmp_path / "m.db-wal").write_bytes(b"the last that was kept")
    with pytest.raises(StoreError, match="left as it is"):
        Store.open(f"sqlite:///{tmp_path}/m.db")
    assert (tmp_path / "m.db-wal").read_bytes() == b"the last that was kept"


def test_a_newer_schema_is_refused_and_untouched(store: Store, url: str) -> None:
    """S11."""
    store.write(lambda tx: upsert(tx, meta, [{"name": "schema", "value": str(migrations.NEWEST + 1)}]))
    before = shape(store)
    with pytest.raises(StoreError, match="newer monitor"):
        Store.open(url)
    assert shape(store) == before
    with store.read() as tx:
        assert migrations.version(tx) == migrations.NEWEST + 1


def shape(store: Store) -> dict[str, object]:
    with store.read() as tx:
        look = inspect(tx)
        return {
            table: (
                sorted((c["name"], str(c["type"]), c["nullable"]) for c in look.get_columns(table)),
                look.get_pk_constraint(table)["constrained_columns"],
                sorted((i["name"] or "", i["column_names"]) for i in look.get_indexes(table)),
                sorted((f["constrained_columns"], f["referred_table"]) for f in look.get_foreign_keys(table)),
            )
            for table in look.get_table_names()
        }


def piled_up(store: Store, *works: Callable[[Connection], object]) -> list[Future[object]]:
    """What becomes of steps that all come while the writer is at something else."""
    with busy(store):
        return [store.write_together(work) for work in works]


def adding(number: int, seen: list[int]) -> Callable[[Connection], int]:
    def add(tx: Connection) -> int:
        stories.save(tx, [entry(number)], [], [], NOON)
        seen.append(id(tx))
        return number

    return add


def test_small_steps_that_come_while_the_writer_is_busy_share_a_transaction(store: Store) -> None:
    seen: list[int] = []
    futures = piled_up(store, *(adding(number, seen) for number in range(5)))
    assert [future.result() for future in futures] == [0, 1, 2, 3, 4]
    assert len(set(seen)) == 1
    with store.read() as tx:
        assert len(_entries(tx)) == 5


def test_a_step_that_fails_takes_none_of_those_with_it_that_shared_its_transaction(store: Store) -> None:
    def fail(tx: Connection) -> None:
        stories.save(tx, [entry(9)], [], [], NOON)
        raise RuntimeError("in the middle")

    first, failed, last = piled_up(store, adding(1, []), fail, adding(2, []))
    assert (first.result(), last.result()) == (1, 2)
    with pytest.raises(RuntimeError, match="in the middle"):
        failed.result()
    with store.read() as tx:
        assert _entries(tx) == ["e1", "e2"]


def test_steps_that_may_wait_share_a_transaction_with_those_that_come_soon_after(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.write_together(adding(9, []), waits=True).result(20) == 9, "also where none comes"
    monkeypatch.setattr("monitor.store.writer._GATHER", 60)
    seen: list[int] = []
    futures = [store.write_together(adding(number, seen), waits=number < 4) for number in range(5)]
    assert [future.result(20) for future in futures] == [0, 1, 2, 3, 4]
    assert len(set(seen)) == 1


@pytest.mark.parametrize("hurry", ["a step", "a write", "enough of them"])
def test_steps_that_may_wait_keep_nobody_waiting(store: Store, monkeypatch: pytest.MonkeyPatch, hurry: str) -> None:
    monkeypatch.setattr("monitor.store.writer._GATHER", 60)
    waiting = [store.write_together(adding(0, []), waits=True)]
    time.sleep(0.05)
    assert not waiting[0].done()
    if hurry == "a step":
        assert store.write_together(adding(1, [])).result(20) == 1
    elif hurry == "a write":
        assert store.write(adding(1, [])) == 1
    else:
        waiting += [store.write_together(adding(number, []), waits=True) for number in range(1, _FEW)]
    assert [future.result(20) for future in waiting] == list(range(len(waiting)))


def test_who_comes_when_the_writer_has_been_at_steps_for_long_is_not_forgotten(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.store.writer._TOGETHER", 0)
    monkeypatch.setattr("monitor.store.writer._GATHER", 60)
    seen: list[int] = []
    futures = piled_up(store, *(adding(number, seen) for number in range(3)))
    assert [future.result(20) for future in futures] == [0, 1, 2]


def test_what_is_handed_over_is_written_before_the_store_is_closed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.store.writer._TOGETHER", 0)
    futures = piled_up(store, *(adding(number, []) for number in range(3)))
    store.close()
    assert [future.result(0) for future in futures] == [0, 1, 2]


def _entries(tx: Connection) -> list[str]:
    return list(tx.execute(select(entries.c.id).order_by(entries.c.id)).scalars())


@in_a_file
@pytest.mark.parametrize("number", range(1, migrations.NEWEST + 1))
def test_a_store_of_any_earlier_schema_becomes_like_a_new_one(store: Store, tmp_path: Path, number: int) -> None:
    """S10. When this fails you changed schema.py: add a step to migrations.py, and the new schema's SQL beside this file."""
    with sqlite3.connect(tmp_path / "old.db") as old:
        old.executescript((Path(__file__).parent / f"schema-{number}.sql").read_text())
    old.close()
    upgraded = Store.open(f"sqlite:///{tmp_path}/old.db")
    assert shape(upgraded) == shape(store)
    with upgraded.read() as tx:
        assert migrations.version(tx) == migrations.NEWEST
    upgraded.close()


def test_a_migration_tells_the_host_of_each_feed_and_how_it_is(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "old.db") as old:
        old.executescript((Path(__file__).parent / "schema-4.sql").read_text())
        old.executemany(
            "INSERT INTO feeds (url, followed, etag, last_modified, body_hash, title, next_poll_at, failures, error, gone, succeeded_at)"
            " VALUES (?, 1, '', '', '', '', '2024-03-05 12:00:00.000000', ?, '', 0, ?)",
            [
                ("https://well.example:8443/rss", 0, "2024-03-05 11:00:00.000000"),
                ("https://ill.example/rss", 1, "2024-03-05 11:00:00.000000"),
                ("https://new.example/rss", 0, None),
                ("https://[broken/rss", 0, None),
            ],
        )
    old.close()
    upgraded = Store.open(f"sqlite:///{tmp_path}/old.db")
    with upgraded.read() as tx:
        named = {row.url: (row.host, row.doubtful) for row in tx.execute(select(feeds_table))}
    upgraded.close()
    assert named == {
        "https://well.example:8443/rss": ("well.example", False), "https://ill.example/rss": ("ill.example", True),
        "https://new.example/rss": ("new.example", True), "https://[broken/rss": ("", True),
    }  # fmt: skip


def test_a_migration_tells_when_each_report_was_published(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "old.db") as old:
        old.executescript((Path(__file__).parent / "schema-5.sql").read_text())
        old.execute(
            "INSERT INTO entries VALUES ('e1', '', '', '', '', '2024-03-05 12:00:00.123456', '', '', '[]', '2024-03-05 13:00:00.000000')"
        )
        old.execute("INSERT INTO reports VALUES ('e1', 'd-1', '[]', 'new', '', '', NULL, 0.0)")
    old.close()
    upgraded = Store.open(f"sqlite:///{tmp_path}/old.db")
    with upgraded.read() as tx:
        assert tx.execute(select(reports_table.c.published)).scalars().all() == [NOON]
    upgraded.close()


def test_a_migration_that_fails_half_way_leaves_the_schema_as_it_was(store: Store) -> None:
    """S10."""

    def half(tx: Connection) -> None:
        tx.exec_driver_sql("ALTER TABLE feeds ADD COLUMN mood TEXT")
        raise RuntimeError("power cut")

    before = shape(store)
    with pytest.raises(RuntimeError, match="power cut"):
        store.write(lambda tx: migrations.migrate(tx, [*migrations.STEPS, half]))
    assert shape(store) == before
    with store.read() as tx:
        assert migrations.version(tx) == migrations.NEWEST


@in_a_file
def test_a_full_disk_keeps_what_was_there_and_passes(store: Store) -> None:
    """S3."""
    store.write(lambda tx: stories.save(tx, [entry(1)], [], [], NOON))
    store.write(lambda tx: tx.exec_driver_sql("PRAGMA max_page_count=1"))
    with pytest.raises(StoreError, match="is full; nothing of this step was kept"):
        store.write(lambda tx: stories.save(tx, [entry(n) for n in range(2, 1_000)], [], [], NOON))
    with store.read() as tx:
        assert tx.execute(select(entries.c.id)).scalars().all() == ["e1"]
    store.write(lambda tx: tx.exec_driver_sql("PRAGMA max_page_count=1000000"))
    store.write(lambda tx: stories.save(tx, [entry(2)], [], [], NOON))


def test_a_store_that_somebody_else_is_writing_to_is_waited_for(store: Store, url: str) -> None:
    """S9: and what they wrote is seen by what is read before our own write."""
    other, begun = Store.open(url), threading.Event()

    def slow(tx: Connection) -> None:
        stories.save(tx, [entry(1)], [], [], NOON)
        begun.set()
        time.sleep(0.3)

    thread = threading.Thread(target=other.write, args=(slow,))
    thread.start()
    assert begun.wait(10)
    assert store.write(lambda tx: stories.entry(tx, "e1")) == entry(1)
    thread.join()
    other.close()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """S4: a file stands where the folder should be."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be opened"):
        Store.open(f"sqlite:///{tmp_path}/file/m.db")


def test_every_field_of_the_history_comes_back_as_it_was_saved(store: Store) -> None:
    store.write(lambda tx: stories.save(tx, [entry(1), entry(2)], [placement(1)], [development()], NOON))
    with store.read() as tx:
        history = stories.history(tx, NOON)
    assert history.entries == (entry(1), entry(2))
    assert history.placements == (placement(1),)
    assert history.developments == (development(),)


def test_an_alert_and_its_delivery_come_back_as_they_were_queued(store: Store) -> None:
    store.write(lambda tx: outbox.add(tx, [alert()], [delivery("x")]))
    claimed = store.write(lambda tx: outbox.claim(tx, "mail", NOON, NOON - NOON))
    assert claimed is not None
    assert claimed[1] == alert()
    assert (claimed[0].id, claimed[0].attempts, claimed[0].created_at) == ("x", 1, NOON)


@in_a_file
def test_a_store_that_rests_gives_back_what_it_remembered_of_the_file(url: str) -> None:
    ran = subprocess.run([sys.executable, "-c", RESTING, url], capture_output=True, text=True, check=True)
    grown, given_back = map(int, ran.stdout.split())
    assert grown > 6_000_000
    assert given_back > 0.6 * grown
