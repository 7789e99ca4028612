"""What the page shows when there is nothing yet, when it refuses, and when something was done: looked over by axe-core, wide and narrow, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from monitor.alerts.channels import WebhookSettings
from monitor.alerts.links import Deed, Links
from monitor.config import Config
from monitor.feeds.settings import FetchSettings
from monitor.secret import Secret
from monitor.store import Store, links, outbox, stories
from monitor.web import login
from tests.alerts.receiver import Clock
from tests.alerts.samples import make_alert, make_delivery
from tests.end_to_end.browsing import Serve, look_over
from tests.end_to_end.world import SIGNING_SECRET, World, free_port
from tests.web import newsroom
from tests.web.sites import make_config

VOLCANO = (Path(__file__).parents[1] / "articles/volcano.txt").read_text()
IN_ONE_LINE = (
    "{feeds: [https://herald.example/feed], channels: {console: {type: console}}, storylines: "
    "[{id: ferry, title: The Tarn ferry, terms: {all: [Tarn, [ferry, strike, union]]}}]}"
)
"""A configuration that the page cannot write into: it has no lines of their own for what would come in."""


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A file; every view of what is here asks either kind of store in tests/web."""
    return f"sqlite:///{tmp_path}/states.db"


@pytest.fixture
def tab(chromium: Browser, serve: Serve) -> Iterator[Page]:
    """A tab into which axe-core may be put; it closes before the server."""
    context = chromium.new_context(bypass_csp=True, locale="en-GB", timezone_id="UTC")
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def test_where_nothing_is_yet(tab: Page, store: Store, serve: Serve, clock: Clock) -> None:
    home = serve(make_config(storylines=(), feeds=()))
    for path, said in (
        ("/", "Nothing is followed yet."),
        ("/feeds", "No feed is followed yet."),
        ("/feeds?q=none", "No feed is found."),
        ("/deliveries", "No alert has been queued yet."),
        ("/deliveries?state=dead", "No delivery is like that."),
        ("/try", "A headline, or an article's address"),
    ):
        tab.goto(home + path)
        expect(tab.locator("main")).to_contain_text(said)
        look_over(tab)
    store.write(lambda tx: stories.sync(tx, make_config().storylines, clock.now))
    for path, said in (("/", "No development yet"), ("/stories/ferry", "Nothing has been reported yet.")):
        tab.goto(home + path)
        expect(tab.locator("main")).to_contain_text(said)
        look_over(tab)


def test_where_it_refuses(tab: Page, serve: Serve) -> None:
    home = serve()
    tab.goto(f"{home}/stories/nothing")
    expect(tab.locator("h1")).to_have_text("There is nothing here")
    look_over(tab)
    tab.goto(f"{home}/feeds")
    tab.locator("form:has(#site) [name=csrf]").evaluate("field => { field.value = 'of another page' }")
    tab.get_by_label("Add a feed").fill("herald.example")
    tab.get_by_role("button", name="Find its feeds").click()
    expect(tab.locator("h1")).to_have_text("Something is wrong")
    look_over(tab)
    tab.goto(f"{home}/feeds")
    tab.get_by_label("Add a feed").fill("no address")
    tab.get_by_role("button", name="Find its feeds").click()
    expect(tab.locator("main")).to_contain_text("That is no web address")
    look_over(tab)


def test_where_a_person_comes_in(tab: Page, serve: Serve) -> None:
    tab.goto(serve(base_url="http://desk.example"))
    expect(tab.locator("main")).to_contain_text("it needs a password, and none is set")
    look_over(tab)
    tab.goto(serve(base_url="http://desk.example", password=login.kept("correct horse battery")))
    look_over(tab)
    tab.get_by_label("Password").fill("not this one at all")
    tab.get_by_role("button", name="Log in").click()
    expect(tab.get_by_role("alert")).to_be_visible()
    look_over(tab)
    tab.get_by_label("Password").fill("correct horse battery")
    tab.get_by_role("button", name="Log in").click()
    expect(tab.get_by_role("button", name="Log out")).to_be_visible()
    look_over(tab)


