"""What is found on a mail channel, by real mail servers and a real name server."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.resolver
import pytest

from monitor.alerts.channels import EmailSettings
from monitor.doctor import Finding, Level, mail
from monitor.doctor.finding import certificate
from monitor.doctor.lookup import Lookup
from monitor.secret import Secret
from tests.alerts.servers import PASSWORD, USER, Mailbox, Scripted, mail_server
from tests.doctor.conftest import NameServer

NOW = datetime.now(UTC)
SENDER, HOST = "desk.example", "smtp.provider.example"
OURS, THEIRS = "93.184.215.14", "8.8.8.8"


def settings(**changed: object) -> EmailSettings:
    values = {"type": "email", "host": HOST, "sender": f"Desk <m@{SENDER}>", "to": ("ann@desk.example",)}
    return EmailSettings(**values | changed)  # type: ignore[arg-type]


def said(findings: Iterable[Finding], level: Level) -> str:
    return "\n".join(finding.said for finding in findings if finding.level is level)


# --- the mail server


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.secret._revealed", set())
    monkeypatch.setenv("DOCTOR_PASSWORD", PASSWORD)


def to(box: Mailbox, **changed: object) -> EmailSettings:
    login = {"username": USER, "password": Secret(env="DOCTOR_PASSWORD")}
    return settings(**{"host": "localhost", "port": box.port, "ca_file": box.ca_file} | login | changed)


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_that_takes_the_login_is_well_and_no_mail_is_sent(security: str, tmp_path: Path) -> None:
    with mail_server(tmp_path, security=security) as box:
        found = list(mail.server("mail", to(box, security=security), NOW))
    assert [finding.level for finding in found] == [Level.OK, Level.OK]
    assert found[0].said.startswith("The certificate of localhost, by trustme v")
    assert ", is good until " in found[0].said
    assert found[1].said == "localhost can be reached and takes the login."
    assert (box.taken, len(box.logins)) == ([], 1)


def test_a_refused_login_is_a_problem_after_a_single_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """D6, C16"""
    monkeypatch.setenv("DOCTOR_PASSWORD", "canary-wrong")
    with mail_server(tmp_path) as box:
        (finding,) = mail.server("mail", to(box), NOW)
    assert finding.level is Level.PROBLEM
    assert "refuses the login" in finding.said
    assert "canary" not in finding.said
    assert len(box.logins) == 1


def test_a_server_that_is_not_there_or_not_trusted_is_a_problem(tmp_path: Path) -> None:
    """D1, D5"""
    (finding,) = mail.server("mail", settings(host="localhost", port=1), NOW)
    assert (finding.level, "cannot be spoken with" in finding.said) == (Level.PROBLEM, True)
    with mail_server(tmp_path) as box:
        (finding,) = mail.server("mail", to(box, ca_file=""), NOW)
    assert "certificate that cannot be trusted" in finding.said
    assert box.logins == []


def test_a_server_without_starttls_is_a_problem_and_hears_no_password() -> None:
    """D5"""
    with Scripted() as server:
        wanted = settings(host="localhost", port=server.port, username=USER, password=Secret(env="DOCTOR_PASSWORD"))
        (finding,) = mail.server("mail", wanted, NOW)
    assert (finding.level, "does not offer encryption" in finding.said) == (Level.PROBLEM, True)
    assert [line.split()[0].lower() for line in server.heard] == ["ehlo"]


def test_mail_that_leaves_in_the_clear_is_a_warning_unless_the_server_is_near() -> None:
    with Scripted() as server:
        far, near = (
            list(mail.server("mail", settings(host=host, port=server.port, security="none"), NOW))
            for host in ("0x7f.1", "127.0.0.1")
        )
    assert [finding.level for finding in far] == [Level.WARNING, Level.OK]
    assert "in the clear (security: none)" in far[0].said
    assert [finding.said for finding in near] == ["127.0.0.1 can be reached and is used without a login."]


@pytest.mark.parametrize(("days", "level", "words"), [(13, Level.WARNING, "ends on"), (15, Level.OK, "is good until")])
def test_a_certificate_that_ends_soon_is_told(days: int, level: Level, words: str) -> None:
    shown = {
        "notAfter": f"{NOW + timedelta(days=days):%b %d %H:%M:%S %Y GMT}",
        "issuer": ((("commonName", "Orla CA"),),),
    }
    found = certificate("mail", "h", shown, NOW)
    assert (found.level, f"by Orla CA, {words}" in found.said) == (level, True)


# --- what the domain publishes


@pytest.fixture
def zone(names: NameServer) -> NameServer:
    """A domain that publishes all there is to publish, and a provider that sends its mail."""
    names.publish(SENDER, "TXT", "google-site-verification=x", "v=spf1 include:_spf.provider.example ~all")
    names.publish("_spf.provider.example", "TXT", "v=spf1 ip4:93.184.215.0/24 -all")
    names.publish(f"_dmarc.{SENDER}", "TXT", "v=DMARC1; p=quarantine; rua=mailto:d@desk.example")
    names.publish(SENDER, "MX", "10 mx.provider.example.")
    names.publish("mx.provider.example", "A", OURS)
    names.publish(HOST, "A", OURS)
    names.publish(f"s1._domainkey.{SENDER}", "TXT", "v=DKIM1; k=rsa; p=MIGfMA0GCSq")
    return names


def test_a_domain_that_publishes_all_is_well(zone: NameServer, lookup: Lookup) -> None:
    found = list(mail.domain("mail", settings(), lookup, "s1"))
    assert [finding.level for finding in found] == [Level.OK] * 4
    assert "(SPF, ~all)" in found[0].said
    assert "p=quarantine). Yours passes it by SPF" in found[2].said
    assert "Bounces find their way to mx.provider.example" in found[3].said


def test_a_domain_that_publishes_nothing_is_told_what_to_publish(names: NameServer, lookup: Lookup) -> None:
    names.publish(SENDER, "A", OURS)
    found = list(mail.domain("mail", settings(), lookup))
    warned = said(found, Level.WARNING)
    assert f'{SENDER} TXT "v=spf1 a:{HOST} ~all"' in warned
    assert f'_dmarc.{SENDER} TXT "v=DMARC1; p=none; rua=mailto:postmaster@{SENDER}"' in warned
    assert "look for dkim=pass" in said(found, Level.NOTE)


def test_a_record_longer_than_a_packet_is_read_whole(zone: NameServer, lookup: Lookup) -> None:
    padding = " ".join(f"ip4:203.0.{number}.0/24" for number in range(60))
    zone.publish("_spf.provider.example", "TXT", f"v=spf1 {padding} ip4:{OURS} -all")
    found = list(mail.domain("mail", settings(), lookup, "s1"))
    assert [finding.level for finding in found] == [Level.OK] * 4
    assert zone.by_tcp == 1


def test_each_name_is_asked_for_once(zone: NameServer, lookup: Lookup) -> None:
    for _ in range(2):
        list(mail.domain("mail", settings(), lookup, "s1"))
    assert len(zone.asked) == len(set(zone.asked))


def test_a_server_that_the_domain_does_not_name_is_noted(zone: NameServer, lookup: Lookup) -> None:
    zone.publish(HOST, "A", OURS, THEIRS)
    found = list(mail.domain("mail", settings(), lookup, "s1"))
    noted = said(found, Level.NOTE)
    assert f"does not name {THEIRS} of {HOST}." in noted
    assert f"add a:{HOST} to it" in noted
    assert "Yours passes it where the mail server signs by the key s1." in said(found, Level.OK)


def test_mail_that_nothing_vouches_for_is_a_warning_where_the_policy_is_strict(
    zone: NameServer, lookup: Lookup
) -> None:
    zone.publish(HOST, "A", THEIRS)
    assert "is else refused or put aside" in said(mail.domain("mail", settings(), lookup), Level.WARNING)


@pytest.mark.parametrize("host", ["localhost", "10.0.0.7"])
def test_where_a_server_inside_the_network_sends_from_cannot_be_seen(
    host: str, zone: NameServer, lookup: Lookup
) -> None:
    assert f"From where {host} sends cannot be seen" in said(
        mail.domain("mail", settings(host=host), lookup), Level.NOTE
    )


def test_a_server_may_be_named_by_its_number(zone: NameServer, lookup: Lookup) -> None:
    assert said(mail.domain("mail", settings(host=OURS), lookup, "s1"), Level.NOTE) == ""
    assert f"add ip4:{THEIRS} to it" in said(mail.domain("mail", settings(host=THEIRS), lookup), Level.NOTE)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ("v=spf1 ipv4:192.0.2.1 ~all", "nobody understands `ipv4:192.0.2.1`"),
        ("v=spf1 include:gone.example ~all", "leads to gone.example, which has no SPF record"),
        ("v=spf1 include:two.example ~all", "leads to two.example, which has 2 SPF records"),
        ("v=spf1 include:typo.example ~all", "leads to that of typo.example, where nobody understands `allow`"),
        ("v=spf1 redirect=gone.example", "leads to gone.example"),
        ("v=spf1 include:desk.example ~all", "look up more than 10 names"),
        (f"v=spf1 ip4:{OURS} {' '.join(['a mx'] * 6)} ~all", "look up more than 10 names"),
    ],
)
def test_a_void_record_is_a_problem_and_the_rest_is_looked_at(
    record: str, words: str, zone: NameServer, lookup: Lookup
) -> None:
    """RFC 7208, 4.6"""
    zone.publish("two.example", "TXT", "v=spf1 -all", "v=spf1 ~all")
    zone.publish("typo.example", "TXT", "v=spf1 allow -all")
    zone.publish(SENDER, "TXT", record)
    found = list(mail.domain("mail", settings(), lookup, "s1"))
    assert words in said(found, Level.PROBLEM)
    assert len(said(found, Level.OK).splitlines()) == 3


def test_what_depends_on_the_single_mail_is_said_to(zone: NameServer, lookup: Lookup) -> None:
    zone.publish(SENDER, "TXT", "v=spf1 exists:%{i}._spf.desk.example ~all")
    assert "as far as can be seen" in said(mail.domain("mail", settings(), lookup), Level.NOTE)


def test_the_domain_above_speaks_for_those_below(zone: NameServer, lookup: Lookup) -> None:
    below = settings(sender=f"m@eu.news.{SENDER}")
    zone.publish(f"_dmarc.eu.news.{SENDER}", "TXT", "what a wildcard says")
    zone.publish(f"eu.news.{SENDER}", "TXT", f"v=spf1 ip4:{OURS} -all")
    assert f"{SENDER} says what is to become of forged mail (DMARC, p=quarantine)" in said(
        mail.domain("mail", below, lookup), Level.OK
    )


@pytest.mark.parametrize(
    ("mx", "words"),
    [
        (None, "takes no mail (no MX)"),
        ("0 .", "says that it takes no mail"),
        ("10 gone.example.", "(MX: gone.example) have no address"),
    ],
)
def test_a_domain_without_a_way_back_is_told(mx: str | None, words: str, zone: NameServer, lookup: Lookup) -> None:
    del zone.published[SENDER, "MX"]
    if mx:
        zone.publish(SENDER, "MX", mx)
    assert words in said(mail.domain("mail", settings(), lookup, "s1"), Level.WARNING)


# --- the name of the server's address


def test_the_name_of_ones_own_servers_address_leads_back(zone: NameServer, lookup: Lookup) -> None:
    zone.publish(f"smtp.{SENDER}", "A", OURS)
    own = settings(host=f"smtp.{SENDER}")
    assert "14.215.184.93.in-addr.arpa PTR smtp.desk.example" in said(mail.domain("mail", own, lookup), Level.WARNING)


@pytest.mark.parametrize(("name", "level"), [(f"smtp.{SENDER}", Level.OK), ("elsewhere.example", Level.WARNING)])
def test_a_name_of_ones_own_servers_address_counts_where_it_leads_back(
    name: str, level: Level, zone: NameServer, lookup: Lookup
) -> None:
    zone.publish(f"smtp.{SENDER}", "A", OURS)
    zone.publish("14.215.184.93.in-addr.arpa", "PTR", f"{name}.")
    assert "(PTR)" in said(mail.domain("mail", settings(host=f"smtp.{SENDER}"), lookup), level)


def test_the_names_of_a_providers_addresses_are_the_providers(zone: NameServer, lookup: Lookup) -> None:
    list(mail.domain("mail", settings(), lookup))
    assert "PTR" not in {kind for _, kind in zone.asked}


# --- a name server that does not answer


def test_names_that_cannot_be_asked_for_are_told_and_the_rest_is_looked_at(zone: NameServer, lookup: Lookup) -> None:
    zone.broken.add(SENDER)
    found = list(mail.domain("mail", settings(), lookup, "s1"))
    assert f"The name {SENDER} could not be looked up" in said(found, Level.WARNING)
    assert len(said(found, Level.OK).splitlines()) == 2


def test_a_name_server_that_says_nothing_is_not_waited_for_without_end(
    zone: NameServer, resolver: dns.resolver.Resolver
) -> None:
    zone.silent |= {SENDER, f"_dmarc.{SENDER}"}
    found = list(mail.domain("mail", settings(), Lookup(resolver, seconds=0.5)))
    assert "expired" in found[0].said
    assert said(found, Level.WARNING).count("earlier answers took too long") == 2


def test_a_machine_without_name_servers_is_told(tmp_path: Path) -> None:
    asked = dns.resolver.Resolver(configure=False)
    assert said(mail.domain("mail", settings(), Lookup(asked)), Level.WARNING).count("could not be looked up") == 3


def test_a_domain_of_ones_own_network_is_not_looked_up(names: NameServer, lookup: Lookup) -> None:
    (finding,) = mail.domain("mail", settings(sender="m@fridge.local"), lookup)
    assert (finding.level, names.asked) == (Level.NOTE, [])


@pytest.mark.parametrize("selector", ["a..b", "x" * 70, "ключ", "\x00", " "])
def test_no_selector_is_too_strange_to_ask_for(selector: str, zone: NameServer, lookup: Lookup) -> None:
    assert "(DKIM)" in said(mail.domain("mail", settings(), lookup, selector), Level.WARNING) or "could not be" in said(
        mail.domain("mail", settings(), lookup, selector), Level.WARNING
    )
