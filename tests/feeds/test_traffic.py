"""Which of the due feeds go now."""

from __future__ import annotations

from datetime import timedelta

from monitor.feeds.fetch import FetchSettings
from monitor.feeds.traffic import Traffic
from monitor.model import FeedState
from tests.feeds.conftest import NOON

UNHURRIED = FetchSettings(spacing=timedelta(0), workers=8)


def well(url: str) -> FeedState:
    return FeedState(url=url, next_poll_at=NOON, succeeded_at=NOON)


def ill(url: str) -> FeedState:
    return FeedState(url=url, next_poll_at=NOON, failures=1)


def urls(picked: list[FeedState]) -> list[str]:
    return [state.url for state in picked]


def test_a_host_gets_only_as_many_polls_at_a_time_as_it_may() -> None:
    """H24."""
    traffic, of_a = Traffic(), [well(f"https://a.example/{n}") for n in range(4)]
    due = [*of_a, *(well(f"https://b.example/{n}") for n in range(4))]
    picked = traffic.pick(due, UNHURRIED, 0.0, room=10)
    assert urls(picked) == ["https://a.example/0", "https://a.example/1", "https://b.example/0", "https://b.example/1"]
    assert traffic.pick(of_a[2:], UNHURRIED, 0.0, room=10) == []
    traffic.end(picked[0])
    assert urls(traffic.pick(of_a[2:], UNHURRIED, 0.0, room=10)) == ["https://a.example/2"]


def test_a_host_is_left_in_peace_between_two_polls_but_a_machine_of_ones_own_is_not() -> None:
    traffic, settings = Traffic(), FetchSettings(spacing=timedelta(seconds=2))
    due = [well(f"https://a.example/{n}") for n in range(4)]
    assert urls(traffic.pick(due, settings, 10.0, room=10)) == ["https://a.example/0"]
    assert traffic.pick(due[1:], settings, 11.9, room=10) == []
    assert urls(traffic.pick(due[1:], settings, 12.0, room=10)) == ["https://a.example/1"]
    for own in ("127.0.0.1", "localhost", "192.168.1.7", "[::1]"):
        assert len(traffic.pick([well(f"http://{own}/{n}") for n in range(2)], settings, 12.0, room=10)) == 2


def test_feeds_that_failed_or_are_new_never_fill_all_places() -> None:
    """H2: sixty servers that never end keep nobody else waiting."""
    traffic = Traffic()
    slow = [ill(f"https://slow{n}.example/") for n in range(60)]
    picked = traffic.pick([*slow, well("https://a.example/")], UNHURRIED, 0.0, room=16)
    assert len(picked) == 5
    assert picked[-1].url == "https://a.example/"
    traffic.end(picked[0])
    assert len(traffic.pick(slow[10:], UNHURRIED, 0.0, room=16)) == 1


def test_no_more_are_picked_than_there_is_room_for() -> None:
    traffic = Traffic()
    due = [well(f"https://a{n}.example/") for n in range(9)]
    assert len(traffic.pick(due, UNHURRIED, 0.0, room=3)) == 3
    assert traffic.pick(due, UNHURRIED, 0.0, room=-1) == []
