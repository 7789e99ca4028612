"""Feeds, stories and the outbox: what is due, what is new, what waits, and in which order."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import delete, event, select, text
from sqlalchemy.dialects import sqlite

from monitor.errors import StoreError
from monitor.model import DeliveryState, Feed, FeedState, StoryState, Wanted
from monitor.store import (
    Connection,
    Store,
    feedback,
    feeds,
    fields,
    keeping,
    outbox,
    schema,
    settled,
    stories,
    upsert,
    views,
)
from monitor.store.schema import entries, seen
from monitor.store.sqlite import _as_json
from tests.store.conftest import FEED, NOON, STORYLINE, alert, delivery, development, entry, placement

LEASE = timedelta(minutes=5)
MINUTE = timedelta(minutes=1)
_SOME = Wanted(hosts_but=["a.example"], but=[FEED], doubtful=True)


@pytest.fixture
def followed(store: Store) -> Store:
    store.write(lambda tx: feeds.sync(tx, [Feed(url=FEED), Feed(url="https://b.example")], NOON))
    return store


def due(store: Store, at: timedelta = timedelta(0)) -> list[str]:
    with store.read() as tx:
        return [state.url for state in feeds.due(tx, NOON + at)]


def test_new_feeds_are_due_and_known_ones_keep_what_was_learned(followed: Store) -> None:
    """H39: a restart polls nothing before its time."""
    learned = FeedState(
        url=FEED, etag='W/"x"', last_modified="yesterday", body_hash="h", title="T", next_poll_at=NOON + 10 * MINUTE, polled_at=NOON,
        succeeded_at=NOON, failures=2, error="It failed.",
    )  # fmt: skip
    followed.write(lambda tx: feeds.save(tx, learned))
    followed.write(lambda tx: feeds.sync(tx, [Feed(url=FEED), Feed(url="https://c.example")], NOON + MINUTE))
    assert due(followed, MINUTE) == ["https://c.example"]
    with followed.read() as tx:
        assert feeds.everything(tx)[1] == learned


def test_due_feeds_are_given_by_host_and_by_how_they_are(store: Store) -> None:
    urls = [f"https://{host}.example/{number}" for host in "ab" for number in (1, 2)]
    store.write(lambda tx: feeds.sync(tx, [Feed(url=url) for url in urls], NOON))
    well = FeedState(url=urls[0], next_poll_at=NOON, succeeded_at=NOON)
    store.write(lambda tx: feeds.save(tx, well))

    def given(**wanted: Any) -> list[str]:
        with store.read() as tx:
            return [state.url for state in feeds.due(tx, NOON, Wanted(**wanted))]

    assert sorted(given()) == urls
    assert given(host="b.example") == urls[2:]
    assert given(hosts_but=["a.example"], but=[urls[2]]) == [urls[3]]
    assert given(doubtful=False) == [urls[0]]
    assert given(doubtful=True) == urls[1:]
    assert given(since=NOON, doubtful=False) == [urls[0]]
    assert given(since=NOON + MINUTE) == []
    store.write(lambda tx: feeds.save(tx, replace(well, failures=1)))
    assert given(doubtful=False) == []


def test_entries_are_counted_as_they_come_and_go(store: Store) -> None:
    def kept() -> int:
        with store.read() as tx:
            return stories.count(tx)

    assert kept() == 0
    store.write(lambda tx: stories.save(tx, [entry(1), entry(2)], [], [], NOON))
    store.write(lambda tx: stories.save(tx, [entry(2), entry(3)], [], [], NOON + MINUTE))
    store.write(lambda tx: stories.save(tx, [entry(3)], [], [], NOON + MINUTE))
    assert kept() == 3
    store.write(lambda tx: stories.prune(tx, NOON + MINUTE, NOON))
    assert kept() == 1
    with store.read() as tx:
        assert views.status(tx, NOON)["entries"] == 1


def test_the_history_of_some_storylines_leaves_out_what_is_on_others(store: Store) -> None:
    told = [replace(development("d-1"), id="d-1"), replace(development("d-2"), storylines=("ferry",))]
    placed = [placement(1, "d-1"), placement(2, "d-2")]
    store.write(lambda tx: stories.save(tx, [entry(n) for n in (1, 2, 3)], placed, told, NOON))
    with store.read() as tx:
        past = stories.history(tx, NOON - MINUTE, on={"ferry"})
        assert [d.id for d in past.developments] == ["d-2"]
        assert [p.development for p in past.placements] == ["d-2"]
        assert [e.id for e in past.entries] == [e.id for e in stories.history(tx, NOON - MINUTE).entries]
        assert len(past.entries) == 3


def test_who_was_not_polled_since_a_time_is_told_with_when_that_is_due(store: Store) -> None:
    urls = [f"https://{name}.example" for name in "abc"]
    store.write(lambda tx: feeds.sync(tx, [Feed(url=url) for url in urls], NOON))
    polled = [
        FeedState(url=url, next_poll_at=NOON + MINUTE, polled_at=NOON - n * MINUTE) for n, url in enumerate(urls[:2])
    ]
    for state in polled:
        store.write(lambda tx, state=state: feeds.save(tx, state))  # type: ignore[misc]
    with store.read() as tx:
        assert feeds.is_any_unpolled(tx)
        assert {url: at > NOON for url, at in feeds.unpolled_since(tx, NOON).items()} == {urls[1]: True, urls[2]: False}
    store.write(lambda tx: feeds.save(tx, replace(polled[0], url=urls[2], failures=1)))
    with store.read() as tx:
        assert not feeds.is_any_unpolled(tx)


def test_new_feeds_are_due_in_the_order_of_the_configuration(store: Store) -> None:
    urls = [f"https://{name}.example" for name in "cab"]
    store.write(lambda tx: feeds.sync(tx, [Feed(url=url) for url in urls], NOON))
    assert due(store) == urls


def test_a_feed_that_is_gone_is_due_only_when_it_is_asked_for(followed: Store) -> None:
    """H22."""
    followed.write(lambda tx: feeds.save(tx, FeedState(url=FEED, next_poll_at=NOON, gone=True)))
    assert FEED not in due(followed)
    followed.write(lambda tx: feeds.make_due(tx, NOON, FEED))
    assert FEED in due(followed)


def unseen(store: Store, *numbered: tuple[int, tuple[str, ...]]) -> list[str]:
    asked = [entry(number, keys=keys) for number, keys in numbered]
    return [e.id for e in store.write(lambda tx: feeds.sift(tx, FEED, asked, NOON)).unseen]


def test_an_entry_is_new_only_if_none_of_its_keys_was_seen(store: Store) -> None:
    """X12, X14, X16."""
    store.write(lambda tx: stories.save(tx, [entry(1, keys=("id:1", "url:x"))], [], [], NOON))
    assert unseen(store, (2, ("id:new", "url:x")), (3, ("id:1",)), (4, ("id:4",)), (5, ("id:4",))) == ["e4"]


def test_keys_are_each_feeds_own(store: Store) -> None:
    store.write(lambda tx: stories.save(tx, [entry(1)], [], [], NOON))
    other = replace(entry(2, keys=("id:1",)), feed="https://b.example")
    assert store.write(lambda tx: feeds.sift(tx, other.feed, [other], NOON)).unseen == [other]


def test_a_prepared_statement_keeps_what_sqlalchemy_would_keep(store: Store) -> None:
    rows = [fields(entry(n, keys=(f"id:{n}", "ü"))) | {"seen_at": NOON + timedelta(microseconds=n)} for n in range(3)]
    prepared = keeping(entries, tuple(rows[0]))
    whole = text("SELECT * FROM entries ORDER BY id")

    def kept(tx: Connection, way: Callable[[], object]) -> list[Any]:
        tx.execute(delete(entries))
        way()
        return list(tx.execute(whole).all())

    def both(tx: Connection) -> bool:
        ours = kept(tx, lambda: prepared.run(tx, [tuple(row.values()) for row in rows]))
        return ours == kept(tx, lambda: upsert(tx, entries, rows, keep=True)) and len(ours) == 3

    assert store.write(both)


def test_what_the_engine_refuses_in_a_prepared_statement_undoes_the_step(store: Store) -> None:
    prepared = keeping(seen, ("feed", "key", "last_seen_at"))

    def refused(tx: Connection) -> None:
        stories.save(tx, [entry(1)], [], [], NOON)
        prepared.run(tx, [(FEED, "id:2", NOON), (FEED, None, NOON)])

    with pytest.raises(StoreError, match="nothing of this step was kept"):
        store.write(refused)
    with store.read() as tx:
        assert stories.entry(tx, "e1") is None
    assert unseen(store, (2, ("id:2",))) == ["e2"]


@pytest.mark.parametrize("at", [NOON, NOON.replace(microsecond=7), NOON.astimezone(timezone(timedelta(hours=-9.5)))])
def test_a_time_is_written_and_read_as_sqlalchemy_would(at: datetime) -> None:
    engine = sqlite.dialect()
    write, read = schema.Utc().bind_processor(engine), schema.Utc().result_processor(engine, None)
    usual: Any = sqlite.DATETIME().bind_processor(engine)  # type: ignore[no-untyped-call]
    assert write is not None
    assert read is not None
    assert write(at) == usual(at.astimezone(UTC))
    assert read(write(at)) == at
    assert (write(None), read(None)) == (None, None)
    with pytest.raises(AssertionError, match="without a zone"):
        write(at.replace(tzinfo=None))


@pytest.mark.parametrize("value", [(), ("id:1", 'ü"\\\n\x00\ud800\U0001f600'), ("a", 1), ["a"], {"a": ("b",)}])
def test_json_is_written_as_the_standard_library_does(value: object) -> None:
    assert _as_json(value) == json.dumps(value)


def test_thousands_of_keys_are_looked_up_at_once(store: Store) -> None:
    many = [entry(number) for number in range(3_000)]
    store.write(lambda tx: stories.save(tx, many, [], [], NOON))
    assert store.write(lambda tx: feeds.sift(tx, FEED, [*many, entry(5_000)], NOON)).unseen == [entry(5_000)]


def test_old_entries_are_forgotten_and_their_keys_are_not(store: Store) -> None:
    """S15."""
    store.write(lambda tx: stories.save(tx, [entry(1), entry(2)], [placement(1)], [development()], NOON))
    later = NOON + timedelta(days=100)
    assert store.write(lambda tx: stories.prune(tx, later, NOON - MINUTE)) == 2
    with store.read() as tx:
        assert stories.entry(tx, "e1") is None
    assert unseen(store, (1, ("id:1",))) == []
    assert store.write(lambda tx: stories.prune(tx, later, later)) == 2
    assert unseen(store, (1, ("id:1",))) == ["e1"]


def test_a_key_is_remembered_as_long_as_its_feed_shows_it(store: Store) -> None:
    """S15: and the note is renewed once a day, not at each poll."""
    store.write(lambda tx: stories.save(tx, [entry(1)], [], [], NOON))
    for hours in range(0, 20 * 24, 6):
        shown = NOON + timedelta(hours=hours)
        assert store.write(lambda tx, at=shown: feeds.sift(tx, FEED, [entry(1)], at)).unseen == []  # type: ignore[misc]
    store.write(lambda tx: stories.prune(tx, NOON, NOON + timedelta(days=18)))
    assert unseen(store, (1, ("id:1",))) == []
    with store.read() as tx:
        assert tx.execute(select(seen.c.last_seen_at)).scalars().all() == [NOON + timedelta(days=19)]


def test_an_id_that_begins_another_names_its_own_entry(store: Store) -> None:
    store.write(lambda tx: stories.save(tx, [entry(1), entry(12, minutes=5)], [], [], NOON))
    with store.read() as tx:
        assert stories.entry(tx, "e1") == entry(1)


def test_an_entry_is_found_by_its_id_its_beginning_or_its_address(store: Store) -> None:
    store.write(lambda tx: stories.save(tx, [entry(12)], [placement(12)], [development()], NOON))
    with store.read() as tx:
        assert (
            stories.entry(tx, "e1")
            == stories.entry(tx, "e12")
            == stories.entry(tx, "https://news.example/12")
            == entry(12)
        )
        assert stories.entry(tx, "%") is None
        assert stories.placement(tx, "e12") == placement(12)
        assert stories.placement(tx, "e99") is None


def test_a_storyline_is_announced_once(store: Store) -> None:
    store.write(lambda tx: stories.sync(tx, [STORYLINE], NOON))
    store.write(lambda tx: stories.save(tx, [entry(1)], [placement(1)], [development()], NOON))
    with store.read() as tx:
        assert stories.unannounced(tx) == [("dam", [development()])]
    store.write(lambda tx: stories.mark_announced(tx, ["dam"], NOON))
    store.write(lambda tx: stories.sync(tx, [STORYLINE], NOON + MINUTE))
    with store.read() as tx:
        assert stories.unannounced(tx) == []


def plans(store: Store, *asked: Callable[[Connection], object]) -> list[str]:
    """How the engine goes about the statements, one by one, in its own words."""
    statements: list[tuple[str, Any]] = []

    def collect(_tx: object, _cursor: object, statement: str, values: Any, _context: object, many: bool) -> None:
        statements.append((statement, values[0] if many else values))

    def ask(tx: Connection) -> list[str]:
        event.listen(tx, "before_cursor_execute", collect)
        for question in asked:
            question(tx)
        event.remove(tx, "before_cursor_execute", collect)
        return [step for statement, values in statements for step in steps_of(tx, statement, values)]

    return store.write(ask)


def steps_of(tx: Connection, statement: str, values: Any) -> list[str]:
    """PostgreSQL is told to read a table from its beginning only where no index helps: by itself it does so where there is little."""
    if tx.dialect.name == "sqlite":
        return [row.detail for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    tx.exec_driver_sql("SET LOCAL enable_seqscan = off")
    return [row[0] for row in tx.exec_driver_sql(f"EXPLAIN {statement}", values)]


def reads_all(step: str) -> bool:
    """Whether a step goes through a table; SQLite calls a SELECT without one a scan of a constant row."""
    return (step.startswith("SCAN") and step != "SCAN CONSTANT ROW") or "Seq Scan" in step


def test_what_is_done_at_every_poll_and_delivery_reads_no_table_from_end_to_end(store: Store) -> None:
    """S15: so that it takes no longer with a hundred thousand feeds and millions of entries."""
    sent = replace(delivery("x"), state=DeliveryState.SENT)
    steps = plans(
        store,
        lambda tx: list(feeds.due(tx, NOON, _SOME)),
        lambda tx: feeds.sift(tx, FEED, [entry(1)], NOON),
        lambda tx: feeds.save(tx, FeedState(url=FEED, next_poll_at=NOON)),
        lambda tx: feeds.save_after(tx, FeedState(url=FEED, next_poll_at=NOON), FeedState(url=FEED, next_poll_at=NOON)),
        lambda tx: feeds.is_polled_since(tx, FeedState(url=FEED, next_poll_at=NOON)),
        lambda tx: feeds.carries_lively(tx, FEED, NOON),
        lambda tx: stories.save(tx, [entry(1)], [placement(1)], [development()], NOON),
        lambda tx: outbox.add(tx, [alert()], [delivery("x", of="a-1")]),
        lambda tx: outbox.claim(tx, "mail", NOON, LEASE),
        lambda tx: outbox.record(tx, sent),
        lambda tx: outbox.under_way(tx, "mail", "", NOON),
        outbox.pending,
        lambda tx: stories.entry(tx, "e1"),
        lambda tx: stories.entry(tx, "https://news.example/1"),
        lambda tx: stories.placement(tx, "e1"),
        lambda tx: stories.history(tx, NOON),
        feedback.revision,
        settled.revisions,
        lambda tx: settled.note(tx, settled.Revisions(0, 0), [entry(1)], NOON, baseline=False),
        lambda tx: settled.between(tx, settled.Revisions(0, 0), settled.Revisions(0, 1)),
        lambda tx: stories.with_places(tx, ["e1", "e2"]),
        lambda tx: stories.prune(tx, NOON - MINUTE, NOON - MINUTE),
    )
    assert len(steps) > 20
    assert [step for step in steps if reads_all(step)] == []


# --- the outbox


def queue(store: Store, *names: str, thread: str = "dam", target: str = "") -> None:
    for name in names:
        queued = delivery(name, of=f"a-{name}", thread=thread, target=target)
        store.write(lambda tx, queued=queued, name=name: outbox.add(tx, [alert(f"a-{name}")], [queued]))  # type: ignore[misc]


def claim(store: Store, after: timedelta = timedelta(0), channel: str = "mail") -> str | None:
    claimed = store.write(lambda tx: outbox.claim(tx, channel, NOON + after, LEASE))
    return claimed[0].id if claimed else None


def settle(store: Store, name: str, state: DeliveryState, due_in: timedelta = timedelta(0)) -> None:
    settled = replace(delivery(name, of=f"a-{name}"), state=state, attempts=1, due_at=NOON + due_in, error="said so")
    store.write(lambda tx: outbox.record(tx, settled))


def test_queueing_again_changes_nothing(store: Store) -> None:
    queue(store, "x")
    settle(store, "x", DeliveryState.SENT)
    queue(store, "x")
    assert claim(store) is None


def test_deliveries_of_one_thread_to_one_target_keep_their_order(store: Store) -> None:
    """D1."""
    queue(store, "first", "second")
    queue(store, "other", thread="ferry")
    assert claim(store) == "first"
    assert claim(store) == "other"
    assert claim(store) is None
    settle(store, "first", DeliveryState.PENDING, due_in=10 * MINUTE)
    assert claim(store, MINUTE) is None
    assert claim(store, 11 * MINUTE) == "first"
    settle(store, "first", DeliveryState.SENT)
    assert claim(store, 11 * MINUTE) == "second"


def test_a_recipient_waits_for_no_other(store: Store) -> None:
    """D4."""
    queue(store, "ann", target="ann@example.org")
    queue(store, "bob", target="bob@example.org")
    assert [claim(store), claim(store)] == ["ann", "bob"]


def test_what_a_crash_left_claimed_is_free_again_after_the_lease(store: Store) -> None:
    """D29."""
    queue(store, "x")
    assert claim(store) == "x"
    assert claim(store, LEASE - MINUTE) is None
    assert claim(store, LEASE) == "x"


def test_the_next_holder_need_not_wait_for_a_lease_whatever_the_clock_of_the_last_one_showed(store: Store) -> None:
    """D28, D29: who holds the store is the only one that delivers, so what is claimed is nobody's when it begins."""
    queue(store, "x")
    assert claim(store, after=timedelta(hours=1)) == "x"
    assert claim(store, MINUTE) is None
    store.write(lambda tx: outbox.free(tx, NOON))
    assert claim(store) == "x"


