"""The strings on their way: in feeds that the real parser and desk read, and put straight into every field of an alert."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from html import escape

from monitor.alerts.route import Routing, route
from monitor.desk import Rules, decide, save
from monitor.feeds import schedule
from monitor.feeds.document import parse_bytes
from monitor.feeds.identity import entries_of
from monitor.model import (
    Alert,
    AlertKind,
    Changes,
    Chapter,
    Decision,
    Evidence,
    Feed,
    FeedState,
    Link,
    Poll,
    Response,
    Severity,
    Storyline,
    Terms,
    Told,
)  # fmt: skip
from monitor.store import Connection, Store, feeds, stories
from monitor.stories.ledger import Ledger
from monitor.stories.match import Matcher
from tests.alerts.samples import make_alert
from tests.sinks.strings import (
    BIDI,
    BROKEN,
    CHAT,
    COMBINED,
    CONTROL,
    HEADERS,
    HOST,
    INVISIBLE,
    LINKS,
    MARKUP,
    STRINGS,
)

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
DAM = Storyline(id="dam", title="The Orla dam", question="Does it hold?", terms=Terms(all=(("Orla dam",),)), channels=("desk",))  # fmt: skip
ROUTING = Routing({"dam": DAM}, {"desk": ("",)})
_AT_ONCE = 25


# --- by the front door


def documents() -> Iterator[bytes]:
    """Feeds with the strings in every element: RSS with all of them escaped, Atom with markup as markup, JSON Feed for what XML cannot hold."""
    for strings in _some(STRINGS):
        yield rss(strings)
    for strings in _some([*MARKUP, *CHAT, *HEADERS, *LINKS, *COMBINED[::9]]):
        yield atom(strings)
    for strings in _some([*CONTROL, *BROKEN, *BIDI, *INVISIBLE]):
        yield json_feed(strings)


def _some(strings: Sequence[str]) -> Iterator[list[tuple[str, str]]]:
    """Pairs of a string for a title and two for a summary, some at a time."""
    pairs = [(strings[n], " ".join(strings[n + 1 : n + 3])) for n in range(0, len(strings), 3)]
    for start in range(0, len(pairs), _AT_ONCE):
        yield pairs[start : start + _AT_ONCE]


def rss(strings: Sequence[tuple[str, str]]) -> bytes:
    """Every element that RSS has and that is read by anybody."""
    items = "".join(
        f"<item><title>Orla dam {escape(one)}</title><description>Orla dam: {escape(two)}</description><link>{escape(_link(one))}</link>"
        f"<guid isPermaLink='false'>{n} {escape(one)}</guid><author>{escape(one)}</author><dc:creator>{escape(two)}</dc:creator>"
        f"<category>{escape(one)}</category><source url='{escape(_link(two))}'>{escape(two)}</source><dc:language>{escape(one)}</dc:language>"
        f"<pubDate>{escape(one) if n % 2 else 'Thu, 05 Mar 2026 11:00:00 GMT'}</pubDate><enclosure url='{escape(two)}' type='{escape(one)}' length='9'/>"
        f"<comments>{escape(one)}</comments><content:encoded>{escape(two)}</content:encoded></item>"
        for n, (one, two) in enumerate(strings)
    )
    first = escape(strings[0][0])
    head = f"<title>{first}</title><link>{first}</link><language>{first}</language><image><url>{first}</url></image>"
    spaces = "xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:content='http://purl.org/rss/1.0/modules/content/'"
    return _bytes(f"<?xml version='1.0'?><rss version='2.0' {spaces}><channel>{head}{items}</channel></rss>")


def atom(strings: Sequence[tuple[str, str]]) -> bytes:
    """Atom whose texts are HTML in CDATA, as most blogs have it."""
    entries = "".join(
        f"<entry><title type='html'><![CDATA[Orla dam {_cdata(one)}]]></title><summary type='html'><![CDATA[Orla dam: {_cdata(two)}]]></summary>"
        f"<link href='{escape(_link(two))}'/><id>{n}:{escape(one)}</id><author><name>{escape(one)}</name><uri>{escape(two)}</uri></author>"
        f"<category term='{escape(one)}'/><source><title>{escape(one)}</title></source><rights>{escape(two)}</rights>"
        f"<updated>2026-03-05T11:00:00Z</updated><content type='xhtml' xml:lang='en'>{escape(two)}</content></entry>"
        for n, (one, two) in enumerate(strings)
    )
    title = f"<title type='html'><![CDATA[{_cdata(strings[0][0])}]]></title>"
    return _bytes(f"<feed xmlns='http://www.w3.org/2005/Atom'>{title}{entries}</feed>")


def json_feed(strings: Sequence[tuple[str, str]]) -> bytes:
    """JSON Feed, which may hold what XML cannot: control characters and halves of characters."""
    items = [
        {"id": f"{n} {one}", "url": _link(one), "title": f"Orla dam {one}", "content_html": f"Orla dam: {two}", "summary": f"Orla dam: {two}",
         "date_published": "2026-03-05T11:00:00Z", "language": one, "author": {"name": two}, "tags": [one], "image": two}
        for n, (one, two) in enumerate(strings)
    ]  # fmt: skip
    first = strings[0][0]
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": first, "language": first, "items": items}
    return json.dumps(feed).encode()


def _link(words: str) -> str:
    return words if words in LINKS else f"http://{HOST}/read?{words[:300]}"


def _cdata(words: str) -> str:
    return words.replace("]]>", "]] >")


def _bytes(document: str) -> bytes:
    return document.encode("utf-8", "surrogatepass")


@cache
def decided() -> tuple[tuple[Poll, Changes], ...]:
    """What the parser and the desk's rules make of each of these feeds, as if it were the first that brings news."""
    rules = Rules(Matcher((DAM,)), ROUTING)
    outcomes = []
    for number, body in enumerate(documents()):
        feed = Feed(url=f"https://herald.example/feed/{number}")
        poll = Poll(
            feed=feed, state=FeedState(url=feed.url, next_poll_at=NOW, succeeded_at=NOW), at=NOW,
            response=Response(url=feed.url, status=200, headers={}, body=body), document=parse_bytes(body, url=feed.url),
        )  # fmt: skip
        changes = decide(entries_of(poll), Ledger(), rules, NOW)
        outcomes.append((poll, replace(changes, state=schedule.after(poll))))
    return tuple(outcomes)


