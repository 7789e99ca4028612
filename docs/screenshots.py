# ruff: noqa: INP001, S603 - a script, not a package
"""Makes docs/alert-mail.png and docs/digest-mail.png from composed mails, in Chromium: `python -m docs.screenshots`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.alerts.mails import alert, digest, html_of

PICTURES = {"alert-mail.png": (alert, "700,760"), "digest-mail.png": (digest, "700,970")}


def main() -> None:
    """Compose, render, save."""
    browser = shutil.which("chromium")
    if browser is None:
        sys.exit("Chromium is not here; install Debian's package chromium.")
    for name, (made, size) in PICTURES.items():
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "mail.html"
            page.write_text(html_of(made()), encoding="utf-8")
            picture = Path(__file__).with_name(name)
            command = [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                f"--window-size={size}",
            ]
            subprocess.run(
                [*command, f"--screenshot={picture}", page.as_uri()], check=True, capture_output=True, timeout=60
            )


if __name__ == "__main__":
    main()
