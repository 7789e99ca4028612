"""A hub tells of a feed's changes as they happen: a real hub over TLS, the real daemon, and what strangers try."""

from __future__ import annotations

import hashlib
import hmac
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import requests
import trustme

from monitor.alerts.channels import ConsoleSettings
from monitor.config import Config
from monitor.daemon import Daemon
from monitor.feeds.settings import FetchSettings
from monitor.model import Feed, FeedState, Storyline, Subscription, Terms
from monitor.serve import WebSettings
from monitor.store import Store, feeds, stories, subscriptions
from monitor.web import app
from tests.end_to_end.world import free_port, serving

FERRY = Storyline(id="ferry", title="The Tarn ferry", terms=Terms(any=("Tarn ferry",)), channels=("console",))


@dataclass
class Hub:
    """Verifies each subscription as it is asked for it, and remembers what it was told."""

    url: str = ""
    forms: list[dict[str, str]] = field(default_factory=list)
    verified: list[int] = field(default_factory=list)
    lease: str = "86400"
    status: int = 202

    def verify(self, form: dict[str, str]) -> None:
        asked = {"hub.mode": "subscribe", "hub.topic": form["hub.topic"], "hub.challenge": "ch-1"}
        answer = requests.get(form["hub.callback"], params=asked | {"hub.lease_seconds": self.lease}, timeout=5)
        self.verified.append(answer.status_code if answer.text == "ch-1" else 0)

    def push(self, body: bytes, *, form: int = -1, secret: str | None = None, method: str = "sha256") -> int:
        told = self.forms[form]
        key = told.get("hub.secret", "") if secret is None else secret
        signature = f"{method}={hmac.new(key.encode(), body, method).hexdigest()}"
        headers = {"X-Hub-Signature": signature, "Content-Type": "application/rss+xml"}
        return requests.post(told["hub.callback"], data=body, headers=headers, timeout=60).status_code


def handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            hub.forms.append(form)
            if hub.status == 202:
                hub.verify(form)  # within the request, as some hubs do
            self.send_response(hub.status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    return Handler


@contextmanager
def over_tls(made: type[BaseHTTPRequestHandler], folder: Path) -> Iterator[int]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), made)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def document(*titles: str) -> bytes:
    items = "".join(f"<item><title>{title}</title><guid>{title}</guid></item>" for title in titles)
    return f"<rss version='2.0'><channel><title>Herald</title>{items}</channel></rss>".encode()


@dataclass
class World:
    hub: Hub
    store: Store
    daemon: Daemon
    url: str
    polls: list[str]

    def subscription(self) -> Subscription:
        with self.store.read() as tx:
            (found,) = subscriptions.everything(tx).values()
        return found

    def state(self) -> FeedState:
        with self.store.read() as tx:
            state = feeds.one(tx, self.url)
        assert state is not None
        return state

    def told(self) -> list[str]:
        with self.store.read() as tx:
            return [development.title for development in stories.of_storyline(tx, "ferry") if development.alerted]

    def until(self, what: Callable[[], object]) -> None:
        deadline = time.monotonic() + 20
        while not what():
            assert time.monotonic() < deadline, "it did not happen"
            time.sleep(0.02)


