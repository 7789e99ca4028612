"""What only PostgreSQL does: connections that are cut, databases that are another's, an order of letters of its own, and text that it cannot keep."""

from __future__ import annotations

import os
import re
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import select, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import QueuePool

from monitor.errors import StoreError, StoreHeld
from monitor.model import Feed
from monitor.store import Connection, Store, exists, feeds, migrations, outbox, stories, upsert, views
from monitor.store.database import database
from monitor.store.schema import deliveries, entries, meta
from tests.server import Database, server
from tests.store.conftest import NOON, alert, delivery, entry, in_postgresql
from tests.store.test_store import shape

pytestmark = [in_postgresql, pytest.mark.traced]
FIRST = 4
"""The first schema that there was in PostgreSQL."""


def save(store: Store, *numbers: int) -> None:
    store.write(lambda tx: stories.save(tx, [entry(number) for number in numbers], [], [], NOON))


def kept(store: Store) -> list[str]:
    with store.read() as tx:
        return list(tx.execute(select(entries.c.id).order_by(entries.c.id)).scalars())


def test_connections_that_were_cut_meanwhile_are_noticed_by_nobody(store: Store, postgresql: Database) -> None:
    """S14: an idle connection that was killed, a server that was restarted."""
    store.hold()
    save(store, 1)
    kept(store)
    postgresql.cut()
    save(store, 2)
    assert kept(store) == ["e1", "e2"]


def test_a_connection_that_is_cut_in_a_transaction_takes_it_back_and_the_next_one_goes_well(
    store: Store, postgresql: Database
) -> None:
    """S14."""
    store.hold()

    def cut_short(tx: Connection) -> None:
        stories.save(tx, [entry(1)], [], [], NOON)
        postgresql.cut()
        stories.save(tx, [entry(2)], [], [], NOON)

    with pytest.raises(StoreError, match="nothing of this step was kept"):
        store.write(cut_short)
    assert kept(store) == []
    save(store, 3)
    with pytest.raises(StoreError), store.read() as tx:  # noqa: PT012 - it is cut between the two
        postgresql.cut()
        tx.execute(select(entries)).all()
    assert kept(store) == ["e3"]


def test_a_server_that_is_down_is_told_and_found_again(store: Store, postgresql: Database) -> None:
    """S14."""
    store.hold()
    with postgresql.away():
        with pytest.raises(StoreError, match=r"refused: .*not currently accepting connections"):
            save(store, 1)
        with pytest.raises(StoreError, match="not currently accepting connections"):
            kept(store)
    save(store, 2)
    assert kept(store) == ["e2"]


def test_whoever_wants_to_write_with_others_hears_of_it_too_when_there_is_no_server(
    store: Store, postgresql: Database
) -> None:
    """S14: a poll that was never told anything waited for ever, and its feed was never polled again."""
    undone: list[bool] = []

    def saving(number: int, undone: Callable[[], None] = lambda: None) -> Future[None]:
        return store.write_together(lambda tx: stories.save(tx, [entry(number)], [], [], NOON), undone)

    with postgresql.away(), pytest.raises(StoreError, match="not currently accepting connections"):
        saving(1, lambda: undone.append(True)).result(60)
    assert undone == [True]
    saving(2).result(60)
    assert kept(store) == ["e2"]


