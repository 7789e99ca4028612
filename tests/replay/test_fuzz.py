"""Recordings and labels that are broken in every way: each is read, or refused in one sentence with the file and the line."""

from __future__ import annotations

import gzip
import io
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from monitor.replay import run
from monitor.replay.recorded import ReplayError, labels
from tests.replay.test_replay import RULES, record

GOOD = [
    record("a", "Dam closed after crack is found", 0),
    record("b", "Crack is found: dam closed", 30),
    record("c", "Ferry fares rise", 5),
    record("d", "Police evacuate 4,000 below the dam", 600),
]
GOLD = [
    '{"id": "a", "label": "closed"}',
    '{"id": "b", "label": "~"}',
    '{"id": "c", "label": "-"}',
    '{"id": "d", "label": "?"}',
]
DATES: tuple[Any, ...] = (
    "", "yesterday", "2024-03-05", "2024-03-05T12:00:00", "0001-01-01T00:00:00+14:00", "0001-01-01", "1970-01-01", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z",
    "2024-13-05", "2024-W10-2", "2024-03-05T12:00:00+99:99", "2024-03-05T12:00:60Z", 1709640000, None, [], "2024-03-05T12:00:00\x00",
)  # fmt: skip
FIELDS = ("id", "published", "source", "feed", "lang", "title", "summary", "url", "label")
VALUES = st.recursive(
    st.sampled_from(DATES)
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=30)
    | st.sampled_from(["dam", "Dam " * 500, "\ud800", "\x00\x1b", "%s{0}", "<b>dam</b>"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
RECORDS = st.dictionaries(st.sampled_from(FIELDS), VALUES)


def replayed(path: Path, gold: Path | None = None) -> bool:
    """Whether a recording is replayed, to its end; where it is not, a sentence says where."""
    out = io.StringIO()
    try:
        known = labels(gold) if gold else {}
        outcome = run([path], RULES, decisions=out)
        json.dumps(outcome.scores(known).as_dict())
    except ReplayError as error:
        named = "|".join(re.escape(str(file)) for file in (path, gold) if file)
        assert re.fullmatch(rf"({named}):(\d+:)? [^\n]+[.]", str(error))  # noqa: PT017 - either outcome is right
        return False
    for line in out.getvalue().splitlines():
        assert json.loads(line)["entry"].encode("utf-8")
    return True


def fuzzed(examples: int) -> settings:
    """The same examples each time; more of them where there is time."""
    return settings(derandomize=True, max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))


def write(folder: Path, name: str, body: bytes) -> Path:
    path = folder / name
    path.write_bytes(body)
    return path


def test_what_is_broken_here_is_whole(tmp_path: Path) -> None:
    assert replayed(
        write(tmp_path, "s.jsonl", "\n".join(GOOD).encode()), write(tmp_path, "l.jsonl", "\n".join(GOLD).encode())
    )


@fuzzed(80)
@given(st.lists(RECORDS, min_size=1, max_size=4), st.lists(RECORDS | VALUES, max_size=3))
@example([{"id": "a", "title": "Dam breaks", "published": "0001-01-01T00:00:00Z"}], [])
@example([{"id": "a", "title": "Dam breaks", "published": "9999-12-31T23:59:59Z"}], [])
@example(
    [{"id": "\ud800", "title": "Dam \ud800 breaks", "published": "2024-03-05"}], [{"id": "\ud800", "label": "\ud800"}]
)
def test_any_values_are_replayed_or_told_with_their_line(
    tmp_path: Path, records: list[dict[str, Any]], marks: list[Any]
) -> None:
    stream = write(tmp_path, "s.jsonl", "\n".join(map(json.dumps, records)).encode())
    replayed(stream, write(tmp_path, "l.jsonl", "\n".join(map(json.dumps, marks)).encode()))


@fuzzed(150)
@given(RECORDS, st.sampled_from(FIELDS), VALUES)
def test_one_wrong_value_in_a_good_recording_is_replayed_or_told_with_its_line(
    tmp_path: Path, more: dict[str, Any], field: str, value: Any
) -> None:
    wrong = json.dumps(json.loads(GOOD[1]) | more | {field: value})
    stream = write(tmp_path, "s.jsonl", "\n".join([GOOD[0], wrong, *GOOD[2:]]).encode())
    replayed(stream, write(tmp_path, "l.jsonl", "\n".join(GOLD).encode()))


@fuzzed(300)
@given(st.randoms(use_true_random=False), st.booleans(), st.binary(max_size=20))
def test_a_damaged_file_is_replayed_or_told(tmp_path: Path, dice: random.Random, zipped: bool, piece: bytes) -> None:
    """Lines cut or joined, bytes gone or doubled, and a gzip file that is no whole one."""
    bodies = [_damaged("\n".join(lines).encode(), dice, piece, zipped) for lines in (GOOD, GOLD)]
    stream, gold = (write(tmp_path, name, body) for name, body in zip(("s.jsonl", "l.jsonl"), bodies, strict=True))
    replayed(stream, gold)


def _damaged(body: bytes, dice: random.Random, piece: bytes, zipped: bool) -> bytes:
    body = gzip.compress(body, mtime=0) if zipped else body
    for _ in range(dice.randint(0, 3)):
        start = dice.randint(2 * zipped, len(body))
        end = start + dice.choice((0, 1, 8))
        body = body[:start] + dice.choice((piece, b"", body[start:end] * 2, b"\n", b"\x00", b"[" * 5_000)) + body[end:]
    return body


@fuzzed(150)
@given(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"",
            b"<",
            b"<rss><channel><item><title>dam</title>",
            b'{"version": "https://jsonfeed.org/version/1", "items": [{"id": 1, "title": "dam"',
            b"\xff\xfe",
            b"\x1f\x8b\x08",
        ]
    ),
)
@example(b"", b"<html><body>Log in</body></html>")
@example(
    b"",
    b'{"version": "https://jsonfeed.org/version/1", "items": [{"id": 1, "title": "dam", "date_published": "9999-12-31T23:59:59Z"}]}',
)
def test_any_bytes_are_replayed_or_told(tmp_path: Path, rest: bytes, start: bytes) -> None:
    """A feed document, a recording, a gzip file, or none of them."""
    replayed(write(tmp_path, "s", start + rest))


@pytest.mark.soak
@pytest.mark.parametrize(
    "test",
    [
        test_any_values_are_replayed_or_told_with_their_line,
        test_one_wrong_value_in_a_good_recording_is_replayed_or_told_with_its_line,
        test_a_damaged_file_is_replayed_or_told,
        test_any_bytes_are_replayed_or_told,
    ],
)
def test_more_of_the_same(tmp_path: Path, test: Any) -> None:
    """At random, for what the same examples each time do not find."""
    settings(fuzzed(5_000), derandomize=False)(test)(tmp_path)
