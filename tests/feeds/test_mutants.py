"""The corpus of feeds that other parsers are tested with, and mutants of it by the ten thousand, through the parse children."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from monitor.errors import FeedError
from monitor.feeds.children import Died
from monitor.feeds.parse import CPU_SECONDS, Parser
from monitor.model import Document, Item, Response
from tests.feeds import mutants
from tests.feeds.mutants import NOON, URL, Tally
from tests.feeds.test_parse import CORPUS, corpus

log = logging.getLogger(__name__)

BATCH = 500
"""Mutants a child takes at a time: the way there and back costs more than reading one."""
BATCH_WITHIN = 600
ITEM = Item(
    keys=("id:1",), url="https://a.example/1", title="t", summary="s", published=NOON, language="en", outlet="o"
)


@pytest.fixture
def parser() -> Iterator[Parser]:
    made = Parser(2)
    yield made
    made.close()


def parsed(parser: Parser, body: bytes, content_type: str = "text/xml") -> Document | tuple[str, str]:
    try:
        return parser.parse(Response(url=URL, status=200, headers={"content-type": content_type}, body=body))
    except FeedError as error:
        return error.reason, str(error)


@pytest.mark.no_cover
@pytest.mark.shared
def test_every_feed_of_the_corpus_goes_through_without_harm(parser: Parser) -> None:
    """X6, X25, faults 6.5: no crash, no hang; what cannot be read says why, and of what can be read all that is promised holds."""

    def one(path: Path) -> tuple[Path, Document | tuple[str, str]]:
        return path, parsed(parser, path.read_bytes())

    tally = Tally()
    with ThreadPoolExecutor(4) as pool:
        for path, outcome in pool.map(one, corpus()):
            tally.note(path, outcome, 0)
    assert tally.wrong == []
    assert tally.outcomes.total() >= 1_500
    assert not [outcome for outcome in tally.outcomes if outcome.startswith("parse-crash")]
    assert tally.outcomes["read"] > 400


@pytest.mark.no_cover
@pytest.mark.shared
@pytest.mark.timeout(600)
def test_five_thousand_mutants_of_the_corpus_go_through_without_harm(parser: Parser) -> None:
    """X3-X7, X23, X25, X27, P10, faults 6.5. The first of the hundred thousand below, which `make soak` tries."""
    _check(_judged(parser, 5_000))


@pytest.mark.no_cover
@pytest.mark.shared
@pytest.mark.soak
def test_a_hundred_thousand_mutants_of_the_corpus_go_through_without_harm(parser: Parser) -> None:
    """X3-X7, X23, X25, X27, P10, faults 6.5."""
    _check(_judged(parser, 100_000))


def _judged(parser: Parser, count: int) -> Tally:
    """What becomes of the first `count` mutants. Where a child died of a batch, each of its mutants is tried alone."""
    corpus()
    tally = Tally()
    batches = [range(first, min(first + BATCH, count)) for first in range(0, count, BATCH)]
    with ThreadPoolExecutor(2) as pool:
        tasks = [pool.submit(parser._children.call, BATCH_WITHIN, mutants.judge, CORPUS, batch) for batch in batches]
        for batch, task in zip(batches, tasks, strict=True):
            try:
                tally.add(task.result())
            except Died:
                for number in batch:
                    tally.note(number, parsed(parser, *mutants.mutant(CORPUS, number)), 0)
    log.info("%d mutants, %d items, the slowest %.2f s: %s", count, tally.items, tally.slowest, tally.outcomes)
    assert tally.outcomes.total() == count
    return tally


def _check(tally: Tally) -> None:
    assert tally.wrong == []
    assert not [outcome for outcome in tally.outcomes if outcome.startswith("parse-crash")], (
        "bounded as they are, all can be borne"
    )
    assert tally.slowest < CPU_SECONDS
    assert tally.outcomes["read"] > tally.outcomes.total() * 0.3, "mutants that are all refused would show nothing"


@pytest.mark.shared
def test_mutants_are_many_and_the_same_each_time() -> None:
    corpus()
    made = [mutants.mutant(CORPUS, number) for number in range(300)]
    mutants.stock.cache_clear()
    assert [mutants.mutant(CORPUS, number) for number in range(300)] == made
    assert len(set(made)) > 290


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"keys": ()}, "keys"),
        ({"keys": ("id:\n",)}, "key with"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"url": "https:///x"}, "url"),
        ({"url": "https://a.example/ b"}, "url"),
        ({"title": "x" * 1_001}, "title of 1001"),
        ({"title": "a\x00b"}, "title with"),
        ({"summary": "\ud800"}, "summary with"),
        ({"outlet": "a\u2028b"}, "outlet with"),
        ({"language": "x" * 21}, "language of 21"),
        ({"published": datetime(2024, 3, 5)}, "date"),
        ({"published": datetime(1970, 1, 1, tzinfo=NOON.tzinfo)}, "date"),
    ],
)
def test_what_is_wrong_with_an_item_is_noticed(changes: dict[str, Any], said: str) -> None:
    document = Document(title="t", items=(ITEM._replace(**changes),))
    assert any(what.startswith(said) for what in _told(document))
    assert list(mutants.violations(replace(document, items=(ITEM,)))) == []


def test_what_is_wrong_with_a_document_is_noticed() -> None:
    assert "two items" in str(_told(Document(title="t", items=(ITEM, ITEM))))
    assert "5001 items" in str(
        _told(Document(title="t", items=tuple(ITEM._replace(keys=(f"id:{n}",)) for n in range(5_001))))
    )
    assert "ttl" in str(_told(Document(title="t", items=(), ttl=-1)))


def _told(document: Document) -> list[str]:
    found: list[str] = []
    try:
        found += mutants.violations(document)
    except (TypeError, IndexError, AssertionError):  # no entry can be made of it either
        found += [what for item in document.items for what in mutants._wrong_item(item)]
    return found
