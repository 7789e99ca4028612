"""/metrics, /healthz and /readyz, read by Prometheus's own parser, on an app and on a daemon that works, hangs, dies and fills its disk."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from monitor import metrics as counted
from monitor.config import Config
from monitor.daemon import Daemon
from monitor.metrics import LABELS, OTHER
from monitor.model import AlertKind, DeliveryState, Feed, StoryState
from monitor.process import Pulse
from monitor.serve import WebSettings
from monitor.store import Store, feeds, metrics, outbox, stories
from monitor.web import app, guard
from monitor.web.health import Health
from tests.alerts.receiver import Clock
from tests.alerts.samples import NOON, make_alert, make_delivery
from tests.end_to_end.world import FeedServer
from tests.store.conftest import busy
from tests.test_daemon import FERRY, Start, config, full_disk, make_due, start, state_of, wait_for, web
from tests.test_daemon import Clock as Seconds
from tests.web.sites import make_site

__all__ = ["config", "start", "web"]
Told = dict[tuple[str, ...], float]


def told(text: str) -> Told:
    """Name and label values -> value, as Prometheus reads it."""
    return {
        (sample.name, *sample.labels.values()): sample.value for family in read_text(text) for sample in family.samples
    }


@pytest.fixture
def client(store: Store, clock: Clock) -> FlaskClient:
    return app.create(make_site(store, clock)).test_client()


def asked(client: FlaskClient) -> Told:
    return told(client.get("/metrics").text)


# --- what the store knows


def test_an_empty_store_is_told_as_one(client: FlaskClient) -> None:
    found = asked(client)
    assert found["monitor_feeds", "fine"] == found["monitor_lag_seconds",] == found["monitor_outbox_size",] == 0
    assert {found["monitor_alerts_total", kind] for kind in AlertKind} == {0}
    assert found["monitor_ready",] == 1
    assert found["monitor_part_silent_seconds", "desk"] == 0.5
    assert found["process_resident_memory_bytes",] > 1_000_000


def test_every_family_has_a_name_a_kind_and_a_sentence(client: FlaskClient) -> None:
    families = list(read_text(client.get("/metrics").text))
    assert len({family.name for family in families}) == len(families) > 20
    for family in families:
        assert family.type in ("counter", "gauge", "histogram")
        assert family.documentation.strip()
        assert family.name.startswith(("monitor_", "process_", "python_"))


def test_who_asks_for_openmetrics_gets_it(client: FlaskClient) -> None:
    answer = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.content_type.startswith("application/openmetrics-text")
    names = {family.name for family in read_openmetrics(answer.text)}  # type: ignore[no-untyped-call]
    assert {"monitor_alerts", "monitor_polls", "monitor_feeds"} <= names


def test_feeds_are_counted_by_health_and_the_oldest_due_one_is_the_lag(client: FlaskClient, store: Store) -> None:
    states = {
        "fine": {"succeeded_at": NOON}, "new": {}, "failing": {"failures": 2}, "quarantine": {"failures": 3, "offences": 2},
        "gone": {"gone": True, "next_poll_at": NOON - timedelta(days=9)},
    }  # fmt: skip
    urls = {name: f"https://{name}.example/rss?token=very-secret" for name in states}
    store.write(lambda tx: feeds.sync(tx, [Feed(url=url) for url in urls.values()], NOON + timedelta(hours=1)))
    for name, known in states.items():
        state = replace(state_of(store, urls[name]), **known)  # type: ignore[arg-type]
        store.write(lambda tx, state=state: feeds.save(tx, state))  # type: ignore[misc]
    late = replace(state_of(store, urls["fine"]), next_poll_at=NOON - timedelta(seconds=90))
    store.write(lambda tx: feeds.save(tx, late))
    found = asked(client)
    assert {name: found["monitor_feeds", name] for name in states} == dict.fromkeys(states, 1)
    assert found["monitor_lag_seconds",] == 90
    assert found["monitor_feed_failures", "failing.example/rss"] == 2
    assert "very-secret" not in client.get("/metrics").text


def test_no_number_of_feeds_or_channels_makes_more_labels_than_there_may_be(client: FlaskClient, store: Store) -> None:
    many = [Feed(url=f"https://{number:03}.example/rss") for number in range(LABELS + 30)]
    store.write(lambda tx: feeds.sync(tx, many, NOON))
    for number, feed in enumerate(many):
        state = replace(state_of(store, feed.url), failures=1 + number)
        store.write(lambda tx, state=state: feeds.save(tx, state))  # type: ignore[misc]
    queued = [make_delivery(id=f"d-{n:03}", channel=f"c{n:03}") for n in range(LABELS + 30)]
    store.write(lambda tx: outbox.add(tx, [make_alert()], queued))
    found = asked(client)
    failing = {key: value for key, value in found.items() if key[0] == "monitor_feed_failures"}
    assert len(failing) == LABELS + 1
    assert failing["monitor_feed_failures", OTHER] == sum(range(1, 31)), "the worst have a name"
    waiting = {key[1]: value for key, value in found.items() if key[0] == "monitor_deliveries" and key[2] == "pending"}
    assert len(waiting) == LABELS + 1
    assert waiting[OTHER] == 30
    assert found["monitor_outbox_size",] == LABELS + 30
    known: set[str] = set()
    assert {counted.bounded(f"c{n}", known) for n in range(LABELS + 9)} == {*(f"c{n}" for n in range(LABELS)), OTHER}


def test_alerts_are_counted_by_kind_whatever_the_clock_does(store: Store, client: FlaskClient) -> None:
    """Not read anew at each look, and right all the same: where two share a moment, and where the clock was set back."""
    moments = [
        NOON,
        NOON + timedelta(hours=1),
        NOON + timedelta(hours=1),
        NOON - timedelta(days=1),
        NOON + timedelta(hours=2),
    ]
    for number, moment in enumerate(moments):
        kind = AlertKind.UPDATE if number % 2 else AlertKind.NEW
        alert = make_alert(id=f"a{number}", kind=kind, created_at=moment)
        store.write(lambda tx, alert=alert: outbox.add(tx, [alert], []))  # type: ignore[misc]
        found = asked(client)
        assert found["monitor_alerts_total", "new"] == number // 2 + 1
        assert found["monitor_alerts_total", "update"] == (number + 1) // 2
    with store.read() as tx:
        before = metrics.told(tx, metrics.Told())
        assert metrics.told(tx, before) == before
        assert before.total == 5


def test_the_outbox_tells_its_size_and_age_and_who_rests(client: FlaskClient, store: Store, clock: Clock) -> None:
    queued = [
        make_delivery(id="d-1", channel="mail", created_at=NOON - timedelta(minutes=3)),
        make_delivery(id="d-2", channel="hook", created_at=NOON - timedelta(minutes=1)),
        make_delivery(id="d-3", channel="hook", state=DeliveryState.SENT, created_at=NOON - timedelta(days=3)),
        make_delivery(id="d-4", channel="hook", state=DeliveryState.HELD, created_at=NOON - timedelta(days=3)),
    ]
    store.write(lambda tx: outbox.add(tx, [make_alert()], queued))
    store.write(lambda tx: outbox.pause(tx, "hook", None, "It said 410."))
    clock.now = NOON
    found = asked(client)
    assert (found["monitor_outbox_size",], found["monitor_outbox_age_seconds",]) == (2, 180)
    assert found["monitor_channel_waiting_seconds", "hook"] == 60
    assert (found["monitor_deliveries", "hook", "sent"], found["monitor_deliveries", "hook", "held"]) == (1, 1)
    assert found["monitor_deliveries", "hook", "dead"] == 0
    assert found["monitor_channel_resting", "hook"] == 1
    assert ("monitor_channel_resting", "mail") not in found


def test_storylines_are_counted_by_state(client: FlaskClient, store: Store) -> None:
    others = [replace(FERRY, id=f"s{number}") for number in range(3)]
    store.write(lambda tx: stories.sync(tx, [FERRY, *others], NOON))
    store.write(lambda tx: stories.stand(tx, "ferry", StoryState.SURGE, NOON))
    found = asked(client)
    assert (found["monitor_storylines", "surge"], found["monitor_storylines", "quiet"]) == (1, 3)


# --- a daemon


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path}/monitor.db")
    yield opened
    opened.close()


def served(config: Config) -> Config:
    return replace(config, web=WebSettings(base_url="http://127.0.0.1:9", listen="127.0.0.1:0"))


def get(daemon: Daemon, path: str) -> requests.Response:
    assert daemon._server is not None
    return requests.get(f"http://127.0.0.1:{daemon._server.port}{path}", timeout=10)


def scraped(daemon: Daemon) -> Told:
    return told(get(daemon, "/metrics").text)


def test_a_daemon_counts_what_it_does(
    start: Start, config: Config, web: FeedServer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each count over one poll without news, one with two reports of one development, one of what is no feed, one refused."""
    daemon = start(served(config), run=False, page=app.of)
    daemon._serve()
    before = scraped(daemon)

    def grown(*name: str) -> float:
        found = scraped(daemon)
        return found.get(name, 0) - before.get(name, 0)

    def poll() -> None:
        make_due(store)
        for future in daemon.hand_out():
            future.result(20)

    poll()
    web.publish("herald", "Union calls strike at Tarn ferry", "All crews stay ashore from Monday.")
    web.publish("herald", "Union calls strike at Tarn ferry from Monday", "All crews stay ashore from Monday.")
    poll()
    assert (grown("monitor_polls_total", "unchanged"), grown("monitor_polls_total", "new")) == (1, 1)
    assert grown("monitor_entries_total") == grown("monitor_matches_total") == 2
    assert grown("monitor_developments_total") == grown("monitor_alerts_total", "new") == 1
    assert grown("monitor_poll_seconds_count") == grown("monitor_desk_seconds_count") == 2
    assert 0 < grown("monitor_desk_seconds_sum") < grown("monitor_poll_seconds_sum")
    daemon.deliver_due()
    assert grown("monitor_delivery_tries_total", "console", "sent") == 1
    assert grown("monitor_handover_seconds_count") == grown("monitor_news_seconds_count") == 1
    assert 0 < grown("monitor_handover_seconds_sum") < 20
    broken = replace(daemon.config, feeds=(Feed(url=web.url("herald").rpartition("/")[0] + "/<"),))
    monkeypatch.setattr(web, "document", lambda _feed: "this is no feed")
    daemon.reload(broken)
    poll()
    assert grown("monitor_polls_total", "failed") == grown("monitor_parse_failures_total") == 1
    assert grown("monitor_poll_failures_total", "not-a-feed") == 1
    assert scraped(daemon)["monitor_feeds", "failing"] == 1


