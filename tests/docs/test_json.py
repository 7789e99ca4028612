"""docs/json.md names exactly the keys that commands print with --json: each by a command that ran on a store that holds something."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from docs.man import commands
from monitor.cli import run
from monitor.model import AlertKind, DeliveryState, Feed, Mute, Storyline, Terms
from monitor.store import Connection, Store, feeds, mutes, outbox, stories
from tests.alerts.samples import make_alert
from tests.end_to_end.world import FeedServer, feed_server
from tests.store.conftest import FEED, alert, delivery, development, entry, placement

ROOT = Path(__file__).parents[2]
NOW = datetime.now(UTC)
CONFIG = """\
store: sqlite:///{folder}/monitor.db
fetch: {{allow_networks: [127.0.0.0/8]}}
storylines:
  - {{id: dam, title: The dam, terms: {{all: [dam], any: [report, evacuate]}}}}
feeds: [{url}]
channels: {{console: {{type: console}}}}
"""
STREAM = [
    {
        "id": "1",
        "title": "Dam report: evacuate now",
        "summary": "",
        "published": "2026-03-05T12:00:00Z",
        "outlet": "Post",
    },
    {
        "id": "2",
        "title": "Dam report: evacuate now, says mayor",
        "summary": "",
        "published": "2026-03-05T13:00:00Z",
        "outlet": "Herald",
    },
]
Call = Callable[..., Any]


@pytest.fixture
def web() -> Iterator[FeedServer]:
    with feed_server() as served:
        served.publish("herald", "Ferry strike is over")
        yield served


@pytest.fixture
def call(tmp_path: Path, web: FeedServer, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a command with --json; what it printed."""
    config = tmp_path / "monitor.yaml"
    config.write_text(CONFIG.format(folder=tmp_path, url=web.url("herald")))
    store = Store.open(f"sqlite:///{tmp_path}/monitor.db")
    store.write(fill)
    store.close()

    def calling(*arguments: str, config: Path | None = config) -> Any:
        code = run([*arguments, "--json", *(("-c", str(config)) if config else ())])
        out, err = capsys.readouterr()
        assert code in (0, 1, 78), err
        return json.loads(out)

    return calling


def fill(tx: Connection) -> None:
    """Something of everything that can be told."""
    dam = Storyline(id="dam", title="The dam", question="Does it hold?", terms=Terms(any=("dam",)))
    feeds.sync(tx, [Feed(url=FEED)], NOW)
    stories.sync(tx, [dam], NOW)
    placements = [placement(1), placement(2, "d-2")]
    placements[1] = replace(placements[1], reason="waiting")
    recent = [replace(entry(n), published=NOW - timedelta(hours=n)) for n in (1, 2)]
    placements = [replace(p, entry=e) for p, e in zip(placements, recent, strict=True)]
    known = [
        replace(one, started_at=entry.published, last_report_at=entry.published)
        for one, entry in zip((development(), development("d-2", alerted=False)), recent, strict=True)
    ]
    stories.save(tx, recent, placements, known, NOW)
    told = [
        replace(alert(), created_at=NOW),
        make_alert(id="a-2", kind=AlertKind.STATE, created_at=NOW, storylines=(("dam", "The dam"),)),
    ]
    outbox.add(tx, told, [delivery("x", channel="console"), replace(delivery("y", of="a-2"), state=DeliveryState.DEAD)])
    mutes.mute(tx, Mute(storyline="dam", until=NOW + timedelta(hours=8)))


def documented() -> dict[str, dict[str, str]]:
    """Section -> key -> what it is said to be."""
    sections = re.split(r"^## ", (ROOT / "docs/json.md").read_text(), flags=re.MULTILINE)[1:]
    return {
        section.partition("\n")[0].strip("` \n"): dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", section, re.MULTILINE))
        for section in sections
    }


def leaves(value: Any, at: str = "") -> Iterator[str]:
    """The keys of all that is neither an object nor a list that holds something."""
    if isinstance(value, dict) and value:
        for name, of in value.items():
            yield from leaves(of, f"{at}.{name}" if at else name)
    elif isinstance(value, list) and value:
        for of in value:
            yield from leaves(of, f"{at}[]")
    else:
        yield f"{at}[]" if isinstance(value, list) else at


def agree(told: dict[str, str], *printed: Any) -> None:
    """Each key that is printed is told, and each that is told is printed by one of them."""
    forms = {key: re.compile(re.escape(key).replace(r"\*", r"[^\[\]]+")) for key in told}
    found = {leaf for value in printed for leaf in leaves(value)}
    unknown = {leaf for leaf in found if not any(form.fullmatch(leaf) for form in forms.values())}
    empty = {
        leaf for leaf in unknown if any(key.startswith(f"{leaf}.") for key in told)
    }  # a list or object without anything
    assert unknown - empty == set()
    assert {key for key, form in forms.items() if not any(map(form.fullmatch, found))} == set()


SIMPLE = [
    ("status",),
    ("feeds",),
    ("stories",),
    ("timeline", "dam"),
    ("deliveries",),
    ("digest", "--since", "2d"),
    ("doctor",),
    ("test-alert", "console"),
]


@pytest.mark.parametrize("arguments", SIMPLE, ids=lambda arguments: arguments[0])
def test_what_looking_prints_is_documented(call: Call, arguments: tuple[str, ...]) -> None:
    agree(documented()[f"monitor {arguments[0]}"], call(*arguments))


def test_what_a_check_prints_is_documented(call: Call, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("feds: []\n")
    agree(documented()["monitor check"], call("check"), call("check", config=wrong))


def test_what_once_prints_is_documented(call: Call) -> None:
    agree(documented()["monitor once"], call("once"))


def test_what_the_demo_prints_is_documented(call: Call) -> None:
    agree(documented()["monitor demo"], call("demo", "--seconds", "4", config=None))


def test_what_is_found_of_a_site_is_documented(call: Call, web: FeedServer) -> None:
    agree(documented()["monitor discover"], call("discover", web.url("herald")))


def test_what_an_explanation_prints_is_documented(call: Call) -> None:
    told = documented()["monitor explain"]
    agree(told, call("explain", "e1"), call("explain", "Dam report: evacuate at once"), call("explain", "Ferry strike"))


def test_what_feedback_prints_is_documented(call: Call) -> None:
    agree(documented()["monitor feedback"], call("feedback", "e1", "right"), call("feedback", "e2", "same-as", "d-1"))


def test_what_a_replay_prints_is_documented(call: Call, tmp_path: Path) -> None:
    stream, labels = tmp_path / "s.jsonl", tmp_path / "labels.jsonl"
    stream.write_text("".join(json.dumps(told) + "\n" for told in STREAM))
    labels.write_text('{"id": "1", "label": "a"}\n{"id": "2", "label": "a"}\n')
    agree(documented()["monitor replay"], call("replay", str(stream), "--labels", str(labels)))


def test_every_command_that_prints_json_is_documented_and_no_other() -> None:
    printing = {
        f"monitor {name}" for name, command in commands().items() if any("--json" in p.opts for p in command.params)
    }
    assert printing == {name for name in documented() if name.startswith("monitor ")}
