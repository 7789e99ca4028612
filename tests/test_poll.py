"""One poll, top to bottom, over a real server, parser and store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.alerts.route import Routing
from monitor.desk import Desk, Rules
from monitor.feeds.fetch import Gate
from monitor.feeds.parse import Parser
from monitor.feeds.settings import FetchSettings
from monitor.model import Changes, Feed, FeedState, Poll, Storyline, Terms
from monitor.poll import ask
from monitor.store import Store, feeds
from monitor.stories.match import Matcher
from tests.feeds.conftest import RSS, RawServer, http

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
DAM = Storyline(id="dam", title="The dam", terms=Terms(any=("dam",)), channels=("c",))


@dataclass
class Line:
    """A feed's whole way, and what its server answers next."""

    store: Store
    gate: Gate
    parser: Parser
    desk: Desk
    answers: list[bytes] = field(default_factory=list)
    feed: Feed = field(default_factory=lambda: Feed(url=""))

    def state(self) -> FeedState:
        with self.store.read() as tx:
            (state,) = feeds.everything(tx)
        return state

    def ask(self, answer: bytes, minutes: int = 0) -> Poll:
        self.answers.append(answer)
        return ask(self.feed, self.state(), NOON + timedelta(minutes=minutes), self.gate, self.parser)

    def poll(self, answer: bytes, minutes: int = 0) -> Changes:
        return self.desk.settle(self.ask(answer, minutes))


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    store = Store.open(f"sqlite:///{tmp_path}/m.db")
    gate, parser = Gate(FetchSettings(allow_networks=("127.0.0.0/8",))), Parser(1)
    made = Line(store, gate, parser, Desk(store, Rules(Matcher([DAM]), Routing({"dam": DAM}, {"c": ("",)}))))
    server = RawServer(lambda connection, _head: connection.sendall(made.answers.pop()))
    made.feed = Feed(url=server.url, name="Herald")
    store.write(lambda tx: feeds.sync(tx, [made.feed], NOON))
    yield made
    server.close()
    gate.close()
    parser.close()
    store.close()


def with_title(title: str) -> bytes:
    return RSS.replace(b"Dam breaks", title.encode()).replace(b"<guid>1", b"<guid>2").replace(b"<link>/1", b"<link>/2")


def test_the_first_poll_is_the_baseline_and_the_next_tells_what_is_new(line: Line) -> None:
    """X19."""
    first = line.poll(http(RSS, "200 OK", 'ETag: "1"'))
    assert (len(first.entries), len(first.alerts)) == (1, 0)
    assert line.state().etag == '"1"'
    second = line.poll(http(with_title("Police arrest two over dam collapse")), minutes=20)
    assert [alert.title for alert in second.alerts] == ["Police arrest two over dam collapse"]


def test_what_a_feed_answered_is_kept_no_longer_than_it_is_needed(line: Line) -> None:
    """H4: dozens of polls may wait for the writer."""
    well, broken = line.ask(http(RSS)), line.ask(http(b"<html>Log in</html>"))
    assert well.document is not None
    assert well.response is not None
    assert well.response.body == b""
    assert broken.error is not None
    assert (broken.error.__traceback__, broken.error.__context__, broken.error.__cause__) == (None, None, None)


def test_the_same_bytes_are_not_parsed_again(line: Line) -> None:
    """H16: a parser that is closed is not asked."""
    line.poll(http(RSS))
    line.parser.close()
    assert line.poll(http(RSS), minutes=20).entries == ()
    assert line.state().failures == 0


def test_an_error_is_an_outcome_that_is_remembered_and_healed(line: Line) -> None:
    assert line.poll(http(b"", "500 Error")).entries == ()
    ill = line.state()
    assert (ill.failures, ill.succeeded_at) == (1, None)
    assert "500" in ill.error
    line.poll(http(RSS), minutes=20)
    assert line.state().failures == 0


def test_a_page_instead_of_the_feed_loses_nothing_that_was_known(line: Line) -> None:
    """H37."""
    line.poll(http(RSS, "200 OK", 'ETag: "1"'))
    line.poll(http(b"<html>Log in</html>"), minutes=20)
    state = line.state()
    assert (state.failures, state.etag) == (1, '"1"')
    assert line.poll(http(RSS), minutes=40).entries == ()


def test_ids_that_change_at_each_poll_are_counted_until_they_stay(line: Line) -> None:
    """X10."""
    for number, renamed in enumerate((0, 1, 2)):
        line.poll(http(RSS.replace(b"<guid>1", f"<guid>{number}-x".encode())), minutes=20 * number)
        assert line.state().renamed == renamed
    line.poll(http(b"", "304 Not Modified"), minutes=70)
    assert line.state().renamed == 2
    line.poll(http(RSS.replace(b"<guid>1", b"<guid>0-x").replace(b"Herald", b"The Herald")), minutes=80)
    assert line.state().renamed == 0


def test_what_is_left_out_of_a_feed_that_is_too_long_is_told_in_the_log(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    """X21."""
    items = "".join(f"<item><title>t{n}</title><guid>{n}</guid></item>" for n in range(5_003))
    changes = line.poll(http(f"<rss version='2.0'><channel><title>H</title>{items}</channel></rss>".encode()))
    assert len(changes.entries) == 5_000
    assert "left_out=3 older entries" in caplog.text
