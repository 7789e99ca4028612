"""Values that YAML reads otherwise than people mean them, bounds, names, and what changes when a name does."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.config import Config, load
from monitor.desk import Desk
from monitor.errors import ConfigError, Problem
from monitor.store import Store, feeds, stories
from tests.test_desk import entries, poll_of

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
GOOD = """\
defaults: {every: 10m, threshold: 0.5}
storylines:
  - id: dam
    title: The dam
    question: Does it hold?
    terms: {all: [dam], any: [flood], none: [beaver]}
entities: {Dam: [zapora]}
feeds:
  - {url: "https://feed.example", name: Herald, language: en}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "monitor.yaml"


def read(path: Path, old: str = "", new: str = "") -> Config:
    assert old in GOOD
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    return load(path)


def told(path: Path, old: str, new: str) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        read(path, old, new)
    return caught.value.problems


@pytest.mark.parametrize(
    ("old", "new", "line", "first"),
    [
        ("feeds:\n", "defaults: {}\nfeeds:\n", 8, 1),
        ("    question: ", "    title: Other\n    question: ", 5, 4),
        ("every: 10m", "every: 10m, every: 20m", 1, 1),
        ("Dam: [zapora]", 'Dam: [zapora], "Dam": [x]', 7, 7),
        ("all: [dam]", "all: [dam], 'all': [x]", 6, 6),
    ],
)
def test_a_key_that_stands_twice_is_told_with_both_lines(path: Path, old: str, new: str, line: int, first: int) -> None:
    """C2: at the top, in a group, in braces, in quotes."""
    (problem,) = told(path, old, new)
    assert problem.line == line
    assert f"a second time (first on line {first})" in problem.message


@pytest.mark.parametrize(
    ("old", "new", "line", "meant"),
    [
        ("feeds:", "feds:", 8, "feeds"), ("threshold", "treshold", 1, "threshold"), ("question", "qestion", 5, "question"),
        ("all:", "al:", 6, "all"), ("url:", "ulr:", 9, "url"), ("language", "langauge", 9, "language"),
    ],
)  # fmt: skip
def test_an_unknown_key_is_told_with_the_nearest_that_is_known(
    path: Path, old: str, new: str, line: int, meant: str
) -> None:
    """C3: in every section."""
    assert (line, f"`{new.rstrip(':')}` is not known here; did you mean `{meant}`?") in [
        (problem.line, problem.message) for problem in told(path, old, new)
    ]


PLAIN = (
    "no",
    "No",
    "on",
    "yes",
    "true",
    "12:30",
    "12:30:45",
    "012",
    "0x1F",
    "1e3",
    "1_000",
    "7",
    "3.5",
    ".inf",
    "2031-05-04",
    "2031-05-04 10:00:00",
    "null",
    "~",
)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [("title: The dam", "title: {}", 4), ("question: Does it hold?", "question: {}", 5), ("any: [flood]", "any: [flood, {}]", 6), ("[zapora]", "[zapora, {}]", 7),
     ("name: Herald", "name: {}", 9), ("language: en", "language: {}", 9), ("id: dam", "id: {}", 3)],
)  # fmt: skip
@pytest.mark.parametrize("word", PLAIN)
def test_what_is_no_text_is_told_where_text_is_wanted_and_taken_in_quotes(
    path: Path, old: str, new: str, line: int, word: str
) -> None:
    """C4: never taken for a truth value, a number of seconds, an octal number, a date or nothing."""
    problems = told(path, old, new.format(word))
    assert [problem.line for problem in problems] == [line]
    assert f'put it in quotes: "{word}"' in problems[0].message
    quoted: list[Problem] = []
    try:
        read(path, old, new.format(f'"{word}"'))
    except ConfigError as error:  # text by now; no id, language or title that can be used, perhaps
        quoted = error.problems
    assert not any("in quotes" in problem.message for problem in quoted)


@pytest.mark.parametrize("nothing", ["", "''"])
def test_nothing_where_a_title_is_wanted_is_told(path: Path, nothing: str) -> None:
    """C4."""
    assert [problem.line for problem in told(path, "title: The dam", f"title: {nothing}")] == [4]


@pytest.mark.parametrize("number", ["yes", "'0.5'", "0.5.5", "1e-1", "0x1", "1:30", ".5e", "null", "[0.5]", "half"])
def test_what_is_no_number_is_told_where_a_number_is_wanted(path: Path, number: str) -> None:
    """C4."""
    assert [problem.line for problem in told(path, "threshold: 0.5", f"threshold: {number}")] == [1]


BOMBS = ("(a+)+$", "(a|a)*b", "^(([a-z])+.)+[A-Z]([a-z])+$", "(?:(?:a*)*)*x", "(.*a){25}", "[", "(?P<", "*", "\\\\")


@pytest.mark.parametrize("term", BOMBS)
def test_a_pattern_is_taken_for_words_and_costs_nothing(path: Path, term: str) -> None:
    """C6: there are no patterns in a configuration; what looks like one is text, at once."""
    before, refused = time.process_time(), [6]
    try:
        matcher = read(path, "any: [flood]", f"any: [flood, '{term}']").rules().matcher
        matcher.scores(entries((0, "Herald", "en", f"Dam {'a' * 5_000}!", "aaaa" * 500))[0])
    except ConfigError as error:
        refused = [problem.line for problem in error.problems]
    assert refused == [6], "words, or nothing that can be found"
    assert time.process_time() - before < 1


