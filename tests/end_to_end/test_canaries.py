"""Secrets planted wherever the configuration and the machine can hold them, and servers that say them back: none shows anywhere."""

from __future__ import annotations

import base64
import json
import re
import signal
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from monitor.alerts.links import Deed, Links
from monitor.store import links
from tests.end_to_end.world import SIGNING_SECRET, World, free_port, serving

pytestmark = pytest.mark.traced

CANARY = {
    "smtp password": "c4nary&smtp/7f+31<word>",
    "signing secret": "c4nary-signs-webhooks-9d81",
    "hook token": "c4naryT0kenOfTheHook55",
    "hook login": "c4nary:l0gin@hook/61",
    "hook header": "c4nary-header-of-hook-7b",
    "feed bearer": "c4nary-bearer-of-feed-12",
    "feed basic": "c4nary/basic+of&feed-33",
    "alertmanager header": "c4nary-alertmanager-4e",
    "alertmanager address": "c4naryPathOfAlertmanager8",
    "apprise login": "c4nary-apprise-l0gin-5c",
    "apprise token": "c4naryAppriseT0ken91",
    "proxy": "c4nary-pr0xy-login-6a",
    "inherited": "c4nary-cloud-key-inherited-2",
    "not read": "c4nary-in-a-file-beside-77",
}  # fmt: skip
SIGNS = "whsec_" + base64.b64encode(f"{CANARY['signing secret']:>24}".encode()).decode()
QUICKLY = """
import sys; sys.argv.append("--debug")
from datetime import timedelta
from monitor import daemon
daemon._LOOK_EVERY = timedelta(seconds=1)
"""
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("check",), ("status",), ("feeds",), ("deliveries",), ("doctor",), ("test-alert", "hook"),
)  # fmt: skip


