"""Receivers fail in every way for two days, the process is killed at any moment: everybody is told everything, once and in order."""

from __future__ import annotations

import logging
import random
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise, product
from pathlib import Path

import pytest
from sqlalchemy import update

from monitor.alerts.route import deliveries_for, sample_alert
from monitor.model import AlertKind, Delivery, DeliveryState
from monitor.store import Connection, outbox
from monitor.store.schema import deliveries as table
from tests.end_to_end.chaos import (
    PATIENCE,
    REFUSED,
    TOO_LARGE,
    Arrival,
    Clock,
    Receiver,
    hostile_hook,
    hostile_mail,
    listening,
    pss,
)  # fmt: skip
from tests.end_to_end.world import Hook, Mailbox, World, feed_server

log = logging.getLogger(__name__)

STORM = timedelta(hours=44)
DAYS = timedelta(days=3)
PLACES = [
    start + end
    for end in ("avik", "oden", "imar", "ustal", "eshan", "orbek")
    for start in ("Bral", "Cond", "Dorv", "Felk", "Gorm", "Hesk", "Jarn", "Kelv", "Lund", "Morv", "Nesk", "Ostr", "Pelv", "Quor", "Rask", "Selm", "Torv")
]  # fmt: skip
EVENTS = (
    "three people die in explosion", "court sentences director to prison", "minister resigns over contract",
    "workers begin strike over wages", "scientists find toxic spill in river", "owner sues insurer for 90 million",
    "police arrest two engineers after audit", "bank freezes funds of operator", "inspectors confirm leak of oil",
    "judge orders release of files",
)  # fmt: skip


def told(deliveries: Sequence[Delivery], received: set[str]) -> set[str]:
    """The ids of the deliveries that reached their receiver, directly or inside a message that folds them."""
    return {delivery.id for delivery in deliveries if (delivery.told_by or delivery.id) in received}


