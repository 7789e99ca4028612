"""The daemon on PostgreSQL: the same stories, feeds and receivers; the process is killed, and the database goes away under it (S14)."""

from __future__ import annotations

import random
import time
from contextlib import suppress

import pytest

from monitor.errors import StoreHeld
from tests.end_to_end.test_kill import EVENTS, PLACES, STORYLINES, kill_again_and_again
from tests.end_to_end.world import World, on_postgresql
from tests.server import Database

pytestmark = on_postgresql


@pytest.mark.no_cover
def test_kills_lose_nothing_and_send_nothing_twice(world: World) -> None:
    """S1."""
    kill_again_and_again(world, kills=8, moments=random.Random(20240305))


@pytest.mark.traced
def test_a_database_that_goes_away_while_an_alert_is_on_its_way_makes_nobody_hear_it_twice(
    world: World, postgresql: Database
) -> None:
    """S14: the receiver has it, and the store cannot be told so for some seconds."""
    followed(world)
    world.web.publish("herald", f"{PLACES[0]}: {EVENTS[0]}")
    world.hook.hold.clear()
    world.make_due()
    world.wait_for(lambda: world.hook.held > 0)
    with postgresql.away():
        world.hook.hold.set()
        time.sleep(4)
    nothing_is_lost_or_sent_twice(world, 1)


def test_connections_that_are_cut_at_any_moment_lose_nothing_and_send_nothing_twice(
    world: World, postgresql: Database
) -> None:
    """S14: again and again while stories come in, until some work was cut in its midst."""
    followed(world)
    process, moments = world.process, random.Random(14)
    assert process is not None
    published = 0
    for event in EVENTS:
        for place in PLACES:
            world.web.publish("herald", f"{place}: {event}", f"Number {published + 1} of this week's events.")
            published += 1
            world.make_due()
            cut_for(moments.uniform(0.2, 1.5), postgresql, process.pid)
    deadline = time.monotonic() + 60
    while "refused" not in world.log:
        assert time.monotonic() < deadline, "nothing was ever cut in the midst of anything"
        world.make_due()
        cut_for(1.0, postgresql, process.pid)
    assert process.poll() is None
    nothing_is_lost_or_sent_twice(world, published)


def test_a_daemon_whose_store_another_has_followed_meanwhile_ends_and_says_so(
    world: World, postgresql: Database
) -> None:
    """S14: what it remembers of the stories may be out of date."""
    followed(world)
    process = world.process
    assert process is not None
    with world.opened() as other:
        deadline = time.monotonic() + 30
        while True:  # whoever comes first after the cut has it
            postgresql.cut(process.pid)
            with suppress(StoreHeld):
                other.hold()
                break
            assert time.monotonic() < deadline
        assert process.wait(30) == 1
    assert "is by now followed by the process with pid" in world.log
    assert "Traceback" not in world.log


def cut_for(seconds: float, postgresql: Database, pid: int) -> None:
    """Cut every connection of the process, as soon as it has one."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        postgresql.cut(pid)


def followed(world: World) -> None:
    """Start the daemon, and have it know its feed; after a refusal it rests for some seconds only."""
    world.write_config("herald", extra=STORYLINES)
    world.start(code="from monitor import polls; polls._REST_AFTER_REFUSAL = 3.0")
    world.wait_for(lambda: world.starts > 0)
    world.poll_all()


def nothing_is_lost_or_sent_twice(world: World, published: int) -> None:
    world.wait_for(lambda: len(world.entries()) == published, seconds=60)
    world.wait_for(lambda: world.waiting() == 0, seconds=60)
    alerts = world.json("deliveries", "--limit", "1000")
    assert len({alert["title"] for alert in alerts if alert["kind"] == "new"}) >= max(1, published // 3)
    assert sorted(world.hook.ids) == sorted(f"msg_{a['id']}" for a in alerts if a["channel"] == "hook")
    assert sorted(world.mail.ids) == sorted(f"<{a['id']}@desk.example>" for a in alerts if a["channel"] == "mail")
    assert world.stop() == 0
    assert "Traceback" not in world.log
