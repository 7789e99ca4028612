"""Who may come in: nobody by a stranger's name, nobody without a login where others can reach the page, nothing by a stranger's form."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from monitor.secret import Secret
from monitor.serve import Server, WebSettings
from monitor.store import Store
from monitor.web import app, guard, login
from tests.alerts.receiver import Clock
from tests.web.sites import make_site

PASSWORD, TOKEN = "correct horse battery", "0123456789abcdef0123456789abcdef"
KEPT = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
"""Made in no time, unlike that of `login.kept`."""
OUTSIDE = "https://news.example.org"
EXAMPLES = {"filename": "page.css", "name": "x", "of": "x", "token": "x"}
"""A value for each parameter of an address."""
Start = Callable[..., FlaskClient]


@pytest.fixture
def start(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Start:
    """A client of an application with these settings."""
    monkeypatch.setenv("PAGE_TOKEN", TOKEN)

    def starting(**web: Any) -> FlaskClient:
        return app.create(make_site(store, clock, **web)).test_client()

    return starting


def shut(start: Start, **web: Any) -> FlaskClient:
    """A page with a login, as strangers reach it."""
    return start(**{"base_url": OUTSIDE, "password": KEPT, "token": Secret(env="PAGE_TOKEN")} | web)


def form_of(answer: TestResponse) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', answer.text)
    assert found, answer.text
    return found[1]


def entered(client: FlaskClient, password: str = PASSWORD, **more: str) -> TestResponse:
    csrf = form_of(client.get("/"))
    return client.post("/login", data={"csrf": csrf, "password": password, "wanted": "/", **more})


def addresses(application: Flask) -> Iterator[tuple[str, str, str]]:
    """Endpoint, method and an address of every route there is."""
    for rule in application.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: EXAMPLES[found[1]], rule.rule)
        for method in sorted(rule.methods or ()):
            yield rule.endpoint, method, path


# --- who


def test_every_route_but_the_few_for_everybody_answers_401_without_a_login(start: Start) -> None:
    """W4, CVE-2026-35490: closed unless named as open."""
    client = shut(start)
    walked = list(addresses(client.application))
    assert len({endpoint for endpoint, _, _ in walked}) > 5
    for endpoint, method, path in walked:
        answer = client.open(path, method=method, buffered=True)
        if endpoint in guard.FOR_EVERYBODY:
            assert answer.status_code != 401, path
        elif endpoint in guard.FOR_ENTERING:
            assert answer.status_code in (403, 405) or method == "OPTIONS", path
        else:
            assert answer.status_code == 401, (method, path)


def test_what_is_nowhere_answers_401_too_and_says_nothing_of_itself(start: Start) -> None:
    client = shut(start)
    for path in ("/nothing", "/stories/nothing", "/..%2f..%2fetc/passwd", "/%00"):
        answer = client.get(path)
        assert answer.status_code == 401
        assert "Log in" in answer.text


def test_a_wrong_token_opens_nothing_and_the_right_one_everything(start: Start) -> None:
    client = shut(start)
    for wrong in ("", "x", TOKEN[:-1], TOKEN + "0", "\u00e9" * 32):
        header = {"Authorization": f"Bearer {wrong}".encode().decode("latin-1")}
        assert client.get("/", headers=header).status_code == 401
    assert client.get("/", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert client.get("/", auth=("reader", TOKEN)).status_code == 200


def test_a_password_sent_by_a_feed_reader_looks_and_changes_nothing(start: Start) -> None:
    """A browser repeats it by itself, also where a stranger's form sends it."""
    client = shut(start)
    assert client.post("/logout", auth=("reader", TOKEN)).status_code == 401
    assert client.post("/logout", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 303


@pytest.mark.parametrize(
    "web",
    [
        {"listen": "0.0.0.0:8765"},
        {"listen": "[::]:8765"},
        {"listen": "192.0.2.1:8765"},
        {"base_url": OUTSIDE},
        {"listen": "desk.lan:8765"},
    ],
)
def test_where_others_can_reach_the_page_it_stays_shut_until_there_is_a_password(
    start: Start, web: dict[str, str]
) -> None:
    """Also on loopback behind a web server, which makes strangers look like this machine's own users."""
    answer = start(**web).get("/")
    assert answer.status_code == 401
    assert "monitor password" in answer.text


@pytest.mark.parametrize("listen", ["127.0.0.1:8765", "localhost:8765", "[::1]:8765"])
def test_this_machines_own_user_is_asked_nothing(start: Start, listen: str) -> None:
    answer = start(listen=listen).get("/")
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers


# --- the login


def test_the_right_password_opens_the_page_by_a_cookie_that_no_script_and_no_stranger_gets(start: Start) -> None:
    client = shut(start)
    answer = entered(client)
    assert answer.status_code == 303
    cookie = answer.headers["Set-Cookie"]
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert client.get("/").status_code == 200
    assert PASSWORD not in cookie
    client.post("/logout", data={"csrf": form_of(client.get("/"))})
    assert client.get("/").status_code == 401


def test_a_wrong_password_opens_nothing(start: Start) -> None:
    client = shut(start)
    for wrong in ("", "x", PASSWORD.upper(), PASSWORD + " ", "y" * 5_000):
        answer = entered(client, wrong)
        assert answer.status_code == 401
        assert "not the password" in answer.text
    assert client.get("/").status_code == 401


def test_after_five_wrong_passwords_an_address_waits_and_the_right_one_does_not_help(start: Start) -> None:
    client = shut(start)
    for _ in range(login.TRIES):
        assert entered(client, "wrong").status_code == 401
    answer = entered(client)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= login.WAIT + 1


def test_one_that_waits_keeps_no_other_from_coming_in_and_its_wait_ends() -> None:
    tries = login.Tries()
    for second in range(login.TRIES):
        tries.note("a", float(second))
    assert tries.wait("a", 10.0) == pytest.approx(login.WAIT - 10.0)
    assert tries.wait("b", 10.0) == 0
    assert tries.wait("a", login.WAIT + 1.0) == 0
    for number in range(3_000):
        tries.note(f"other {number}", 11.0)
    assert len(tries._wrong) <= 1_000


def test_passwords_are_tried_one_at_a_time(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each try takes 64 MB."""
    client, most, lock, now = shut(start), [0], threading.Lock(), [0]

    def slow(_known: str, _given: str) -> bool:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        threading.Event().wait(0.02)
        with lock:
            now[0] -= 1
        return False

    monkeypatch.setattr(login, "_fits", slow)
    csrf = form_of(client.get("/"))
    asked = [
        threading.Thread(target=lambda: client.application.test_client().post("/login", data={"csrf": csrf}))
        for _ in range(4)
    ]
    for thread in asked:
        thread.start()
    for thread in asked:
        thread.join()
    assert most == [1]


def test_a_session_ends_when_the_password_changes_and_one_of_another_store_never_begins(
    start: Start, store: Store, clock: Clock
) -> None:
    client = shut(start)
    entered(client)
    cookie = client.get_cookie("monitor-8765")
    assert cookie is not None
    changed = shut(start, password=login.kept("another battery"))
    changed.set_cookie("monitor-8765", cookie.value)
    assert changed.get("/").status_code == 401
    same = shut(start)
    same.set_cookie("monitor-8765", cookie.value)
    assert same.get("/").status_code == 200
    same.set_cookie("monitor-8765", cookie.value[:-3] + "abc")
    assert same.get("/").status_code == 401


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nSet-Cookie: x=y"],
)
def test_a_login_leads_to_no_strangers_page(start: Start, wanted: str) -> None:
    answer = entered(shut(start), wanted=wanted)
    assert answer.headers["Location"] == "/"
    assert "x=y" not in str(answer.headers)


def test_who_follows_a_link_from_elsewhere_is_sent_on_once_with_their_cookie(start: Start) -> None:
    """SameSite=Strict keeps the cookie back from a stranger's link, also from the link in a mail."""
    client = shut(start)
    assert client.get("/", headers={"Sec-Fetch-Site": "cross-site"}).headers["Refresh"] == "0"
    assert "Refresh" not in client.get("/", headers={"Sec-Fetch-Site": "same-origin"}).headers


# --- the name by which it is asked


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:9000", "localhost:8765", "LOCALHOST", "[::1]:8765", "192.0.2.7:80"]
)
def test_a_number_or_localhost_is_a_name_of_the_page(start: Start, host: str) -> None:
    assert start().get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8765",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "127.0.0.1@evil.example",
        "",
        "[",
        "news.example.org",
    ],
)
def test_a_name_that_somebody_else_may_own_is_refused(start: Start, host: str) -> None:
    """W1: DNS rebinding."""
    for path in ("/", "/nothing"):
        answer = start().get(path, headers={"Host": host})
        assert answer.status_code in (400, 421)
        assert "evil" not in answer.text
        assert "Stories" not in answer.text


