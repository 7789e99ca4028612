"""The gate against servers as they are out there (faults H)."""

from __future__ import annotations

import gzip
import socket
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import FeedError
from monitor.feeds import fetch, head
from monitor.feeds.address import Policy
from monitor.feeds.fetch import GateError
from monitor.model import Feed
from monitor.secret import Secret
from tests.feeds.conftest import RSS, MakeGate, Serve, feed, http


def failure(gate: MakeGate, url: str, **settings: object) -> FeedError:
    with pytest.raises(FeedError) as caught:
        gate(**settings).fetch(*feed(url))
    return caught.value


def test_a_feed_is_fetched_with_its_validators_and_an_honest_name(serve: Serve, gate: MakeGate) -> None:
    """H15: ETag and Last-Modified go back byte for byte."""
    server = serve(http(RSS, "200 OK", 'ETag: W/"odd"', "Last-Modified: not a date"))
    asked, state = feed(server.url)
    response = gate(contact="https://desk.example").fetch(
        asked, replace(state, etag='W/"odd"', last_modified="not a date")
    )
    assert response.body == RSS
    assert response.headers["etag"] == 'W/"odd"'
    (request,) = server.requests
    assert b'If-None-Match: W/"odd"\r\n' in request
    assert b"If-Modified-Since: not a date\r\n" in request
    assert b"+https://desk.example)" in request
    assert b"Cookie" not in request


def test_a_header_of_the_users_own_takes_the_place_of_ours_however_it_is_written(serve: Serve, gate: MakeGate) -> None:
    server = serve(http(RSS))
    asked, state = feed(server.url)
    gate().fetch(replace(asked, headers={"user-agent": "mine"}), state)
    (request,) = server.requests
    assert request.lower().count(b"user-agent:") == 1
    assert b": mine\r\n" in request


@given(
    st.builds(
        "{}://{}{}{}".format,
        st.sampled_from(["http", "https"]),
        st.text("abz019.-_AB\u00fc", min_size=1, max_size=8),
        st.sampled_from(["", ":80", ":8080", ":49152", ":65536", ":080", ":0"]),
        st.text("abz019./-_~:?=&+,@%;[]#A \u00fc", max_size=12),
    )
)
def test_what_is_taken_as_it_is_written_is_what_requests_would_ask_for(address: str) -> None:
    def asked(address: str) -> str:
        prepared = requests.PreparedRequest()
        prepared.prepare_url(address, None)
        return str(prepared.url)

    def told(of: Callable[[str], str]) -> str:
        try:
            return of(address)
        except ValueError:
            return "no address"

    assert told(lambda address: fetch._target_of(address).url) == told(asked)


def test_not_modified_is_a_success_without_a_body(serve: Serve, gate: MakeGate) -> None:
    """H14."""
    asked, state = feed(serve(http(b"", "304 Not Modified")).url)
    assert gate().fetch(asked, replace(state, etag='"x"')).not_modified
    assert failure(gate, asked.url).reason == "not-modified"


def test_a_permanent_end_is_told_apart(serve: Serve, gate: MakeGate) -> None:
    """H22."""
    assert failure(gate, serve(http(b"", "410 Gone")).url).gone


@pytest.mark.parametrize(
    ("status", "headers", "reason", "after"),
    [
        ("429 Too Many Requests", ["Retry-After: 120"], "throttled", timedelta(minutes=2)),
        ("429 Too Many Requests", [], "throttled", timedelta(hours=4)),
        (
            "503 Unavailable",
            ["Date: Tue, 05 Mar 2024 12:00:00 GMT", "Retry-After: Tue, 05 Mar 2024 13:00:00 GMT"],
            "http-503",
            timedelta(hours=1),
        ),
        ("503 Unavailable", ["Retry-After: soon"], "http-503", None),
        ("500 Error", ["Retry-After: 120"], "http-500", None),
        ("404 Not Found", [], "http-404", None),
        ("403 Forbidden", ["cf-mitigated: challenge"], "bot-wall", None),
    ],
)
def test_refusals_have_reasons_and_the_servers_wish_is_heard(
    serve: Serve, gate: MakeGate, status: str, headers: list[str], reason: str, after: timedelta | None
) -> None:
    """H18, H19, H20, H23."""
    error = failure(gate, serve(http(b"no", status, *headers)).url)
    assert (error.reason, error.retry_after) == (reason, after)


