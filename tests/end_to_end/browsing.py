"""What several tests in a browser share: a served page's type, and axe-core."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

AXE = Path(__file__).parents[1] / "npm/node_modules/axe-core/axe.min.js"
Serve = Callable[..., str]


def look_over(tab: Page, width: int) -> None:
    """Axe-core finds nothing in what the tab shows, and nothing runs out at its side."""
    if not AXE.exists():
        said = "axe-core is not here; `npm ci --prefix tests/npm` brings it"
        pytest.fail(said) if os.environ.get("CI") == "true" else pytest.skip(said)
    tab.add_script_tag(path=AXE)
    found = tab.evaluate("axe.run({resultTypes: ['violations']})")["violations"]

    assert [(f["id"], f["impact"], f["nodes"][0]["html"][:160]) for f in found] == [], tab.url
    assert tab.evaluate("document.documentElement.scrollWidth") <= width, tab.url
