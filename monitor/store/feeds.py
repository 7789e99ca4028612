"""Feeds: what is due, what was learned of each, which of their entries are new."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    bindparam,
    false,
    func,
    literal_column,
    or_,
    select,
    true,
    update,
)

from monitor.model import LIVELY, SHARES, Entry, Feed, FeedState, Wanted, entry_id, host
from monitor.store import NAMED, Prepared, batches, upsert
from monitor.store.schema import carried, feeds, reports, seen, storylines
from monitor.store.schema import entries as known_entries

T = TypeVar("T")
_FIELDS = tuple(FeedState.__dataclass_fields__)
_STATE = tuple(feeds.c[name] for name in _FIELDS)
_LEARNED = tuple(name for name in _FIELDS if name != "url")
_of_state = attrgetter(*_LEARNED, "is_doubtful", "url")
_OURS = feeds.c.url == bindparam("ours")
_SAVE = Prepared(lambda _engine: update(feeds).where(_OURS), (*_LEARNED, "doubtful", "ours"))
_SAVE_AFTER = Prepared(
    lambda _engine: update(feeds).where(_OURS, feeds.c.polled_at.is_not_distinct_from(bindparam("before"))),
    (*_LEARNED, "doubtful", "ours", "before"),
)
_POLLED_SINCE = Prepared(
    lambda _engine: select(literal_column("1")).where(_OURS, feeds.c.polled_at.is_distinct_from(bindparam("before"))),
    ("ours", "before"),
)
_CARRIED_LIVELY = Prepared(
    lambda _engine: (
        select(carried.c.storyline)
        .join(storylines, storylines.c.id == carried.c.storyline)
        .where(carried.c.feed == bindparam("of"), carried.c.last_at >= bindparam("since"))
        .where(storylines.c.state.in_([bindparam(state) for state in LIVELY]))
    ),
    ("of", "since", *LIVELY),
)
_DUE = (
    feeds.c.followed, ~feeds.c.gone, feeds.c.doubtful.in_((false(), true())), feeds.c.next_poll_at <= bindparam("now"),
)  # fmt: skip
"""Statements of every poll: SQLAlchemy works out once what they mean, and not at each use."""
_FIRST = [
    select(func.min(feeds.c.next_poll_at)).where(feeds.c.followed, ~feeds.c.gone, feeds.c.doubtful == kind)
    for kind in (false(), true())
]
COUNT_DUE = Prepared(lambda _engine: select(func.count()).where(*_DUE), ("now",))
FIRST_DUE = Prepared(lambda _engine: select(*(first.scalar_subquery() for first in _FIRST)), ())
"""When the first feed is due of those that were well, and of the doubtful ones, whether or not it may go; each from the end of an index."""
_NONE: ColumnElement[int] = literal_column("0")
_FIRST_BYTE = func.get_byte(
    func.sha256(func.convert_to(feeds.c.host, literal_column("'UTF8'"))), literal_column("0"), type_=Integer()
)
"""Of a host's digest, in PostgreSQL's words: only there do several processes share the polls."""
_ALL = Wanted()
_AT_A_TIME = 10
"""Rows that are read before it is known whether more are needed."""
EDITS = 10
"""Other titles of one entry that are looked at: some feeds have a clock or a counter in them."""
_EDIT = "edit:"
"""How the key of an entry under another title begins."""
_SIZES = (4, 16, 64, 128, NAMED)
_EVER = datetime.max.replace(tzinfo=UTC)
_NOTED_FOR = timedelta(days=1)
"""How long a note that a key was seen is good enough: a poll that brings nothing new then writes next to nothing."""


@dataclass(frozen=True, slots=True)
class Sifted:
    """What a poll brought, beside what the feed has shown before."""

    unseen: list[Entry]
    """New ones, each once, and those that stand under another title than before."""
    most_renamed: bool
    """Whether most of those that were shown before have got another id."""


def sync(tx: Connection, configured: Sequence[Feed], now: datetime) -> None:
    """Follow exactly the `configured` feeds: new ones are due now, known ones keep their state, others rest."""
    wanted = dict.fromkeys(feed.url for feed in configured)
    known = dict(tx.execute(select(feeds.c.url, feeds.c.followed)).all())
    new = [url for url in wanted if url not in known]
    waiting = [
        now - timedelta(microseconds=number) for number in range(len(new), 0, -1)
    ]  # in the order of the configuration
    fresh = [{"url": url, "host": host(url), "next_poll_at": at} for url, at in zip(new, waiting, strict=True)]
    upsert(tx, feeds, fresh, keep=True)
    changed = [{"ours": url, "follow": url in wanted} for url, followed in known.items() if followed != (url in wanted)]
    if changed:
        tx.execute(update(feeds).where(feeds.c.url == bindparam("ours")).values(followed=bindparam("follow")), changed)


def due(tx: Connection, now: datetime, wanted: Wanted = _ALL) -> Iterator[FeedState]:
    """Followed feeds whose time has come, of those `wanted`, the longest waiting first; read as they are asked for.

    Others are passed over in the index, so that a hundred thousand that may not go now cost next to nothing.
    """
    hosts = (wanted.host,) if wanted.host else _filled(wanted.hosts_but)
    urls = _filled(wanted.but)
    shares = _filled(wanted.shares)
    statement = _due_first(len(hosts), len(urls), len(shares), of_one_host=bool(wanted.host), doubtful=wanted.doubtful)
    for row in statement.found(tx, (now, wanted.since, *hosts, *urls, *shares), _AT_A_TIME):
        yield FeedState(**dict(zip(_FIELDS, row, strict=True)))


def _filled(names: Collection[T]) -> tuple[T, ...]:
    """These names, the last one over and over, so that there are few lengths of which a statement is kept ready."""
    known = tuple(names)
    return known and known + known[-1:] * (2 ** (len(known) - 1).bit_length() - len(known))


@cache
def _due_first(hosts: int, urls: int, shares: int, *, of_one_host: bool, doubtful: bool | None) -> Prepared:
    """The statement for so many hosts, URLs and shares, made once."""
    named_hosts = [f"host{number}" for number in range(hosts)]
    named_urls = [f"url{number}" for number in range(urls)]
    named_shares = [f"share{number}" for number in range(shares)]
    kinds = (false(), true()) if doubtful is None else (true() if doubtful else false(),)
    at = feeds.c.next_poll_at
    due = [
        feeds.c.followed,
        ~feeds.c.gone,
        feeds.c.doubtful.in_(kinds),
        at <= bindparam("now"),
        at >= bindparam("since"),
    ]
    for column, names in ((feeds.c.host, named_hosts), (feeds.c.url, named_urls)):
        some = [bindparam(name, type_=column.type) for name in names]
        if some:
            due.append(column == some[0] if of_one_host and column is feeds.c.host else column.not_in(some))
    if shares:
        due.append(
            (_FIRST_BYTE % literal_column(str(SHARES))).in_([bindparam(name, type_=Integer()) for name in named_shares])
        )
    query = select(*_STATE).where(*due).order_by(at)
    return Prepared(lambda _engine: query, ("now", "since", *named_hosts, *named_urls, *named_shares))


def count_due(tx: Connection, now: datetime) -> int:
    """How many there are of those."""
    ((count,),) = COUNT_DUE.rows(tx, (now,))
    return int(count)


def one(tx: Connection, url: str) -> FeedState | None:
    """What was learned of a feed."""
    row = tx.execute(select(*_STATE).where(feeds.c.url == url)).first()
    return _state(row) if row else None


def everything(tx: Connection) -> list[FeedState]:
    """All followed feeds, by URL."""
    return [_state(row) for row in tx.execute(select(*_STATE).where(feeds.c.followed).order_by(feeds.c.url))]


def some(tx: Connection, words: str, limit: int, offset: int = 0) -> list[FeedState]:
    """Followed feeds whose address or title has these words, those that fail first; so many of them, from that one on."""
    query = select(*_STATE).where(*_with(words)).order_by(feeds.c.gone.desc(), feeds.c.failures.desc(), feeds.c.url)
    return [_state(row) for row in tx.execute(query.limit(limit).offset(offset))]


def count(tx: Connection, words: str = "") -> int:
    """How many such feeds there are."""
    return tx.execute(select(func.count()).where(*_with(words))).scalar_one()


def count_ailing(tx: Connection) -> int:
    """How many followed feeds fail, or are gone."""
    return tx.execute(select(func.count()).where(feeds.c.followed, (feeds.c.failures > 0) | feeds.c.gone)).scalar_one()


def _with(words: str) -> tuple[ColumnElement[bool], ...]:
    found = (func.lower(column).contains(words.lower(), autoescape=True) for column in (feeds.c.url, feeds.c.title))
    return (feeds.c.followed, or_(*found)) if words else (feeds.c.followed,)


def brought(tx: Connection, since: datetime, urls: Sequence[str] | None = None) -> dict[str, tuple[int, int]]:
    """How many entries each feed, or each of these, has brought since then, and how many became reports; only those with any."""
    known = known_entries.c
    query = select(known.feed, func.count(), func.count(reports.c.entry)).outerjoin(
        reports, reports.c.entry == known.id
    )
    query = query.where(known.seen_at > since).group_by(known.feed)
    query = query if urls is None else query.where(known.feed.in_(urls))
    return {feed: (entries, placed) for feed, entries, placed in tx.execute(query)}


def conspicuous(tx: Connection, *, renamed: int, arrived: int, quiet_since: datetime) -> list[FeedState]:
    """The followed feeds that a look may find something of, by URL: those that fail, harm, or do not what they used to do.

    That is `renamed` polls in a row with other ids, or nothing new since `quiet_since` after `arrived` entries.
    """
    query = select(*_STATE).where(is_conspicuous(renamed, arrived, quiet_since))
    return sorted(map(_state, tx.execute(query)), key=lambda state: state.url)


def is_conspicuous(
    renamed: int | ColumnElement[int],
    arrived: int | ColumnElement[int],
    quiet_since: datetime | ColumnElement[datetime],
) -> ColumnElement[bool]:
    """The condition for that; asked so, SQLite reads the table once, and not row by row as an index has them."""
    quiet = (feeds.c.arrived >= arrived) & (feeds.c.arrived_at < quiet_since)
    ailing = (feeds.c.failures > _NONE) | feeds.c.gone | (feeds.c.offences > _NONE)
    return (feeds.c.followed != false()) & (ailing | (feeds.c.renamed >= renamed) | quiet)


def unpolled_since(tx: Connection, since: datetime) -> dict[str, datetime]:
    """Followed feeds that were not polled since then -> when they are due."""
    earlier = feeds.c.polled_at.is_(None) | (feeds.c.polled_at < since)
    rows = tx.execute(select(feeds.c.url, feeds.c.next_poll_at).where(feeds.c.followed != false(), earlier))
    return {row.url: row.next_poll_at for row in rows}


def is_any_unpolled(tx: Connection) -> bool:
    """Whether a followed feed has not been polled yet, well or badly."""
    query = select(feeds.c.url).where(feeds.c.followed, ~feeds.c.gone, feeds.c.doubtful, feeds.c.polled_at.is_(None))
    return tx.execute(query.limit(1)).first() is not None


def save(tx: Connection, state: FeedState) -> None:
    """Remember what a poll taught of a feed."""
    _SAVE.run(tx, [_of_state(state)])


def save_after(tx: Connection, state: FeedState, before: FeedState) -> bool:
    """Remember it, unless another poll of the feed has ended since it was known as `before`; whether it was remembered."""
    return _SAVE_AFTER.run(tx, [(*_of_state(state), before.polled_at)]) > 0


def is_polled_since(tx: Connection, before: FeedState) -> bool:
    """Whether a poll of a feed has ended since it was known as `before`."""
    return bool(_POLLED_SINCE.rows(tx, (before.url, before.polled_at)))


def make_due(tx: Connection, now: datetime, url: str | None = None) -> int:
    """Have one feed, or all, polled at the next tick, also a feed that was gone; returns how many."""
    query = update(feeds).where(feeds.c.followed).values(next_poll_at=now, gone=False)
    return tx.execute(query if url is None else query.where(feeds.c.url == url)).rowcount


def carry(tx: Connection, feed: str, storylines: Collection[str], now: datetime) -> None:
    """Note that the feed brought reports on these storylines."""
    upsert(tx, carried, [{"feed": feed, "storyline": storyline, "last_at": now} for storyline in sorted(storylines)])


def carries_lively(tx: Connection, feed: str, since: datetime) -> bool:
    """Whether the feed has brought reports since then on a storyline that moves."""
    return bool(_CARRIED_LIVELY.rows(tx, (feed, since, *LIVELY)))


def hasten(tx: Connection, storyline: str, since: datetime) -> int:
    """Have the feeds that brought reports on it since then polled as soon as their servers allow; returns how many."""
    carriers = select(carried.c.feed).where(carried.c.storyline == storyline, carried.c.last_at >= since)
    resting = (feeds.c.failures == 0) & (feeds.c.not_before < feeds.c.next_poll_at)
    query = update(feeds).where(feeds.c.url.in_(carriers), resting).values(next_poll_at=feeds.c.not_before)
    return tx.execute(query).rowcount


def nudge(tx: Connection, url: str, now: datetime) -> None:
    """The feed is said to have changed: it is polled now, but not twice within a minute, nor where it fails."""
    state = one(tx, url)
    if state is not None and not state.failures:
        soon = max(now, (state.polled_at or now) + timedelta(minutes=1))
        save(tx, replace(state, next_poll_at=min(soon, state.next_poll_at)))


def undo_future(tx: Connection, now: datetime) -> None:
    """Feeds that were polled at a time yet to come, since the clock was set back, are due now (S13)."""
    ahead = feeds.c.followed & (feeds.c.polled_at > now)
    tx.execute(update(feeds).where(ahead).values(next_poll_at=now, polled_at=now))


def sift(tx: Connection, feed: str, entries: Sequence[Entry], now: datetime) -> Sifted:
    """Tell new entries from those that the feed has shown before, by any of their keys; these are noted as still there."""
    keys = list(dict.fromkeys(key for entry in entries for key in entry.keys))
    noted = _noted(tx, feed, keys, now - _NOTED_FOR)
    stale = [key for key, is_stale in noted.items() if is_stale]
    upsert(tx, seen, [{"feed": feed, "key": key, "last_seen_at": now} for key in stale])
    known = set(noted)
    fresh: list[Entry] = []
    for entry in entries:
        if known.isdisjoint(entry.keys):
            fresh.append(entry)
        known.update(entry.keys)
    shown = [entry for entry in entries if not noted.keys().isdisjoint(entry.keys)]
    renamed = sum(entry.keys[0] not in noted for entry in shown)
    return Sifted(fresh + _edited(tx, feed, shown), most_renamed=2 * renamed > len(shown))


def _noted(tx: Connection, feed: str, keys: Sequence[str], since: datetime) -> dict[str, bool]:
    """Which of these keys a feed has shown, and whether each was last noted at or before `since`."""
    noted: dict[str, bool] = {}
    for some in batches(keys):
        asked = _padded(some)
        noted |= {key: bool(is_stale) for key, is_stale in _shown(len(asked)).rows(tx, (since, feed, *asked))}
    return noted


def _padded(some: Sequence[str]) -> tuple[str, ...]:
    """These, the last one over and over, so that there is a statement for so many."""
    size = next(size for size in _SIZES if size >= len(some))
    return (*some, *[some[-1]] * (size - len(some)))


@cache
def _shown(size: int) -> Prepared:
    """Look so many keys up; the engine keeps a statement of each size ready."""
    names = [f"key{number}" for number in range(size)]
    query = select(seen.c.key, seen.c.last_seen_at <= bindparam("since"))
    query = query.where(seen.c.feed == bindparam("of"), seen.c.key.in_([bindparam(name) for name in names]))
    return Prepared(lambda _engine: query, ("since", "of", *names))


def _edited(tx: Connection, feed: str, shown: Sequence[Entry]) -> list[Entry]:
    """Of entries that were seen, those whose title says something else by now, each as an entry of its own (X15)."""
    titles: dict[str, str] = {}
    for some in batches([entry.id for entry in shown]):
        asked = _padded(some)
        titles |= dict(map(tuple, _titles(len(asked)).rows(tx, asked)))
    edited = [
        _as_edited(entry)
        for entry in shown
        if entry.id in titles and entry.title and _plain(entry.title) != _plain(titles[entry.id])
    ]
    told = _noted(tx, feed, [entry.keys[-1] for entry in edited], _EVER)
    return [entry for entry in edited if entry.keys[-1] not in told and _edits(tx, feed, entry) < EDITS]


@cache
def _titles(size: int) -> Prepared:
    """Look up the titles of so many entries."""
    names = [f"id{number}" for number in range(size)]
    query = select(known_entries.c.id, known_entries.c.title)
    query = query.where(known_entries.c.id.in_([bindparam(name) for name in names]))
    return Prepared(lambda _engine: query, names)


def _as_edited(entry: Entry) -> Entry:
    digest = hashlib.blake2b(_plain(entry.title).encode(), digest_size=8).hexdigest()
    identifier = entry_id(entry.feed, f"{entry.id} {digest}")
    return replace(entry, id=identifier, keys=(*entry.keys, f"{_EDIT}{entry.id}:{digest}"))


def _edits(tx: Connection, feed: str, entry: Entry) -> int:
    """How often the title of an entry was another one already."""
    begins = entry.keys[-1].rpartition(":")[0]
    query = select(func.count()).where(seen.c.feed == feed, seen.c.key > f"{begins}:", seen.c.key < f"{begins};")
    return tx.execute(query).scalar_one()


def _plain(title: str) -> str:
    return " ".join(title.casefold().split())


def _state(row: Row[Any]) -> FeedState:
    return FeedState(**row._mapping)
