"""A site over a store, as the daemon would serve it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

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
