"""Configurations by the thousand that nobody would write, or nearly: each is read, or refused with a line and a sentence, at once."""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from monitor.config import Config, load
from monitor.errors import ConfigError
from tests.config.test_broken import BROKEN, STARTER

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WHOLE: dict[str, Any] = {
    "store": "sqlite:///data/m.db",
    "defaults": {"every": "20m", "channels": ["mail"], "threshold": 0.4},
    "fetch": {"contact": "desk@example.org", "timeout": "10s", "allow_networks": ["10.0.0.0/8"], "workers": 4, "max_bytes": 1_000_000},
    "retention": {"entries": "10d", "seen": "100d"},
    "entities": {"Dam": ["zapora", "댐"]},
    "storylines": [
        {"id": "dam", "title": "The dam", "question": "Does it hold?", "threshold": 0.7, "channels": ["console"], "updates": ["number"], "states": ["surge"],
         "entities": {"Mayor": ["Jo Bloggs"]}, "urgent": ["flood"], "terms": {"all": ["Dam", ["Mayor", "council"]], "any": ["flood"], "none": ["beaver"]},
         "routes": [{"channels": ["mail"], "severity": "high"}, {"channels": ["mail"], "send": "digest"}]},
        {"id": "short", "title": "Short", "terms": ["a", "b"]},
    ],
    "feeds": ["https://a.example/rss", {"url": "https://b.example/rss", "name": "B", "every": "1h", "language": "en", "headers": {"X-Key": {"env": "FUZZ_KEY"}}}],
    "channels": {
        "console": {"type": "console"},
        "mail": {"type": "email", "host": "mail.example.org", "from": "Desk <desk@example.org>", "to": ["ann@example.org"], "port": 587, "username": "ann",
                 "password": {"env": "FUZZ_KEY"}, "security": "starttls",
                 "policy": {"quiet": "22:00-07:00", "digest": "0 7 * * mon-fri", "timezone": "Europe/Warsaw", "limit": 30, "group_wait": "30s"}},
        "hook": {"type": "webhook", "url": "https://h.example/x", "secret": {"env": "FUZZ_SECRET"}},
        "chat": {"type": "apprise", "urls": {"phone": "ntfy://topic"}},
        "ops": {"type": "alertmanager", "url": "http://127.0.0.1:9093", "resolve_after": "1h"},
    },
    "outlets": {"trusted": ["Reuters"], "doubtful": ["Rumour"]},
    "operator": {"channels": ["mail"], "feed_silent": "2h"},
    "web": {"base_url": "https://news.example.org", "listen": "127.0.0.1:8765"},
}  # fmt: skip

WORDS = (
    "", "a", "no", "on", "~", "null", "12:30", "012", "0x7f", "1e3", "2024-03-05", "-1", "1e999", ".inf", "5m", "PT5M", "1000000000d", "https://", "ftp://x", "http://[::1",
    "http://a:b@c.example", "http://\u2100.example", "a@b", "a@b.example\nBcc: c@d.example", "../../../etc/passwd", "/dev/zero", "/dev/stdin", "x\x00y", "\u202e", "\ud7ff", "🦺" * 40,
    "(a+)+$", "[", "{{7*7}}", "{% for", "%s", "* * * * *", "0 0 31 2 *", "99 99 * * *", "25:00-26:00", "00:00-00:00", "Europe/Nowhere", "../zoneinfo", "10.0.0.0/99", "0.0.0.0/0", "x" * 5_000,
    "ntfy://", "json://localhost:99999", "mailto://", "slack://a/b/c", "console", "email", "mail", "dam", "none", "all", "env", "file",
)  # fmt: skip
"""What people mistake for right values, what YAML mistakes for other things, and what somebody may try."""
LEAVES = (
    st.sampled_from(WORDS)
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.text(st.characters(codec="utf-8"), max_size=20)
)
KEYS = st.sampled_from(
    [*WHOLE, "id", "terms", "all", "any", "url", "type", "env", "file", "opml", "to", "policy", "<<", "="]
) | LEAVES.filter(lambda key: not isinstance(key, float))
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FUZZ_KEY", "canary-key")
    monkeypatch.setenv("FUZZ_SECRET", SECRET)


def check(folder: Path, text: str | bytes) -> Config | None:
    """C1-C12, C16: read, or refused in whole sentences, each with the file and a line, within a second."""
    path = folder / "monitor.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "replace"))
    lines = path.read_bytes().count(b"\n") + 1
    before = time.process_time()
    try:
        config = load(path)
        config.rules()
    except ConfigError as error:
        assert error.problems  # noqa: PT017 - either outcome is right
        for problem in error.problems:
            assert problem.file == str(path)
            assert 1 <= problem.line <= lines
            assert problem.message.endswith((".", "?"))
            assert problem.message.isprintable(), "one line, that can be shown on a terminal"
            assert "canary-key" not in problem.message
            assert SECRET not in problem.message
        config = None
    assert time.process_time() - before < 1
    return config