def stored(store: Store) -> None:
    """All of that in a store."""

    def write(tx: Connection) -> None:
        feeds.sync(tx, [poll.feed for poll, _ in decided()], NOW)
        stories.sync(tx, [DAM], NOW)
        for _, changes in decided():
            save(tx, changes, NOW)

    store.write(write)


@cache
def by_the_front_door() -> tuple[Alert, ...]:
    """An alert for each entry that those feeds bring, as if all of them were news."""
    alerts: list[Alert] = []
    for _, changes in decided():
        known = {development.id: development for development in changes.developments}
        before = tuple(Link.to(placement.entry) for placement in changes.placements[:1])
        for placement in changes.placements:
            alert, _ = route(
                replace(placement, decision=Decision.NEW), known[placement.development], before, ROUTING, NOW
            )
            alerts.append(replace(alert, id=f"e{len(alerts)}-new"))
    return tuple(alerts)


# --- straight into the fields


def at(number: int) -> str:
    """The string of that number, round and round."""
    return STRINGS[number % len(STRINGS)]


def link(number: int) -> Link:
    """A link of which every part is a string."""
    return Link(outlet=at(number), title=at(number + 1), url=LINKS[number % len(LINKS)] if number % 2 else at(number + 2), published=NOW)  # fmt: skip


@cache
def direct() -> tuple[Alert, ...]:
    """Alerts with a string in each field: all of them in what an alert has several of, a sixth in each of what it has once."""
    kinds = [kind for kind in AlertKind if kind is not AlertKind.DIGEST]
    return tuple(
        make_alert(
            id=f"d-{n}-new", kind=kinds[n % len(kinds)], title=at(n), summary=at(n + 1), explanation=at(n + 2), reason=at(n + 3),
            storylines=tuple((f"s{n + k}", at(n + k)) for k in range(6)), outlets=tuple(at(n + k) for k in range(6)),
            evidence=tuple(Evidence(term=at(n + k), found=at(n + k + 1), field=at(n + k + 2), score=1.0) for k in range(6)),
            reports=tuple(link(n + k) for k in range(6)), known_before=(link(n + 1), link(n + 2)), first=link(n + 3) if n % 8 == 0 else None,
            severity=list(Severity)[n % 3],
        )
        for n in range(0, len(STRINGS), 6)
    )  # fmt: skip


@cache
def digests(per_digest: int = 24) -> tuple[Alert, ...]:
    """Digests in whose chapters each string stands in each field."""
    return tuple(
        make_alert(
            id=f"digest-{start}", kind=AlertKind.DIGEST, title=at(start), explanation=at(start + 1), summary="",
            storylines=(("dam", at(start + 2)),), evidence=(), outlets=(), reports=(), known_before=(),
            chapters=tuple(_chapter(n) for n in range(start, min(start + per_digest, len(STRINGS)))),
        )
        for start in range(0, len(STRINGS), per_digest)
    )  # fmt: skip


def _chapter(number: int) -> Chapter:
    told = Told(
        alert="a", kind=AlertKind.UPDATE, severity=Severity.HIGH, title=at(number + 3), outlets=(at(number + 4), at(number + 5)),
        report=link(number + 6), at=NOW, reports=2,
    )  # fmt: skip
    return Chapter(
        storyline=at(number), title=at(number + 1), question=at(number + 2), state=at(number + 7), told=(told,), more=2, coverage=(1, 2, 3),
        open=(link(number + 8),), folded=2,
    )  # fmt: skip


def everything() -> tuple[Alert, ...]:
    """All of these."""
    return by_the_front_door() + direct() + digests()


@cache
def chats() -> tuple[Alert, ...]:
    """Alerts for small screens: each string of the chats' own family as headline, some of all others in the texts and links."""
    words = [string[:100] for string in STRINGS]
    many = -(-len(words) // len(CHAT))
    alerts = []
    for n, trap in enumerate(CHAT):
        some = words[many * n : many * (n + 1)] or words[:many]
        links = tuple(
            Link(outlet=one, title=one, url=f"https://herald.example/{trap}", published=NOW) for one in some[-3:]
        )
        alerts.append(
            make_alert(
                id=f"c-{n}", title=trap, summary=" ".join(some[:4]), explanation=f"{trap} " + " ".join(some[4:-3]), reports=links, storylines=(("dam", trap),)
            )
        )  # fmt: skip
    return tuple(alerts)