def test_a_server_that_does_not_answer_is_not_waited_for_by_one_after_the_other(url: str) -> None:
    """S14, P1: a network that is cut says nothing; were each step to wait for it, the daemon would count as dead."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = make_url(url).set(port=silent.getsockname()[1]).update_query_dict({"connect_timeout": "2"})
        away = database(place.render_as_string(hide_password=False))
        begun = time.monotonic()
        with pytest.raises(OperationalError), away.writer.connect():
            pass
        waited = time.monotonic()
        for _ in range(3):
            with pytest.raises(StoreError, match="did not answer a moment ago"), away.writer.connect():
                pass
        assert waited - begun > 1.5
        assert time.monotonic() - waited < 1
        away.close()


def test_a_holder_that_was_cut_off_still_holds_or_writes_no_more(store: Store, url: str, postgresql: Database) -> None:
    """S14: what it knows of the stories may be out of date once another one has followed them."""
    store.hold()
    postgresql.cut()
    other = Store.open(url)
    other.hold()
    with pytest.raises(StoreHeld, match=f"is by now followed by the process with pid {os.getpid()} on "):
        save(store, 1)
    other.close()
    with pytest.raises(StoreHeld):
        save(store, 1)
    assert kept(store) == []
    third = Store.open(url)
    third.hold()
    save(third, 2)
    third.close()


def test_who_waits_for_its_turn_to_write_waits_longer_than_one_may_stand_still_in_it(store: Store) -> None:
    """S14: else all that share a store were refused, and rested, whenever one of them vanished in the midst of a transaction."""
    store.hold(shared=True)
    names = ("lock_timeout", "idle_in_transaction_session_timeout", "tcp_user_timeout")
    with store._database.writer.connect() as tx:
        asked = "SELECT setting::int FROM pg_settings WHERE name = %s"
        patience, still, vanished = (tx.exec_driver_sql(asked, (name,)).scalar_one() for name in names)
    assert 0 < vanished < still < patience


def test_the_queue_notices_a_server_that_vanished_as_soon_as_the_store_does(url: str) -> None:
    """S14: a tick that waited for longer counted as dead. An address may say otherwise."""
    settings = [
        psycopg.conninfo.conninfo_to_dict(database(made).address) for made in (url, f"{url}&tcp_user_timeout=9000")
    ]
    assert [found["tcp_user_timeout"] for found in settings] == ["15000", "9000"]
    assert {found["connect_timeout"] for found in settings} == {"5"}


def test_a_deadlock_with_another_program_takes_the_step_back_and_the_next_one_goes_well(store: Store, url: str) -> None:
    """S14: one that changes rows of ours in the other order; the server ends the step that notices first."""
    save(store, 1, 2)

    def rename(tx: Connection, identifier: str) -> None:
        tx.execute(update(entries).where(entries.c.id == identifier).values(title="ours"))

    with psycopg.connect(url) as other, ThreadPoolExecutor(1) as beside:
        other.execute("SET deadlock_timeout = '30s'")
        other.execute("UPDATE entries SET title = 'theirs' WHERE id = 'e1'")

        def cross(tx: Connection) -> None:
            rename(tx, "e2")
            beside.submit(other.execute, "UPDATE entries SET title = 'theirs' WHERE id = 'e2'")
            rename(tx, "e1")

        with pytest.raises(StoreError, match="deadlock detected; nothing of this step was kept"):
            store.write(cross)
    store.write(lambda tx: rename(tx, "e1"))
    with store.read() as tx:
        assert tx.execute(select(entries.c.title).order_by(entries.c.id)).scalars().all() == ["ours", "theirs"]


def test_where_the_server_isolates_more_strictly_a_step_is_refused_rather_than_wrong(url: str) -> None:
    """S14: serialization errors, which a database may be set to."""
    place = make_url(url)
    options = f"{place.query['options']} -cdefault_transaction_isolation=serializable"
    strict = place.update_query_dict({"options": options}).render_as_string(hide_password=False)
    stores = [Store.open(strict) for _ in range(3)]

    def count(tx: Connection) -> None:
        number = tx.execute(select(meta.c.value).where(meta.c.name == "n")).scalar()
        upsert(tx, meta, [{"name": "n", "value": str(int(number or 0) + 1)}])

    def count_up(store: Store) -> int:
        kept = 0
        for _ in range(20):
            with suppress(StoreError):
                store.write(count)
                kept += 1
        return kept

    with ThreadPoolExecutor(3) as pool:
        done = sum(pool.map(count_up, stores))
    with stores[0].read() as tx:
        assert tx.execute(select(meta.c.value).where(meta.c.name == "n")).scalar() == str(done)
    assert done >= 20
    for store in stores:
        store.close()


def test_more_readers_than_there_are_connections_are_refused_and_served_when_one_is_free(store: Store) -> None:
    """S14: the pool is exhausted."""
    save(store, 1)
    pool = store._database.readers.pool
    assert isinstance(pool, QueuePool)
    pool._timeout = 0.2
    with ExitStack() as held:
        for _ in range(15):
            held.enter_context(store.read())
        with pytest.raises(StoreError, match="nothing of this step was kept"):
            kept(store)
    assert kept(store) == ["e1"]


def test_commands_write_beside_a_holder_and_do_not_see_half_of_anything(store: Store, url: str) -> None:
    """What is read before a write is still true when it is written: two that count up never count the same."""
    store.hold()
    beside = [Store.open(url) for _ in range(3)]

    def count_up(tx: Connection) -> None:
        number = len(tx.execute(select(entries.c.id)).all())
        time.sleep(0.01)
        stories.save(tx, [entry(number)], [], [], NOON)

    threads = [
        threading.Thread(target=lambda one=one: [one.write(count_up) for _ in range(10)]) for one in (store, *beside)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept(store)) == 40
    for one in beside:
        one.close()


def test_a_view_is_of_one_moment(store: Store, url: str) -> None:
    with store.read() as tx:
        before = views.status(tx, NOON)
        other = Store.open(url)
        save(other, 1)
        other.close()
        assert views.status(tx, NOON) == before
    assert kept(store) == ["e1"]


def test_who_stops_reading_half_way_and_lets_go_late_breaks_into_no_other_view(store: Store) -> None:
    """Feeds that are due are read as they are asked for, and most often not to the end."""
    store.write(lambda tx: feeds.sync(tx, [Feed(url=f"https://h.example/{n}") for n in range(500)], NOON))
    with store.read() as tx:
        due = feeds.due(tx, NOON)
        next(iter(due))
        first = tx.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    with store.read() as tx:
        assert tx.exec_driver_sql("SELECT pg_backend_pid()").scalar() == first, "the same connection, used again"
        del due
        assert feeds.count_due(tx, NOON) == 500


def test_ids_are_found_and_sorted_by_their_bytes_whatever_the_database_sorts_by(
    store: Store, postgresql: Database
) -> None:
    with psycopg.connect(postgresql.url.render_as_string(hide_password=False)) as plain:
        by_letters = plain.execute("SELECT 'B' < 'a'").fetchone()
    named = [replace(entry(n), id=identifier) for n, identifier in enumerate(("a1", "B1", "a-2", "ä", "A"))]
    store.write(lambda tx: stories.save(tx, named, [], [], NOON))
    assert by_letters == (False,), "the database of this test should sort otherwise"
    assert kept(store) == sorted(e.id for e in named)
    with store.read() as tx:
        assert [e.id for e in stories.named(tx, "a")] == ["a-2", "a1"]


def test_what_no_text_of_postgresql_can_hold_is_replaced_where_it_is_kept_and_where_it_is_looked_up(
    store: Store,
) -> None:
    """Feeds are rid of it long before; what a mail server answers is not."""
    odd = replace(entry(1), title="Dam\0breaks", url="https://news.example/\0")
    store.write(lambda tx: stories.save(tx, [odd], [], [], NOON))
    with store.read() as tx:
        found = stories.entry(tx, "https://news.example/\0")
    assert found is not None
    assert found.title == "Dam\ufffdbreaks"


def test_the_longest_addresses_and_keys_are_kept(store: Store) -> None:
    """A B-tree of PostgreSQL takes some 2,700 bytes."""
    letters = "".join(chr(0x4E00 + secrets.randbelow(20_000)) for _ in range(2_000))
    long = replace(entry(1, keys=(f"text:{letters[:495]}",)), url=f"https://{letters}"[:2_000])
    store.write(lambda tx: stories.save(tx, [long], [], [], NOON))
    with store.read() as tx:
        assert stories.entry(tx, long.url) == long


def test_the_last_moment_of_all_time_can_be_named(store: Store) -> None:
    save(store, 1)
    with store.read() as tx:
        assert len(stories.history(tx, NOON - timedelta(days=1), stories.FOREVER).entries) == 1


@pytest.mark.parametrize("number", range(FIRST, migrations.NEWEST + 1))
def test_a_store_of_any_earlier_schema_becomes_like_a_new_one(store: Store, postgresql: Database, number: int) -> None:
    """S10. When this fails you changed schema.py: add a step to migrations.py, and the new schema's SQL beside this file."""
    with postgresql.schema() as old:
        with psycopg.connect(old, autocommit=True) as plain:
            plain.execute((Path(__file__).parent / f"schema-{number}.postgresql.sql").read_bytes())
        upgraded = Store.open(old)
        assert shape(upgraded) == shape(store)
        assert collations(upgraded) == collations(store)
        with upgraded.read() as tx:
            assert migrations.version(tx) == migrations.NEWEST
        upgraded.close()


