"""What is kept here of others is what they published, with its licence; nothing of the page is loaded from elsewhere."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

WEB = Path(__file__).parents[2] / "monitor/web"
VENDOR = WEB / "static/vendor"
PUBLISHED = {
    "uplot-1.6.32.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uplot-1.6.32.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}
"""SHA-256 of dist/uPlot.iife.min.js and dist/uPlot.min.css of the package uplot 1.6.32."""


def test_the_chart_library_is_the_published_one_and_has_its_licence() -> None:
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDOR.glob("uplot-*")}
    assert found == PUBLISHED
    assert "MIT License" in (VENDOR / "LICENSE-uplot").read_text()


def test_no_template_has_a_script_or_a_style_inside_or_loads_anything_from_elsewhere() -> None:
    """W2: the page's own rules would refuse it."""
    for path in (WEB / "templates").glob("*.html"):
        text = path.read_text()
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|javascript:", text), path
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text)), path
        assert not re.search(r"""(?:src|href|action)=["']?(?:https?:)?//""", text), path


def test_no_script_of_ours_writes_markup_or_asks_anybody_else() -> None:
    for path in (WEB / "static").glob("*.js"):
        text = path.read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text), path
        assert not re.search(r"https?://", text), path
    assert "@import" not in (WEB / "static/page.css").read_text()
    assert "url(" not in (WEB / "static/page.css").read_text()