# --- slow, endless, broken


def drip_headers(connection: socket.socket, _head: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(200):
        connection.sendall(f"X-{number}: y\r\n".encode())
        time.sleep(0.1)


def drip_body(connection: socket.socket, _head: bytes) -> None:
    connection.sendall(http(b"", length=1_000_000))
    for _ in range(200):
        connection.sendall(b"x")
        time.sleep(0.1)


def silence(connection: socket.socket, _head: bytes) -> None:
    connection.recv(1)


@pytest.mark.parametrize("answer", [drip_headers, drip_body, silence])
def test_a_server_that_takes_for_ever_is_cut(serve: Serve, gate: MakeGate, answer: object) -> None:
    """H1, H2."""
    error = failure(gate, serve(answer).url, timeout=timedelta(seconds=1))  # type: ignore[arg-type]
    assert error.reason in ("timeout", "protocol", "truncated", "connection")


def endless(connection: socket.socket, _head: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")


@pytest.mark.parametrize("coding", ["gzip", "deflate", None])
def test_a_body_that_is_too_large_is_cut_also_when_it_is_packed(
    serve: Serve, gate: MakeGate, coding: str | None
) -> None:
    """H3, H4."""
    if coding is None:
        server = serve(endless)
    else:
        bomb = gzip.compress(b"\0" * 50_000_000) if coding == "gzip" else zlib.compress(b"\0" * 50_000_000)
        server = serve(http(bomb, "200 OK", f"Content-Encoding: {coding}"))
    assert failure(gate, server.url).reason == "too-large"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (http(RSS, "200 OK", "Content-Encoding: gzip"), "encoding"),
        (http(RSS, "200 OK", "Content-Encoding: gzip, gzip, gzip, gzip"), "encoding"),
        (http(RSS, length=len(RSS) + 50), "truncated"),
        (b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(200)) + b"\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", "protocol"),
        (b"SSH-2.0-OpenSSH_9\r\n", "protocol"),
        (b"", "connection"),
    ],
    ids=["not gzip", "packed four times", "short", "200 headers", "long header", "another protocol", "nothing"],
)
def test_broken_answers_are_feed_errors(serve: Serve, gate: MakeGate, answer: bytes, reason: str) -> None:
    """H5, H6, H7, H35."""
    assert failure(gate, serve(answer).url).reason == reason


