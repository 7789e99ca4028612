"""Which of the due feeds go now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.errors import StoreError
from monitor.feeds.settings import FetchSettings
from monitor.feeds.traffic import Look, Traffic
from monitor.model import ALWAYS, FeedState, Wanted, host
from tests.feeds.conftest import NOON

UNHURRIED = FetchSettings(spacing=timedelta(0), workers=8)


def well(url: str) -> FeedState:
    return FeedState(url=url, next_poll_at=NOON, succeeded_at=NOON)


def ill(url: str) -> FeedState:
    return FeedState(url=url, next_poll_at=NOON, failures=1)


def among(due: Sequence[FeedState]) -> Look:
    """A look at these feeds, as the store gives it."""

    def look(wanted: Wanted) -> list[FeedState]:
        return [
            state for state in due
            if wanted.host in ("", host(state.url)) and host(state.url) not in wanted.hosts_but
            and state.url not in wanted.but and wanted.doubtful in (None, state.is_doubtful)
            and state.next_poll_at >= wanted.since
        ]  # fmt: skip

    return look


def urls(picked: list[FeedState]) -> list[str]:
    return [state.url for state in picked]


def test_a_host_gets_only_as_many_polls_at_a_time_as_it_may() -> None:
    """H24."""
    traffic, of_a = Traffic(UNHURRIED), [well(f"https://a.example/{n}") for n in range(4)]
    due = [*of_a, *(well(f"https://b.example/{n}") for n in range(4))]
    picked = traffic.pick(among(due), 0.0)
    assert urls(picked) == ["https://a.example/0", "https://a.example/1", "https://b.example/0", "https://b.example/1"]
    assert traffic.pick(among(of_a[2:]), 0.0) == []
    traffic.end(picked[0])
    assert urls(traffic.pick(among(of_a[2:]), 0.0)) == ["https://a.example/2"]


def test_where_more_was_due_than_could_go_the_end_of_a_poll_says_that_more_may() -> None:
    """Only for hosts that need no sparing: others wait between two polls in any case."""
    traffic = Traffic(FetchSettings(per_host=1, spacing=timedelta(seconds=1)))
    own, other = ([well(f"http://{at}/{n}") for n in range(2)] for at in ("127.0.0.1", "a.example"))
    first = traffic.pick(among([*own, *other]), 0.0)
    assert [traffic.end(state) for state in first] == ["127.0.0.1", None]
    assert urls(traffic.pick(among([*own, *other]), 0.5, "127.0.0.1")) == ["http://127.0.0.1/0"]


def test_where_more_was_due_than_there_were_places_half_of_them_are_filled_as_soon_as_they_are_free() -> None:
    """P17: a process would begin no more than its places in a second."""
    traffic = Traffic(replace(UNHURRIED, workers=2))
    due = [well(f"https://{n}.example/") for n in range(6)]
    first = traffic.pick(among(due), 0.0)
    assert urls(first) == urls(due[:4])
    assert [traffic.end(state) for state in first[:2]] == [None, ""]
    second = traffic.pick(among(due[4:]), 0.1)
    assert urls(second) == urls(due[4:])
    assert [traffic.end(state) for state in first[2:]] == [None, ""]
    assert traffic.pick(among([]), 0.2) == []
    assert [traffic.end(state) for state in second] == [None, None]


def test_a_look_while_all_places_are_taken_does_not_forget_that_more_is_waiting() -> None:
    """P17: the scheduler's ticks come in between; with few workers all feeds would wait for the next one."""
    traffic = Traffic(replace(UNHURRIED, workers=1))
    due = [well(f"https://{n}.example/") for n in range(4)]
    first = traffic.pick(among(due), 0.0)
    assert urls(first) == urls(due[:2])
    assert traffic.pick(among(due[2:]), 0.1) == []
    assert traffic.end(first[0]) == ""


def test_a_host_with_thousands_of_due_feeds_keeps_no_other_waiting_and_is_not_read_through() -> None:
    """P17."""
    traffic, read = Traffic(UNHURRIED), 0
    due = [
        *(well(f"https://big.example/{n}") for n in range(20_000)),
        *(well(f"https://{n}.example/") for n in range(5)),
    ]

    def look(wanted: Wanted) -> Iterator[FeedState]:
        nonlocal read
        for state in among(due)(wanted):
            read += 1
            yield state

    picked = urls(traffic.pick(look, 0.0))
    assert len(picked) == 2 + 5
    assert read < 50


