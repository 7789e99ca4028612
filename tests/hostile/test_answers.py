"""The gate alone against each hostile feed, and against answers that nobody thought of."""

from __future__ import annotations

import random
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.errors import FeedError
from monitor.feeds import schedule
from monitor.feeds.document import parse_bytes
from monitor.feeds.fetch import Gate
from monitor.feeds.settings import FetchSettings
from monitor.model import Poll
from tests.end_to_end.world import free_port
from tests.feeds.conftest import NOON, RawServer, feed
from tests.hostile.rows import RSS, all_rows, authority, http
from tests.hostile.web import Row, Web, serving_web


@pytest.fixture
def web() -> Iterator[Web]:
    """Each row once."""
    port = free_port()
    with serving_web(0, [replace(row, copies=1) for row in all_rows(port)], port) as served:
        yield served


def test_each_hostile_feed_has_its_own_error_in_its_own_time(web: Web, tmp_path: Path) -> None:
    """H1-H9, H12, H14, H18-H20, H22-H25, H32, H35-H38."""
    authority().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    settings = FetchSettings(
        allow_networks=("127.0.20.0/23",), timeout=timedelta(seconds=3), ca_file=str(tmp_path / "ca.pem"), workers=32
    )
    gate = Gate(settings)

    def wrong(item: tuple[str, Row]) -> str:
        url, row = item
        reason = told = ""
        try:
            response = gate.fetch(*feed(url))
            parse_bytes(response.body, url=url, content_type=response.headers.get("content-type", ""))
        except FeedError as error:
            reason, told = error.reason, str(error)
        return "" if reason == row.reason and row.told in told else f"{row.name}: {reason}, not {row.reason}: {told}"

    with ThreadPoolExecutor(32) as pool:
        assert list(filter(None, pool.map(wrong, web.hostile.items()))) == []
    gate.close()
    assert web.forbidden == []
    assert len(web.hostile) >= 60


HEADERS = (
    "Retry-After: 120", "Date: Tue, 05 Mar 2024 12:00:00 GMT", "Expires: Tue, 05 Mar 2024 13:00:00 GMT", "Cache-Control: public, max-age=600", 'ETag: W/"x"',
    "Location: http://127.0.0.1:9/feed", "Content-Encoding: gzip", "Transfer-Encoding: chunked", "Content-Type: application/rss+xml; charset=utf-8",
    "Set-Cookie: a=b; Path=/", 'Link: <http://127.0.0.1:9/hub>; rel="hub", </feed>; rel="self"', "Connection: keep-alive", "Last-Modified: Tue, 05 Mar 2024 12:00:00 GMT",
)  # fmt: skip
STATUSES = ("200 OK", "301 Moved", "304 Not Modified", "403 No", "429 Slow", "503 Down")
PIECES = (b"", b"\0", b"\r", b"\n", b"\r\n", b" ", b":", b";", b",", b"\xff", b"\xb2", b"-", b"9" * 5000, b"[", b"]", b"//", b"%", b"@", b"\xe2\x80\xa8", b"0x", b"e9", b"+")  # fmt: skip


def odd(moments: random.Random) -> bytes:
    """An answer with a few headers, in which a few pieces were lost, doubled or put in the place of others."""
    answer = bytearray(http(RSS[:80], moments.choice(STATUSES), *moments.sample(HEADERS, 5)))
    for _ in range(moments.randint(1, 4)):
        place = moments.randrange(len(answer) - 80)
        answer[place : place + moments.choice((0, 1, 1, 2, 8))] = moments.choice(PIECES)
    return bytes(answer)


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(4, 100))])
def test_whatever_a_server_answers_is_at_worst_an_error_of_its_feed(seed: int) -> None:
    """H35: nothing else is raised, neither where it is fetched nor where the next poll is planned."""
    moments = random.Random(seed)
    answers = [odd(moments) for _ in range(150)]
    left, taken, ends = iter(answers), threading.Lock(), Counter[str]()

    def answer(connection: socket.socket, _head: bytes) -> None:
        with taken:
            connection.sendall(next(left, b""))
        connection.shutdown(socket.SHUT_WR)

    server = RawServer(answer)
    way_out = Gate(FetchSettings(allow_networks=("127.0.0.1/32",), timeout=timedelta(seconds=5)))
    for _ in answers:
        asked, state = feed(server.url)
        try:
            poll = Poll(feed=asked, state=state, at=NOON, response=way_out.fetch(asked, state))
        except FeedError as error:
            poll = Poll(feed=asked, state=state, at=NOON, error=error)
        assert schedule.after(poll).next_poll_at > NOON
        ends[poll.error.reason if poll.error else ""] += 1
    way_out.close()
    server.close()
    assert len(ends) > 6, ends
