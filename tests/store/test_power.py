"""S2: the power fails. What was acknowledged is there, though every byte that was not synced to the disk is lost.

A few lines of C stand between SQLite and the system, and keep each file as it was at its last sync; the process is killed, and
the store is opened from those files alone.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from monitor.store import Store
from monitor.store.schema import deliveries
from tests.needed import lacking

HERE = Path(__file__).parent
WRITER = """
import sys
from monitor.store import Store, outbox
from tests.store.conftest import alert, delivery
store = Store.open("sqlite:///" + sys.argv[1])
store.hold()
for number in range(100_000):
    name = f"d-{number}"
    store.write(lambda tx: outbox.add(tx, [alert(f"a-{number}")], [delivery(name, of=f"a-{number}")]))
    print(name, flush=True)
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        lacking("there is no C compiler (Debian's gcc and libc6-dev)")
    built = tmp_path_factory.mktemp("shim") / "durable.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", built, HERE / "durable.c", "-ldl"], check=True)
    return built


@pytest.mark.parametrize("cut", range(6))
def test_every_acknowledged_alert_survives_a_power_cut(cut: int, shim: Path, tmp_path: Path) -> None:
    moments = random.Random(cut)
    durable = tmp_path / "durable"
    durable.mkdir()
    environment = os.environ | {"LD_PRELOAD": str(shim), "DURABLE": str(durable), "PYTHONPATH": str(HERE.parents[1])}
    environment.pop("COVERAGE_PROCESS_START", None)
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "monitor.db")], stdout=subprocess.PIPE, text=True, env=environment
    ) as writer:
        assert writer.stdout is not None
        acknowledged = [writer.stdout.readline().strip()]
        time.sleep(moments.uniform(0.05, 0.6))
        writer.kill()
        acknowledged += writer.stdout.read().split("\n")[:-1]
    store = Store.open(f"sqlite:///{durable}/monitor.db")
    store.hold()
    with store.read() as tx:
        kept = set(tx.execute(select(deliveries.c.id)).scalars())
    store.close()
    assert len(acknowledged) > 5
    assert set(acknowledged) <= kept
    assert len(kept) <= len(acknowledged) + 1


def test_a_power_cut_while_the_store_is_made_leaves_one_that_can_be_opened(tmp_path: Path) -> None:
    """S5, S10: the journal of a change that was cut off is hot, and SQLite takes the change back."""
    store = Store.open(f"sqlite:///{tmp_path}/monitor.db")
    store.close()
    making = """
import sqlite3, sys, os
store = sqlite3.connect(sys.argv[1], isolation_level=None)
store.execute("PRAGMA journal_mode=DELETE")
store.execute("BEGIN IMMEDIATE")
store.execute("PRAGMA cache_size=1")
for n in range(200): store.execute("CREATE TABLE t%d (x)" % n)
os._exit(1)
"""
    subprocess.run([sys.executable, "-c", making, str(tmp_path / "monitor.db")], check=False)
    assert (tmp_path / "monitor.db-journal").stat().st_size
    store = Store.open(f"sqlite:///{tmp_path}/monitor.db")
    store.hold()
    with store.read() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM sqlite_master WHERE name LIKE 't_'").scalar() == 0
    store.close()
