# ruff: noqa: INP001 - a script, not a package
"""Makes docs/page-*.png from a recorded story, in Chromium: `python -m docs.page STREAM UNTIL -c config/monitor.yaml [--store FILE]`.

STREAM is what `monitor replay` reads; the page is shown as it was at UNTIL (ISO 8601). With --store, the file is kept and used again.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from itertools import groupby
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from monitor.config import Config, load
from monitor.desk import Desk, Rules, decide, save
from monitor.feeds.fetch import Gate
from monitor.model import DeliveryState, Entry
from monitor.replay import in_order
from monitor.replay.recorded import entries
from monitor.serve import Server
from monitor.store import Connection, Store, links, stories
from monitor.stories.ledger import Ledger
from monitor.web import app
from monitor.web.site import Site

_COLOURS = 48
SIZES = {"wide": (1280, 860), "phone": (390, 844)}


def main() -> None:
    """Fill, serve, shoot."""
    parser = argparse.ArgumentParser(description="Makes the pictures of the page.")
    parser.add_argument("stream", type=Path)
    parser.add_argument("until", type=datetime.fromisoformat)
    parser.add_argument("-c", "--config", type=Path, default=Path("config/monitor.yaml"))
    parser.add_argument("--store", type=Path)
    parser.add_argument("--story", default="summit")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = asked.store or Path(folder) / "page.db"
        is_new = not place.exists()
        config = load(asked.config)
        store = Store.open(f"sqlite:///{place}")
        if is_new:
            fill(store, config, [one for one in in_order(entries([asked.stream])) if one.published <= asked.until])
        with served(store, config, asked.until) as home:
            shoot(home, asked.story)
        store.close()


def fill(store: Store, config: Config, told: list[Entry]) -> None:
    """Decide on every entry at the hour it was published in, with each alert sent."""
    rules, ledger = config.rules(), Ledger(config.storylines)
    desk = Desk(store, rules)
    store.write(lambda tx: stories.sync(tx, config.storylines, told[0].published))
    for _, hour in groupby(told, key=lambda one: one.published.replace(minute=0, second=0, microsecond=0)):
        some = list(hour)
        store.write(lambda tx, some=some: settle(tx, some, ledger, rules))  # type: ignore[misc]
        desk.watch(some[-1].published)


def settle(tx: Connection, told: list[Entry], ledger: Ledger, rules: Rules) -> None:
    """Keep what becomes of some entries."""
    for one in told:
        changes = decide([one], ledger, rules, one.published)
        sent = tuple(replace(d, state=DeliveryState.SENT, sent_at=d.created_at) for d in changes.deliveries)
        save(tx, replace(changes, deliveries=sent), one.published)


@contextmanager
def served(store: Store, config: Config, now: datetime) -> Iterator[str]:
    """The page over a store, at that time; its address."""
    site = Site(
        store=store, key=store.write(links.key), web=config.web, config=lambda: config, gate=lambda: Gate(config.fetch), now=lambda: now,
        pushed=lambda _push: True,
    )  # fmt: skip
    server = Server(app.create(site), "127.0.0.1:0")
    server.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.close()


def shoot(home: str, story: str) -> None:
    """Each view at each size, light and dark."""
    browser = shutil.which("chromium")
    if browser is None:
        sys.exit("Chromium is not here; install Debian's package chromium.")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for size, (width, height) in SIZES.items():
            for scheme in ("light", "dark"):
                page = chromium.new_page(
                    viewport={"width": width, "height": height}, color_scheme=scheme, timezone_id="UTC", locale="en-GB"
                )
                page.goto(home)
                picture(page, f"stories-{size}-{scheme}")
                page.goto(f"{home}/stories/{story}")
                page.wait_for_selector(".marks a")
                picture(page, f"story-{size}-{scheme}")
                explained(page)
                picture(page, f"why-{size}-{scheme}")
                page.close()
        chromium.close()


def explained(page: Page) -> None:
    """Open the reports of a development that several outlets tell, and the reason for the first of them."""
    development = page.locator(".development").filter(has=page.locator(".dots i:nth-child(4)")).first
    development.locator("summary").click()
    development.locator("a[data-inline]").first.click()
    development.locator(".why").wait_for()
    development.evaluate("element => element.scrollIntoView()")


def picture(page: Page, name: str) -> None:
    """Save what is seen, in few colours."""
    page.wait_for_timeout(400)
    path = Path(__file__).with_name(f"page-{name}.png")
    Image.open(BytesIO(page.screenshot())).convert("RGB").quantize(_COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    main()
