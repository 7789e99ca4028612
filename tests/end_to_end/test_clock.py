"""The clock jumps ahead by hours and by years: every feed is polled once, nothing is told again, and the next news arrives."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from tests.end_to_end.chaos import Clock
from tests.end_to_end.test_policy import CRACK, EVACUATION, NEW
from tests.end_to_end.world import World


@pytest.mark.parametrize("jump", [timedelta(hours=8), timedelta(days=3653)], ids=["8h", "10y"])
def test_a_clock_that_jumps_ahead_polls_each_feed_once_and_repeats_nothing(jump: timedelta, world: World) -> None:
    """S13, P9; set back, it is tested where the scheduler can be (tests/test_daemon.py)."""
    clock = Clock(world.folder / "clock")
    clock.forward(timedelta(0))
    world.write_config("herald")
    world.start(code=clock.code())
    world.wait_for(lambda: world.polled("herald") == 1)
    world.web.publish("herald", *CRACK)
    clock.forward(timedelta(minutes=2))
    world.wait_for(lambda: len(world.hook.received) == 1 and len(world.mail.messages) == 1)
    before = world.polled("herald")
    clock.forward(jump)
    world.wait_for(lambda: world.polled("herald") > before)
    time.sleep(2.5)
    assert world.polled("herald") == before + 1
    world.web.publish("herald", *EVACUATION)
    clock.forward(timedelta(minutes=2))
    world.wait_for(lambda: len(world.hook.received) == 2 and len(world.mail.messages) == 2)
    assert [data["title"] for data in world.hook.of_kind(NEW)] == [CRACK[0], EVACUATION[0]]
    assert world.stop() == 0