def test_polls_that_bring_nothing_share_a_connection(serve: Serve, gate: MakeGate) -> None:
    """Most polls are such, and to connect anew, with TLS above all, costs both sides more than the rest of the poll."""
    connections: list[socket.socket] = []

    def nothing_new(connection: socket.socket, head: bytes) -> None:
        connections.append(connection)
        while head:
            connection.sendall(b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n')
            head = connection.recv(4096)

    asked, state = feed(serve(nothing_new).url)
    opened = gate()
    for _ in range(3):
        assert opened.fetch(asked, replace(state, etag='"1"')).not_modified
    opened.close()
    assert len(connections) == 1


def test_a_connection_closed_between_polls_is_opened_again(serve: Serve, gate: MakeGate) -> None:
    """H36."""

    def once_only(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(http().replace(b"Connection: close", b"Connection: keep-alive"))

    server, one_gate = serve(once_only), gate()
    for _ in range(3):
        assert one_gate.fetch(*feed(server.url)).body == RSS


# --- redirects


def test_a_redirect_is_followed_and_nothing_of_ours_goes_to_another_host(
    serve: Serve, gate: MakeGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H11, H13."""
    monkeypatch.setenv("FEED_KEY", "canary-7")
    target = serve(http())
    first = serve(http(b"x" * 100, "302 Found", f"Location: http://localhost:{target.port}/moved"))
    asked, state = feed(first.url)
    headers = {"X-Api-Key": Secret(env="FEED_KEY")}
    assert gate().fetch(replace(asked, headers=headers), replace(state, etag='"x"')).body == RSS
    assert b"X-Api-Key: canary-7" in first.requests[0]
    assert b"canary-7" not in target.requests[0]
    assert b"If-None-Match" not in target.requests[0]


@pytest.mark.parametrize("location", ["", "file:///etc/passwd", "javascript:alert(1)", "ftp://x.example/"])
def test_a_redirect_to_nowhere_useful_is_refused(serve: Serve, gate: MakeGate, location: str) -> None:
    """H9."""
    assert failure(gate, serve(http(b"", "301 Moved", f"Location: {location}")).url).reason == "redirect"


def test_redirects_in_circles_end(serve: Serve, gate: MakeGate) -> None:
    """H9."""
    server = serve(http(b"", "302 Found", "Location: /feed"))
    assert failure(gate, server.url).reason == "redirect"
    assert len(server.requests) == 1


def test_a_redirect_to_a_private_address_is_refused(serve: Serve, gate: MakeGate) -> None:
    """H32: only 127.0.0.1 is allowed here, and the redirect leads to 127.0.0.2."""
    inside = serve(http())
    outside = serve(http(b"", "302 Found", f"Location: http://127.0.0.2:{inside.port}/"))
    assert failure(gate, outside.url, allow_networks=("127.0.0.1/32",)).reason == "forbidden"
    assert inside.requests == []


# --- addresses


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "localhost."]
)  # fmt: skip
def test_no_spelling_reaches_a_private_address(serve: Serve, gate: MakeGate, host: str) -> None:
    """H28, H30: nothing connects, whatever it is called."""
    server = serve(http())
    error = failure(gate, f"http://{host}:{server.port}/feed", allow_networks=())
    assert error.reason in ("forbidden", "dns", "address", "connection")
    assert server.requests == []


@pytest.mark.parametrize(
    "address",
    ["10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.1.1", "198.18.0.1", "192.0.0.8", "240.0.0.1", "224.0.0.1", "0.1.2.3", "fe80::1",
     "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "2001:0:a00:1::", "fec0::1", "ff02::1", "::"],
)  # fmt: skip
def test_private_ranges_are_refused_unless_they_are_allowed(address: str) -> None:
    """H28."""
    assert not Policy().permits(address)
    assert Policy(["0.0.0.0/0", "::/0"]).permits(address)


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16", "::ffff:169.254.169.254"],
)
def test_the_metadata_of_cloud_machines_is_refused_whatever_is_allowed(address: str) -> None:
    """H29."""
    assert not Policy(["0.0.0.0/0", "::/0"]).permits(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"])
def test_public_addresses_are_permitted(address: str) -> None:
    assert Policy().permits(address)


def test_a_login_in_an_address_travels_as_a_header_and_shows_nowhere(serve: Serve, gate: MakeGate) -> None:
    """H34."""
    server = serve(http(b"", "500 Error"))
    error = failure(gate, server.url.replace("127", "ann:canary-8@127", 1))
    assert b"Authorization: Basic" in server.requests[0]
    assert b"canary" not in server.requests[0]
    assert "canary" not in str(error)


def test_a_proxy_of_the_configuration_is_asked_and_private_numbers_are_refused_all_the_same(
    serve: Serve, gate: MakeGate
) -> None:
    """H28, H33: the proxy itself may be anywhere, since the user named it."""
    proxy = serve(http(RSS))
    by_proxy = {"proxy": f"http://127.0.0.1:{proxy.port}", "allow_networks": ()}
    assert gate(**by_proxy).fetch(*feed("http://herald.example/feed")).body == RSS
    assert proxy.requests[0].startswith(b"GET http://herald.example/feed HTTP/1.1")
    for private in ("http://127.0.0.1:1/", "http://10.0.0.1/", "http://[::1]/", "http://localhost/"):
        assert failure(gate, private, **by_proxy).reason == "forbidden"
    assert failure(gate, "https://herald.example/feed", **by_proxy).reason == "tls"  # its answer is no handshake
    assert [request.split()[0] for request in proxy.requests] == [b"GET", b"CONNECT"]


def test_proxies_of_the_environment_are_ignored(serve: Serve, gate: MakeGate, monkeypatch: pytest.MonkeyPatch) -> None:
    """H33."""
    proxy, server = serve(http(b"proxied")), serve(http())
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
    assert gate().fetch(*feed(server.url)).body == RSS
    assert proxy.requests == []


@pytest.mark.parametrize(
    "url", ["http://", "http://exa mple/", "http://a\\@b/", "http://[::1/", "gopher://x/", "http://x:99999/"]
)
def test_what_is_no_address_is_told(gate: MakeGate, url: str) -> None:
    assert failure(gate, url).reason == "address"


def test_a_host_that_nobody_knows_is_told(gate: MakeGate) -> None:
    """H26."""
    assert failure(gate, "http://no-such-host.invalid/").reason in ("dns", "dns-failed", "timeout")


def test_a_closed_port_is_told(gate: MakeGate) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    refused = failure(gate, f"http://127.0.0.1:{port}/")
    assert (refused.reason, str(refused)) == ("connection", "127.0.0.1 cannot be reached: Connection refused.")


# --- posting


def test_a_post_follows_no_redirect_and_reads_little_of_the_answer(serve: Serve, gate: MakeGate) -> None:
    """D13, D18."""
    target = serve(http())
    moved = serve(http(b"gone elsewhere", "302 Found", f"Location: {target.url}"))
    reply = gate().post(moved.url, b"{}", {"X-A": "b"})
    assert (reply.status, reply.body) == (302, b"gone elsewhere")
    assert target.requests == []
    assert len(gate().post(serve(http(b"x" * 500_000)).url, b"{}", {}).body) == 64 * 1024


def test_a_post_to_a_private_address_is_refused(serve: Serve, gate: MakeGate) -> None:
    with pytest.raises(GateError, match="private address"):
        gate(allow_networks=()).post(serve(http()).url, b"{}", {})


def test_a_feeds_own_headers_are_sent(serve: Serve, gate: MakeGate) -> None:
    server = serve(http())
    _, state = feed(server.url)
    gate().fetch(Feed(url=server.url, headers={"X-Plan": "desk"}), state)
    assert b"X-Plan: desk" in server.requests[0]


@pytest.mark.parametrize(
    ("link", "hub"),
    [
        ('<https://hub.example/>; rel="hub", </feed>; rel=self', "https://hub.example/"),
        ("<hub>; rel=hub", "http://127.0.0.1:{port}/hub"),
        ("<http://[::1>; rel=hub", ""),
        ("<javascript:x>; rel=hub", ""),
        ("<" * 3_000, ""),
        ("", ""),
    ],
)
def test_a_hub_that_the_server_names_is_taken_where_it_is_an_address(
    serve: Serve, gate: MakeGate, link: str, hub: str
) -> None:
    server = serve(http(RSS, "200 OK", f"Link: {link}"))
    assert gate().fetch(*feed(server.url)).hub == hub.format(port=server.port)


def test_a_secret_that_has_gone_is_its_feeds_trouble_and_no_other_s(gate: MakeGate, serve: Serve) -> None:
    server = serve(http(RSS))
    asked, state = feed(server.url)
    with pytest.raises(FeedError, match="secret file /no/such/key cannot be read") as caught:
        gate().fetch(replace(asked, headers={"X-Api-Key": Secret(file="/no/such/key")}), state)
    assert caught.value.reason == "secret"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost.", "x.localhost", "[::ffff:127.0.0.1]", "[::a00:1]"]
)  # fmt: skip
def test_a_proxy_is_asked_for_no_private_address_in_any_spelling(serve: Serve, gate: MakeGate, host: str) -> None:
    """H30: what is written as a number is judged before it is handed on."""
    proxy = serve(http())
    assert failure(gate, f"http://{host}/", proxy=proxy.url, allow_networks=()).reason == "forbidden"
    assert proxy.requests == []


@pytest.mark.parametrize("says", [b"Transfer-Encoding: chunked", b"Content-Length: 9", b"ETag: x"])
def test_a_304_has_ended_with_its_head(says: bytes) -> None:
    """Whatever it says of a body; else who takes its connection at once would meet an answer that has not ended."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"HTTP/1.1 304 Not Modified\r\n" + says + b"\r\n\r\n")
        reply = head.Reply(ours)
        reply.begin()
        assert reply.isclosed()
        assert reply.read() == b""


def test_authorities_that_cannot_be_read_are_told_of(gate: MakeGate, tmp_path: Path) -> None:
    missing = str(tmp_path / "none.pem")
    error = failure(gate, "https://127.0.0.1:9/feed", ca_file=missing)
    assert error.reason == "tls"
    assert f"{missing} cannot be read" in str(error)
