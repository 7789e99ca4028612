"""What feeds do to their entries from poll to poll, through parser, desk and store: what is news stays news, and nothing else becomes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from monitor.desk import Desk
from monitor.feeds.document import parse_bytes
from monitor.model import Changes, Decision, FeedState, Poll, Response
from monitor.store import Store, feeds, outbox, stories
from tests.test_desk import DAM, FEED, rules, sync

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
NEWS = (
    "Orla dam closed after crack is found",
    "Police evacuate 4,000 as Orla dam floods valley",
    "Minister resigns over Orla dam",
    "Ferry fares rise",
)


@dataclass
class Desked:
    """A desk that settles documents of one feed, a poll each time."""

    store: Store
    desk: Desk

    def poll(self, *items: str, hours: float = 0, new: bool = False) -> Changes:
        at = NOON + timedelta(hours=hours)
        body = f"<rss version='2.0'><channel><title>Herald</title>{''.join(f'<item>{item}</item>' for item in items)}</channel></rss>"
        response = Response(url=FEED.url, status=200, headers={}, body=body.encode())
        state = FeedState(url=FEED.url, next_poll_at=at, succeeded_at=None if new else at)
        document = parse_bytes(response.body, url=FEED.url)
        return self.desk.settle(Poll(feed=FEED, state=state, at=at, response=response, document=document))


@pytest.fixture
def herald(tmp_path: Path) -> Iterator[Desked]:
    store = Store.open(f"sqlite:///{tmp_path}/monitor.db")
    store.write(sync)
    made = Desked(store, Desk(store, rules(DAM)))
    made.poll("<title>Weather</title><guid>0</guid>", hours=-1, new=True)
    yield made
    store.close()


def titled(title: str, more: str) -> str:
    return f"<title>{escape(title)}</title><description>It was a long week.</description>{more}"


def alerts(changes: Changes) -> list[str]:
    return [alert.title for alert in changes.alerts]


@pytest.mark.parametrize(
    "more",
    [
        "<guid isPermaLink='false'>{title}-{poll}</guid><link>https://news.example/{number}</link>",
        "<guid isPermaLink='false'>session={poll}</guid><link>https://news.example/{number}</link>",
        "<guid isPermaLink='false'>{title}-{poll}</guid>",
        "<guid isPermaLink='false'>{title}-{poll}</guid><link>https://news.example/</link>",
        "<guid>https://news.example/{number}?utm_source={poll}</guid>",
        "<link>https://news.example/{number}?fbclid={poll}</link>",
    ],
    ids=["the link stays", "one guid for all", "no link", "front page", "tracking in the guid", "tracking in the link"],
)
def test_a_guid_that_changes_at_each_poll_makes_nothing_new(herald: Desked, more: str) -> None:
    """X8, X10, X11, X14: twelve polls bring each entry and each alert once."""
    brought: list[str] = []
    told: list[str] = []
    for poll in range(12):
        items = [
            titled(title, more.format(title=number, number=number, poll=poll)) for number, title in enumerate(NEWS)
        ]
        changes = herald.poll(*items, hours=poll)
        brought += [entry.title for entry in changes.entries]
        told += alerts(changes)
    assert sorted(brought) == sorted(NEWS)
    assert sorted(told) == sorted(NEWS[:3])


def test_a_feed_in_which_nothing_stays_floods_nobody(herald: Desked) -> None:
    """X10: guid and link carry a session of their own each time; what is told again is coverage."""
    told: list[str] = []
    for poll in range(12):
        items = [
            titled(title, f"<guid isPermaLink='false'>{n}-{poll}</guid><link>https://news.example/{poll}/{n}</link>")
            for n, title in enumerate(NEWS)
        ]
        told += alerts(herald.poll(*items, hours=poll))
    assert sorted(told) == sorted(NEWS[:3])


def test_an_edit_of_text_or_date_is_nothing_new(herald: Desked) -> None:
    """X15: title, body and date; nor is a title in which only spaces or capitals changed."""
    herald.poll(titled(NEWS[0], "<guid>1</guid><pubDate>Tue, 05 Mar 2024 12:00:00 GMT</pubDate>"))
    edits = (
        titled(NEWS[0], "<guid>1</guid><pubDate>Tue, 05 Mar 2024 14:00:00 GMT</pubDate>"),
        f"<title>{NEWS[0]}</title><guid>1</guid><description>Engineers work through the night.</description>",
        titled(NEWS[0].upper().replace(" ", "  "), "<guid>1</guid>"),
    )
    for hour, edit in enumerate(edits, 1):
        assert herald.poll(edit, hours=hour).entries == ()


def test_an_edited_title_that_tells_the_same_is_coverage(herald: Desked) -> None:
    """X15: looked at once, and alerted by nobody."""
    assert alerts(herald.poll(titled(NEWS[0], "<guid>1</guid>"))) == [NEWS[0]]
    changes = herald.poll(titled("Orla dam closed after cracks are found", "<guid>1</guid>"), hours=1)
    assert [placement.decision for placement in changes.placements] == [Decision.COVERAGE]
    assert alerts(changes) == []
    assert herald.poll(titled("Orla dam closed after cracks are found", "<guid>1</guid>"), hours=2).entries == ()
    assert herald.poll(titled(NEWS[0], "<guid>1</guid>"), hours=3).entries == ()


def test_an_edited_title_that_tells_a_new_development_is_alerted_once(herald: Desked) -> None:
    """X15: as an article does that is written on while things happen; also after a restart."""
    told = [
        alerts(herald.poll(titled(title, "<guid>1</guid><link>https://news.example/1</link>"), hours=hour))
        for hour, title in enumerate(NEWS[:3])
    ]
    assert told == [[title] for title in NEWS[:3]]
    herald.desk = Desk(herald.store, rules(DAM))
    assert herald.poll(titled(NEWS[2], "<guid>1</guid><link>https://news.example/1</link>"), hours=4).entries == ()
    with herald.store.read() as tx:
        assert [d.title for d in stories.of_storyline(tx, "dam")] == list(NEWS[:3])


def test_an_edited_title_that_was_no_match_before_is_found(herald: Desked) -> None:
    """X15."""
    assert herald.poll(titled("Breaking news", "<guid>1</guid>")).placements == ()
    assert alerts(herald.poll(titled(NEWS[1], "<guid>1</guid>"), hours=1)) == [NEWS[1]]


def test_a_title_with_a_clock_in_it_is_looked_at_a_few_times_only(herald: Desked) -> None:
    """X15: or a feed could fill the store with one entry."""
    herald.poll(titled("Orla dam live", "<guid>1</guid>"))
    looked = [
        len(herald.poll(titled(f"Orla dam live: {n} o'clock", "<guid>1</guid>"), hours=n).entries) for n in range(1, 25)
    ]
    assert sum(looked) == feeds.EDITS
    assert sum(looked[feeds.EDITS :]) == 0


def test_an_old_article_with_a_new_title_is_no_news(herald: Desked) -> None:
    """S12, X15."""
    old = "<guid>1</guid><pubDate>Tue, 05 Mar 2024 12:00:00 GMT</pubDate>"
    herald.poll(titled(NEWS[0], old))
    changes = herald.poll(titled(NEWS[2], old), hours=24 * 9)
    assert [placement.reason for placement in changes.placements] == ["old"]
    assert alerts(changes) == []


def test_a_feed_that_was_down_for_three_days_loses_nothing(herald: Desked) -> None:
    """X20: of 300 items at once all are read, all on the story are matched, each development is told once, the rest is grouped under them."""
    herald.poll(titled(NEWS[0], "<guid>first</guid>"))
    back = 73.0
    items: list[str] = []
    for number in range(300):
        at = NOON + timedelta(minutes=14 * number)
        news = {1: NEWS[1], 2: NEWS[2]}.get(number // 100) if number % 2 else None
        title = news or f"Council of town {number} debates its budget"
        items.append(titled(title, f"<guid>{number}</guid><pubDate>{at:%a, %d %b %Y %H:%M:%S} GMT</pubDate>"))
    changes = herald.poll(*reversed(items), hours=back)
    assert len(changes.entries) == 300
    assert len(changes.placements) == 100
    assert alerts(changes) == [NEWS[1], NEWS[2]]
    grown = {development.title: development.reports for development in changes.developments}
    assert grown == {NEWS[1]: 50, NEWS[2]: 50}
    with herald.store.read() as tx:
        assert outbox.pending(tx) == 3
        kept = {
            entry.id
            for development in stories.of_storyline(tx, "dam")
            for entry in (p.entry for p in stories.reports_of(tx, development.id))
        }
    assert {placement.entry.id for placement in changes.placements} < kept
    assert herald.poll(*items, hours=back + 1).entries == ()


def test_an_entry_without_anything_but_a_title_or_a_text_is_told_in_words(herald: Desked) -> None:
    """X9: no title, no link, no date, each for itself and all together."""
    only_text = f"<description>{NEWS[1]}. Officers go from door to door.</description>"
    changes = herald.poll(f"<title>{NEWS[0]}</title>", only_text)
    assert len(changes.entries) == 2
    assert NEWS[0] in alerts(changes)
    assert all(entry.published == NOON for entry in changes.entries)
    assert herald.poll(f"<title>{NEWS[0]}</title>", only_text, hours=1).entries == ()
