"""What is found on a receiver of posts: a real one, in TLS or not."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from monitor.alerts.channels import AlertmanagerSettings, WebhookSettings
from monitor.doctor import Finding, Level, web
from monitor.feeds.settings import FetchSettings
from monitor.secret import Secret

NOW = datetime.now(UTC)
HOME = ("127.0.0.0/8", "::1/128")
SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Receiver:
    """A server for `localhost` in TLS that keeps what it hears, and says nothing."""

    def __init__(self, ca_file: Path) -> None:
        authority = trustme.CA()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost").configure_cert(context)
        authority.cert_pem.write_to_path(str(ca_file))
        self.heard = b""
        self.fetch = FetchSettings(allow_networks=HOME, ca_file=str(ca_file))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, args=(context,))
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self, context: ssl.SSLContext) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.settimeout(10)
                with connection, suppress(OSError), context.wrap_socket(connection, server_side=True) as inside:
                    self.heard += inside.recv(1)


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    made = Receiver(tmp_path / "ca.pem")
    yield made
    made.close()


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.secret._revealed", set())
    monkeypatch.setenv("HOOK_SECRET", SIGNING)


def found_on(url: str | Secret, fetch: FetchSettings) -> list[Finding]:
    hook = WebhookSettings(type="webhook", url=url, secret=Secret(env="HOOK_SECRET"))
    return list(web.receiver("hook", hook, fetch, NOW))


def test_a_receiver_is_reached_its_certificate_and_the_secret_are_looked_at_and_nothing_is_posted(
    receiver: Receiver,
) -> None:
    found = found_on(f"https://localhost:{receiver.port}/x", receiver.fetch)
    assert [finding.level for finding in found] == [Level.OK] * 3
    assert "Posts can be signed" in found[0].said
    assert "by trustme" in found[1].said
    assert "nothing was posted" in found[2].said
    assert receiver.heard == b""
    assert not any(SIGNING in finding.said for finding in found)


@pytest.mark.parametrize("addresses", [["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"]])
def test_any_address_that_answers_will_do(addresses: list[str], receiver: Receiver) -> None:
    """A host with an address of each kind is well on a network that has but one of them."""
    with web._connected(addresses, receiver.port) as connection:
        assert connection.getpeername()[0] == "127.0.0.1"


@pytest.mark.parametrize(
    ("url", "allowed", "words"),
    [
        ("https://localhost:{port}/x", (), "private address"),
        ("https://127.0.0.1:1/", HOME, "cannot be reached at port 1"),
        ("https://nowhere.invalid/", HOME, "cannot be reached"),
        ("https://" + "x" * 70 + ".example/", HOME, "cannot be reached"),
        ("https://localhost:{port}/x", HOME, "certificate that cannot be trusted"),
    ],
)
def test_a_receiver_that_may_not_or_cannot_be_reached_or_trusted_is_a_problem(
    url: str, allowed: tuple[str, ...], words: str, receiver: Receiver
) -> None:
    """H28, D5"""
    *_, finding = found_on(url.format(port=receiver.port), FetchSettings(allow_networks=allowed))
    assert (finding.level, words in finding.said) == (Level.PROBLEM, True)
    assert receiver.heard == b""


def test_a_receiver_that_speaks_no_tls_is_a_problem() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        *_, finding = found_on(url, FetchSettings(allow_networks=HOME))
        thread.join()
    assert (finding.level, "does not speak TLS" in finding.said) == (Level.PROBLEM, True)


def test_posts_in_the_clear_are_a_warning_outside_of_ones_own_network() -> None:
    (finding,) = web.unencrypted("hook", "hooks.example", "8.8.8.8")
    assert (finding.level, "in the clear" in finding.said) == (Level.WARNING, True)
    assert list(web.unencrypted("hook", "hooks.lan", "192.168.1.7")) == []


def test_a_receiver_inside_the_network_may_do_without_tls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = found_on(f"http://127.0.0.1:{listener.getsockname()[1]}/", FetchSettings(allow_networks=HOME))
    assert [finding.level for finding in found] == [Level.OK, Level.OK]


def test_a_secret_that_signs_nothing_is_a_problem(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", "whsec_canary")
    first, *_ = found_on(f"https://localhost:{receiver.port}/x", receiver.fetch)
    assert (first.level, "is not a signing secret" in first.said) == (Level.PROBLEM, True)
    assert "canary" not in first.said


def test_an_address_that_is_a_secret_is_told_by_its_host_alone(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C16"""
    monkeypatch.setenv("HOOK_URL", f"https://user:canary@localhost:{receiver.port}/canary?key=canary")
    found = found_on(Secret(env="HOOK_URL"), receiver.fetch)
    assert [finding.level for finding in found] == [Level.OK] * 3
    assert not any("canary" in finding.said for finding in found)
    (finding,) = web.receiver(
        "ops", AlertmanagerSettings(type="alertmanager", url=Secret(env="NO_SUCH_URL")), receiver.fetch, NOW
    )
    assert (finding.level, finding.said.startswith("The environment variable NO_SUCH_URL is not set")) == (
        Level.PROBLEM, True,
    )  # fmt: skip
