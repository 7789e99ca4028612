"""Mails in a real browser (Debian's Chromium): they show what they tell, run nothing, and load nothing from anywhere."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from monitor.alerts import render
from monitor.model import Alert, Link
from tests.alerts import mails
from tests.alerts.samples import HOSTILE, NOON, make_alert

_REPORTS = tuple(
    Link(outlet=words, title=words, url="https://stranger.example/1", published=NOON) for words in HOSTILE[:10]
)
WORST = make_alert(
    title="".join(HOSTILE[3:9]), summary="<img src='https://stranger.example/pixel.gif'><script>document.title='run'</script>",
    reports=_REPORTS,
)  # fmt: skip


@pytest.mark.parametrize("alert", [mails.alert(), mails.digest(), WORST], ids=["alert", "digest", "worst"])
def test_a_mail_in_a_browser_shows_its_headline_runs_nothing_and_loads_nothing(
    alert: Alert, browser: str, tmp_path: Path
) -> None:
    """T9, T10."""
    page, log = tmp_path / "mail.html", tmp_path / "net.json"
    page.write_text(mails.html_of(alert), encoding="utf-8")
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path}/profile",
        f"--log-net-log={log}",
    ]
    done = subprocess.run(
        [*command, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=60, check=True
    )
    assert f"<title>{render.subject(alert)[:12]}" in done.stdout.replace("&lt;", "<")
    assert "<script" not in done.stdout
    assert "<title>run</title>" not in done.stdout
    requested = log.read_text(encoding="utf-8", errors="replace")
    assert "file:///" in requested
    assert ".example/" not in requested.replace(str(page), "")
