"""What a document of 30 new entries costs on the way from its bytes to the commit, stage by stage: `python -m benchmarks.speed.line [--feeds N]`.

CPU time of the thread that does the work, the median of all polls, with the default storylines; parsing runs in this process instead of in a
child, what the child sends is packed and unpacked as it would be, and nothing is fetched.
"""

from __future__ import annotations

import argparse
import pickle
import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.engine.default import DefaultDialect

from benchmarks.speed.measure import machine
from benchmarks.speed.web import ENTRIES, document
from monitor import config, desk
from monitor.desk import Desk, Rules
from monitor.feeds.document import parse_bytes
from monitor.feeds.parse import Sent
from monitor.model import Document, Feed, Poll, Response
from monitor.store import Store, feeds, stories
from monitor.stories.ledger import Ledger

ROOT = Path(__file__).parents[2]
EACH: tuple[tuple[str, Any, str], ...] = (
    ("decide: facts", desk, "facts"), ("decide: match", Rules, "within_reach"), ("decide: note", Ledger, "note_entry"),
)  # fmt: skip
"""What `decide` does with each entry: its label, where it stands, its name."""
spent: dict[str, list[float]] = defaultdict(list)


def timed(name: str, work: Callable[..., Any], *, each: bool = False) -> Callable[..., Any]:
    """`work`, which notes what it costs; with `each`, it runs once an entry, and what that comes to is noted for the poll."""

    def call(*given: Any, **named: Any) -> Any:
        begin = time.thread_time()
        found = work(*given, **named)
        cost = time.thread_time() - begin
        if each:
            spent[name][-1] += cost
        else:
            spent[name].append(cost)
        return found

    return call


def watch() -> None:
    """Note from now on what each stage costs."""
    stages: tuple[tuple[str, Any, str], ...] = (
        ("entries of items", desk, "entries_of"), ("sift", feeds, "sift"), ("decide", desk, "decide"), ("keep entries", stories, "save"),
        ("keep the feed", feeds, "save"), ("commit", DefaultDialect, "do_commit"),
    )  # fmt: skip
    for label, owner, name in stages:
        setattr(owner, name, timed(label, getattr(owner, name)))
    for label, owner, name in EACH:
        setattr(owner, name, timed(label, getattr(owner, name), each=True))


def parsed(body: bytes, url: str) -> Document:
    """A document as it comes from the child."""
    made = timed("parse", lambda: parse_bytes(body, url=url))()
    sent = timed("pack", lambda: pickle.dumps(Sent.of(made), pickle.HIGHEST_PROTOCOL))()
    got: Document = timed("unpack", lambda: pickle.loads(sent).document())()
    return got


def poll_each(count: int, place: str) -> None:
    """The first poll of so many feeds, one after the other."""
    chance = random.Random(1)
    followed = [Feed(url=f"https://news{number}.example/rss") for number in range(count)]
    store = Store.open(f"sqlite:///{place}/monitor.db")
    store.hold()
    rules = config.load(ROOT / "config/monitor.yaml").rules()
    store.write(lambda tx: feeds.sync(tx, followed, datetime.now(UTC)))
    with store.read() as tx:
        states = {state.url: state for state in feeds.everything(tx)}
    ours = Desk(store, rules)
    watch()
    for number, feed in enumerate(followed):
        body = document(number, ENTRIES, chance).encode()
        for label, *_ in EACH:
            spent[label].append(0.0)
        response = Response(url=feed.url, status=200, headers={}, body=body)
        poll = Poll(
            feed=feed, state=states[feed.url], at=datetime.now(UTC), response=response, document=parsed(body, feed.url)
        )
        ours.settle(poll)
    store.close()


def main() -> None:
    """Print a line a stage."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--feeds", type=int, default=200)
    count = arguments.parse_args().feeds
    with tempfile.TemporaryDirectory() as place:
        poll_each(count, place)
    print(f"{machine()}; {count} feeds of {ENTRIES} entries, the median of a poll")
    for name, costs in spent.items():
        usual = statistics.median(costs)
        print(f"{name:20} {usual * 1e3:7.3f} ms {usual / ENTRIES * 1e6:7.1f} us an entry")


if __name__ == "__main__":
    main()
