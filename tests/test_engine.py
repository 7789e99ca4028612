"""The work that several processes share: who polls which hosts, what is queued, and what comes of it when nobody can be reached."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import select

from monitor.config import Config
from monitor.desk import Desk
from monitor.engine import Chore, Engine, Queue, Work
from monitor.errors import StoreError
from monitor.feeds.settings import FetchSettings
from monitor.feeds.shares import Shares
from monitor.model import SHARES, Feed, Wanted, host, share_of
from monitor.parts import Parts
from monitor.polls import Polls
from monitor.store import Store, feeds, upsert
from monitor.store.schema import meta
from tests import cluster
from tests.end_to_end.world import feed_server, free_port
from tests.needed import needed
from tests.server import Database
from tests.test_daemon import wait_for

NOW = datetime(2024, 3, 5, tzinfo=UTC)


@pytest.fixture
def store(postgresql: Database) -> Iterator[Store]:
    with postgresql.schema() as url:
        opened = Store.open(url)
        yield opened
        opened.close()


@pytest.fixture
def run(store: Store) -> Iterator[Callable[..., Engine]]:
    running: list[Engine] = []
    failures: list[BaseException] = []

    def begin(work: Work) -> Engine:
        running.append(Engine(store, work, lambda _part: None, failures.append))
        running[-1].start()
        return running[-1]

    yield begin
    for engine in running:
        engine.stop(10)
        assert not engine.thread.is_alive()
    assert failures == []


def test_the_store_and_this_process_put_a_host_in_the_same_share(store: Store) -> None:
    urls = [f"https://{name}.example/feed" for name in ("a", "bb", "ccc", "münchen", "新华", "x" * 60)]
    store.write(lambda tx: feeds.sync(tx, [Feed(url=url) for url in urls], NOW - timedelta(days=1)))
    with store.read() as tx:
        for url in urls:
            found = feeds.due(tx, NOW, Wanted(shares={share_of(host(url))}))
            assert url in {state.url for state in found}
        others = set(range(SHARES)) - {share_of(host(url)) for url in urls}
        assert list(feeds.due(tx, NOW, Wanted(shares=others))) == []


def test_a_share_that_was_anothers_rests_as_long_as_a_host_does_and_ones_own_does_not() -> None:
    """H24: nobody knows when the other polled its hosts last."""
    shares = Shares(pause=60.0)
    shares.take(7)
    assert 7 in shares
    assert shares.ready() == frozenset()
    eager = Shares(pause=0.0)
    eager.take(7)
    assert eager.ready() == {7}
    shares._since[8] = time.monotonic() - 61
    shares.leave(8)
    shares.take(8)
    assert shares.ready() == {8}


def test_a_process_of_which_nobody_has_heard_has_no_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    """S14: others have them by now, and were it to go on, two would be at one host. So it is after one has stood still."""
    clock = [1_000.0]
    monkeypatch.setattr("monitor.feeds.shares.uptime", lambda: clock[0])
    shares = Shares(0.0)
    shares.take(7)
    clock[0] += 19
    shares.alive(clock[0] - 1)
    assert shares.ready() == {7}
    clock[0] += 20
    assert shares.ready() == frozenset()
    shares.alive(clock[0])
    shares.take(8)
    assert shares.ready() == {8}, "what it has been given since is its own"


def test_a_poll_that_waited_for_its_turn_is_left_to_whoever_has_its_host_by_then(store: Store, tmp_path: Path) -> None:
    """H24: as where this process has stood still since it was handed out."""
    failures: list[BaseException] = []
    with feed_server() as web:
        both = (Feed(url=web.url("a")), Feed(url=web.url("b")))
        fetch = FetchSettings(allow_networks=("127.0.0.0/8",), workers=1, per_host=2)
        config = Config(source=tmp_path / "monitor.yaml", store=store.address, feeds=both, storylines=(), channels={}, fetch=fetch)  # fmt: skip
        parts = Parts.of(config, b"key", lambda _trouble: None)
        parts.sync(store, store.now())
        polls = Polls(store, Desk(store, parts.rules), parts, store.now, lambda _changes: None, failures.append)
        for begun in polls.hand_out():
            begun.result(20)
        polls.shares = Shares(0.0)
        polls.shares.take(share_of("127.0.0.1"))
        store.write(lambda tx: feeds.make_due(tx, store.now()))
        web.hold.clear()
        under_way = polls.hand_out()
        wait_for(lambda: web.held == 1)
        polls.shares.leave(share_of("127.0.0.1"))
        web.hold.set()
        for begun in under_way:
            begun.result(20)
        polls.stop()
        polls.cut()
        polls.close()
    assert (len(under_way), len(web.requests), failures) == (2, 3, [])
    with store.read() as tx:
        assert feeds.count_due(tx, store.now()) == 1


def test_a_process_whose_signs_of_life_do_not_arrive_polls_nothing_until_they_do(
    run: Callable[..., Engine], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S14."""
    monkeypatch.setattr("monitor.engine.STALLED", 3.0)
    monkeypatch.setattr("monitor.feeds.shares.STALLED", 3.0)
    shares = Shares(0.0)
    engine = run(Work(shares=shares))
    engine.queue.offer_shares()
    wait_for(lambda: len(shares.ready()) > 0)
    with psycopg.connect(store.address) as other:
        other.execute("LOCK TABLE procrastinate_workers")
        wait_for(lambda: not shares.ready())

    def offered() -> bool:
        engine.queue.offer_shares()
        return len(shares.ready()) > 0

    wait_for(offered)


