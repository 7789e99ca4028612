"""Processes that start at one moment make or migrate the store once; the order among them does not matter."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import psycopg
import pytest

from monitor.store import Store, migrations
from tests.server import Database

TOGETHER = 6
OLDER = Path(__file__).parents[1] / "store/schema-4.postgresql.sql"


@pytest.mark.parametrize("before", [b"", OLDER.read_bytes()], ids=["where nothing is", "in an older store"])
def test_many_that_start_together_find_one_store_of_the_newest_schema(before: bytes, postgresql: Database) -> None:
    with postgresql.schema() as url:
        with psycopg.connect(url, autocommit=True) as plain:
            plain.execute(before)
        start = Barrier(TOGETHER)

        def begin(_: int) -> int:
            start.wait(30)
            store = Store.open(url)
            with store.read() as tx:
                found = migrations.version(tx)
            store.close()
            return found

        with ThreadPoolExecutor(TOGETHER) as starting:
            assert list(starting.map(begin, range(TOGETHER))) == [migrations.NEWEST] * TOGETHER
        with psycopg.connect(url) as plain:
            assert plain.execute("SELECT count(*) FROM meta WHERE name = 'schema'").fetchone() == (1,)
