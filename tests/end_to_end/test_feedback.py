"""A person corrects a running daemon from the command line, and it keeps to that."""

from __future__ import annotations

import signal

from tests.end_to_end.test_follow import NEW, following
from tests.end_to_end.world import World, on_both

pytestmark = on_both


def test_a_running_daemon_keeps_to_what_a_person_says_also_after_it_was_killed(world: World) -> None:
    following(world, "herald")
    world.web.publish("herald", "Police arrest two over theft at Orla dam")
    world.web.publish("herald", "Union calls strike at Orla dam")
    world.poll_all()
    world.wait_for(lambda: len(world.hook.of_kind(NEW)) == 2)
    first, second = world.web.url("herald/0"), world.web.url("herald/1")
    assert "counts as wrong for “The Orla dam”" in world.command("feedback", first, "wrong").stdout
    assert world.json("feedback", second, "new")["judgement"] == "new"
    world.web.publish("herald", "Police arrest two men over theft at the Orla dam")
    world.poll_all()
    world.stop(signal.SIGKILL)
    world.start()
    world.wait_for(lambda: world.log.count("run feeds=") == 2)
    world.web.publish("herald", "Two men arrested by police over theft at Orla dam")
    world.web.publish("herald", "Minister resigns over Orla dam contract")
    world.poll_all()
    world.wait_for(lambda: len(world.hook.of_kind(NEW)) == 3)
    assert world.hook.of_kind(NEW)[-1]["title"] == "Minister resigns over Orla dam contract"
    told = [report["title"] for d in world.json("timeline", "dam") for report in d["reports"]]
    assert "Police arrest two over theft at Orla dam" not in told
    assert "Police arrest two men over theft at the Orla dam" in told