def test_a_daemon_that_works_says_so(start: Start, config: Config) -> None:
    daemon = start(served(config), page=app.of)
    wait_for(lambda: get(daemon, "/readyz").status_code == 200)
    assert (get(daemon, "/healthz").status_code, get(daemon, "/healthz").text) == (200, "well\n")
    wait_for(lambda: ("monitor_part_silent_seconds", "deliver-console") in scraped(daemon))
    assert {key[1] for key in scraped(daemon) if key[0] == "monitor_part_silent_seconds"} >= {"tick", "desk"}


def test_it_is_ready_from_its_first_tick_until_its_end_begins(start: Start, config: Config) -> None:
    daemon = start(served(config), run=False, page=app.of)
    daemon._serve()
    assert (get(daemon, "/readyz").status_code, get(daemon, "/readyz").text) == (503, "It has just begun.\n")
    daemon._tick()
    assert get(daemon, "/readyz").status_code == 200
    daemon._stopping = True
    assert get(daemon, "/readyz").text == "It ends.\n"
    assert scraped(daemon)["monitor_ready",] == 0


def test_a_full_disk_is_not_ready_and_not_ill_and_both_are_over_when_there_is_room(
    start: Start, config: Config, store: Store
) -> None:
    daemon = start(served(config), run=False, page=app.of)
    daemon._serve()
    daemon._tick()
    wait_for(lambda: not daemon.polls.under_way)
    with full_disk(store):
        daemon._guarded(daemon._prove)
        assert (get(daemon, "/readyz").status_code, get(daemon, "/readyz").text) == (503, "The store takes nothing.\n")
        assert scraped(daemon)["monitor_ready",] == 0
        assert "sqlite" not in get(daemon, "/readyz").text
    daemon._guarded(daemon._prove)
    assert get(daemon, "/readyz").status_code == 200


