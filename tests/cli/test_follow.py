"""`monitor silence`, `unfollow`, `follow` and `digest` as their users meet them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.model import Storyline, Terms
from monitor.store import Connection, Store, outbox, stories
from tests.alerts.samples import make_alert
from tests.cli.conftest import Command
from tests.store.conftest import development, entry, placement

CONFIG = """\
store: sqlite:///{folder}/monitor.db
storylines:
  - {{id: dam, title: The dam, question: Does it hold?, terms: {{all: [dam]}}}}
feeds: [https://feed.example/rss]
channels:
  mail: {{type: email, host: smtp.example.org, from: m@desk.example, to: [ann@desk.example, bob@desk.example]}}
"""


@pytest.fixture
def filled(tmp_path: Path) -> None:
    """A development an hour ago that was alerted, and an alert from last week."""
    store, now = Store.open(f"sqlite:///{tmp_path}/monitor.db"), datetime.now(UTC)

    def fill(tx: Connection) -> None:
        stories.sync(
            tx, [Storyline(id="dam", title="The dam", question="Does it hold?", terms=Terms(any=("dam",)))], now
        )
        seen_at = now - timedelta(hours=1)
        stories.save(tx, [entry(1), entry(2)], [placement(1), placement(2)], [development()], seen_at)
        known = {"storylines": (("dam", "The dam"),), "development": "d-1"}
        fresh = make_alert(id="a-1", created_at=now - timedelta(hours=1), **known)
        outbox.add(tx, [fresh, make_alert(id="a-0", title="Long ago", created_at=now - timedelta(days=7), **known)], [])

    store.write(fill)
    store.close()


def muted(command: Command) -> list[dict[str, str | None]]:
    code, out, _ = command("stories", "--json")
    assert code == 0
    found: list[dict[str, str | None]] = json.loads(out)[0]["muted"]
    return found


@pytest.mark.usefixtures("filled")
def test_a_silence_is_said_shown_and_ended(command: Command) -> None:
    code, out, _ = command("silence", "dam", "8h")
    assert code == 0
    assert out.startswith("Everybody hears nothing of dam until ")
    (mute,) = muted(command)
    assert mute["until"] is not None
    left = datetime.fromisoformat(mute["until"]) - datetime.now(UTC)
    assert timedelta(hours=7.9) < left <= timedelta(hours=8)
    assert "dam: silent for everybody, ends in 7h." in command("stories")[1]
    assert command("follow", "dam") == (0, "Everybody follows dam again.\n", "")
    assert muted(command) == []
    assert command("follow", "dam") == (0, "Everybody follows dam already.\n", "")


@pytest.mark.usefixtures("filled")
def test_one_recipient_can_leave_and_come_back(command: Command) -> None:
    who = ("--channel", "mail", "--to", "bob@desk.example")
    assert (
        command("unfollow", "dam", *who)[1] == "bob@desk.example follows dam no more; `monitor follow dam` undoes it.\n"
    )
    assert muted(command) == [{"channel": "mail", "target": "bob@desk.example", "until": None}]
    assert "dam: followed no more by bob@desk.example." in command("stories")[1]
    assert command("follow", "dam", *who)[0] == 0
    assert muted(command) == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("silence", "dan", "8h"), 1, "There is no storyline `dan`; did you mean `dam`?"),
        (("silence", "dam", "8"), 2, "write it like 30m, 8h or 2d"),
        (("unfollow", "dam", "--channel", "nail"), 1, "There is no channel `nail`; did you mean `mail`?"),
        (("unfollow", "dam", "--to", "bob@desk.example"), 2, "name the recipient's channel too"),
        (("unfollow", "dam", "--channel", "mail", "--to", "rob@desk.example"), 1, "did you mean `bob@desk.example`?"),
        (("digest", "--since", "yesterday"), 2, "write it like 30m, 8h or 2d"),
    ],
)
@pytest.mark.usefixtures("filled")
def test_what_is_not_there_is_named(command: Command, arguments: tuple[str, ...], code: int, said: str) -> None:
    ended, _, err = command(*arguments)
    assert ended == code
    assert said in " ".join(err.split())


def test_before_anything_is_followed_nobody_can_be_silenced(command: Command, tmp_path: Path) -> None:
    assert command("silence", "dam", "8h")[::2] == (
        1, "Nothing is followed yet; start the daemon with `monitor run` first.\n",
    )  # fmt: skip
    assert not (tmp_path / "monitor.db").exists()


@pytest.mark.usefixtures("filled")
def test_a_digest_tells_what_was_alerted_since_then(command: Command, tmp_path: Path) -> None:
    code, out, _ = command("digest", "--since", "24h")
    assert code == 0
    for fact in (
        "1 alert on The dam",
        "Open: Does it hold?",
        "Two valleys below the Orla dam",
        "Herald, Post; 2 reports",
    ):
        assert fact in out
    assert "Long ago" not in out
    assert "2 alerts" in command("digest", "--since", "8d")[1]
    assert command("digest", "--storyline", "mine")[1] == "Nothing was alerted in the last 24h.\n"
    assert command("digest", "--html", str(tmp_path / "d.html"))[0] == 0
    assert "Does it hold?" in (tmp_path / "d.html").read_text()
    chapters = json.loads(command("digest", "--json")[1])["chapters"]
    assert [(c["storyline"], len(c["told"]), sum(c["coverage"])) for c in chapters] == [("dam", 1, 2)]
