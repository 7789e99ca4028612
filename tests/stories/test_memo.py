"""What is remembered of words: found out once while it is asked for, and bounded."""

import random

from monitor.stories.memo import Memo


class Doubled(Memo[int, int]):
    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.asked: list[int] = []

    def found(self, key: int) -> int:
        self.asked.append(key)
        return 2 * key


def test_a_thing_is_found_out_once() -> None:
    memo = Doubled(10)
    assert [memo[3], memo[3], memo[4]] == [6, 6, 8]
    assert memo.asked == [3, 4]


def test_what_is_asked_for_all_the_time_is_never_found_out_again_whatever_passes_by() -> None:
    memo = Doubled(10)
    for passing in range(100, 1_000):
        assert memo[1] == 2
        assert memo[passing] == 2 * passing
    assert memo.asked.count(1) == 1


def test_what_was_said_once_is_forgotten() -> None:
    memo = Doubled(10)
    for key in (1, *range(100, 120), 1):
        assert memo[key] == 2 * key
    assert memo.asked.count(1) == 2


def test_no_more_is_remembered_than_may_be() -> None:
    memo, chance = Doubled(100), random.Random(1)
    for _ in range(5_000):
        key = int(chance.paretovariate(0.5))
        assert memo[key] == 2 * key
        assert len(memo) + len(memo._before) <= 100
