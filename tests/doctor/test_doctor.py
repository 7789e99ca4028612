"""`monitor doctor` against real servers: a name server, mail servers with TLS and logins, receivers of posts."""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.channels import EmailSettings
from monitor.cli import run
from monitor.config import load
from monitor.doctor import Finding, Level, examine, mail, web
from monitor.doctor.finding import certificate
from monitor.doctor.lookup import Lookup
from monitor.doctor.records import Spf, judge_dkim, judge_dmarc, judge_spf
from monitor.feeds.fetch import FetchSettings
from monitor.secret import Secret
from tests.alerts.servers import PASSWORD, USER, Mailbox, mail_server
from tests.doctor.conftest import NameServer

NOW = datetime.now(UTC)
SENDER = "desk.example"


def settings(**changed: object) -> EmailSettings:
    values = {"type": "email", "host": "smtp.provider.example", "sender": f"m@{SENDER}", "to": ("ann@desk.example",)}
    return EmailSettings(**values | changed)  # type: ignore[arg-type]


def said(findings: Iterator[Finding] | list[Finding], level: Level) -> str:
    return "\n".join(finding.said for finding in findings if finding.level is level)


# --- the mail server


def test_a_server_that_takes_the_login_is_well_and_no_mail_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCTOR_PASSWORD", PASSWORD)
    with mail_server(tmp_path) as box:
        found = list(mail.server("mail", _to(box), NOW))
    assert [finding.level for finding in found] == [Level.OK, Level.OK]
    assert found[0].said.startswith("localhost has a good certificate until ")
    assert found[1].said == "localhost can be reached and takes the login."
    assert box.taken == []


def _to(box: Mailbox) -> EmailSettings:
    return settings(
        host="localhost", port=box.port, ca_file=box.ca_file, username=USER, password=Secret(env="DOCTOR_PASSWORD")
    )


def test_a_refused_login_is_a_problem_after_a_single_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """D6; the password is told to nobody."""
    monkeypatch.setenv("DOCTOR_PASSWORD", "canary-wrong")
    with mail_server(tmp_path) as box:
        (finding,) = mail.server("mail", _to(box), NOW)
    assert finding.level is Level.PROBLEM
    assert "refuses the login" in finding.said
    assert "canary" not in finding.said
    assert len(box.logins) == 1