def test_the_name_of_base_url_is_one_of_the_page(start: Start) -> None:
    client = shut(start)
    assert client.get("/", headers={"Host": "news.example.org"}).status_code == 401
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 421


def test_what_mails_and_hubs_use_answers_to_every_name(start: Start) -> None:
    """A web server before it may call it as it likes."""
    for host in ("news.example.org", "backend.internal"):
        assert shut(start).get("/links/x", headers={"Host": host}).status_code == 404


# --- forms


def test_a_form_without_our_mark_changes_nothing(start: Start) -> None:
    """W3."""
    client = shut(start)
    entered(client)
    csrf = form_of(client.get("/"))
    for wrong in ("", "x", "0" * 64, form_of(shut(start).get("/")), "é"):
        assert client.post("/logout", data={"csrf": wrong}).status_code == 403
    assert client.get("/").status_code == 200
    assert client.post("/logout", data={"csrf": csrf}).status_code == 303


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9999", "https://news.example.org.evil.example", "http://news.example.org"])  # fmt: skip
def test_a_form_that_another_page_sent_changes_nothing_though_it_has_our_mark(start: Start, origin: str) -> None:
    client = shut(start)
    csrf = form_of(client.get("/"))
    answer = client.post("/login", data={"csrf": csrf, "password": PASSWORD}, headers={"Origin": origin})
    assert answer.status_code == 403
    assert client.get("/").status_code == 401


