"""Which of the due feeds go now."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

from monitor.feeds.fetch import FetchSettings
from monitor.feeds.traffic import Traffic
from monitor.model import Due

UNHURRIED = FetchSettings(spacing=timedelta(0), workers=8)


def well(url: str) -> Due:
    return Due(url, doubtful=False)


def ill(url: str) -> Due:
    return Due(url, doubtful=True)


def urls(picked: list[Due]) -> list[str]:
    return [due.url for due in picked]


def test_a_host_gets_only_as_many_polls_at_a_time_as_it_may() -> None:
    """H24."""
    traffic, of_a = Traffic(UNHURRIED), [well(f"https://a.example/{n}") for n in range(4)]
    due = [*of_a, *(well(f"https://b.example/{n}") for n in range(4))]
    picked = traffic.pick(due, 0.0)
    assert urls(picked) == ["https://a.example/0", "https://a.example/1", "https://b.example/0", "https://b.example/1"]
    assert traffic.pick(of_a[2:], 0.0) == []
    traffic.end(picked[0])
    assert urls(traffic.pick(of_a[2:], 0.0)) == ["https://a.example/2"]


def test_a_host_is_left_in_peace_between_two_polls_but_a_machine_of_ones_own_is_not() -> None:
    traffic = Traffic(FetchSettings(spacing=timedelta(seconds=2)))
    due = [well(f"https://a.example/{n}") for n in range(4)]
    assert urls(traffic.pick(due, 10.0)) == ["https://a.example/0"]
    assert traffic.pick(due[1:], 11.9) == []
    assert urls(traffic.pick(due[1:], 12.0)) == ["https://a.example/1"]
    for own in ("127.0.0.1", "localhost", "192.168.1.7", "[::1]"):
        assert len(traffic.pick([well(f"http://{own}/{n}") for n in range(2)], 12.0)) == 2


def test_feeds_that_failed_or_are_new_have_places_of_their_own() -> None:
    """H2: sixty servers that never end keep nobody else waiting."""
    traffic = Traffic(UNHURRIED)
    slow = [ill(f"https://slow{n}.example/") for n in range(60)]
    fine = [well(f"https://fine{n}.example/") for n in range(60)]
    picked = traffic.pick([*slow, *fine], 0.0)
    assert (len([s for s in picked if s.doubtful]), len([s for s in picked if not s.doubtful])) == (24, 16)
    assert traffic.pick([*slow[24:], *fine[16:]], 0.0) == []
    traffic.end(picked[0])
    assert len(traffic.pick([*slow[24:], *fine[16:]], 0.0)) == 1
    traffic.end(picked[-1])
    assert len(traffic.pick(fine[16:], 0.0)) == 1


def test_slow_work_on_doubtful_feeds_holds_up_no_other() -> None:
    """H2."""
    traffic, gate = Traffic(replace(UNHURRIED, workers=1)), threading.Event()
    slow = [ill(f"https://slow{n}.example/") for n in range(3)]
    waiting = [traffic.begin(state, gate.wait) for state in traffic.pick(slow, 0.0)]
    (other,) = traffic.pick([well("https://fine.example/")], 0.0)
    assert traffic.begin(other, lambda: "done").result(5) == "done"
    gate.set()
    assert [future.result(5) for future in waiting] == [True] * 3
    traffic.close()
