"""Parsing at arm's length: children die alone; and the corpus of feeds that other parsers are tested with."""

from __future__ import annotations

import html
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from monitor.errors import FeedError
from monitor.feeds.children import Children
from monitor.feeds.document import parse_bytes
from monitor.feeds.parse import Parser
from monitor.model import Response
from tests.feeds.conftest import RSS
from tests.needed import lacking

pytestmark = pytest.mark.traced

SHARED = Path(os.environ.get("MONITOR_SHARED", Path(__file__).parents[3] / "shared"))
CORPUS = SHARED / "data/feeds"
GOFEED = CORPUS / "mmcdole_gofeed/testdata"


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    made = Parser(2)
    yield made
    made.close()


def response(body: bytes) -> Response:
    return Response(url="https://herald.example/feed", status=200, headers={"content-type": "text/xml"}, body=body)


def pid_of_child(parser: Parser) -> int:
    return parser._children.call(20, os.getpid)


def corpus() -> list[Path]:
    if not CORPUS.is_dir():
        lacking(f"no corpus of feeds at {CORPUS}; set MONITOR_SHARED")
    return sorted(path for path in CORPUS.rglob("*") if path.is_file())


def test_a_child_parses_and_says_why_it_cannot(parser: Parser) -> None:
    assert parser.parse(response(RSS)).items[0].title == "Dam breaks"
    with pytest.raises(FeedError) as caught:
        parser.parse(response(b"<html>"))
    assert caught.value.reason == "not-a-feed"


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "body",
    [
        b"<rss version='0.92'><channel><item "
        + b" ".join(b'a%d="1"' % n for n in range(40_000))
        + b"/></channel></rss>",
        b"<rss version='0.92'><channel><item><author>" + b"1" * 60_000 + b"</author></item></channel></rss>",
        b"<rss version='0.92'><channel><item><description>"
        + b"<a>" * 2_500_000
        + b"</description></item></channel></rss>",
    ],
    ids=["40,000 attributes", "60 kB of digits", "deep nesting"],
)
def test_a_feed_that_eats_its_parser_takes_nobody_with_it(parser: Parser, body: bytes) -> None:
    """0.2, X4, X5, P10: another feed is parsed meanwhile, and after."""
    with ThreadPoolExecutor(2) as both:
        hostile, honest = both.submit(parser.parse, response(body)), both.submit(parser.parse, response(RSS))
        assert honest.result().items
        with pytest.raises(FeedError):
            hostile.result()
    assert parser.parse(response(RSS)).items


def test_one_child_does_for_calls_that_are_short_and_another_comes_where_one_is_long() -> None:
    made = Children(2)
    with ThreadPoolExecutor(4) as pool:
        short = {task.result() for task in [pool.submit(made.call, 20, os.getppid) for _ in range(20)]}
        assert len(short) == 1
        long = pool.submit(made.call, 20, time.sleep, 6)
        time.sleep(0.2)
        others = {task.result() for task in [pool.submit(made.call, 20, os.getppid) for _ in range(4)]}
        assert not long.done()
        assert len(others) == 1
        assert others.isdisjoint(short)
    made.close()


def test_children_that_have_nothing_to_do_end_and_others_come_when_there_is() -> None:
    made = Children(2)
    child = made.call(20, os.getpid)
    assert not made.rest(60)
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(made.call, 20, time.sleep, 1)
        time.sleep(0.3)
        assert not made.rest(0)
        busy.result()
    assert made.rest(0)
    assert not made.rest(0)
    assert made.call(20, os.getpid) != child
    made.close()


def test_a_child_that_dies_is_a_feed_error_and_a_new_one_takes_its_place() -> None:
    """X3, P10: the child is killed while it parses, as a fault of its parser would."""
    made = Parser(1)
    child = pid_of_child(made)
    slow = response(
        b"<rss version='0.92'><channel><item><author>" + b"1" * 60_000 + b"</author></item></channel></rss>"
    )
    with ThreadPoolExecutor(1) as pool:
        parsing = pool.submit(made.parse, slow)
        time.sleep(0.3)
        os.kill(child, signal.SIGSEGV)
        with pytest.raises(FeedError) as caught:
            parsing.result()
    assert caught.value.reason == "parse-crash"
    assert made.parse(response(RSS)).items
    assert pid_of_child(made) != child
    made.close()


def test_who_waits_for_a_parser_when_the_monitor_ends_is_let_go() -> None:
    """P1: nothing ever becomes of what a closed pool still had to do."""
    made = Parser(1)
    pid_of_child(made)
    slow = response(
        b"<rss version='0.92'><channel><item><author>" + b"1" * 60_000 + b"</author></item></channel></rss>"
    )
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(made.parse, slow) for _ in range(4)]
        time.sleep(0.3)
        made.close()
        assert [type(parsing.exception(20)) for parsing in waiting] == [FeedError] * 4


SHOW = """
import os
from pathlib import Path
from monitor.feeds.children import Children

children = Children(1)
print(children.call(20, eval, "dict(__import__('os').environ)"))
for pid in (children.call(20, os.getpid), children.call(20, os.getppid)):
    print(Path(f"/proc/{pid}/environ").read_text())
children.close()
assert os.environ["HOOK_SECRET"]
"""


def test_children_know_no_secret_of_ours(tmp_path: Path) -> None:
    """P15: nor does the server that forks them; what they were started with can be read in /proc, whatever they forget."""
    (tmp_path / "show.py").write_text(SHOW)
    environment = {**os.environ, "HOOK_SECRET": "canary-9"}
    told = subprocess.run(
        [sys.executable, tmp_path / "show.py"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (told.returncode, told.stderr) == (0, "")
    assert "PATH" in told.stdout
    assert "canary-9" not in told.stdout


@pytest.mark.shared
def test_titles_links_and_ids_that_another_parser_expects_are_met() -> None:
    """gofeed's expected values, its markup made plain as ours is: at least 95 % agree."""
    corpus()
    met = [agreed for path, expected in _expected() for agreed in _agreement(path, expected)]
    assert len(met) > 80
    assert sum(met) / len(met) >= 0.95


def _expected() -> Iterator[tuple[Path, list[dict[str, Any]]]]:
    for path in sorted(GOFEED.rglob("*.json")):
        json_feed = path.name.endswith("_expected.json")
        document = (
            path.with_name(path.name.replace("_expected.json", ".json")) if json_feed else path.with_suffix(".xml")
        )
        if document.exists() and document != path:
            expected = json.loads(path.read_text(encoding="utf-8"))
            yield document, expected.get("items") or expected.get("entries") or []


def _agreement(path: Path, expected: list[dict[str, Any]]) -> Iterator[bool]:
    if not expected:
        return
    items = parse_bytes(path.read_bytes(), url="https://herald.example/feed").items
    for number, want in enumerate(expected):
        got = items[number] if number < len(items) else None
        guid = want.get("guid") or want.get("id")
        guid = guid.get("value") if isinstance(guid, dict) else guid
        link = want.get("link")
        if want.get("title"):
            yield got is not None and got.title == _made_plain(want["title"])
        if isinstance(link, str) and link.startswith("http"):
            yield got is not None and got.url.rstrip("/") == link.rstrip("/")
        if guid:
            yield got is not None and any(_made_plain(guid).split("://")[-1].rstrip("/") in key for key in got.keys)


def _made_plain(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", text)).split())
