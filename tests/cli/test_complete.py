"""What shells complete: asked as bash, zsh and fish ask, of the program as it is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.model import DeliveryState
from monitor.store import Store, outbox
from tests.store.conftest import alert, delivery

pytestmark = pytest.mark.traced

CONFIG = """\
store: sqlite:///{folder}/monitor.db
storylines:
  - {{id: dam, title: The dam, terms: [dam]}}
  - {{id: dam-report, title: "The report: who knew", terms: [inquiry]}}
  - {{id: ferry, title: The ferry, terms: [ferry]}}
feeds: [https://feed.example/rss]
channels:
  desk: {{type: console}}
  mail:
    type: email
    host: mail.example
    from: monitor@desk.example
    to: [ann@desk.example, bob@desk.example]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "monitor.yaml"
    path.write_text(CONFIG.format(folder=tmp_path))
    return path


def completed(config: Path | None, *words: str) -> list[str]:
    """What bash is offered for the last of the words."""
    asked = {
        "_MONITOR_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(("monitor", *words)),
        "COMP_CWORD": str(len(words)),
    }
    return said(asked | ({"MONITOR_CONFIG": str(config)} if config else {})).split()


def said(environment: dict[str, str]) -> str:
    monitor = Path(sys.executable).with_name("monitor")
    done = subprocess.run(
        [monitor], env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize(
    "words",
    [("timeline", "d"), ("silence", "d"), ("unfollow", "d"), ("export", "d"), ("digest", "--storyline", "d"), ("feedback", "x", "new", "--storyline", "d")],
)  # fmt: skip
def test_storylines_are_completed_wherever_one_is_named(config: Path, words: tuple[str, ...]) -> None:
    assert completed(config, *words) == ["dam", "dam-report"]


def test_the_configuration_that_is_named_counts(config: Path) -> None:
    assert completed(None, "timeline", "-c", str(config), "f") == ["ferry"]


def test_channels_and_their_recipients_are_completed(config: Path) -> None:
    assert completed(config, "test-alert", "m") == ["mail"]
    assert completed(config, "follow", "dam", "--channel", "d") == ["desk"]
    assert completed(config, "follow", "dam", "--channel", "mail", "--to", "b") == ["bob@desk.example"]
    assert completed(config, "follow", "dam", "--channel", "desk", "--to", "b") == []


def test_words_that_are_few_are_completed(config: Path) -> None:
    assert completed(config, "feedback", "x", "r") == ["right"]
    assert completed(config, "deliveries", "--state", "f") == ["folded", "failed"]
    assert completed(config, "exp") == ["export", "explain"]


def test_deliveries_that_can_be_sent_again_are_completed(config: Path, tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/monitor.db")
    states = {"a-x": DeliveryState.DEAD, "a-y": DeliveryState.FAILED, "a-z": DeliveryState.SENT}
    queued = [delivery(name) for name in states]
    store.write(lambda tx: outbox.add(tx, [alert()], queued))
    for known in queued:
        from dataclasses import replace

        store.write(lambda tx, known=known: outbox.record(tx, replace(known, state=states[known.id])))  # type: ignore[misc]
    store.close()
    assert completed(config, "retry", "a") == ["a-x", "a-y"]


def test_zsh_and_fish_say_the_title_beside_it(config: Path) -> None:
    here = {"MONITOR_CONFIG": str(config), "_TYPER_COMPLETE_ARGS": "monitor timeline dam-"}
    assert "The report" in said(here | {"_MONITOR_COMPLETE": "complete_zsh"})
    fish = here | {"_MONITOR_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    assert said(fish).strip() == "dam-report\tThe report: who knew"


def test_a_configuration_that_is_wrong_completes_nothing_and_says_nothing(config: Path) -> None:
    config.write_text("storylines: [")
    assert completed(config, "timeline", "d") == []
    assert completed(config.with_name("none.yaml"), "timeline", "d") == []
    assert completed(config, "retry", "a") == []


def test_bash_takes_the_script_that_is_shown_and_completes_by_it(config: Path) -> None:
    monitor = Path(sys.executable).with_name("monitor")
    script = subprocess.run([monitor, "--show-completion", "bash"], capture_output=True, text=True, check=True).stdout
    asking = f'{script}\nCOMP_WORDS=(monitor timeline fer); COMP_CWORD=2\n_monitor_completion "{monitor}"\necho "${{COMPREPLY[@]}}"'
    done = subprocess.run(
        ["bash", "-c", asking],
        env=os.environ | {"MONITOR_CONFIG": str(config)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "ferry"
