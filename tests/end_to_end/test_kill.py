"""S1: the process is killed at moments nobody chose; nothing is missing afterwards and nothing arrives as a second message."""

from __future__ import annotations

import functools
import random
import signal
import time

import pytest

from tests.end_to_end.world import World

PLACES = ("Orla dam", "Karst mine", "Lindal ferry", "Mossy bridge")
EVENTS = ("three people die in explosion", "army evacuates 4,000 people", "court sentences director to prison")
STORYLINES = "".join(f"  - {{id: s{n}, title: {place}, terms: [{place}]}}\n" for n, place in enumerate(PLACES[1:]))


@pytest.mark.no_cover
def test_fifteen_kills_lose_nothing_and_send_nothing_twice(world: World) -> None:
    kill_again_and_again(world, kills=15, moments=random.Random(20240305))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_thousand_kills_lose_nothing_and_send_nothing_twice(world: World) -> None:
    kill_again_and_again(world, kills=1_000, moments=random.Random())


def kill_again_and_again(world: World, *, kills: int, moments: random.Random) -> None:
    world.write_config("herald", extra=STORYLINES)
    world.start()
    world.wait_for(lambda: "run feeds=" in world.log)
    world.poll_all()
    published, starts = 0, 0
    for kill in range(kills):
        if kill % 4 == 0 and published < len(PLACES) * len(EVENTS):
            world.web.publish(
                "herald",
                f"{PLACES[published % 4]}: {EVENTS[published // 4]}",
                f"Number {published + 1} of this week's events.",
            )
            published += 1
        world.make_due()
        if kill % 2:  # while it polls, settles and sends; else at any moment of its life, the start included
            world.wait_for(functools.partial(world.has_started, after=starts))
            time.sleep(moments.uniform(0.0, 0.3))
        else:
            time.sleep(moments.uniform(0.0, 1.0))
        world.stop(signal.SIGKILL)
        starts = world.starts
        world.start()
    world.wait_for(lambda: world.log.count("run feeds=") >= 1)
    world.poll_all()
    world.wait_for(lambda: world.waiting() == 0, seconds=60)
    alerts = world.json("deliveries", "--limit", "1000")
    assert len({alert["title"] for alert in alerts if alert["kind"] == "new"}) >= published // 3, (
        "the stories were followed"
    )
    assert set(world.hook.ids) == {f"msg_{a['id']}" for a in alerts if a["channel"] == "hook"}
    assert set(world.mail.ids) == {f"<{a['id']}@desk.example>" for a in alerts if a["channel"] == "mail"}
    assert len(world.entries()) == published
    titles = [data["title"] for data in world.hook.of_kind("storyline.development.new")]
    assert len(set(titles)) == len(set(world.hook.ids)), "one alert a development, whatever was repeated on the wire"
    assert world.stop() == 0