def test_a_resting_channel_says_why_until_its_time_is_over(store: Store) -> None:
    """D6."""
    store.write(lambda tx: outbox.pause(tx, "mail", NOON + MINUTE, "The login was refused."))
    with store.read() as tx:
        assert outbox.paused(tx, "mail", NOON) == "The login was refused."
        assert outbox.paused(tx, "mail", NOON + MINUTE) == ""
        assert outbox.paused(tx, "hook", NOON) == ""


def test_dead_deliveries_are_sent_again_when_asked(store: Store) -> None:
    """D20."""
    queue(store, "x", "y")
    settle(store, "x", DeliveryState.DEAD)
    settle(store, "y", DeliveryState.FAILED)
    assert claim(store) is None
    assert store.write(lambda tx: outbox.retry(tx, ["y"], NOON)) == 1
    assert claim(store) == "y"
    assert store.write(lambda tx: outbox.retry(tx, None, NOON)) == 1
    settle(store, "y", DeliveryState.SENT)
    assert claim(store) == "x"


def test_deliveries_for_a_channel_that_is_no_more_are_given_up_and_kept(store: Store) -> None:
    queue(store, "x")
    assert store.write(lambda tx: outbox.drop_channel(tx, ["hook"])) == 1
    with store.read() as tx:
        assert [row["state"] for row in views.listed(tx)] == ["dead"]


