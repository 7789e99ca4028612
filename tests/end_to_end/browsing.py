"""What several tests in a browser share: a served page's type, and axe-core."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page

from tests.needed import lacking

AXE = Path(__file__).parents[1] / "npm/node_modules/axe-core/axe.min.js"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
Serve = Callable[..., str]


def look_over(tab: Page) -> None:
    """Axe-core finds nothing in what the tab shows, and nothing runs out at its side: on a wide screen and on a phone, light and dark."""
    if not AXE.exists():
        lacking("axe-core is not here; `npm ci --prefix tests/npm` brings it")
    if not tab.evaluate("'axe' in window"):
        tab.add_script_tag(path=AXE)
    for width in (1280, 390):
        tab.set_viewport_size({"width": width, "height": 844})
        for scheme in SCHEMES:
            tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # no colour on its way to another
            found = tab.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
            wrong = [(f["id"], f["impact"], f["nodes"][0]["html"][:160]) for f in found]
            assert not wrong, f"{tab.url}, {width}, {scheme}: {wrong}"
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, tab.url