def collations(store: Store) -> set[tuple[str, str, str]]:
    with store.read() as tx:
        rows = tx.exec_driver_sql(
            "SELECT relname, attname, collname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid"
            " JOIN pg_collation l ON l.oid = attcollation WHERE relnamespace = quote_ident(current_schema())::regnamespace AND relkind = 'r'"
        )
        return {(table, column, collation) for table, column, collation in rows}


def test_another_programs_tables_are_refused_and_untouched(url: str) -> None:
    """S5."""
    with psycopg.connect(url, autocommit=True) as plain:
        plain.execute("CREATE TABLE entries (id text); INSERT INTO entries VALUES ('theirs')")
        with pytest.raises(StoreError, match=r"has tables of another program \(entries\); give the monitor a database"):
            Store.open(url)
        assert exists(url), "so that commands say why, and do not take it for empty"
        assert plain.execute("SELECT * FROM entries").fetchall() == [("theirs",)]


def test_to_ask_whether_there_is_a_store_makes_none(url: str, postgresql: Database) -> None:
    assert not exists(url)
    Store.open(url).close()
    assert exists(url)
    with postgresql.away():
        assert exists(url), "opening it says what is wrong"


@contextmanager
def made(statement: str, undo: str) -> Iterator[None]:
    with psycopg.connect(server(), autocommit=True) as connection:
        connection.execute(statement)
        try:
            yield
        finally:
            connection.execute(undo)


