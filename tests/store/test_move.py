"""`monitor migrate-store`: everything arrives, nothing is told again, and what goes wrong leaves the target empty."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from monitor.cli import run
from monitor.errors import MonitorError
from monitor.model import DeliveryState, Feed, Feedback, FeedState, Judgement, Mute, StoryState, Subscription
from monitor.store import Connection, Store, feedback, feeds, links, mutes, notices, outbox, stories, subscriptions
from monitor.store.move import move
from monitor.store.schema import meta, metadata
from tests.server import Database
from tests.store.conftest import FEED, NOON, STORYLINE, alert, delivery, development, entry, placement


@pytest.fixture
def target(url: str, postgresql: Database, tmp_path: Path) -> Iterator[str]:
    """Where there is nothing yet: in PostgreSQL, when the store is a file, and the other way round."""
    if url.startswith("sqlite"):
        with postgresql.schema() as made:
            yield made
    else:
        yield f"sqlite:///{tmp_path}/moved/monitor.db"


def fill(tx: Connection) -> None:
    """Something in every table."""
    feeds.sync(tx, [Feed(url=FEED), Feed(url="https://b.example")], NOON)
    feeds.save(
        tx,
        FeedState(
            url=FEED, etag='W/"ż"', next_poll_at=NOON, polled_at=NOON, ttl=10_080, pace=0.1 + 0.2, skip_hours=2**24 - 1
        ),
    )
    feeds.carry(tx, FEED, {"dam"}, NOON)
    subscriptions.save(tx, Subscription(feed=FEED, token="t", secret="s", hub="h", topic="x", ask_at=NOON))
    stories.sync(tx, [STORYLINE], NOON)
    stories.stand(tx, "dam", StoryState.SURGE, NOON)
    stories.save(tx, [entry(n) for n in range(2_500)], [placement(1), placement(2)], [development()], NOON)
    said = Feedback(entry="e1", storyline="dam", judgement=Judgement.WRONG, score=0.5, development="", given_at=NOON)
    feedback.replace(tx, entry(1), [said])
    outbox.add(
        tx, [alert(), alert("a-2")], [delivery("x"), delivery("y", of="a-2"), delivery("z", of="a-2", target="ann")]
    )
    outbox.record(tx, replace(delivery("x"), state=DeliveryState.SENT, attempts=1, sent_at=NOON))
    outbox.pause(tx, "hook", None, "gone")
    mutes.mute(tx, Mute(storyline="dam", channel="mail", target="bob", until=stories.FOREVER))
    notices.note(tx, "feed:x", "It fails", NOON)
    links.key(tx)
    links.use(tx, "token", NOON)


@pytest.fixture
def filled(store: Store) -> Store:
    store.write(fill)
    return store


def content(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, but for what a store says of itself."""
    with store.read() as tx:
        return {
            table.name: [tuple(row) for row in tx.execute(select(table).order_by(*table.primary_key.columns)) if row[0] not in ("schema", "holder")]
            for table in metadata.sorted_tables
        }  # fmt: skip


def is_empty(url: str) -> bool:
    opened = Store.open(url)
    rows = content(opened)
    opened.close()
    return not any(found for table, found in rows.items() if table != meta.name)