class Chaos:
    """The daemon, the clock it goes by, and receivers that misbehave."""

    def __init__(self, world: World, clock: Clock, hook: Receiver, mail: Receiver) -> None:
        self.world, self.clock, self.hook, self.mail = world, clock, hook, mail
        self.kills = self.asked = self.starts = self.published = 0

    def follow(self, places: Sequence[str]) -> None:
        storylines = "".join(
            f"  - {{id: s{n}, title: {p}, terms: [{p}], threshold: 0.3}}\n" for n, p in enumerate(places)
        )
        self.world.config.write_text(
            f"""store: {self.world.store_url}
defaults: {{channels: [mail, hook]}}
fetch: {{allow_networks: [127.0.0.0/8], timeout: {PATIENCE}s}}
storylines:
{storylines}feeds: [{{url: '{self.world.web.url("herald")}', name: herald, every: 1m}}]
channels:
  mail: {{type: email, host: localhost, port: {self.mail.port}, from: Monitor <monitor@desk.example>, timeout: {PATIENCE}s,
         to: [ann@desk.example, {REFUSED}, {TOO_LARGE}], username: monitor, password: {{env: MAIL_PASSWORD}}, ca_file: {self.mail.ca_file}}}
  hook: {{type: webhook, url: "http://127.0.0.1:{self.hook.port}/news", secret: {{env: HOOK_SECRET}}}}
"""
        )

    def storm(self, share: float, lives: int, moments: random.Random, headlines: Sequence[str]) -> None:
        """So many lives of the process in that share of the bad time; each begins with some of the headlines."""
        for life in range(lives):
            for headline in headlines[life * len(headlines) // lives : (life + 1) * len(headlines) // lives]:
                self.published += 1
                self.world.web.publish("herald", headline, f"Number {self.published} of this week's events.")
            if moments.random() < 0.7:  # it dies at any moment of its work; else at any of its life, the start included
                self.world.wait_for(partial(self.world.has_started, after=self.starts))
            for _ in range(4):
                self.clock.forward(STORM * share / lives / 4)
                time.sleep(moments.uniform(0, 0.25))
            self.world.stop(signal.SIGKILL)
            self.kills += 1
            self.start()
            self.resume()

    def start(self) -> None:
        self.starts = self.world.starts
        self.turn()
        self.world.start(code=self.clock.code())

    def turn(self) -> None:
        """From here on, what was settled may come again."""
        self.hook.era += 1
        self.mail.era += 1

    def resume(self) -> None:
        """Be the person who lets a channel go on that is off for good (410), by sending one refused delivery again."""
        with self.world.opened() as store, store.read() as tx:
            if not outbox.paused(tx, "hook", datetime.max.replace(tzinfo=UTC)):
                return
        refused = [d.id for d in self.world.deliveries() if d.state == DeliveryState.FAILED]
        self.turn()
        self.asked += 1
        done = self.world.command("retry", *(refused[:1] or ["--all"]))
        assert done.returncode == 0, done.stderr

    def calm(self, seconds: float) -> None:
        """Receivers behave; wait until nothing waits. An hour passes at each look until the three days are over, then minutes."""
        self.hook.rage = self.mail.rage = 0.0
        end = time.monotonic() + seconds
        while waiting := [d for d in self.world.deliveries() if d.state in ("pending", "held")]:
            assert time.monotonic() < end, (
                f"{len(waiting)} wait after {self.clock.passed}: {waiting[:3]}\n{self.world.log[-4000:]}"
            )
            self.clock.forward(timedelta(hours=1) if self.clock.passed < DAYS else timedelta(minutes=5))
            self.resume()
            time.sleep(0.15)

    def figures(self) -> str:
        arrivals = self.hook.arrivals + self.mail.arrivals
        twice = len(arrivals) - len({arrival.id for arrival in arrivals})
        states = Counter(str(d.state) for d in self.world.deliveries())
        faults = len(self.hook.faults), len(self.mail.faults)
        return (
            f"{self.kills} kills, resumed {self.asked} times, {self.clock.passed} passed; {states}; {len(arrivals)} arrivals, "
            f"{twice} of them repeats, {self.mail.refusals} refusals; kinds of faults: {faults}"
        )


def three_bad_days(folder: Path, *, alerts: int, kills: int, seed: int) -> None:
    moments = random.Random(seed)
    hook, mail = (Receiver(random.Random(moments.random()), rage=0.5) for _ in range(2))
    places = PLACES[: max(12, alerts // len(EVENTS))]
    headlines = [f"{place}: {event}" for event, place in product(EVENTS, places)][:alerts]
    with feed_server() as web, hostile_hook(hook) as posts, hostile_mail(mail, folder) as mails:
        world = World(folder, web, Hook(), Mailbox())
        chaos = Chaos(world, Clock(folder / "clock"), hook, mail)
        chaos.clock.forward(timedelta(0))
        chaos.follow(places)
        chaos.start()
        try:
            world.poll_all()
            down = kills // 4
            chaos.storm(0.25, down, moments, headlines[: alerts // 4])
            with listening(posts, mails):
                chaos.storm(0.25, down, moments, headlines[alerts // 4 :])
                chaos.storm(0.5, kills - 2 * down, moments, [])
                world.poll_all()  # a slow machine may have been killed before it had polled anything
                chaos.calm(60 + alerts)
                everybody_was_told(chaos, headlines)
                what_came_twice_had_to(chaos)
                each_story_came_in_order(chaos)
                what_was_refused_for_good_was_sent_once(chaos)
                log.info("%s", chaos.figures())
                assert world.stop() == 0
        finally:
            if world.process is not None and world.process.poll() is None:
                world.stop(signal.SIGKILL)


def everybody_was_told(chaos: Chaos, headlines: Sequence[str]) -> None:
    deliveries = chaos.world.deliveries()
    titles = {d["title"] for d in chaos.world.json("deliveries", "--limit", "100000") if d["kind"] == "new"}
    assert titles == set(headlines)
    readers: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for delivery in deliveries:
        if delivery.thread.startswith("s"):
            readers[delivery.alert].add((delivery.channel, delivery.target))
    assert len(readers) == len(headlines)
    assert all(len(of_one) == 4 for of_one in readers.values())
    wanted = [d for d in deliveries if d.target not in (REFUSED, TOO_LARGE)]
    received = {arrival.id for arrival in chaos.hook.arrivals + chaos.mail.arrivals if arrival.taken}
    assert told(wanted, received) == {d.id for d in wanted}


def what_came_twice_had_to(chaos: Chaos) -> None:
    """An id comes again only where nobody could know that it had been taken, or after a kill or a person's word (D7, D19, D29)."""
    known = {d.id for d in chaos.world.deliveries()}
    for receiver in (chaos.hook, chaos.mail):
        by_id: dict[str, list[Arrival]] = defaultdict(list)
        for arrival in receiver.arrivals:
            by_id[arrival.id].append(arrival)
        assert by_id.keys() <= known
        again = [pair for arrivals in by_id.values() for pair in pairwise(arrivals) if pair[0].settled]
        assert all(first.era < second.era for first, second in again), again
        assert len(again) <= chaos.kills + chaos.asked


def each_story_came_in_order(chaos: Chaos) -> None:
    """By the first arrival of each delivery, or of what told it, per reader and storyline."""
    came: dict[str, int] = {}
    for receiver in (chaos.hook, chaos.mail):
        for number, arrival in enumerate(receiver.arrivals):
            came.setdefault(arrival.id, number)
    lines: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for d in chaos.world.deliveries():
        if d.thread.startswith("s") and d.target != REFUSED:
            lines[d.channel, d.target, d.thread].append(came[d.told_by or d.id])
    mixed_up = {reader: line for reader, line in lines.items() if line != sorted(line)}
    assert not mixed_up


def what_was_refused_for_good_was_sent_once(chaos: Chaos) -> None:
    """One that is refused after its text is among `what_came_twice_had_to`; one that is refused before has no id to see."""
    deliveries = [d for d in chaos.world.deliveries() if d.target in (REFUSED, TOO_LARGE) and not d.told_by]
    assert {d.state for d in deliveries} == {DeliveryState.FAILED}
    refused = sum(d.target == REFUSED for d in deliveries)
    assert refused <= chaos.mail.refusals <= refused + chaos.kills + chaos.asked


@pytest.mark.no_cover
def test_three_bad_days_and_kills_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    """D1, D2, D4, D6-D8, D14-D16, D19, D25, D29, S1."""
    three_bad_days(tmp_path, alerts=60, kills=8, seed=20240305)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_three_bad_days_and_hundreds_of_kills_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    seed = time.time_ns()
    log.info("seed %d", seed)
    three_bad_days(tmp_path, alerts=1_000, kills=300, seed=seed)


@pytest.mark.no_cover
def test_a_flood_is_told_whole_and_the_daemon_stays_small(world: World) -> None:
    """D24."""
    flood(world, alerts=1_000, seconds=3)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_ten_thousand_alerts_in_a_minute_are_told_whole_and_the_daemon_stays_small(world: World) -> None:
    """D24."""
    flood(world, alerts=10_000, seconds=60)


def flood(world: World, *, alerts: int, seconds: int) -> None:
    """Queued beside the daemon, evenly: to find so many developments takes the desk longer than a minute.

    Every alert goes to a webhook, which has no limit, and by mail, where an hour has room for 30 messages.
    """
    world.write_config("herald")
    process = world.start()
    world.poll_all()
    quiet = most = pss(process.pid)
    with world.opened() as store:
        for step in range(seconds):
            began = time.monotonic()
            numbers = range(step * alerts // seconds, (step + 1) * alerts // seconds)
            store.write(partial(queue, numbers=numbers))
            most = max(most, pss(process.pid))
            time.sleep(max(0.0, began + 1 - time.monotonic()))
    end = time.monotonic() + 20 + alerts / 20
    while any(d.state == DeliveryState.PENDING for d in world.deliveries()):
        assert time.monotonic() < end, world.log[-4000:]
        most = max(most, pss(process.pid))
        time.sleep(0.2)
    held = release(world)
    world.wait_for(lambda: all(d.state in ("sent", "folded") for d in world.deliveries()), seconds=60)
    most = max(most, pss(process.pid))
    deliveries = world.deliveries()
    received = {i.removeprefix("msg_") for i in world.hook.ids} | {
        i.strip("<>").removesuffix("@desk.example") for i in world.mail.ids
    }
    log.info(
        "%d alerts: %d posts, %d mails, %d deliveries were held; %.0f MB before, %.0f MB at most",
        alerts, len(world.hook.ids), len(world.mail.ids), held, quiet, most,
    )  # fmt: skip
    flooded = [d for d in deliveries if d.alert.startswith("flood-")]
    assert len(flooded) == 2 * alerts
    assert told(flooded, received) == {d.id for d in flooded}
    assert len(world.hook.ids) == len(set(world.hook.ids)) == alerts
    assert len(world.mail.ids) == len(set(world.mail.ids)) <= 31
    assert most < 300
    assert world.stop() == 0


def queue(tx: Connection, numbers: range) -> None:
    now = datetime.now(UTC)
    sample = replace(sample_alert(now), kind=AlertKind.NEW)
    alerts = [
        replace(
            sample,
            id=f"flood-{n}",
            title=f"Number {n} of what happens at once",
            storylines=((f"s{n % 100}", "A story"),),
        )
        for n in numbers
    ]
    readers = (("hook", ("",)), ("mail", ("ann@desk.example",)))
    outbox.add(
        tx, alerts, [d for alert in alerts for channel, to in readers for d in deliveries_for(alert, channel, to, now)]
    )


def release(world: World) -> int:
    """The hour is over: what a limit held may go now."""
    held = [d.id for d in world.deliveries() if d.state == DeliveryState.HELD]
    with world.opened() as store:
        store.write(lambda tx: tx.execute(update(table).where(table.c.id.in_(held)).values(due_at=datetime.now(UTC))))
    return len(held)
