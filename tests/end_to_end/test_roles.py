"""Several processes share the work: each has a part of it, any may die or stand still, and nothing is lost or sent twice."""

from __future__ import annotations

import signal

import requests

from tests.end_to_end.test_kill import EVENTS, PLACES, STORYLINES
from tests.end_to_end.world import World, on_postgresql

pytestmark = on_postgresql

ROLES = ("scheduler", "scheduler", "worker", "worker", "deliverer", "deliverer", "web")


def begin(world: World) -> None:
    world.write_config("herald", extra=STORYLINES)
    for role in ROLES:
        world.join(role)
    world.wait_for(lambda: world.starts == len(ROLES), 60)
    world.poll_all()


def end(world: World) -> None:
    for process in world.team:
        process.send_signal(signal.SIGTERM)
    assert [process.wait(20) for process in world.team] == [0] * len(world.team)
    assert "Traceback" not in world.log


def test_processes_with_one_role_each_follow_a_story_together(world: World) -> None:
    begin(world)
    world.web.publish("herald", f"{PLACES[0]}: {EVENTS[0]}")
    world.make_due()
    world.wait_for(lambda: bool(world.hook.ids and world.mail.ids))
    assert requests.get(f"http://127.0.0.1:{world.page_port}/", timeout=10).status_code == 200
    end(world)
    assert (len(world.hook.ids), len(world.mail.ids)) == (1, 1)