def test_tables_for_people_are_plain_values(store: Store) -> None:
    store.write(lambda tx: feeds.sync(tx, [Feed(url=FEED)], NOON))
    store.write(lambda tx: stories.sync(tx, [STORYLINE], NOON))
    store.write(lambda tx: stories.save(tx, [entry(1)], [placement(1)], [development()], NOON))
    queue(store, "x")
    with store.read() as tx:
        status = views.status(tx, NOON)
        (feed,) = views.feeds(tx, NOON)
        (story,) = views.stories(tx, NOON)
        (told,) = views.timeline(tx, "dam")
    assert (status["feeds"], status["entries"], status["developments"], status["alerts"]) == (1, 1, 1, 1)
    assert status["waiting"]["mail"]["pending"] == 1
    assert (feed["entries_a_day"], feed["reports_a_day"]) == (1, 1)
    assert story["last_development"] == "Dam breaks"
    assert [report["id"] for report in told["reports"]] == ["e1"]


def test_a_feed_that_gives_what_it_showed_other_ids_is_noticed(store: Store) -> None:
    """X10."""
    shown = [entry(n, keys=(f"id:{n}-1", f"url:{n}")) for n in range(4)]
    sifted = store.write(lambda tx: feeds.sift(tx, FEED, shown, NOON))
    assert (len(sifted.unseen), sifted.most_renamed) == (4, False)
    store.write(lambda tx: stories.save(tx, shown, [], [], NOON))
    renamed = [entry(n, keys=(f"id:{n}-2", f"url:{n}")) for n in range(4)]
    assert store.write(lambda tx: feeds.sift(tx, FEED, renamed, NOON)) == feeds.Sifted([], most_renamed=True)
    assert store.write(lambda tx: feeds.sift(tx, FEED, [*shown[:2], *renamed[2:]], NOON)) == feeds.Sifted(
        [], most_renamed=False
    )