def test_a_server_that_crashes_knows_afterwards_who_has_which_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """H24, S14: would it forget, it gave them to others as well."""
    needed(cluster.why_not())
    monkeypatch.setattr("monitor.engine.TERM", 600.0)
    with cluster.cluster("127.0.0.1", free_port()) as server:
        server.run("ALTER SYSTEM SET wal_writer_delay = '10s'")
        server.restart("fast")
        store = Store.open(server.url)
        shares = Shares(0.0)
        engine = Engine(store, Work(shares=shares), lambda _part: None, lambda _error: None)
        engine.start()
        engine.queue.offer_shares()
        wait_for(lambda: len(shares.ready()) == SHARES)
        server.restart("immediate")
        known = server.run("SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'")
        engine.stop(10)
        store.close()
    assert known == [(SHARES,)]


def test_each_share_is_with_one_process_and_all_are_with_some(run: Callable[..., Engine]) -> None:
    ours, others = Shares(0.0), Shares(0.0)
    engine = run(Work(shares=ours))
    run(Work(shares=others))
    for _ in range(3):
        engine.queue.offer_shares()
    wait_for(lambda: len(ours.ready()) + len(others.ready()) == SHARES)
    assert ours.ready().isdisjoint(others.ready())


def test_a_share_is_kept_until_none_of_its_feeds_is_being_polled(
    run: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.engine.TERM", 1.5)
    busy = threading.Event()
    busy.set()
    shares = Shares(0.0)
    engine = run(Work(shares=shares, is_busy=lambda share: share == 3 and busy.is_set()))

    def is_ours(share: int) -> bool:
        engine.queue.offer_shares()
        return share in shares

    wait_for(lambda: is_ours(3))
    wait_for(lambda: 3 not in shares)  # after two terms it begins nothing more
    for other in (4, 5, 6):
        wait_for(lambda other=other: is_ours(other))  # type: ignore[misc]
        assert 3 not in shares, "it is still being polled by who had it before"
    busy.clear()
    wait_for(lambda: is_ours(3))


def test_a_channel_is_sent_by_from_one_place_at_a_time(run: Callable[..., Engine]) -> None:
    at_work, most, sent = set[str](), 0, list[str]()

    def deliver(name: str) -> None:
        nonlocal most
        assert name not in at_work
        at_work.add(name)
        most = max(most, len(at_work))
        time.sleep(0.2)
        at_work.remove(name)
        sent.append(name)

    engine = run(Work(deliver=deliver))
    run(Work(deliver=deliver))
    for _ in range(5):
        engine.queue.deliver(["mail", "hook"])
        time.sleep(0.1)
    wait_for(lambda: {"mail", "hook"} <= set(sent))
    assert most == 2


def test_a_chore_is_done_by_one_process(run: Callable[..., Engine]) -> None:
    done: list[datetime] = []
    work = Work(chores=(Chore("look", "* * * * * *", lambda: done.append(datetime.now(UTC))),))
    for _ in range(3):
        run(work)
    wait_for(lambda: len(done) >= 4)
    whole = [moment.replace(microsecond=0) for moment in done]
    assert len(set(whole)) >= len(whole) - 1, "once a second, not thrice; one may have been late into the next"


def test_what_a_store_refuses_in_a_job_is_told_and_ends_nothing(
    run: Callable[..., Engine], caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_name: str) -> None:
        raise StoreError("The store refused.")

    engine = run(Work(deliver=refuse))
    engine.queue.deliver(["mail"])
    wait_for(lambda: "The store refused." in caplog.text)
    engine.queue.deliver(["mail"])
    wait_for(lambda: caplog.text.count("The store refused.") > 1)


def test_a_server_that_is_down_is_told_and_found_again(
    run: Callable[..., Engine], postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S14."""
    monkeypatch.setattr("monitor.engine._AGAIN", 0.2)
    shares = Shares(0.0)
    engine = run(Work(shares=shares))
    with postgresql.away(), pytest.raises(StoreError, match=r"^The queue in postgresql://\S+ refused: "):
        engine.queue.offer_shares()

    def offered() -> bool:
        try:
            engine.queue.offer_shares()
        except StoreError:
            return False
        return len(shares.ready()) > 0

    wait_for(offered)


def test_the_queues_tables_are_made_once_and_anew_where_another_version_made_them(store: Store) -> None:
    Queue(store).deliver(["mail"])
    assert waiting(store) == ["deliveries mail"]
    Queue(store)
    assert waiting(store) == ["deliveries mail"]
    store.write(lambda tx: upsert(tx, meta, [{"name": "engine", "value": "of an older version"}]))
    Queue(store)
    assert waiting(store) == []
    with store.read() as tx:
        assert tx.execute(select(meta.c.value).where(meta.c.name == "engine")).scalar() != "of an older version"


def waiting(store: Store) -> list[Any]:
    with store.read() as tx:
        return list(tx.exec_driver_sql("SELECT queueing_lock FROM procrastinate_jobs").scalars())