class Echo(BaseHTTPRequestHandler):
    """Refuses everything, and says back what it was sent: as it came, decoded, and packed anew."""

    def _answer(self) -> None:
        said = [self.path, *(value for name, value in self.headers.items() if name.lower() not in ("host", "accept"))]
        for value in list(said):
            token = value.rpartition(" ")[2]
            said += [token, base64.b64encode(value.encode()).decode(), quote(value, safe="")]
            if value.startswith("Basic "):
                said.append(base64.b64decode(token).decode())
        body = " | ".join(reversed(said)).encode()
        self.send_response({"/moved": 302, "/login": 401, "/late": 503}.get(self.path[:6], 500))
        self.send_header("Location", f"ftp://nowhere.example/?{quote(' '.join(said))}")
        self.send_header("WWW-Authenticate", f"Basic realm={said[-1]!r}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_HEAD = _answer  # noqa: N815

    def log_message(self, format: str, *args: object) -> None: ...


@contextmanager
def repeating_mail_server(folder: Path) -> Iterator[int]:
    """A mail server that refuses each login and says it back, in the clear and as it was packed."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(folder / "mail-ca.pem"))

    def refuse(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        packed = base64.b64encode(b"\0" + data.login + b"\0" + data.password).decode()
        return AuthResult(success=False, handled=False, message=f"535 5.7.8 not {data.password.decode()} nor {packed}")

    class Handler: ...

    controller = Controller(
        Handler(), hostname="127.0.0.1", port=free_port(), server_hostname="localhost", tls_context=context, require_starttls=True, auth_required=True, authenticator=refuse,
    )  # fmt: skip
    controller.start()
    try:
        yield int(controller.port)
    finally:
        controller.stop()


@pytest.fixture
def planted(world: World) -> Iterator[Mapping[str, str]]:
    """A configuration that holds all of them, servers that refuse and repeat; the environment that gives them."""
    (world.folder / "credentials").mkdir()
    with serving(Echo) as echo, repeating_mail_server(world.folder) as mail:
        hook = f"http://ann:{quote(CANARY['hook login'], safe='')}@127.0.0.1:{echo}/hooks/{CANARY['hook token']}?key={CANARY['hook token']}#x"
        for name, text in {
            "hook-url": hook,
            "credentials/alertmanager": f"http://127.0.0.1:{echo}/{CANARY['alertmanager address']}",
            "beside": CANARY["not read"],
        }.items():
            (world.folder / name).write_text(f"{text}\n")
            (world.folder / name).chmod(0o600)
        world.config.write_text(
            f"""store: {world.store_url}
defaults: {{channels: [mail, hook, chat, ops, good]}}
fetch: {{allow_networks: [127.0.0.0/8], per_host: 8}}
storylines: [{{id: dam, title: The Orla dam, terms: {{all: [Orla dam]}}}}]
feeds:
  - {{url: '{world.web.url("herald")}', name: herald, every: 1m}}
  - {{url: 'http://127.0.0.1:{echo}/moved', every: 1m, headers: {{Authorization: {{env: FEED_BEARER}}}}}}
  - {{url: 'http://127.0.0.1:{echo}/login', every: 1m, headers: {{Authorization: {{env: FEED_BASIC}}}}}}
  - {{url: 'http://127.0.0.1:1/refused', every: 1m, headers: {{X-Key: {{env: FEED_BEARER}}}}}}
channels:
  mail: {{type: email, host: localhost, port: {mail}, from: m@desk.example, to: [ann@desk.example], username: monitor, password: {{env: MAIL_PASSWORD}}, ca_file: {world.folder}/mail-ca.pem}}
  hook: {{type: webhook, url: {{file: {world.folder}/hook-url}}, secret: {{env: HOOK_SECRET}}, headers: {{X-Token: {{env: HOOK_HEADER}}}}}}
  chat: {{type: apprise, urls: {{desk: {{env: CHAT_URL}}}}}}
  ops: {{type: alertmanager, url: {{credential: alertmanager}}, headers: {{Authorization: {{env: OPS_HEADER}}}}}}
  good: {{type: webhook, url: "http://127.0.0.1:{world.hook.port}/news", secret: {{env: GOOD_SECRET}}}}
operator: {{channels: [good], channel_failing: 1m}}
web: {{base_url: "http://127.0.0.1:{(port := free_port())}", listen: "127.0.0.1:{port}"}}
"""
        )
        yield {
            "MAIL_PASSWORD": CANARY["smtp password"], "HOOK_SECRET": SIGNS, "HOOK_HEADER": CANARY["hook header"], "FEED_BEARER": f"Bearer {CANARY['feed bearer']}",
            "FEED_BASIC": "Basic " + base64.b64encode(f"ann:{CANARY['feed basic']}".encode()).decode(), "OPS_HEADER": f"Bearer {CANARY['alertmanager header']}",
            "CHAT_URL": f"json://ann:{CANARY['apprise login']}@127.0.0.1:{echo}/{CANARY['apprise token']}", "GOOD_SECRET": SIGNING_SECRET,
            "HTTPS_PROXY": f"http://u:{CANARY['proxy']}@127.0.0.1:1", "AWS_SECRET_ACCESS_KEY": CANARY["inherited"], "CREDENTIALS_DIRECTORY": f"{world.folder}/credentials",
            "PAGE": f"http://127.0.0.1:{port}",
        }  # fmt: skip


def shown_in(text: str | bytes, secrets: Mapping[str, str] = CANARY) -> set[str]:
    """The names of the secrets that can be read in `text`: as they are, quoted, escaped, in hex, or in base64 wherever they begin."""
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    readable = [data] + [
        base64.b64decode(run[at : at + (len(run) - at) // 4 * 4].translate(bytes.maketrans(b"-_", b"+/")))
        for run in re.findall(rb"[A-Za-z0-9+/_-]{12,}", data)
        for at in range(4)
    ]
    found = set()
    for name, secret in secrets.items():
        spelt = {secret, quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1], secret.encode().hex(), secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}  # fmt: skip
        if any(form.encode() in one for form in spelt for one in readable):
            found.add(name)
    return found


def test_the_finder_finds() -> None:
    """That the tests below can fail."""
    for name, secret in CANARY.items():
        for packed in (
            secret,
            quote(secret, safe=""),
            *(base64.b64encode(b"x" * n + secret.encode() + b"yz").decode() for n in range(3)),
        ):
            assert shown_in(f"an error: {packed}!") == {name}
        assert base64.b64encode(secret.encode() * 2).decode() not in (secret, "")
    assert shown_in("nothing here, " * 9) == set()


def children_of(pid: int) -> Iterator[int]:
    """Every process below `pid`."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text().split():
            yield int(child)
            yield from children_of(int(child))


def test_no_secret_shows_in_any_log_table_message_page_command_or_process(
    world: World, planted: Mapping[str, str]
) -> None:
    """H13, H34, C16, P15, faults 6.20: 14 secrets, 5 channels and 4 feeds, of which 7 say back what they are sent."""
    process = world.start(code=QUICKLY, **planted)
    world.poll_all()
    world.web.publish("herald", "Orla dam closed after crack is found")
    world.poll_all()
    refused = {"mail", "hook", "chat", "ops"}
    world.wait_for(
        lambda: {d.channel for d in world.deliveries() if d.error} >= refused and len(world.hook.of_kind("notice")) > 0
    )
    seen = {f"/proc/{pid}": spied(pid) for pid in children_of(process.pid)}
    assert len(seen) >= 2, "the parser's children are there"
    with world.opened() as store:
        key = store.write(links.key)
    secrets = {**CANARY, "link key": key.hex()}
    page = Links(planted["PAGE"], key).to(Deed.SILENCE, next(d for d in world.deliveries() if d.channel == "good"))
    seen |= {"page": fetched(page), "strange page": fetched(f"{planted['PAGE']}/links/{CANARY['not read']}?x=1")}
    seen |= {" ".join(command): told(world, command, planted) for command in COMMANDS}
    seen["webhook"] = json.dumps(world.hook.received)
    assert re.search(r"Max core file size +0 +0 ", Path(f"/proc/{process.pid}/limits").read_text())
    process.send_signal(signal.SIGABRT)
    assert process.wait(20) == -signal.SIGABRT
    seen |= {"log": world.log, "what was delivered": json.dumps([d.error for d in world.deliveries()])}
    assert "most recent call first" in world.log
    shown = {where: found for where, text in seen.items() if (found := shown_in(text, secrets))}
    shown |= {file.name: found for file in world.folder.glob("monitor.db*") if (found := shown_in(file.read_bytes()))}
    assert shown == {}, shown
    assert all(name in seen["deliveries"] for name in refused), "what was looked through is what refused"
    assert "<secret>" in seen["what was delivered"]


def spied(pid: int) -> str:
    """What anybody's `ps`, and a child itself, can read of a process."""
    read = b"".join(Path(f"/proc/{pid}/{what}").read_bytes() for what in ("cmdline", "environ", "comm"))
    return read.decode("utf-8", "surrogateescape")


def fetched(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return f"{answer.headers}{answer.read().decode()}"
    except urllib.error.HTTPError as error:
        with error:
            return f"{error.headers}{error.read().decode()}"


def told(world: World, command: tuple[str, ...], environment: Mapping[str, str]) -> str:
    """All that a command prints, in the daemon's environment."""
    usual: Callable[[], dict[str, str]] = world.environment
    world.environment = lambda: usual() | dict(environment)  # type: ignore[method-assign]
    try:
        done = world.command(*command)
    finally:
        world.environment = usual  # type: ignore[method-assign]
    return done.stdout + done.stderr


def test_a_login_in_a_feeds_address_is_refused_and_not_repeated(world: World) -> None:
    """H34, C16."""
    address = f"http://ann:{quote(CANARY['feed basic'], safe='')}@herald.example/feed"
    world.config.write_text(f"storylines: [{{id: dam, title: Dam, terms: [dam]}}]\nfeeds: ['{address}']\n")
    for command in (("check",), ("check", "--json"), ("run",)):
        done = world.command(*command)
        assert done.returncode == 78
        assert shown_in(done.stdout + done.stderr) == set()
