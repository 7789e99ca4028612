"""Mails and the page in a real browser (Debian's Chromium), full of attacks that would call home: a server counts the calls."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from flask import Flask, render_template

from monitor.alerts import render
from monitor.alerts.channels.email import compose
from monitor.alerts.links import Links
from monitor.model import Alert, Link
from tests.alerts.samples import make_alert, make_delivery
from tests.end_to_end.world import serving
from tests.sinks import samples
from tests.sinks.strings import COMBINED, HOST, LINKS, MARKUP

ATTACKS = [*MARKUP, *COMBINED]
_EACH = 12
_INDEX = """<!doctype html><title>index</title>{frames}<script>
addEventListener('load', () => {{ for (let n = 0; n < frames.length; n++) {{ const page = frames[n].document;
  document.body.append(`[${{page.querySelectorAll('script,img,iframe,object,svg,form,base').length}} of theirs, ${{page.links.length}} links, ${{page.body.innerText.length}} letters]`); }} }});
</script>"""


class Site:
    """Serves pages in frames of one index, and remembers every other visit."""

    def __init__(self) -> None:
        self.pages: list[str] = []
        self.visits: list[str] = []
        self.port = 0

    def __call__(self, path: str) -> str | None:
        if path == "/":
            return _INDEX.format(frames="".join(f"<iframe src=/page/{n}></iframe>" for n in range(len(self.pages))))
        if re.fullmatch(r"/page/\d+", path):
            return self.pages[int(path.removeprefix("/page/"))]
        self.visits.append(path)
        return None

    def home(self, page: str) -> str:
        """`page`, whose attacks call this server instead of a stranger's."""
        return page.replace(HOST, f"127.0.0.1:{self.port}")


@contextmanager
def site() -> Iterator[Site]:
    served = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = served(self.path)
            self.send_response(404 if page is None else 200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write((page or "").encode("utf-8", "replace"))

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None: ...

    with serving(Handler) as served.port:
        yield served


def looked_at(browser: str, site: Site, folder: Path) -> list[tuple[int, int, int]]:
    """What the browser sees of each page: elements of theirs, links, letters."""
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=3000",
        f"--user-data-dir={folder}/profile",
        "--dump-dom",
    ]
    done = subprocess.run([*command, f"http://127.0.0.1:{site.port}/"], capture_output=True, text=True, timeout=90, check=True)  # fmt: skip
    return [
        (int(a), int(b), int(c))
        for a, b, c in re.findall(r"\[(\d+) of theirs, (\d+) links, (\d+) letters\]", done.stdout)
    ]


def alerts() -> Iterator[Alert]:
    """The attacks, straight into all fields, and those that came by a feed."""
    for start in range(0, len(ATTACKS), _EACH):
        words = [attack[:190] for attack in ATTACKS[start : start + _EACH]]
        links = tuple(
            Link(outlet=one, title=one, url=LINKS[(start + n) % len(LINKS)], published=samples.NOW)
            for n, one in enumerate(words)
        )
        yield make_alert(
            title=words[0], summary=" ".join(words)[:590], explanation=" ".join(words[::-1])[:590], outlets=tuple(words), reports=links[:10], known_before=links[-3:],
            storylines=tuple((f"s{n}", one) for n, one in enumerate(words[:10])), reason=words[1],
        )  # fmt: skip
    yield from samples.by_the_front_door()[-60::12]
    yield from samples.digests()[-2:]


def mailed(alert: Alert) -> str:
    links = Links("https://news.example.org", b"an invented key")
    message = message_from_bytes(compose(alert, make_delivery(), "Monitor <m@desk.example>", links), policy=default)
    assert isinstance(message, EmailMessage)
    part = message.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def page_of(titles: list[str]) -> str:
    """The page behind an address in a mail."""
    app = Flask("monitor.web", static_url_path="/page")
    with app.test_request_context():
        return render_template("link.html", titles=[render.line(title) for title in titles], said="Follow this no more?", do="x")  # fmt: skip


def test_a_browser_runs_nothing_of_theirs_and_loads_nothing_from_anywhere(browser: str, tmp_path: Path) -> None:
    """T9, T10."""
    with site() as served:
        served.pages = [served.home(mailed(alert)) for alert in alerts()]
        served.pages += [
            re.sub("<link.*?>", "", served.home(page_of(ATTACKS[n : n + 40]))) for n in range(0, len(ATTACKS), 40)
        ]
        seen = looked_at(browser, served, tmp_path)
        assert [visit for visit in served.visits if visit != "/favicon.ico"] == []
    assert len(seen) == len(served.pages) > 40
    assert sum(theirs for theirs, _, _ in seen) == sum(page.count("<form method") for page in served.pages)
    assert all(letters > 200 for _, _, letters in seen)


def test_the_same_attacks_do_run_where_nobody_escapes_them(browser: str, tmp_path: Path) -> None:
    """That the test above can fail: bare, in a page, they call home by the dozen."""
    with site() as served:
        served.pages = [served.home(f"<!doctype html><body>{attack}") for attack in COMBINED[::15]]
        looked_at(browser, served, tmp_path)
        loaded = {visit for visit in served.visits if visit != "/favicon.ico"}
    assert "/ran" in loaded
    assert len(loaded) > 5