def test_what_was_passed_over_is_not_looked_at_again_in_the_same_round() -> None:
    """Else each look begins with all that waits for crowded hosts."""
    traffic, asked = Traffic(UNHURRIED), list[datetime]()
    late = [well(f"https://{'abc'[n // 20]}.example/{n}") for n in range(60)]
    due = [replace(state, next_poll_at=NOON + timedelta(seconds=n)) for n, state in enumerate(late)]

    def look(wanted: Wanted) -> list[FeedState]:
        if wanted.doubtful is False:
            asked.append(wanted.since)
        return list(among(due)(wanted))

    assert urls(traffic.pick(look, 0.0)) == [due[n].url for n in (0, 1, 20, 21, 40, 41)]
    assert asked == [ALWAYS, *(NOON + timedelta(seconds=n) for n in (11, 31, 51))]


def test_a_look_at_one_hosts_feeds_reads_one_more_than_may_go() -> None:
    traffic, read = Traffic(UNHURRIED), 0

    def look(wanted: Wanted) -> Iterator[FeedState]:
        nonlocal read
        for state in among([well(f"http://localhost/{n}") for n in range(20)])(wanted):
            read += 1
            yield state

    picked = traffic.pick(look, 0.0, "localhost")
    assert read == len(picked) + 1 == UNHURRIED.per_host + 1
    assert traffic.end(picked[0]), "more was due than could go"


def test_a_host_is_left_in_peace_between_two_polls_but_a_machine_of_ones_own_is_not() -> None:
    traffic = Traffic(FetchSettings(spacing=timedelta(seconds=2)))
    due = [well(f"https://a.example/{n}") for n in range(4)]
    assert urls(traffic.pick(among(due), 10.0)) == ["https://a.example/0"]
    assert traffic.pick(among(due[1:]), 11.9) == []
    assert urls(traffic.pick(among(due[1:]), 12.0)) == ["https://a.example/1"]
    for own in ("127.0.0.1", "localhost", "192.168.1.7", "[::1]"):
        assert len(traffic.pick(among([well(f"http://{own}/{n}") for n in range(2)]), 12.0)) == 2


def test_feeds_that_failed_or_are_new_have_places_of_their_own() -> None:
    """H2: sixty servers that never end keep nobody else waiting."""
    traffic = Traffic(UNHURRIED)
    slow = [ill(f"https://slow{n}.example/") for n in range(60)]
    fine = [well(f"https://fine{n}.example/") for n in range(60)]
    picked = traffic.pick(among([*slow, *fine]), 0.0)
    assert picked == [*fine[:16], *slow[:24]]
    assert traffic.pick(among([*slow[24:], *fine[16:]]), 0.0) == []
    traffic.end(slow[0])
    assert len(traffic.pick(among([*slow[24:], *fine[16:]]), 0.0)) == 1
    traffic.end(fine[0])
    assert len(traffic.pick(among(fine[16:]), 0.0)) == 1


@pytest.mark.parametrize("state", [FeedState(url="https://big.example/new", next_poll_at=NOON), replace(ill("https://big.example/ill"), next_poll_at=NOON)])  # fmt: skip
def test_a_feed_that_is_new_or_failed_has_its_turn_at_a_host_of_which_others_are_always_due(state: FeedState) -> None:
    """P17: a reader of hundreds of a site's feeds adds one more."""
    traffic = Traffic(FetchSettings(per_host=1, spacing=timedelta(seconds=1)))
    picked: list[str] = []
    for second in range(6):
        since = NOON + timedelta(seconds=second - 2)
        due = [replace(well(f"https://big.example/{n}"), next_poll_at=since) for n in range(3)]
        gone = traffic.pick(among([*due, *([] if state.url in picked else [state])]), float(second))
        picked += urls(gone)
        for each in gone:
            traffic.end(each)
    assert len(picked) == 6
    assert picked.index(state.url) == 3


def test_a_look_that_fails_half_way_leaves_no_feed_behind_as_being_polled() -> None:
    """S14: it would never be polled again."""
    traffic, due = Traffic(UNHURRIED), [well(f"https://{name}.example/") for name in "ab"]

    def cut(_wanted: Wanted) -> Iterator[FeedState]:
        yield due[0]
        raise StoreError("The store refused.")

    with pytest.raises(StoreError):
        traffic.pick(cut, 0.0)
    assert traffic.pick(among(due), 0.0) == due
