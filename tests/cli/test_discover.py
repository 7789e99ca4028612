"""`monitor discover` against real sites on loopback: what they declare, what they link to, the usual places."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from monitor.cli import run
from monitor.config import load
from monitor.feeds import links
from tests.end_to_end.world import serving
from tests.feeds.conftest import RSS

ATOM = (
    b'<feed xmlns="http://www.w3.org/2005/Atom"><title>All &#8220;news&#8221;</title>'
    b"<entry><id>1</id><title>Dam breaks</title><updated>2026-03-05T12:00:00Z</updated></entry></feed>"
)
Site = dict[str, bytes]
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def site() -> Iterator[tuple[str, Site]]:
    """A server, and what it has at which path; `REDIRECT /x` sends one on."""
    pages: Site = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path)
            redirect = body is not None and body.startswith(b"REDIRECT ")
            self.send_response(404 if body is None else 302 if redirect else 200)
            if body is not None and redirect:
                self.send_header("Location", body.split()[1].decode())
            body = b"" if body is None or redirect else body
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...

    with serving(Handler) as port:
        yield f"http://127.0.0.1:{port}", pages


@pytest.fixture
def discover(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    config = tmp_path / "monitor.yaml"
    config.write_text("fetch: {allow_networks: [127.0.0.0/8]}\n")

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["discover", *arguments, "-c", str(config)])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def urls(said: str) -> list[str]:
    return [feed["url"] for feed in yaml.safe_load(said)]


def test_declared_feeds_are_read_and_named_as_lines_for_the_configuration(
    site: tuple[str, Site], discover: Command
) -> None:
    base, pages = site
    pages[
        "/"
    ] = b"""<html><head><base href="/deep/"><LINK rel="alternate nofollow" type="application/rss+xml; charset=utf-8" href="../rss">
        <link rel=alternate type="application/atom+xml" href=atom><link rel=alternate type=application/rss+xml href=/gone>
        <link rel=alternate hreflang=de href=/de><link rel=alternate type=application/rss+xml href="javascript:x"></head><a href=/feed>x</a>"""
    pages |= {"/rss": RSS, "/deep/atom": ATOM, "/feed": RSS}
    code, out, _ = discover(base)
    assert code == 0
    assert urls(out) == [f"{base}/rss", f"{base}/deep/atom"]
    assert "# 1 entry, the newest of 5 March 2026" in out
    assert yaml.safe_load(out)[1]["name"] == "All “news”"
    found = json.loads(discover(base, "--json")[1])
    assert [(feed["title"], feed["entries"]) for feed in found] == [("Herald", 1), ("All “news”", 1)]


def test_without_declarations_links_and_the_usual_places_are_tried(site: tuple[str, Site], discover: Command) -> None:
    base, pages = site
    pages |= {
        "/news/": b"<a href='/our/rss/world'>Feed</a><a href='/federal/'>no</a>",
        "/our/rss/world": RSS,
        "/news/feed": ATOM,
    }
    assert urls(discover(f"{base}/news/")[1]) == [f"{base}/our/rss/world", f"{base}/news/feed"]


def test_the_address_of_a_feed_is_its_own_answer_and_redirects_are_named_once(
    site: tuple[str, Site], discover: Command
) -> None:
    base, pages = site
    pages |= {"/new": RSS, "/old": b"REDIRECT /new"}
    assert urls(discover(f"{base}/old")[1]) == [f"{base}/new"]
    pages["/"] = (
        b"<link rel=alternate type=application/rss+xml href=/old><link rel=alternate type=application/rss+xml href=/new>"
    )
    assert urls(discover(base)[1]) == [f"{base}/new"]


def test_a_site_without_feeds_and_one_that_is_not_there_are_told_in_a_sentence(
    site: tuple[str, Site], discover: Command
) -> None:
    base, pages = site
    pages["/"] = b"<html><p>Nothing here.</html>"
    assert discover(base)[::2] == (
        1, f"No feed was found at {base}; look on the site for “RSS”, or ask a search engine for its feed.\n",
    )  # fmt: skip
    code, _, err = discover(f"{base}/nowhere")
    assert code == 1
    assert "cannot be fetched" in err


def test_a_private_address_is_refused_unless_it_is_allowed(
    site: tuple[str, Site], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """H28."""
    (tmp_path / "strict.yaml").write_text("fetch: {}\n")
    assert run(["discover", site[0], "-c", str(tmp_path / "strict.yaml")]) == 1
    assert "private address" in capsys.readouterr().err


@given(st.binary(max_size=500) | st.text(max_size=500).map(lambda text: text.encode("utf-8", "replace")))
def test_no_page_breaks_the_search(body: bytes) -> None:
    for found in (links.declared(body, "https://x.example/"), links.linked(body, "https://x.example/")):
        assert all(url.startswith(("http://", "https://")) for url in found)


def test_the_usual_places_lie_beside_the_page_and_at_the_root() -> None:
    assert links.usual("https://x.example/blog/post")[0] == "https://x.example/blog/feed"
    assert "https://x.example/feed" in links.usual("https://x.example/blog/post")
    assert links.usual("https://x.example")[0] == "https://x.example/feed"


def test_the_configured_feeds_go_out_as_opml_and_come_in_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "monitor.yaml"
    storylines = "storylines: [{id: dam, title: Dam, terms: [dam]}]\n"
    config.write_text(
        storylines + 'feeds: [{url: "https://a.example/rss?x=1&y=2", name: "A & B"}, https://c.example/feed]\n'
    )
    assert run(["feeds", "--opml", "-c", str(config)]) == 0
    (tmp_path / "feeds.opml").write_text(capsys.readouterr().out)
    before = [(feed.url, feed.name) for feed in load(config).feeds]
    config.write_text(storylines + "feeds: [{opml: feeds.opml}]\n")
    assert [(feed.url, feed.name if feed.name != feed.url else "") for feed in load(config).feeds] == before