@pytest.fixture(params=["https", "http"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def world(tmp_path: Path, scheme: str) -> Iterator[World]:
    hub, polls, port = Hub(), [], free_port()

    class Herald(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            polls.append(self.path)
            self.send_response(200)
            self.send_header("Link", f'<{hub.url}>; rel="hub", <http://{self.headers["Host"]}/feed>; rel="self"')
            self.end_headers()
            self.wfile.write(document("Harbour fair opens on Sunday"))

        def log_message(self, format: str, *args: object) -> None: ...

    hubs = over_tls(handler(hub), tmp_path) if scheme == "https" else serving(handler(hub))
    with serving(Herald) as feeds_port, hubs as hub_port:
        hub.url = f"{scheme}://localhost:{hub_port}/"
        ca_file = str(tmp_path / "ca.pem") if scheme == "https" else ""
        url = f"http://127.0.0.1:{feeds_port}/feed"
        config = Config(
            source=tmp_path / "monitor.yaml",
            store=f"sqlite:///{tmp_path}/monitor.db",
            feeds=(Feed(url=url, name="herald"),),
            storylines=(FERRY,),
            channels={"console": ConsoleSettings(type="console")},
            fetch=FetchSettings(allow_networks=("127.0.0.0/8",), ca_file=ca_file),
            web=WebSettings(base_url=f"http://127.0.0.1:{port}", listen=f"127.0.0.1:{port}"),
        )
        store = Store.open(config.store)
        daemon = Daemon(config, store, page=app.of)
        daemon.start()
        made = World(hub, store, daemon, url, polls)
        made.until(lambda: polls)
        made.until(lambda: not daemon.polls.under_way)
        yield made
        daemon.stop()
        store.close()


only_https = pytest.mark.parametrize("scheme", ["https"], indirect=True)
only_http = pytest.mark.parametrize("scheme", ["http"], indirect=True)


def test_a_hub_is_asked_once_verifies_and_is_asked_again_before_its_lease_ends(world: World) -> None:
    world.daemon._subscribe()
    world.daemon._subscribe()
    assert world.hub.verified == [200]
    (form,) = world.hub.forms
    assert (form["hub.mode"], form["hub.topic"]) == ("subscribe", world.url)
    assert ("hub.secret" in form) is world.hub.url.startswith("https")
    lease_until = world.subscription().lease_until
    assert lease_until is not None
    assert timedelta(hours=23) < lease_until - datetime.now(UTC) <= timedelta(hours=24)
    due = replace(world.subscription(), ask_at=datetime.now(UTC))
    world.store.write(lambda tx: subscriptions.save(tx, due))
    world.daemon._subscribe()
    assert world.hub.verified == [200, 200]
    assert world.hub.forms[1]["hub.callback"] == form["hub.callback"]


@only_https
def test_what_the_hub_signs_is_told_at_once_without_a_poll(world: World) -> None:
    world.daemon._subscribe()
    assert world.hub.push(document("Union calls strike at Tarn ferry"), method="sha1") == 202
    world.until(world.told)
    assert world.told() == ["Union calls strike at Tarn ferry"]
    assert world.polls == ["/feed"]
    assert (world.state().arrived, world.state().failures) == (1, 0)
    assert world.hub.push(b"<html>no feed</html>") == 202
    assert world.hub.push(document("Tarn ferry sinks, forty rescued")) == 202
    world.until(lambda: world.state().arrived == 2)
    assert world.state().failures == 0


@only_https
@pytest.mark.parametrize("signature", ["sha256=00", "md5=0cc175b9c0f1b6a831c399e269772661", "", "sha256=ü"])
def test_what_nobody_signed_is_ignored_without_a_word(world: World, signature: str) -> None:
    world.daemon._subscribe()
    headers = {"X-Hub-Signature": signature.encode()}
    answer = requests.post(
        world.hub.forms[0]["hub.callback"], data=document("Tarn ferry hijacked"), headers=headers, timeout=5
    )
    assert (answer.status_code, answer.content) == (202, b"")
    time.sleep(0.3)
    assert world.told() == []


@only_http
def test_a_hub_that_could_not_be_told_a_secret_only_has_the_feed_looked_at(world: World) -> None:
    """Anybody on the way may have read the address: what comes by it is not believed, and the feed is asked itself."""
    world.daemon._subscribe()
    assert world.state().next_poll_at > datetime.now(UTC) + timedelta(minutes=10)
    assert world.hub.push(document("Tarn ferry hijacked"), secret="") == 202
    world.until(lambda: world.state().next_poll_at < datetime.now(UTC) + timedelta(minutes=1.1))
    assert world.told() == []


@only_http
def test_a_verification_that_nobody_asked_for_is_refused(world: World) -> None:
    world.daemon._subscribe()
    callback = world.hub.forms[0]["hub.callback"]
    topic = world.hub.forms[0]["hub.topic"]
    asked = {"hub.mode": "subscribe", "hub.topic": topic, "hub.challenge": "x"}
    for wrong in (
        asked,  # it was verified already
        asked | {"hub.mode": "unsubscribe"},
        asked | {"hub.topic": "https://other.example/"},
        {"hub.mode": "subscribe"},
        {},
    ):
        assert requests.get(callback, params=wrong, timeout=5).status_code == 404
    assert requests.get(callback + "x", params=asked, timeout=5).status_code == 404
    assert requests.post(callback + "x", data=b"x", timeout=5).status_code == 410


@only_http
def test_a_lease_that_is_over_and_a_hub_that_refuses_bring_nothing_more(world: World) -> None:
    world.daemon._subscribe()
    over = replace(world.subscription(), lease_until=datetime.now(UTC))
    world.store.write(lambda tx: subscriptions.save(tx, over))
    assert world.hub.push(document("Tarn ferry hijacked"), secret="") == 410
    denied = {"hub.mode": "denied", "hub.topic": world.hub.forms[0]["hub.topic"], "hub.reason": "<script>"}
    assert requests.get(world.hub.forms[0]["hub.callback"], params=denied, timeout=5).text == ""
    assert world.subscription().error == "The hub refuses."


@only_http
def test_a_hub_that_fails_is_asked_later_each_time(world: World) -> None:
    world.hub.status = 500
    waits = []
    for _ in range(3):
        world.daemon._subscribe()
        waits.append(round((world.subscription().ask_at - datetime.now(UTC)) / timedelta(hours=1)))
        due = replace(world.subscription(), ask_at=datetime.now(UTC))
        world.store.write(lambda tx, due=due: subscriptions.save(tx, due))  # type: ignore[misc]
    assert waits == [1, 2, 4]
    assert world.subscription().error == "The hub answered with 500."
    assert world.subscription().lease_until is None


@only_https
def test_what_cannot_be_kept_just_now_is_to_be_brought_again(world: World) -> None:
    """S3."""
    world.daemon._subscribe()
    world.store.write(lambda tx: tx.exec_driver_sql("PRAGMA max_page_count=1"))
    assert world.hub.push(document(*(f"Tarn ferry sinks {'x' * 900} {n}" for n in range(40)))) == 503
    assert world.hub.push(b"x" * 6_000_000) == 413


def test_signatures_are_those_of_the_recommendation() -> None:
    from monitor.feeds.websub import is_signed

    known = Subscription(feed="f", hub="h", topic="t", token="k", secret="Jefe", ask_at=datetime.now(UTC))
    body = b"what do ya want for nothing?"  # RFC 2202 and RFC 4231, case 2
    assert is_signed(known, "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", body)
    told = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert is_signed(known, told, body)
    assert is_signed(known, told.upper().replace("SHA", "sha"), body)
    assert not is_signed(known, told, body + b".")
    assert not is_signed(replace(known, secret=""), f"sha256={hashlib.sha256(body).hexdigest()}", body)