def test_a_server_that_is_not_there_or_not_trusted_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D1, D5."""
    monkeypatch.setenv("DOCTOR_PASSWORD", PASSWORD)
    (finding,) = mail.server("mail", settings(host="localhost", port=1), NOW)
    assert (finding.level, "cannot be spoken with" in finding.said) == (Level.PROBLEM, True)
    with mail_server(tmp_path) as box:
        (finding,) = mail.server("mail", settings(host="localhost", port=box.port), NOW)
    assert "certificate that cannot be trusted" in finding.said


def test_a_certificate_that_ends_soon_is_told() -> None:
    assert certificate("mail", "h", NOW + timedelta(days=13), NOW).level is Level.WARNING
    assert certificate("mail", "h", NOW + timedelta(days=15), NOW).level is Level.OK


# --- what the domain publishes


def publish_all(names: NameServer) -> None:
    names.publish(SENDER, "TXT", "google-site-verification=x", "v=spf1 include:_spf.provider.example ~all")
    names.publish("_spf.provider.example", "TXT", "v=spf1 ip4:192.0.2.0/24 -all")
    names.publish(f"_dmarc.{SENDER}", "TXT", "v=DMARC1; p=quarantine; rua=mailto:d@desk.example")
    names.publish(SENDER, "MX", "10 mx.provider.example.")
    names.publish("smtp.provider.example", "A", "192.0.2.7")
    names.publish(f"s1._domainkey.{SENDER}", "TXT", "v=DKIM1; k=rsa; p=MIGfMA0GCSq")


def test_a_domain_that_publishes_all_is_well(names: NameServer, lookup: Lookup) -> None:
    publish_all(names)
    found = list(mail.domain("mail", settings(), lookup, "s1"))
    assert [finding.level for finding in found] == [Level.OK] * 3
    assert "DMARC, p=quarantine" in said(found, Level.OK)


def test_a_domain_that_publishes_nothing_is_told_what_to_publish(names: NameServer, lookup: Lookup) -> None:
    names.publish(SENDER, "A", "192.0.2.1")
    found = list(mail.domain("mail", settings(), lookup))
    warned = said(found, Level.WARNING)
    assert f'{SENDER} TXT "v=spf1 a:smtp.provider.example ~all"' in warned
    assert f'_dmarc.{SENDER} TXT "v=DMARC1; p=none; rua=mailto:postmaster@{SENDER}"' in warned
    assert "look for dkim=pass" in said(found, Level.NOTE)


def test_a_domain_without_a_way_back_is_told(names: NameServer, lookup: Lookup) -> None:
    names.publish(f"_dmarc.{SENDER}", "TXT", "v=DMARC1; p=none")
    assert "takes no mail (no MX)" in said(list(mail.domain("mail", settings(), lookup)), Level.WARNING)


def test_a_server_that_the_domain_does_not_name_is_noted(names: NameServer, lookup: Lookup) -> None:
    publish_all(names)
    names.publish("smtp.provider.example", "A", "198.51.100.9")
    assert "does not name the addresses of smtp.provider.example" in said(
        list(mail.domain("mail", settings(), lookup)), Level.NOTE
    )


def test_the_domain_above_speaks_for_those_below(names: NameServer, lookup: Lookup) -> None:
    publish_all(names)
    below = settings(sender=f"m@news.{SENDER}")
    assert "DMARC, p=quarantine" in said(list(mail.domain("mail", below, lookup)), Level.OK)


def test_names_that_cannot_be_asked_for_are_told_and_nothing_else_stops(names: NameServer, lookup: Lookup) -> None:
    names.broken.add(SENDER)
    assert f"The name {SENDER} could not be looked up" in said(
        list(mail.domain("mail", settings(), lookup)), Level.WARNING
    )


def test_a_domain_of_ones_own_network_is_not_looked_up(names: NameServer, lookup: Lookup) -> None:
    names.broken.add("fridge.local")
    (finding,) = mail.domain("mail", settings(sender="m@fridge.local"), lookup)
    assert finding.level is Level.NOTE


@pytest.mark.parametrize(
    ("record", "level", "words"),
    [
        ("v=spf1 -all", Level.OK, "says who may send"),
        ("v=spf1 a mx ?all", Level.WARNING, "excludes nobody"),
        ("v=spf1 a mx", Level.WARNING, "excludes nobody"),
        ("v=spf1 +all", Level.WARNING, "lets everybody"),
        ("v=spf1 redirect=_spf.example", Level.OK, "says who may send"),
        ("v=spf10 -all", Level.WARNING, "Publish"),
    ],
)
def test_an_spf_record_is_judged_by_its_end(record: str, level: Level, words: str) -> None:
    found = judge_spf("mail", SENDER, "h", [record, "unrelated"])
    assert (found.level, words in found.said) == (level, True)


def test_two_spf_records_are_none() -> None:
    assert judge_spf("mail", SENDER, "h", ["v=spf1 -all", "v=spf1 ~all"]).level is Level.PROBLEM


ZONE = {
    "desk.example": ["v=spf1 mx a:out.example/32 ip6:2001:db8::/32 include:one.example -all"],
    "one.example": ["v=spf1 -ip4:203.0.113.1 ip4:203.0.113.0/24 redirect=two.example"],
    "two.example": ["v=spf1 include:two.example ip4:198.51.100.1 -all"],
}
HOSTS = {"out.example": ["192.0.2.1"], "mx.example": ["192.0.2.2"]}


@pytest.mark.parametrize(
    ("address", "covered"),
    [
        ("192.0.2.1", True),
        ("192.0.2.2", True),
        ("203.0.113.9", True),
        ("2001:db8::7", True),
        ("198.51.100.1", False),
        ("8.8.8.8", False),
    ],
)
def test_an_spf_record_is_followed_through_all_that_it_includes(address: str, covered: bool) -> None:
    """RFC 7208, 4.6.4: no more than ten names; `two.example` includes itself, so that what it says is void."""
    spf = Spf(lambda name: ZONE.get(name, []), lambda name: HOSTS.get(name, []), lambda _name: ["mx.example"])
    assert spf.covers("desk.example", [address]) is covered
    assert (spf.lookups > 10) is not covered


@pytest.mark.parametrize(
    ("texts", "level", "words"),
    [
        (["v=DMARC1; p=reject"], Level.OK, "refused or put aside"),
        (["v=DMARC1;p=none;"], Level.OK, "p=none"),
        (["v=DMARC1; rua=mailto:x@y"], Level.WARNING, "no policy"),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], Level.WARNING, "2 DMARC records"),
        (["something"], Level.WARNING, "Publish"),
    ],
)
def test_a_dmarc_record_is_judged_by_its_policy(texts: list[str], level: Level, words: str) -> None:
    found = judge_dmarc("mail", SENDER, texts)
    assert (found.level, words in found.said) == (level, True)


def test_a_dkim_key_is_there_withdrawn_or_missing() -> None:
    assert judge_dkim("mail", "s._domainkey.x", ["v=DKIM1; p=MIG"]).level is Level.OK
    assert "has been withdrawn" in judge_dkim("mail", "s._domainkey.x", ["v=DKIM1; p="]).said
    assert "is not there" in judge_dkim("mail", "s._domainkey.x", []).said


@given(st.lists(st.text()))
def test_no_text_of_a_stranger_breaks_the_judgement(texts: list[str]) -> None:
    for found in (judge_spf("m", "d", "h", texts), judge_dmarc("m", "d", texts), judge_dkim("m", "k", texts)):
        assert found.said
    Spf(lambda _name: ["v=spf1 " + " ".join(texts)], lambda _n: [], lambda _n: []).covers("d", ["192.0.2.1"])


# --- receivers of posts


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[int]:
    """A TLS server for `localhost` that says nothing."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)

    def serve() -> None:
        try:
            while True:
                connection, _ = listener.accept()
                with connection, context.wrap_socket(connection, server_side=True) as inside:
                    inside.recv(1)
        except OSError:
            return

    thread = threading.Thread(target=serve)
    thread.start()
    yield int(listener.getsockname()[1])
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def test_a_receiver_is_reached_and_its_certificate_looked_at(receiver: int, tmp_path: Path) -> None:
    fetch = FetchSettings(allow_networks=("127.0.0.0/8",), ca_file=str(tmp_path / "ca.pem"))
    found = list(web.receiver("hook", f"https://localhost:{receiver}/x", fetch, NOW))
    assert [finding.level for finding in found] == [Level.OK, Level.OK]
    assert "nothing was posted" in found[1].said


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://localhost:{port}/x", "private address"),
        ("https://127.0.0.1:1/", "cannot be reached at port 1"),
        ("https://nowhere.invalid/", "cannot be reached"),
    ],
)
def test_a_receiver_that_may_not_or_cannot_be_reached_is_a_problem(url: str, words: str, receiver: int) -> None:
    allowed = () if "localhost" in url else ("127.0.0.0/8",)
    (finding,) = web.receiver("hook", url.format(port=receiver), FetchSettings(allow_networks=allowed), NOW)
    assert (finding.level, words in finding.said) == (Level.PROBLEM, True)