def test_a_feed_carries_the_storylines_of_its_reports_for_a_while(store: Store) -> None:
    store.write(lambda tx: stories.sync(tx, [STORYLINE], NOON))
    store.write(lambda tx: feeds.carry(tx, FEED, {"dam"}, NOON))
    with store.read() as tx:
        assert not feeds.carries_lively(tx, FEED, NOON)
    store.write(lambda tx: stories.stand(tx, "dam", StoryState.SURGE, NOON))
    with store.read() as tx:
        assert feeds.carries_lively(tx, FEED, NOON)


def test_what_is_asked_all_day_is_looked_up_however_much_is_stored(followed: Store) -> None:
    """No table is read from its beginning to its end; what that costs at ten million entries, benchmarks/speed/scale.py shows."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_rest: object) -> None:
        asked.append((statement, parameters))

    def ask(tx: Connection) -> None:
        event.listen(tx, "before_cursor_execute", note)
        list(feeds.due(tx, NOON, _SOME))
        list(feeds.due(tx, NOON, Wanted(host="a.example", but=[FEED])))
        feeds.count_due(tx, NOON)
        feeds.sift(tx, FEED, [entry(1, keys=("a",))], NOON)
        for name in ("e", "https://h.example/1"):
            stories.entry(tx, name)
            stories.named(tx, name)
        stories.developments_named(tx, "d")
        stories.activity(tx, STORYLINE.id, NOON)
        stories.history(tx, NOON)
        stories.prune(tx, NOON, NOON)
        outbox.ANY_DUE.rows(tx, ("console", NOON))
        outbox.FIRST_DUE.rows(tx, ("console",))
        feeds.FIRST_DUE.rows(tx)
        outbox.pending(tx)
        feeds.carries_lively(tx, FEED, NOON)
        event.remove(tx, "before_cursor_execute", note)

    followed.write(ask)
    with followed.read() as tx:
        plans = [
            (step, statement)
            for statement, parameters in asked
            if not statement.startswith(("INSERT", "SAVEPOINT"))
            for step in steps_of(tx, statement, parameters)
        ]
    assert len(plans) > 20
    assert [plan for plan in plans if reads_all(plan[0]) and "feedback" not in plan[0]] == []
