"""Who may follow stories on one store at a time: one process alone, or several with roles (PostgreSQL only)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from monitor.errors import StoreError, StoreHeld
from monitor.store import Store, upsert
from monitor.store.schema import meta
from tests.server import Database
from tests.store.conftest import in_a_file, in_postgresql

BY_ROLES = (
    f"followed by processes with roles, of which the one with pid {os.getpid()} on .+ began last; stop them first"
)
BY_ONE_ALONE = f"followed by the process with pid {os.getpid()} on .+, which runs alone; stop it first"


def write(store: Store) -> None:
    store.write(lambda tx: upsert(tx, meta, [{"name": "alive", "value": "yes"}]))


@pytest.fixture
def another(url: str) -> Iterator[Store]:
    with ExitStack() as stack:
        opened = Store.open(url)
        stack.callback(opened.close)
        yield opened


@in_postgresql
def test_several_share_a_store_and_one_alone_has_to_wait_until_all_have_ended(
    store: Store, another: Store, url: str
) -> None:
    store.hold(shared=True)
    another.hold(shared=True)
    assert store.is_shared
    alone = Store.open(url)
    for one in (store, another):
        with pytest.raises(StoreHeld, match=f"is already {BY_ROLES}") as held:
            alone.hold()
        assert held.value.pid == os.getpid()
        write(one)
        one.close()
    alone.hold()
    write(alone)
    assert not alone.is_shared
    alone.close()


@in_postgresql
def test_beside_one_that_runs_alone_there_is_no_other(store: Store, another: Store) -> None:
    store.hold()
    with pytest.raises(StoreHeld, match=f"is already {BY_ONE_ALONE}"):
        another.hold(shared=True)
    store.close()
    another.hold(shared=True)
    write(another)


@in_postgresql
def test_those_who_share_have_it_again_after_a_cut(store: Store, another: Store, postgresql: Database) -> None:
    """S14."""
    store.hold(shared=True)
    another.hold(shared=True)
    postgresql.cut()
    write(store)
    postgresql.cut()
    write(another)
    write(store)


@in_postgresql
def test_one_of_several_that_was_cut_off_writes_nothing_while_another_runs_alone(
    store: Store, another: Store, postgresql: Database
) -> None:
    """S14."""
    store.hold(shared=True)
    postgresql.cut()
    another.hold()
    with pytest.raises(StoreHeld, match=f"is by now {BY_ONE_ALONE}"):
        write(store)
    another.close()
    write(store)


@in_postgresql
@pytest.mark.parametrize("ended", [True, False])
def test_one_alone_that_was_cut_off_writes_no_more_once_others_have_shared_it(
    store: Store, another: Store, postgresql: Database, ended: bool
) -> None:
    """S14: it does not read what others decided, since there are none."""
    store.hold()
    postgresql.cut()
    another.hold(shared=True)
    if ended:
        another.close()
    with pytest.raises(StoreHeld, match=f"is by now {BY_ROLES}"):
        write(store)


@in_postgresql
def test_one_alone_hears_of_those_who_had_it_back_after_it_was_cut_off_in_its_turn(
    store: Store, another: Store, postgresql: Database
) -> None:
    """S14."""
    store.hold(shared=True)
    postgresql.cut()
    another.hold()
    postgresql.cut()
    write(store)
    with pytest.raises(StoreHeld, match=f"is by now {BY_ROLES}"):
        write(another)


@in_postgresql
def test_who_was_killed_shares_no_more(store: Store, url: str) -> None:
    code = "import sys, time; from monitor.store import Store; Store.open(sys.argv[1]).hold(shared=True); print(flush=True); time.sleep(60)"
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            holder.stdout.readline()
            with pytest.raises(StoreHeld, match=rf"pid {holder.pid}\b"):
                store.hold()
            holder.kill()
    store.hold()
    write(store)


@in_a_file
def test_a_file_is_followed_by_one_process_only(store: Store) -> None:
    with pytest.raises(StoreError, match="several with roles need a store in PostgreSQL"):
        store.hold(shared=True)
    store.hold()


# --- the time that all go by


@in_postgresql
@pytest.mark.parametrize("ahead", [3600, -3600])
def test_the_time_is_the_servers_whatever_the_machines_clock_shows(
    url: str, postgresql: Database, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    """D28."""
    right = time.time
    monkeypatch.setattr("monitor.store.postgresql.time.time", lambda: right() + ahead)
    store = Store.open(url)
    with psycopg.connect(url) as server:

        def asked() -> datetime:
            row = server.execute("SELECT clock_timestamp()").fetchone()
            assert row is not None
            told: datetime = row[0]
            return told.astimezone(UTC)

        def is_right() -> bool:
            before, told = asked(), store.now()
            return before - timedelta(seconds=1) < told < asked() + timedelta(seconds=1)

        assert is_right()
        with postgresql.away():  # what was heard holds while there is nobody to ask
            store._database._ask_time_at = 0.0  # type: ignore[attr-defined]
            assert is_right()
    store.close()
