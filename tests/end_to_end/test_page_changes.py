"""What a person changes on the page, in Chromium, without a script: stories, feeds, terms, deliveries; the daemon does as it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from monitor.alerts.channels import WebhookSettings
from monitor.feeds.settings import FetchSettings
from monitor.model import DeliveryState
from monitor.secret import Secret
from monitor.store import Store, outbox
from tests.end_to_end.browsing import Serve, look_over
from tests.end_to_end.world import SIGNING_SECRET, World
from tests.web import newsroom

VOLCANO = (Path(__file__).parents[1] / "articles/volcano.txt").read_text()
DAM = """  - id: dam   # the old one
    title: The Orla dam
    terms:
      all: [[Orla dam]]   # as the desk writes it
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A file; every view of what is here asks either kind of store in tests/web."""
    return f"sqlite:///{tmp_path}/views.db"


@pytest.fixture
def plain(chromium: Browser) -> Iterator[Page]:
    """A tab that runs no script."""
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def home(world: World) -> str:
    """The page of a daemon that has polled its feed."""
    world.write_config("herald")
    told = re.sub(r"  - \{id: dam.*\n", DAM, world.config.read_text())
    world.config.write_text(told)
    world.start()
    world.wait_for(lambda: "run feeds=" in world.log)
    world.poll_all()
    return f"http://127.0.0.1:{world.page_port}"


def shown(world: World, tab: Page, address: str, text: str) -> None:
    """Wait until the page at that address has these words."""

    def is_there() -> bool:
        tab.goto(address)
        return tab.get_by_text(text).count() > 0

    world.wait_for(is_there)


def test_a_story_is_followed_from_its_article_as_it_was_adjusted(plain: Page, home: str, world: World) -> None:
    plain.goto(home)
    plain.get_by_role("link", name="Add a story").click()
    plain.get_by_label("or its text").fill(VOLCANO)
    plain.get_by_role("button", name="Propose storylines").click()
    drafts = plain.locator(".cards > li")
    proposed = drafts.count()
    assert proposed > 1
    left_out = drafts.first.get_by_label("Title").input_value()
    drafts.first.get_by_label("Follow this storyline").uncheck()
    drafts.nth(1).get_by_label("Title").fill("The silent sirens")
    plain.get_by_role("button", name="Follow", exact=True).click()
    expect(plain.get_by_role("status")).to_contain_text("followed from now on")
    shown(world, plain, home, "The silent sirens")
    expect(plain.locator(".story h2")).to_have_count(proposed)  # the dam, and all but one
    expect(plain.get_by_text(left_out, exact=True)).to_have_count(0)
    assert "# as the desk writes it" in world.config.read_text()


def test_a_feed_that_a_site_declares_is_found_followed_and_polled(plain: Page, home: str, world: World) -> None:
    world.web.pages["site"] = (
        "<!doctype html><title>Gazette</title><link rel='alternate' type='application/rss+xml' href='/gazette'>"
    )
    world.web.publish("gazette", "Orla dam closed after crack is found")
    plain.goto(f"{home}/feeds")
    plain.get_by_label("Add a feed").fill(world.web.url("site"))
    plain.get_by_role("button", name="Find its feeds").click()
    expect(plain.locator(".card h2")).to_have_text("gazette")
    expect(plain.locator(".card")).to_contain_text("1 entry")
    before = world.polled("gazette")
    plain.get_by_role("button", name="Follow it").click()
    expect(plain.get_by_role("status")).to_have_text("gazette is followed from now on.")
    world.wait_for(lambda: world.polled("gazette") > before)
    shown(world, plain, f"{home}/feeds?q=gazette", "fine")
    plain.get_by_role("button", name="Test: gazette").click()
    expect(plain.locator(".items")).to_contain_text("Orla dam closed after crack is found")


def test_terms_are_tried_on_what_was_read_and_then_saved_for_the_daemon(plain: Page, home: str, world: World) -> None:
    world.web.publish("herald", "Orla dam closed after crack is found")
    world.web.publish("herald", "Crest of the Weir Tarn gives way")
    world.make_due()
    world.wait_for(lambda: len(world.entries()) > 1)
    plain.goto(f"{home}/try/dam")
    plain.get_by_label("An entry has one term").fill("Orla dam, Weir Tarn")
    plain.get_by_role("button", name="Try these terms").click()
    expect(plain.locator("table")).to_contain_text(re.compile(r"Entries that match\s*1\s*2"))  # it came by itself
    expect(plain.locator("details")).to_contain_text(["Crest of the Weir Tarn gives way", "Orla dam closed"])
    plain.get_by_role("button", name="Save them").click()
    expect(plain.get_by_role("status")).to_have_text("The terms are saved, and hold from now on.")
    assert "[Orla dam, Weir Tarn]" in world.config.read_text()
    assert "# the old one" in world.config.read_text()
    world.wait_for(lambda: "reload" in world.log)
    world.web.publish("herald", "Town below the Weir Tarn is flooded", "Two streets are under water.")
    world.make_due()
    shown(world, plain, f"{home}/stories/dam", "Town below the Weir Tarn is flooded")


def test_a_dead_delivery_is_sent_again_and_a_channel_is_tried(plain: Page, home: str, world: World) -> None:
    world.hook.status = 500
    world.web.publish("herald", "Orla dam closed after crack is found")
    world.make_due()
    world.wait_for(lambda: any(one.error for one in world.deliveries()))
    [failed] = [one for one in world.deliveries() if one.error]
    with world.opened() as store:
        store.write(lambda tx: outbox.record(tx, replace(failed, state=DeliveryState.DEAD)))
    world.hook.status = 204
    plain.goto(f"{home}/deliveries")
    plain.get_by_label("State").select_option("dead")
    plain.get_by_role("button", name="Show").click()
    expect(plain.locator("tbody tr")).to_contain_text("500")
    plain.get_by_role("button", name="Send again: Orla dam closed").click()
    expect(plain.get_by_role("status")).to_have_text("1 delivery is sent again.")
    world.wait_for(lambda: world.hook.ids == [f"msg_{failed.id}"])
    plain.goto(f"{home}/deliveries")
    plain.get_by_role("button", name="Send a test alert by hook").click()
    expect(plain.locator("h1")).to_have_text("hook took the test alert")
    expect(plain.locator(".talk")).to_contain_text("POST http://127.0.0.1/... (")
    expect(plain.locator(".talk")).to_contain_text("< 204")
    expect(plain.locator(".talk")).not_to_contain_text(SIGNING_SECRET[6:])
    assert len(world.hook.received) == 2


def test_axe_finds_nothing_in_what_changes_something(
    chromium: Browser,
    serve: Serve,
    store: Store,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOOK_SECRET", SIGNING_SECRET)
    hook = WebhookSettings(
        type="webhook", url=f"http://127.0.0.1:{world.hook.port}/news", secret=Secret(env="HOOK_SECRET")
    )
    config = replace(
        newsroom.config(), fetch=FetchSettings(allow_networks=("127.0.0.0/8",)), channels={**newsroom.config().channels, "hook": hook},
    )  # fmt: skip
    newsroom.fill(store, of=config)
    world.web.publish("gazette", "Tarn ferry sails again")
    context = chromium.new_context(bypass_csp=True)
    tab, home = context.new_page(), serve(config)
    for path, field, said, button in (
        ("/feeds", "Add a feed", world.web.url("gazette"), "Find its feeds"),
        ("/deliveries", "", "", "Send a test alert by hook"),
        ("/try", "A headline", "Tarn ferry union calls strike", "Try it"),
        ("/try/ferry", "An entry has one term", "Tarn", "Try these terms"),
        ("/add", "or its text", VOLCANO, "Propose storylines"),
    ):
        tab.goto(home + path)
        look_over(tab)
        if field:
            tab.get_by_label(field).fill(said)
        tab.get_by_role("button", name=button).click()
        if path == "/try/ferry":
            tab.locator("table").wait_for()
        look_over(tab)
    context.close()