@pytest.mark.parametrize(
    ("old", "new"),
    [("https://feed.example", "https://" + "ä" * 20_000), ("language: en", "language: " + "a-" * 20_000 + "!"), ("id: dam", "id: " + "a-" * 20_000 + "!"),
     ("every: 10m", "every: " + "1" * 20_000 + "m"), ("defaults:", "web: {base_url: '" + "https://a/" * 5_000 + " '}\ndefaults:"),
     ("defaults:", "fetch: {contact: '" + "a@" * 20_000 + "'}\ndefaults:"), ("defaults:", "fetch: {allow_networks: ['" + "1." * 20_000 + "']}\ndefaults:")],
)  # fmt: skip
def test_no_value_makes_the_checks_themselves_slow(path: Path, old: str, new: str) -> None:
    """C6: our own patterns, against values made to keep them busy."""
    before = time.process_time()
    assert told(path, old, new)
    assert time.process_time() - before < 1


@pytest.mark.parametrize(
    ("every", "lasting"),
    [("5m", timedelta(minutes=5)), ("1m", timedelta(minutes=1)), ("7d", timedelta(days=7)), ("90 s", timedelta(seconds=90)), ("2h", timedelta(hours=2))],
)  # fmt: skip
def test_an_interval_within_its_bounds_is_taken(path: Path, every: str, lasting: timedelta) -> None:
    """C11."""
    assert read(path, "every: 10m", f"every: {every}").feeds[0].every == lasting


@pytest.mark.parametrize(
    "every",
    ["0", "-1", "1e9", "1000000000", "0s", "59s", "-5m", "8d", "9999999d", "99999999999999999999d", "PT5M", "5 minutes", "5min", "m", "1.5h", "5M", "５m", "''", "[5m]"],
)  # fmt: skip
@pytest.mark.parametrize(("old", "new", "line"), [("every: 10m", "every: {}", 1), ("name: Herald", "every: {}", 9)])
def test_an_interval_that_is_none_or_out_of_bounds_is_told(
    path: Path, old: str, new: str, line: int, every: str
) -> None:
    """C11: by default and for one feed."""
    (problem,) = told(path, old, new.format(every))
    assert problem.line == line
    assert "duration" in problem.message


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("storylines:\n  - id: dam\n    title: The dam\n    question: Does it hold?\n    terms: {all: [dam], any: [flood], none: [beaver]}\n", "", "nothing to follow"),
        ("storylines:\n  - id: dam\n    title: The dam\n    question: Does it hold?\n    terms: {all: [dam], any: [flood], none: [beaver]}\n", "storylines: []\n", "nothing to follow"),
        ('feeds:\n  - {url: "https://feed.example", name: Herald, language: en}\n', "", "no feeds to poll"),
        ('feeds:\n  - {url: "https://feed.example", name: Herald, language: en}\n', "feeds:\n", "no feeds to poll"),
        ("entities:", "  - {id: dam, title: Again, terms: [dam]}\nentities:", "Two storylines have the id `dam`"),
    ],
)  # fmt: skip
def test_a_configuration_that_follows_nothing_or_one_thing_twice_is_told(
    path: Path, old: str, new: str, said: str
) -> None:
    """C10."""
    assert any(said in problem.message for problem in told(path, old, new))


def test_a_storyline_with_another_id_begins_anew_and_the_old_one_keeps_its_history(path: Path, store: Store) -> None:
    """C10: the developments stay under the old id, and are back when it is."""
    follow(store, read(path), NOON, "Dam closed after flood in the valley")
    with store.read() as tx:
        (before,) = stories.of_storyline(tx, "dam")
    follow(store, read(path, "id: dam", "id: dyke"), NOON + timedelta(hours=1), "Minister resigns over dam flood")
    with store.read() as tx:
        assert [d.id for d in stories.of_storyline(tx, "dam")] == [before.id]
        assert [d.title for d in stories.of_storyline(tx, "dyke")] == ["Minister resigns over dam flood"]
    follow(store, read(path), NOON + timedelta(hours=2), "Police arrest two over dam flood")
    with store.read() as tx:
        assert before.id in [d.id for d in stories.of_storyline(tx, "dam")]
        assert len(stories.of_storyline(tx, "dam")) == 2


def follow(store: Store, config: Config, now: datetime, title: str) -> None:
    store.write(lambda tx: feeds.sync(tx, config.feeds, now))
    store.write(lambda tx: stories.sync(tx, config.storylines, now))
    Desk(store, config.rules()).settle(poll_of(title, at=now))


@pytest.mark.parametrize(
    ("address", "is_good"),
    [
        ("https://feed.example/a?b=c#d", True),
        ("http://127.0.0.1:8080/feed", True),
        ("https://feed.example:65536/a", False),
        ("https://feed.example:0/a", False),
        ("https://feed..example/a", False),
        (f"https://{'a' * 64}.example/a", False),
        ("https://me:secret@feed.example/a", False),
        ("https://feed.example/a\\b", False),
        ("https://feed.example/a b", False),
    ],
)
def test_an_address_of_the_usual_form_is_judged_like_any_other(path: Path, address: str, *, is_good: bool) -> None:
    """Most addresses are known by their form alone, and that lets nothing through."""
    path.with_name("list.opml").write_text(f'<opml><body><outline xmlUrl="{address}"/></body></opml>')
    path.write_text(GOOD + "  - opml: list.opml\n")
    if is_good:
        assert address in {feed.url for feed in load(path).feeds}
    else:
        with pytest.raises(ConfigError):
            load(path)