def dumped(tree: Any, *, flow: bool | None = False) -> str:
    return str(yaml.safe_dump(tree, allow_unicode=True, sort_keys=False, default_flow_style=flow))


def fuzzed(examples: int) -> settings:
    """The same examples each time; more of them where there is time."""
    return settings(derandomize=True, max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))


def test_the_configuration_that_is_damaged_here_is_right(tmp_path: Path) -> None:
    assert check(tmp_path, dumped(WHOLE)) is not None


@fuzzed(150)
@given(st.text(st.sampled_from("ab:- [{}]&*!|>'\"#%@`,?\n\t~=<é\x00"), max_size=80) | st.binary(max_size=60))
@example("[")  # the mistake lies at the end of a file without a line break
def test_any_text_is_a_configuration_or_told_to_be_none(tmp_path: Path, text: str | bytes) -> None:
    """C1-C5."""
    check(tmp_path, text)


@fuzzed(150)
@given(st.dictionaries(KEYS, TREES, max_size=5) | TREES)
def test_any_yaml_is_a_configuration_or_told_to_be_none(tmp_path: Path, tree: Any) -> None:
    """C3, C4, C10-C12."""
    check(tmp_path, dumped(tree))


@fuzzed(150)
@given(st.randoms(use_true_random=False), TREES, KEYS, st.booleans())
def test_a_good_configuration_with_a_wrong_value_is_still_good_or_told(
    tmp_path: Path, dice: random.Random, value: Any, key: Any, flow: bool
) -> None:
    """C3, C4, C6, C7, C10-C12, faults 6.14."""
    tree = copy.deepcopy(WHOLE)
    for _ in range(dice.randint(1, 3)):
        _damage(tree, dice, value, key)
    check(tmp_path, dumped(tree, flow=flow))


def _damage(tree: dict[str, Any], dice: random.Random, value: Any, key: Any) -> None:
    """Change one thing anywhere: a value, a key, or its being there."""
    places = list(_places(tree))
    holder, at = dice.choice(places)
    damage = dice.choice(("value", "value", "word", "key", "gone", "elsewhere"))
    if damage == "value":
        holder[at] = copy.deepcopy(value)  # or it might come to hold itself
    elif damage == "word":
        holder[at] = dice.choice(WORDS)
    elif damage == "elsewhere":
        other, there = dice.choice(places)
        holder[at] = copy.deepcopy(other[there])
    else:
        taken = holder.pop(at)
        if damage == "key" and isinstance(holder, dict):
            holder[key] = taken


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    for at, inner in tree.items() if isinstance(tree, dict) else enumerate(tree):
        yield tree, at
        if isinstance(inner, dict | list):
            yield from _places(inner)


PIECES = (
    "",
    ":",
    "- ",
    "[",
    "}",
    "\n",
    "\n\n  ",
    "&a ",
    "*a",
    "'",
    '"',
    "{",
    "no",
    "\t",
    "#",
    "!x ",
    "%",
    "? ",
    "|",
    ">",
    "<<: ",
    "---\n",
    "...\n",
    "\ufeff",
    "\u2028",
    "\x07",
    "é",
)


@fuzzed(150)
@given(st.randoms(use_true_random=False))
def test_a_file_with_slips_of_the_keyboard_is_read_or_told(tmp_path: Path, dice: random.Random) -> None:
    """C2, C5, C12, faults 6.14: good files and broken ones, with some letters gone, doubled or others."""
    text = dice.choice([dumped(WHOLE), STARTER.read_text(), *(path.read_text() for path in BROKEN)])
    for _ in range(dice.randint(1, 5)):
        start = dice.randint(0, len(text))
        end = start + dice.choice((0, 0, 1, 5))
        text = text[:start] + dice.choice((*PIECES, text[start:end] * 2)) + text[end:]
    check(tmp_path, text)


@pytest.mark.soak
@pytest.mark.parametrize(
    "test",
    [
        test_any_text_is_a_configuration_or_told_to_be_none,
        test_any_yaml_is_a_configuration_or_told_to_be_none,
        test_a_good_configuration_with_a_wrong_value_is_still_good_or_told,
        test_a_file_with_slips_of_the_keyboard_is_read_or_told,
    ],
)
def test_more_of_the_same(tmp_path: Path, test: Any) -> None:
    """C1-C12: at random, for what the same examples each time do not find."""
    settings(fuzzed(5_000), derandomize=False)(test)(tmp_path)
