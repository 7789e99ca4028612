"""Apprise against real servers: on loopback, and under the names of Slack, Discord, Telegram and Teams with certificates of our own."""

from __future__ import annotations

import io
import json
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest
import trustme

from monitor.alerts.channels import AppriseSettings, open_channel, policy, targets
from monitor.alerts.channels.apprise import harmless, open_service
from monitor.config import load
from monitor.errors import ConfigError, DeliveryError
from monitor.model import Alert, AlertKind, Chapter, Delivery, Link, Reply, Severity, Told
from monitor.secret import Secret
from tests.alerts.samples import NOON, make_alert, make_delivery

HOSTS = ("hooks.slack.com", "discord.com", "api.telegram.org", "prod.logic.azure.example")
TRAP = "<!channel> @everyone [free money](https://evil.example/x) `x` <http://evil.example|bank> <@U123>"


class Service:
    """Answers as it is told, and remembers what it was sent."""

    def __init__(self, folder: Path) -> None:
        self.posts: list[tuple[str, str]] = []
        self.status, self.body = 200, b'{"ok": true}'
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                service.posts.append((self.path, body))
                self.send_response(service.status)
                self.send_header("Content-Length", str(len(service.body)))
                self.end_headers()
                self.wfile.write(service.body)

            do_PUT = do_POST  # noqa: N815

            def log_message(self, format: str, *args: object) -> None: ...

        self._plain, self._tls = (ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(2))
        authority = trustme.CA()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(*HOSTS).configure_cert(context)
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        self._tls.socket = context.wrap_socket(self._tls.socket, server_side=True)
        self.port, self.tls_port = (server.server_address[1] for server in (self._plain, self._tls))
        self._threads = [threading.Thread(target=s.serve_forever, args=(0.02,)) for s in (self._plain, self._tls)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        for server, thread in zip((self._plain, self._tls), self._threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()

    @property
    def text(self) -> str:
        """All that came, without JSON's and the forms' escapes."""
        return "\n".join(
            json.dumps(json.loads(body), ensure_ascii=False) if body[:1] in "{[" else unquote_plus(body)
            for _, body in self.posts
        )


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    served = Service(tmp_path)
    resolve = socket.getaddrinfo

    def to_us(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        return (
            resolve("127.0.0.1", served.tls_port, *args, **kwargs)
            if host in HOSTS
            else resolve(host, port, *args, **kwargs)
        )

    monkeypatch.setattr(socket, "getaddrinfo", to_us)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    yield served
    served.close()


def nowhere(_url: str, _body: bytes, _headers: Any) -> Reply:
    raise AssertionError("Apprise makes its own connections")


Send = Callable[..., list[str]]


@pytest.fixture
def send(service: Service) -> Send:
    """Send an alert to an address; the transcript."""

    def sending(url: str | Secret, alert: Alert | None = None) -> list[str]:
        settings = AppriseSettings(
            type="apprise", urls={"desk": url.format(port=service.port) if isinstance(url, str) else url}
        )
        told: list[str] = []
        if str(url).startswith("slack"):
            service.body = b"ok"
        delivery = make_delivery(channel="desk", target="desk")
        open_channel(settings, nowhere).send(alert or make_alert(), delivery, told.append)
        return told

    return sending


ADDRESSES = [
    "json://127.0.0.1:{port}/news",
    "form://127.0.0.1:{port}/news",
    "xml://127.0.0.1:{port}/news",
    "ntfy://127.0.0.1:{port}/news",
    "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general",
    "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
    "tgram://123456789:abcdefg_hijklmnop/12315544",
    "workflows://prod.logic.azure.example:443/643e7bfc2bd24bd0/ZmFrZXNpZ25hdHVyZQ",
]  # fmt: skip


@pytest.mark.parametrize("url", ADDRESSES, ids=lambda url: url.partition(":")[0])
def test_every_service_is_told_what_happened_and_where_to_read_it(url: str, service: Service, send: Send) -> None:
    transcript = send(url)
    assert "Two valleys below the Orla dam are evacuated" in service.text
    assert "https://herald.example/orla" in service.text.replace("\\", "")
    assert transcript[-1] == "< taken"


@pytest.mark.parametrize("url", ADDRESSES, ids=lambda url: url.partition(":")[0])
def test_no_headline_calls_anybody_or_forges_a_link(url: str, service: Service, send: Send) -> None:
    """T11."""
    send(url, make_alert(title=TRAP, summary=TRAP))
    for trap in ("<!channel>", "@everyone", "](https://evil.example", "<http://evil.example|bank>", "<@U123>"):
        assert trap not in service.text


def test_traps_are_told_with_a_joiner_that_nobody_sees() -> None:
    assert harmless(TRAP).replace("\u2060", "").replace("\u02cb", "`") == TRAP
    assert harmless("a plain headline, 3 < 4") == "a plain headline, 3 <\u2060 4"


def test_a_digest_fits_a_small_screen(service: Service, send: Send) -> None:
    told = tuple(
        Told(alert=f"a{n}", kind=AlertKind.NEW, severity=Severity.NORMAL, title=f"Event {n}", outlets=("Herald",), at=NOON,
             report=Link(outlet="Herald", title="", url=f"https://herald.example/{n}", published=NOON))
        for n in range(200)
    )  # fmt: skip
    send(ADDRESSES[0], make_alert(kind=AlertKind.DIGEST, chapters=(Chapter(storyline="s", title="Dam", told=told),)))
    assert "Event 7 (Herald)" in service.text
    assert len(json.loads(service.posts[0][1])["message"]) < 2_000


@pytest.mark.parametrize(
    ("status", "verdict"), [(500, "retry"), (429, "retry"), (404, "retry"), (401, "pause"), (403, "pause")]
)
@pytest.mark.parametrize("url", [ADDRESSES[0], ADDRESSES[5]], ids=["json", "discord"])
def test_what_a_service_answers_decides_what_follows(
    url: str, status: int, verdict: str, service: Service, send: Send
) -> None:
    """D6, D15, D16."""
    service.status, service.body = status, b"{}"
    with pytest.raises(DeliveryError) as caught:
        send(url)
    assert caught.value.verdict == verdict
    assert str(status) in str(caught.value)


def test_a_service_is_tried_once_each_time(service: Service, send: Send) -> None:
    """The retries are ours."""
    service.status = 500
    with pytest.raises(DeliveryError):
        send(ADDRESSES[0])
    assert len(service.posts) == 1


def test_a_service_that_is_not_there_is_tried_again(send: Send) -> None:
    with pytest.raises(DeliveryError) as caught:
        send("json://127.0.0.1:1/")
    assert caught.value.verdict == "retry"


def test_the_tokens_of_an_address_are_told_to_nobody(
    service: Service, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Secrets: not in the transcript, not in an error."""
    monkeypatch.setenv("CANARY_URL", "discord://4174216298/CANARYi8qBe7bk2ZwO5U711o3dV_js")
    assert "CANARY" not in " ".join(send(Secret(env="CANARY_URL")))
    service.status = 500
    with pytest.raises(DeliveryError) as caught:
        send(Secret(env="CANARY_URL"))
    assert "CANARY" not in str(caught.value)


def test_a_missing_secret_rests_the_channel(send: Send) -> None:
    with pytest.raises(DeliveryError) as caught:
        send(Secret(env="NOT_SET_AT_ALL"))
    assert caught.value.verdict == "pause"


def test_each_receiver_has_deliveries_of_its_own_under_a_name_that_is_no_secret() -> None:
    settings = AppriseSettings(type="apprise", urls={"phone": "ntfy://x", "desk": "ntfy://y"})
    assert targets(settings) == ("phone", "desk")
    assert policy(settings).limit == 30


def test_a_wrong_address_is_told_with_its_line_and_not_repeated(tmp_path: Path) -> None:
    config = tmp_path / "monitor.yaml"
    config.write_text(
        """storylines: [{id: dam, title: Dam, terms: [dam]}]
feeds: [https://feed.example/rss]
channels:
  chat:
    type: apprise
    urls:
      phone: ntfy://topic
      desk: slak://SECRET/token
"""
    )
    with pytest.raises(ConfigError) as caught:
        load(config)
    (problem,) = caught.value.problems
    assert problem.line == 8
    assert "the address of `desk`" in problem.message
    assert "SECRET" not in problem.message


def test_a_part_of_an_address_that_cannot_be_used_never_reaches_the_log() -> None:
    """C16: Apprise names the token that it does not like, which is no secret that could be masked by its name."""
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger().addHandler(handler)
    assert open_service("slack://SECRET-token/B/C") is None
    assert open_service("slak://SECRET-token/B/C") is None
    logging.getLogger().warning("still heard")
    logging.getLogger().removeHandler(handler)
    assert log.getvalue() == "still heard\n"


def test_a_delivery_to_a_name_that_is_no_more_rests(service: Service) -> None:
    settings = AppriseSettings(type="apprise", urls={"desk": f"json://127.0.0.1:{service.port}/"})
    gone: Delivery = make_delivery(channel="desk", target="phone")
    with pytest.raises(DeliveryError):
        open_channel(settings, nowhere).send(make_alert(), gone, lambda _line: None)
