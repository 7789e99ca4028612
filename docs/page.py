# ruff: noqa: INP001 - a script, not a package
"""Makes docs/page-*.png from a recorded story, in Chromium: `python -m docs.page STREAM UNTIL -c config/monitor.yaml [--store FILE]`.

STREAM is what `monitor replay` reads; the page is shown as it was at UNTIL (ISO 8601). With --store, the file is kept and used again.
When feeds were polled, and that one of them and a delivery failed, is made up: recordings do not tell. Of Debian's packages the pictures take
chromium and fonts-noto-cjk, without which Chinese, Japanese and Korean are squares; and Pillow.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from io import BytesIO
from itertools import groupby
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from monitor.alerts.channels import WebhookSettings
from monitor.config import Config, load
from monitor.desk import Desk, Rules, decide, save
from monitor.feeds.fetch import Gate
from monitor.model import DeliveryState, Entry, FeedState
from monitor.replay import in_order
from monitor.replay.recorded import entries
from monitor.secret import Secret
from monitor.serve import Server
from monitor.store import Connection, Store, feeds, links, outbox, stories, views
from monitor.stories.ledger import Ledger
from monitor.web import app
from monitor.web.health import Health
from monitor.web.site import Site

ARTICLE = Path(__file__).parents[1] / "tests/articles/volcano.txt"
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
        config = with_hook(load(asked.config))
        store = Store.open(f"sqlite:///{place}")
        if is_new:
            fill(store, config, [one for one in in_order(entries([asked.stream])) if one.published <= asked.until])
            store.write(partial(polled, config=config, now=asked.until))
        with served(store, config, asked.until) as home:
            shoot(home, asked.story)
        store.close()


def with_hook(config: Config) -> Config:
    """A second channel, so that there is more than one to look at."""
    hook = WebhookSettings(type="webhook", url="https://desk.example/news", secret=Secret(env="HOOK_SECRET"))
    channels = {**config.channels, "desk": hook}
    followed = tuple(replace(one, channels=tuple(channels)) for one in config.storylines)
    return replace(config, channels=channels, storylines=followed)


def polled(tx: Connection, config: Config, now: datetime) -> None:
    """Every feed was polled in the last minutes, one in vain; the last delivery to the desk was given up."""
    feeds.sync(tx, config.feeds, now)
    for number, feed in enumerate(config.feeds):
        at = now - timedelta(seconds=37 * (number + 1) % 900)
        state = FeedState(
            url=feed.url, polled_at=at, succeeded_at=at, next_poll_at=at + feed.every, known_since=now - timedelta(days=17), arrived=40,
            arrived_at=at, pace=20.0 + 7 * number % 60,
        )  # fmt: skip
        if number == len(config.feeds) // 2:
            wrong = "The server answered 503 instead of the feed."
            state = replace(state, succeeded_at=at - timedelta(hours=5), failures=4, error=wrong)
        feeds.save(tx, state)
    for name in config.channels:  # what the desk itself queued when a story came to life
        for waiting, _ in outbox.due(tx, name, now):
            outbox.record(tx, replace(waiting, state=DeliveryState.SENT, attempts=1, sent_at=waiting.created_at))
    last = next(one for one in views.listed(tx) if one["channel"] == "desk")
    found = outbox.one(tx, last["id"])
    assert found
    error = "The webhook's receiver answered 500 instead of 2xx."
    outbox.record(tx, replace(found[0], state=DeliveryState.DEAD, attempts=10, error=error))


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
        sent = tuple(replace(d, state=DeliveryState.SENT, attempts=1, sent_at=d.created_at) for d in changes.deliveries)
        save(tx, replace(changes, deliveries=sent), one.published)


@contextmanager
def served(store: Store, config: Config, now: datetime) -> Iterator[str]:
    """The page over a store, at that time; its address."""
    site = Site(
        store=store, key=store.write(links.key), web=config.web, config=lambda: config, gate=lambda: Gate(config.fetch), now=lambda: now,
        pushed=lambda _push: True, health=Health(check=lambda: None, unready=lambda: "", ages=dict),
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
        terms = tried(chromium.new_page(), f"{home}/try/{story}")
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
                for view in ("feeds", "deliveries"):
                    page.goto(f"{home}/{view}")
                    picture(page, f"{view}-{size}-{scheme}")
                page.goto(terms)
                picture(page, f"terms-{size}-{scheme}")
                proposed(page, f"{home}/add")
                picture(page, f"add-{size}-{scheme}")
                page.close()
        chromium.close()


def explained(page: Page) -> None:
    """Open the reports of a development that several outlets tell, and the reason for the first of them."""
    development = page.locator(".development").filter(has=page.locator(".dots i:nth-child(4)")).first
    development.locator("summary").click()
    development.locator("a[data-inline]").first.click()
    development.locator(".why").wait_for()
    development.evaluate("element => element.scrollIntoView()")


def tried(page: Page, address: str) -> str:
    """Take away the first term that an entry may have; where it stands what that would have done."""
    page.goto(address)
    terms = page.get_by_label("and one of these")
    terms.fill(terms.input_value().partition(", ")[2])
    page.get_by_role("button", name="Try these terms").click()
    page.locator("table").wait_for(timeout=600_000)
    return page.url


def proposed(page: Page, address: str) -> None:
    """Paste an article, and see what would be followed."""
    page.goto(address)
    page.get_by_label("or its text").fill(ARTICLE.read_text())
    page.get_by_role("button", name="Propose storylines").click()
    page.locator(".cards").wait_for()


def picture(page: Page, name: str) -> None:
    """Save what is seen, in few colours."""
    page.wait_for_timeout(400)
    path = Path(__file__).with_name(f"page-{name}.png")
    Image.open(BytesIO(page.screenshot())).convert("RGB").quantize(_COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    main()