def test_a_desk_that_hangs_is_neither_ready_nor_well_and_the_page_still_answers(
    start: Start, config: Config, store: Store
) -> None:
    """P4."""
    clock = Seconds()
    daemon = start(served(config), pulse=Pulse(clock), page=app.of)
    wait_for(lambda: daemon.ticked and "desk" in daemon._pulse._beats)
    with busy(store):
        clock.now += 31
        wait_for(lambda: daemon._pulse.age("tick") == 0)
        assert get(daemon, "/readyz").text == "The store takes nothing.\n"
        assert get(daemon, "/healthz").status_code == 200
        clock.now += 31
        wait_for(lambda: daemon._pulse.age("tick") == 0)
        answer = get(daemon, "/healthz")
        assert (answer.status_code, answer.text) == (503, "A part has died or hangs; the log says which.\n")
        assert scraped(daemon)["monitor_part_silent_seconds", "desk"] >= 60


def test_a_scheduler_that_died_is_not_well(start: Start, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """P5, faults 0.8."""
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    monkeypatch.setattr("monitor.daemon._PROVE_EVERY", 1)
    daemon = start(served(config), page=app.of)
    wait_for(lambda: daemon.ticked)

    def locked(_: object) -> None:
        raise OSError("database is locked")

    assert get(daemon, "/healthz").status_code == 200
    monkeypatch.setattr(daemon._scheduler._jobstores["default"], "update_job", locked)
    wait_for(lambda: not daemon._scheduler._thread.is_alive())
    assert get(daemon, "/healthz").status_code == 503


def test_what_is_open_to_anybody_exists_and_metrics_are_not_among_it(store: Store) -> None:
    """The names by which a login lets pass."""
    application = app.create(make_site(store, lambda: datetime.now(UTC)))
    endpoints = {rule.endpoint for rule in application.url_map.iter_rules()}
    assert endpoints >= guard.FOR_EVERYBODY
    assert "metrics.tell" in endpoints - guard.FOR_EVERYBODY


def test_a_page_whose_daemon_is_unwell_gives_no_reason_away(store: Store) -> None:
    def check() -> None:
        from monitor.errors import MonitorError

        raise MonitorError("No sign of life from the poll of https://secret.example/feed?key=1.")

    health = Health(check=check, unready=lambda: "", ages=dict)
    answer = app.create(make_site(store, lambda: NOON, health=health)).test_client().get("/healthz")
    assert answer.status_code == 503
    assert "secret" not in answer.text
