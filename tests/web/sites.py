"""A site over a store, as the daemon would serve it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from monitor.alerts.channels.console import ConsoleSettings
from monitor.config import Config
from monitor.feeds.fetch import Gate
from monitor.feeds.settings import FetchSettings
from monitor.model import Feed, Storyline, Terms
from monitor.serve import WebSettings
from monitor.store import Store, links
from monitor.web.health import Health
from monitor.web.site import Site

WELL = Health(check=lambda: None, unready=lambda: "", ages=lambda: {"desk": 0.5})
"""A daemon that is well."""
FERRY = Storyline(
    id="ferry",
    title="The Tarn ferry",
    question="Does the Tarn ferry sail again, and who pays?",
    terms=Terms(all=(("Tarn",), ("ferry", "strike", "union"))),
)


def make_config(**changed: Any) -> Config:
    settings: dict[str, Any] = {
        "source": Path("monitor.yaml"),
        "store": "",
        "feeds": (Feed(url="https://herald.example/feed", name="herald"),),
        "storylines": (FERRY,),
        "channels": {"console": ConsoleSettings(type="console")},
    }
    return Config(**settings | changed)


def make_site(
    store: Store, now: Callable[[], datetime], config: Config | None = None, health: Health = WELL, **web: Any
) -> Site:
    """A site with these settings of `web`; its gate reaches nobody."""
    known = config or make_config()
    return Site(
        store=store, key=store.write(links.key), web=WebSettings(**web), config=lambda: known, gate=lambda: Gate(FetchSettings()),
        now=now, pushed=lambda _push: True, health=health,
    )  # fmt: skip


def sent(client: FlaskClient, page: str, address: str, **fields: Any) -> TestResponse:
    """The answer to a form of `page`, files among its fields or not."""
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', client.get(page).text)
    assert found
    return client.post(address, data={"csrf": found[1]} | fields)


@contextmanager
def serving(page: Callable[[str], tuple[str, bytes]]) -> Iterator[str]:
    """A site on loopback: what `page` says of a path, content type and body; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = page(self.path)
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
