"""Feeds on loopback for the benchmarks: nginx where it is installed, else a server of Python's; both with ETags and 304."""

from __future__ import annotations

import hashlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ENTRIES = 30
_NGINX = """daemon off; pid {folder}/nginx.pid; error_log /dev/null; worker_processes 1;
events {{ worker_connections 1024; }}
http {{ access_log off; types {{ application/rss+xml xml; }} client_body_temp_path {folder}; proxy_temp_path {folder};
fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
server {{ listen {address}:{port}; root {folder}; etag on; }} }}
"""
_WORDS = [
    "government",
    "minister",
    "police",
    "court",
    "strike",
    "election",
    "budget",
    "report",
    "storm",
    "hospital",
    "company",
    "market",
    "bank",
    "school",
    "city",
    "river",
    "bridge",
    "train",
    "ferry",
    "harbour",
    "union",
    "worker",
    "farmer",
    "doctor",
    "judge",
    "army",
    "border",
    "refugee",
    "treaty",
    "summit",
    "visit",
    "attack",
    "rescue",
    "fire",
    "flood",
    "drought",
    "harvest",
    "price",
    "energy",
    "power",
    "plant",
    "mine",
    "oil",
    "gas",
    "climate",
    "science",
    "study",
    "space",
    "launch",
    "rocket",
    "satellite",
    "network",
    "data",
    "law",
    "vote",
    "party",
    "leader",
    "opposition",
]


def document(number: int, entries: int, chance: random.Random, *, first: int = 0) -> str:
    """An RSS feed of made-up news, some 400 bytes an entry."""
    items = []
    for n in range(first, first + entries):
        title = " ".join(chance.choices(_WORDS, k=9)).capitalize()
        text = " ".join(chance.choices(_WORDS, k=40))
        items.append(item(number, n, title, text, f"Tue, 05 Mar 2024 {n % 24:02d}:00:00 GMT"))
    return rss(number, items)


def rss(number: int, items: Iterable[str], language: str = "") -> str:
    """An RSS feed of these items."""
    spoken = f"<language>{language}</language>" if language else ""
    return f"<?xml version='1.0' encoding='utf-8'?><rss version='2.0'><channel><title>News {number}</title>{spoken}{''.join(items)}</channel></rss>"


def item(number: int, n: int, title: str, text: str, published: str) -> str:
    """The n-th item of a feed."""
    return (
        f"<item><title>{escape(title)}</title><link>https://news{number}.example/{n}</link><guid>{number}-{n}</guid>"
        f"<pubDate>{published}</pubDate><description>{escape(text)}</description></item>"
    )


def write_feeds(folder: Path, count: int) -> list[str]:
    """Write `count` feeds into `folder`; their paths."""
    chance = random.Random(1)
    for number in range(count):
        (folder / f"{number}.xml").write_text(document(number, ENTRIES, chance))
    return [f"{number}.xml" for number in range(count)]


@contextmanager
def serving_folder(folder: Path, *, everywhere: bool = False) -> Iterator[tuple[int, str]]:
    """Serve what is in `folder`, `everywhere` at each address of loopback; the port, and by what."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    address = "0.0.0.0" if everywhere else "127.0.0.1"
    if shutil.which("nginx"):
        own = Path(tempfile.mkdtemp())
        (own / "nginx.conf").write_text(_NGINX.format(folder=folder, port=port, address=address))
        command, name = ["nginx", "-c", str(own / "nginx.conf"), "-p", str(own)], "nginx"
    else:
        command, name = (
            [sys.executable, "-m", "benchmarks.speed.web", str(folder), address, str(port)],
            "Python's http.server",
        )
    with subprocess.Popen(command) as server:
        _wait_for(port)
        try:
            yield port, name
        finally:
            server.terminate()


def answer(handler: BaseHTTPRequestHandler, body: bytes, tag: str, *, same: bool) -> None:
    """Send a feed, or that it is the same as before."""
    body = b"" if same else body
    handler.send_response(304 if same else 200)
    handler.send_header("ETag", tag)
    handler.send_header("Content-Type", "application/rss+xml")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the server of the feeds did not start")


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = Path(self.translate_path(self.path)).read_bytes()
        etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
        answer(self, body, etag, same=self.headers.get("If-None-Match") == etag)

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002


if __name__ == "__main__":
    import functools

    ThreadingHTTPServer(
        (sys.argv[2], int(sys.argv[3])), functools.partial(_Handler, directory=sys.argv[1])
    ).serve_forever()