@pytest.mark.parametrize("origin", ["https://news.example.org", "http://localhost"])
def test_a_form_that_our_page_sent_is_taken(start: Start, origin: str) -> None:
    client = shut(start)
    data = {"csrf": form_of(client.get("/")), "password": PASSWORD}
    assert client.post("/login", data=data, headers={"Origin": origin}).status_code == 303


# --- every answer


def test_every_answer_of_the_page_forbids_what_is_not_its_own(start: Start) -> None:
    """W2."""
    for client, path in ((start(), "/"), (shut(start), "/"), (start(), "/nothing"), (shut(start), "/static/page.css")):
        headers = client.get(path, buffered=True).headers
        rules = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
        assert rules == {
            "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data:", "connect-src": "'self'",
            "form-action": "'self'", "frame-ancestors": "'none'", "base-uri": "'none'",
        }  # fmt: skip
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == ("no-cache" if path.startswith("/static/") else "no-store")
        assert headers["Referrer-Policy"] in ("same-origin", "no-referrer")
        assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/?page=1e9",
        "/%00",
        "/..%2f..%2fetc%2fpasswd",
        "/static/..%2fapp.py",
        "/static/%2e%2e/app.py",
        "/static//etc/passwd",
        "/%ff%fe",
        "/?q=" + "x" * 100_000,
    ],
)
def test_a_strange_address_gets_a_short_answer_without_a_traceback(start: Start, path: str) -> None:
    """W5."""
    answer = start().get(path)
    assert answer.status_code in (200, 308, 400, 404, 414)
    assert answer.status_code == 200 or len(answer.text) < 3_000
    assert "Traceback" not in answer.text
    assert "xxxx" not in answer.text
    assert "blueprint" not in answer.text


def test_without_the_page_only_what_mails_and_hubs_use_is_there(start: Start) -> None:
    client = start(page=False, base_url=OUTSIDE)
    assert client.get("/").status_code == 401
    assert client.get("/links/x").status_code == 404
    assert "log" not in client.get("/").text.lower()


def test_nothing_is_served_where_there_is_nothing_to_serve() -> None:
    assert WebSettings().is_served
    assert not WebSettings(page=False).is_served
    assert WebSettings(page=False, base_url=OUTSIDE).is_served


def test_over_a_real_socket_a_stranger_by_rebinding_gets_nothing(store: Store, clock: Clock) -> None:
    server = Server(app.create(make_site(store, clock)), "127.0.0.1:0")
    server.start()
    try:
        here = f"http://127.0.0.1:{server.port}/"
        assert requests.get(here, timeout=5).status_code == 200
        assert requests.get(here, headers={"Host": f"evil.example:{server.port}"}, timeout=5).status_code == 421
        forged = {"Host": f"evil.example:{server.port}", "X-Forwarded-Host": "127.0.0.1", "Forwarded": "host=localhost"}
        assert requests.get(here, headers=forged, timeout=5).status_code == 421
    finally:
        server.close()


def test_who_connects_and_says_nothing_keeps_no_other_out(store: Store, clock: Clock) -> None:
    """W6: a hundred and fifty visitors who never finish their request hold no thread."""
    server = Server(app.create(make_site(store, clock)), "127.0.0.1:0")
    server.start()
    held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(150)]
    try:
        for one in held:
            one.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        assert requests.get(f"http://127.0.0.1:{server.port}/", timeout=5).status_code == 200
    finally:
        for one in held:
            one.close()
        server.close()


def test_a_flood_of_tries_is_sent_away_instead_of_waiting(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    client, going_on, done = shut(start), threading.Event(), threading.Event()

    def slow(_known: str, _given: str) -> bool:
        going_on.set()
        done.wait(10)
        return False

    monkeypatch.setattr(login, "_fits", slow)
    monkeypatch.setattr(login, "_PATIENCE", 0.05)
    csrf = form_of(client.get("/"))
    first = threading.Thread(target=lambda: client.application.test_client().post("/login", data={"csrf": csrf}))
    first.start()
    going_on.wait(10)
    answer = client.post("/login", data={"csrf": csrf, "password": PASSWORD})
    done.set()
    first.join()
    assert answer.status_code == 429
    assert "Many are trying" in answer.text
