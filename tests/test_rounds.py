"""Once a second, by the round that began last."""

from __future__ import annotations

import threading
import time
from itertools import pairwise

from monitor.rounds import Rounds


def running(rounds: Rounds) -> threading.Thread:
    thread = threading.Thread(target=rounds.begin)
    thread.start()
    return thread


def test_a_round_goes_on_once_a_second_while_no_other_begins() -> None:
    steps: list[float] = []
    rounds = Rounds(lambda: steps.append(time.monotonic()))
    thread = running(rounds)
    time.sleep(2.5)
    assert thread.is_alive()
    rounds.end()
    thread.join(5)
    assert 2 <= len(steps) <= 3
    assert all(after - before > 0.9 for before, after in pairwise(steps))


def test_a_round_that_begins_ends_the_one_before_and_leaves_no_gap() -> None:
    steps: list[int] = []
    rounds = Rounds(lambda: steps.append(threading.get_ident()))
    before = running(rounds)
    time.sleep(0.3)
    after = running(rounds)
    before.join(5)
    assert not before.is_alive()
    assert after.is_alive()
    time.sleep(1.2)
    rounds.end()
    after.join(5)
    assert steps[0] == before.ident
    assert set(steps[1:]) == {after.ident}
    assert len(steps) >= 2


def test_the_end_ends_all_rounds_at_once_and_those_that_begin_later_do_one_step() -> None:
    steps: list[int] = []
    rounds = Rounds(lambda: steps.append(1))
    threads = [running(rounds) for _ in range(3)]
    time.sleep(0.2)
    begun = time.monotonic()
    rounds.end()
    rounds.end()
    for thread in threads:
        thread.join(5)
    assert time.monotonic() - begun < 0.9
    done = len(steps)
    rounds.begin()
    assert len(steps) == done + 1