def test_a_receiver_that_is_not_trusted_is_a_problem(receiver: int) -> None:
    allowed = FetchSettings(allow_networks=("127.0.0.0/8",))
    (finding,) = web.receiver("hook", f"https://localhost:{receiver}/x", allowed, NOW)
    assert "certificate that cannot be trusted" in finding.said


# --- the whole, and the command


CONFIG = """\
store: sqlite:///{folder}/monitor.db
storylines: [{{id: dam, title: Dam, terms: [dam]}}]
feeds: [https://feed.example/rss]
channels:
  screen: {{type: console}}
  mail: {{type: email, host: localhost, port: 1, from: m@fridge.local, to: [a@fridge.local]}}
"""


def test_the_whole_is_looked_at_and_ends_with_1_when_alerts_cannot_be_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "monitor.yaml").write_text(CONFIG.format(folder=tmp_path))
    assert run(["doctor", "-c", str(tmp_path / "monitor.yaml")]) == 1
    out = capsys.readouterr().out
    assert re.search(r"^problem  mail: The mail server localhost cannot be spoken with", out, re.MULTILINE)
    assert re.search(r"^note     store: .+ is not there yet", out, re.MULTILINE)
    assert run(["doctor", "--json", "-c", str(tmp_path / "monitor.yaml")]) == 1
    assert {finding["subject"] for finding in json.loads(capsys.readouterr().out)} == {"screen", "mail", "store"}


def test_a_damaged_store_is_a_problem(tmp_path: Path, lookup: Lookup) -> None:
    """S5."""
    (tmp_path / "monitor.yaml").write_text(CONFIG.format(folder=tmp_path))
    (tmp_path / "monitor.db").write_bytes(b"no database at all" * 100)
    found = [f for f in examine(load(tmp_path / "monitor.yaml"), lookup, NOW) if f.subject == "store"]
    assert found[0].level is Level.PROBLEM
