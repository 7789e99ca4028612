"""One way out to the web: every use of sockets and HTTP in the package is listed here, with the reason why it is not the gate."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
NETWORK = {
    "aiohttp", "apprise", "asyncio", "dns", "flask", "ftplib", "http", "httpx", "imaplib", "nntplib", "poplib", "psycopg", "requests", "smtplib", "socket",
    "socketserver", "ssl", "telnetlib", "urllib.request", "urllib3", "waitress", "websockets", "werkzeug", "xmlrpc",
}  # fmt: skip
THE_GATE = {
    "monitor/feeds/head.py": {"http"},
    "monitor/feeds/fetch.py": {"http", "requests", "ssl", "urllib3"},
    "monitor/feeds/proxied.py": {"requests", "urllib3"},
    "monitor/feeds/wire.py": {"socket", "ssl", "urllib3"},
}
OTHERS = {
    "monitor/alerts/channels/apprise.py": {"apprise"},  # it connects by itself, to services that the user named
    "monitor/alerts/channels/email.py": {"smtplib", "ssl"},  # mail is no HTTP
    "monitor/alerts/channels/smtp.py": {"smtplib", "socket"},
    "monitor/demo/__init__.py": {"http", "socket"},  # serves the example's feeds on loopback
    "monitor/doctor/finding.py": {"ssl"},  # names the errors of TLS
    "monitor/doctor/lookup.py": {"dns"},  # reads what a domain publishes for its mail
    "monitor/doctor/web.py": {"socket", "ssl"},  # looks at a receiver's port and certificate, sends nothing
    "monitor/engine.py": {"asyncio", "psycopg"},  # the queue, in the database of the store
    "monitor/feeds/child.py": {"socket"},  # a pair, between the two of them
    "monitor/feeds/children.py": {"socket"},
    "monitor/store/postgresql.py": {"psycopg"},  # where the configuration says the store is
    "monitor/systemd.py": {"socket"},  # a datagram to the service manager
    "monitor/serve.py": {"waitress"},  # what is served, not fetched
    "monitor/web/adding.py": {"flask", "werkzeug"},
    "monitor/web/app.py": {"flask", "werkzeug"},
    "monitor/web/article.py": {"flask", "werkzeug"},
    "monitor/web/by_hand.py": {"flask", "werkzeug"},
    "monitor/web/deliveries.py": {"flask", "werkzeug"},
    "monitor/web/feeds.py": {"flask", "werkzeug"},
    "monitor/web/guard.py": {"flask", "werkzeug"},
    "monitor/web/live.py": {"flask"},
    "monitor/web/reports.py": {"flask", "werkzeug"},
    "monitor/web/story.py": {"flask"},
    "monitor/web/wishes.py": {"flask", "werkzeug"},
    "monitor/web/links.py": {"flask"},
    "monitor/web/login.py": {"flask", "werkzeug"},
    "monitor/web/shown.py": {"flask"},
    "monitor/web/stories.py": {"flask"},
    "monitor/web/tries.py": {"flask", "werkzeug"},
    "monitor/web/health.py": {"flask"},
    "monitor/web/metrics.py": {"flask"},
    "monitor/web/websub.py": {"flask"},
}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
            "__import__",
            "import_module",
        ):
            yield from (str(argument.value) for argument in node.args if isinstance(argument, ast.Constant))


def network(path: Path) -> set[str]:
    return {known for name in imported(path) for known in NETWORK if f"{name}.".startswith(f"{known}.")}


def test_nothing_but_the_gate_reaches_the_web() -> None:
    """Faults 1: a second fetch path was the hole in others. A new line here needs a reason beside it."""
    found = {str(path.relative_to(ROOT)): network(path) for path in sorted((ROOT / "monitor").rglob("*.py"))}
    assert {path: uses for path, uses in found.items() if uses} == THE_GATE | OTHERS


def test_nobody_makes_a_session_and_only_the_gate_connects() -> None:
    """What the listed modules do with those names: no `requests.get`, no `create_connection` elsewhere."""
    calls = {
        (str(path.relative_to(ROOT)), name)
        for path in (ROOT / "monitor").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and (name := getattr(node.func, "attr", ""))
        in ("Session", "urlopen", "create_connection", "connect", "getaddrinfo")
    }
    assert calls == {
        ("monitor/engine.py", "connect"),  # to the database
        ("monitor/feeds/wire.py", "connect"),
        ("monitor/feeds/wire.py", "urlopen"),  # of a pool of guarded connections
        ("monitor/feeds/wire.py", "getaddrinfo"),  # reads numbers, asks nobody
        ("monitor/doctor/web.py", "create_connection"),
        ("monitor/doctor/web.py", "getaddrinfo"),
        ("monitor/store/__init__.py", "connect"),  # to the database
        ("monitor/store/file.py", "connect"),
        ("monitor/store/postgresql.py", "connect"),
        ("monitor/store/sqlite.py", "connect"),  # where the configuration says the store is
        ("monitor/store/writer.py", "connect"),
        ("monitor/systemd.py", "connect"),
    }, calls