def test_every_row_of_every_table_arrives_as_it_was(
    filled: Store, url: str, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content(filled)
    assert all(before.values()), "this test should have something in every table"
    filled.close()
    assert run(["migrate-store", url, target]) == 0
    assert "holds all of it: 2500 entries, 2 alerts, 3 deliveries." in capsys.readouterr().out.replace("\n", " ")
    new = Store.open(target)
    assert content(new) == before
    new.close()


def test_what_was_sent_is_not_sent_again_and_what_waits_keeps_its_place(filled: Store, url: str, target: str) -> None:
    filled.close()
    assert run(["migrate-store", url, target]) == 0
    new = Store.open(target)
    new.hold()
    later = [delivery("w", of="a-2"), delivery("x"), delivery("y", of="a-2")]
    new.write(lambda tx: outbox.add(tx, [alert("a-2")], later))
    order = []
    while claimed := new.write(lambda tx: outbox.claim(tx, "mail", NOON, timedelta(minutes=5))):
        order.append(claimed[0].id)
        sent = replace(claimed[0], state=DeliveryState.SENT)
        new.write(lambda tx, sent=sent: outbox.record(tx, sent))  # type: ignore[misc]
    assert order == ["y", "z", "w"]
    again = replace(entry(1), id="e-other")
    assert new.write(lambda tx: feeds.sift(tx, FEED, [again], NOON)).unseen == []
    new.close()


def test_a_target_that_has_something_is_left_as_it_is(
    filled: Store, url: str, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    filled.close()
    other = Store.open(target)
    other.write(lambda tx: notices.note(tx, "theirs", "It fails", NOON))
    before = content(other)
    other.close()
    assert run(["migrate-store", url, target]) == 1
    assert "is not empty; move the store to a place where there is none yet." in capsys.readouterr().err.replace(
        "\n", " "
    )
    other = Store.open(target)
    assert content(other) == before
    other.close()


def test_a_store_that_a_daemon_follows_is_not_moved(
    filled: Store, url: str, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    filled.hold()
    assert run(["migrate-store", url, target]) == 1
    assert f"pid {os.getpid()}" in capsys.readouterr().err
    assert is_empty(target)


def test_where_there_is_no_store_nothing_is_made(url: str, target: str, capsys: pytest.CaptureFixture[str]) -> None:
    from monitor.store import exists

    assert run(["migrate-store", url, target]) == 1
    assert "There is no store to move" in capsys.readouterr().err
    assert not exists(url)
    assert not exists(target)


def test_a_move_that_fails_half_way_leaves_the_target_empty_and_the_source_whole(
    filled: Store, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(filled)
    monkeypatch.setattr("monitor.store.move._count_on", lambda _into: (_ for _ in ()).throw(MonitorError("power cut")))
    new = Store.open(target)
    with pytest.raises(MonitorError, match="power cut"):
        move(filled, new)
    new.close()
    assert is_empty(target)
    assert content(filled) == before


def test_a_move_that_is_killed_leaves_the_target_empty_and_can_be_made_again(
    filled: Store, url: str, target: str
) -> None:
    before = content(filled)
    filled.close()
    code = "import sys, time; from monitor.store import move; move._count_on = lambda _: (print(flush=True), time.sleep(60)); from monitor.__main__ import main; main()"
    with subprocess.Popen([sys.executable, "-c", code, "migrate-store", url, target], stdout=subprocess.PIPE) as moving:
        assert moving.stdout is not None
        moving.stdout.readline()
        moving.send_signal(signal.SIGKILL)
    time.sleep(0.2)
    assert is_empty(target)
    assert run(["migrate-store", url, target]) == 0
    new = Store.open(target)
    assert content(new) == before
    new.close()


def test_an_address_with_a_password_is_taken_from_where_secrets_are_and_not_shown(
    filled: Store, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    filled.close()
    monkeypatch.setattr("monitor.secret._revealed", set())
    monkeypatch.setenv("OLD", url)
    (tmp_path / "new").write_text("postgresql://ann:canary-pass-1@127.0.0.1:1/monitor?sslpassword=canary-pass-2\n")
    assert run(["migrate-store", "env:OLD", f"file:{tmp_path}/new"]) == 1
    told = capsys.readouterr()
    assert "postgresql://127.0.0.1:1/monitor" in told.err
    assert "canary" not in told.err + told.out


def test_meta_keeps_what_it_says_of_the_store_itself(filled: Store, url: str, target: str) -> None:
    filled.close()
    assert run(["migrate-store", url, target]) == 0
    new = Store.open(target)
    with new.read() as tx:
        names = set(tx.execute(select(meta.c.name)).scalars())
    assert {"schema", "link_key", "feedback"} <= names
    new.close()