def test_where_a_person_has_to_write_the_configuration(
    tab: Page, store: Store, serve: Serve, world: World, tmp_path: Path
) -> None:
    path = tmp_path / "monitor.yaml"
    path.write_text(IN_ONE_LINE)
    newsroom.fill(store)
    world.web.publish("gazette", "Tarn ferry sails again")
    home = serve(_reaching(make_config(source=path)))
    tab.goto(f"{home}/feeds")
    tab.get_by_label("Add a feed").fill(world.web.url("gazette"))
    tab.get_by_role("button", name="Find its feeds").click()
    tab.get_by_role("button", name="Follow it").click()
    _look_by_hand(tab, "feeds:")
    path.write_text(IN_ONE_LINE.replace("id: ferry", "id: barge"))  # edited since it was read
    tab.goto(f"{home}/try/ferry")
    tab.get_by_label("An entry has one term").fill(", ".join(f"Tarn {number}" for number in range(40)))
    tab.get_by_role("button", name="Save them").click()
    _look_by_hand(tab, "terms:")
    path.write_text(IN_ONE_LINE)
    tab.goto(f"{home}/add")
    tab.get_by_label("or its text").fill(VOLCANO)
    tab.get_by_role("button", name="Propose storylines").click()
    tab.get_by_role("button", name="Follow", exact=True).click()
    _look_by_hand(tab, "storylines:")
    assert path.read_text() == IN_ONE_LINE


def _look_by_hand(tab: Page, lines: str) -> None:
    expect(tab.locator("h1")).to_have_text("The configuration was left as it is")
    expect(tab.locator("pre")).to_contain_text(lines)
    look_over(tab)


def _reaching(config: Config) -> Config:
    """A configuration that may ask servers on loopback."""
    return replace(config, fetch=FetchSettings(allow_networks=("127.0.0.0/8",)))


def test_what_became_of_a_test(
    tab: Page, store: Store, serve: Serve, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", SIGNING_SECRET)
    hook = WebhookSettings(
        type="webhook", url=f"http://127.0.0.1:{world.hook.port}/news", secret=Secret(env="HOOK_SECRET")
    )
    urls = {"gazette": world.web.url("gazette"), "lost": f"http://127.0.0.1:{free_port()}/rss"}
    feeds = tuple(replace(make_config().feeds[0], url=url, name=name) for name, url in urls.items())
    config = _reaching(replace(newsroom.config(), feeds=feeds, channels={"hook": hook}))
    newsroom.fill(store, of=config)
    world.web.publish("gazette", "Tarn ferry sails again", "한강 페리 运行")
    home = serve(config)
    for name, said in (("gazette", "Tarn ferry sails again"), ("lost", "The feed cannot be read")):
        tab.goto(f"{home}/feeds")
        tab.get_by_role("button", name=f"Test: {name}").click()
        expect(tab.locator("main")).to_contain_text(said)
        look_over(tab)
    world.hook.status = 500
    tab.goto(f"{home}/deliveries")
    tab.get_by_role("button", name="Send a test alert by hook").click()
    expect(tab.locator("h1")).to_have_text("hook did not take the test alert")
    look_over(tab)


def test_what_a_person_said_and_wished(tab: Page, store: Store, serve: Serve) -> None:
    newsroom.fill(store)
    home = serve()
    tab.goto(f"{home}/stories/ferry")
    development = tab.locator(".development", has_text="Union calls strike")
    development.locator("summary").click()
    development.get_by_role("button", name="Does not belong").nth(1).click()
    expect(tab.locator(".notice")).to_contain_text("counts as wrong")
    tab.get_by_text("taken off by hand").click()
    look_over(tab)
    tab.goto(f"{home}/reports/gazette-20")
    expect(tab.locator("main")).to_contain_text("A person said that it is not about")
    look_over(tab)
    tab.goto(f"{home}/stories/ferry")
    tab.get_by_label("Silence for").select_option("1 day")
    tab.get_by_role("button", name="Silence").click()
    expect(tab.locator("#wishes")).to_contain_text("hears nothing until")
    look_over(tab)
    tab.locator(".development", has_text="Police arrest two").locator("summary").click()
    tab.goto(f"{home}/developments/{tab.locator('.development').first.evaluate('one => one.id.slice(2)')}")
    look_over(tab)


def test_what_an_address_in_a_mail_opens(tab: Page, store: Store, serve: Serve) -> None:
    delivery = make_delivery()
    store.write(lambda tx: outbox.add(tx, [make_alert()], [delivery]))
    tab.goto(Links(serve(), store.write(links.key)).to(Deed.SILENCE, delivery))
    expect(tab.get_by_role("button", name="Yes")).to_be_visible()
    look_over(tab)
    tab.get_by_role("button", name="Yes").click()
    expect(tab.get_by_role("link", name="Follow again")).to_be_visible()
    look_over(tab)
