# ruff: noqa: INP001, S603 - a script, not a package
"""Makes docs/alert-mail.png, docs/digest-mail.png and docs/story.png, in Chromium: `python -m docs.screenshots`.

The mails are composed, the story is the demo's week as it is decided.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from monitor.config import Config, load
from monitor.desk import decide, save
from monitor.export import page
from monitor.model import Entry
from monitor.store import Connection, Store, stories
from monitor.stories.ledger import Ledger
from tests.alerts.mails import alert, digest, html_of

DEMO = Path(__file__).parents[1] / "monitor/demo"
PICTURES = {
    "alert-mail.png": (lambda: html_of(alert()), "700,760"),
    "digest-mail.png": (lambda: html_of(digest()), "700,970"),
    "story.png": (lambda: story(), "900,715"),  # noqa: PLW0108 - it is defined below
}


def main() -> None:
    """Compose, render, save."""
    browser = shutil.which("chromium")
    if browser is None:
        sys.exit("Chromium is not here; install Debian's package chromium.")
    for name, (made, size) in PICTURES.items():
        with tempfile.TemporaryDirectory() as folder:
            shown = Path(folder) / "page.html"
            shown.write_text(made(), encoding="utf-8")
            picture = Path(__file__).with_name(name)
            command = [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                f"--window-size={size}",
            ]
            subprocess.run(
                [*command, f"--screenshot={picture}", shown.as_uri()], check=True, capture_output=True, timeout=60
            )


def story() -> str:
    """The page of the demo's week."""
    config = yaml.safe_load((DEMO / "monitor.yaml").read_text(encoding="utf-8").replace("FEEDS", ""))
    week = yaml.safe_load((DEMO / "week.yaml").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "monitor.yaml").write_text(
            yaml.safe_dump(config | {"feeds": ["https://feed.example/"]}), encoding="utf-8"
        )
        checked = load(Path(folder) / "monitor.yaml")
        store = Store.open(f"sqlite:///{folder}/monitor.db")
        try:
            store.write(lambda tx: stories.sync(tx, checked.storylines, week["start"]))
            store.write(partial(_follow, week=week, checked=checked))
            with store.read() as tx:
                return page(tx, checked.storylines[0].id, week["start"] + timedelta(days=7))
        finally:
            store.close()


def _follow(tx: Connection, week: dict[str, Any], checked: Config) -> None:
    """Decide on each entry of the week when it was published, and keep what comes of it."""
    rules = checked.rules()
    ledger = Ledger(rules.matcher.storylines)
    for number, (hours, outlet, title, summary) in enumerate(week["entries"]):
        at = week["start"] + timedelta(hours=hours)
        entry = Entry(
            id=f"{number}", feed="", url=f"https://outlet.example/{number}", title=title, summary=summary, published=at, language="",
            outlet=outlet,
        )  # fmt: skip
        save(tx, decide([entry], ledger, rules, at), at)


if __name__ == "__main__":
    main()
