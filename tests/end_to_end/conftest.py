"""One world a test; one browser for all of a module's, with a tab for each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from monitor.config import Config
from monitor.serve import Server
from monitor.store import Store
from monitor.web import app, live
from tests.alerts.receiver import Clock
from tests.end_to_end.browsing import Serve
from tests.end_to_end.world import World, feed_server, hook_server, mail_server
from tests.web import newsroom
from tests.web.sites import make_site


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Its store is in a file, or in PostgreSQL where the test says so (`on_both`, `on_postgresql`)."""
    with feed_server() as web, hook_server() as hook, mail_server(tmp_path) as mail, ExitStack() as stack:
        made = World(tmp_path, web, hook, mail)
        if getattr(request, "param", "sqlite") == "postgresql":
            made.postgresql = stack.enter_context(request.getfixturevalue("postgresql").schema())
        yield made
        for process in filter(None, {made.process, *made.team}):
            if process.poll() is None:
                process.kill()
                process.wait()


@pytest.fixture(scope="module")
def chromium(browser: str) -> Iterator[Browser]:
    """One browser for all tests; each has pages of its own."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def serve(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serves a page over the store of the test, with these settings; its address."""
    monkeypatch.setattr(live, "_EVERY", 0.1)
    clock.now = newsroom.NOON
    running: list[Server] = []

    def serving(config: Config | None = None, **web: Any) -> str:
        site = make_site(store, clock, config or newsroom.config(), **web)
        running.append(Server(app.create(site), "127.0.0.1:0"))
        running[-1].start()
        return f"http://127.0.0.1:{running[-1].port}"

    yield serving
    for server in running:
        server.close()


@pytest.fixture
def tab(chromium: Browser, serve: Serve) -> Iterator[Page]:
    """A tab in which nothing may go wrong: no error of a script, nothing that the page's own rules refuse. It closes before the server."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB", timezone_id="Europe/Warsaw")
    context.set_default_timeout(10_000)
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    yield opened
    context.close()
    assert [said for said in wrong if not any(expected in said for expected in _EXPECTED)] == []


_EXPECTED = ("401", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_REFUSED")
"""Before a login; and when the daemon ends before a tab that listens to it."""