def test_a_database_that_cannot_be_used_is_told_in_a_sentence_with_what_to_do(url: str, postgresql: Database) -> None:
    name = f"monitor_test_{secrets.token_hex(6)}"
    server = make_url(url).difference_update_query(["options"])

    def refused(**parts: str) -> str:
        with pytest.raises(StoreError) as told:
            Store.open(server.set(**parts).render_as_string(hide_password=False))  # type: ignore[arg-type]
        assert "canary" not in str(told.value)
        return str(told.value)

    assert 'cannot be opened: connection failed: connection to server at "127.0.0.1"' in refused(database=name)
    assert f'database "{name}" does not exist; check the address' in refused(database=name, password="canary-pass-1")
    assert re.search(r"Connection refused|failed", refused(host="127.0.0.1", port=1, password="canary-pass-1"))  # type: ignore[arg-type]
    with made(f"CREATE ROLE {name} LOGIN PASSWORD 'canary-pass-1'", f"DROP ROLE {name}"):
        said = refused(username=name, password="canary-pass-1")
        assert said.endswith(f"run GRANT CREATE ON SCHEMA public TO {name} there.")
    latin = f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"
    with made(latin, f"DROP DATABASE {name} WITH (FORCE)"):
        assert refused(database=name).endswith("make the database anew with ENCODING 'UTF8'.")


def test_without_the_driver_a_sentence_says_what_to_install(tmp_path: Path, url: str) -> None:
    code = "import sys; sys.modules['psycopg'] = None; from monitor.store import Store; Store.open(sys.argv[1]).close()"
    command = [sys.executable, "-c", code]
    missing = subprocess.run([*command, url], capture_output=True, text=True, check=False)
    assert missing.stderr.splitlines()[-1].endswith(
        "needs the package psycopg, which is not here; run pip install 'psycopg[binary]'."
    )
    subprocess.run([*command, f"sqlite:///{tmp_path}/monitor.db"], check=True)


def test_deliveries_are_numbered_in_the_order_in_which_they_are_queued(store: Store) -> None:
    for name in ("x", "x", "y"):  # what is queued again uses up a number
        queued = [delivery(name), delivery(f"{name}2", target="ann")]
        store.write(lambda tx, queued=queued: outbox.add(tx, [alert()], queued))  # type: ignore[misc]
    with store.read() as tx:
        numbered = tx.execute(select(deliveries.c.id).order_by(deliveries.c.number)).scalars()
        assert list(numbered) == ["x", "x2", "y", "y2"]
