"""Mail against real servers: one that behaves, and every way in which one may not (D1-D11)."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from monitor.alerts.channels import open_channel, smtp
from monitor.alerts.channels.email import EmailChannel, EmailSettings, compose
from monitor.alerts.route import deliveries_for
from monitor.deliver import LEASE
from monitor.errors import DeliveryError
from monitor.model import Alert, Delivery, Reply
from monitor.secret import Secret
from tests.alerts.samples import NOON, make_alert, make_delivery
from tests.alerts.servers import PASSWORD, USER, Mailbox, Scripted, mail_server

SENDER = "Story Monitor <monitor@desk.example>"


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.secret._revealed", set())
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Mailbox]:
    with mail_server(tmp_path) as made:
        yield made


def channel_to(server: Mailbox | Scripted, **changed: Any) -> EmailChannel:
    given: dict[str, Any] = {
        "type": "email", "host": "localhost", "port": server.port, "sender": SENDER, "to": ("ann@desk.example",), "username": USER,
        "password": Secret(env="MAIL_PASSWORD"), "ca_file": getattr(server, "ca_file", ""),
    }  # fmt: skip
    if isinstance(server, Scripted):
        given |= {"security": "none", "username": "", "password": None, "timeout": timedelta(seconds=0.3)}
    return EmailChannel(EmailSettings(**given | changed))


def refusal(channel: EmailChannel, told: list[str] | None = None, delivery: Delivery | None = None) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        channel.send(make_alert(), delivery or make_delivery(), (told if told is not None else []).append)
    return caught.value


def send(channel: EmailChannel, told: list[str] | None = None) -> None:
    channel.send(make_alert(), make_delivery(), (told if told is not None else []).append)


# --- a server that behaves


@pytest.mark.filterwarnings(
    "ignore:Requiring AUTH while not requiring TLS"
)  # the server does not see the TLS around it
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mail_goes_through_tls_and_a_login_and_arrives_as_it_was_composed(security: str, tmp_path: Path) -> None:
    with mail_server(tmp_path, security=security) as box:
        send(channel_to(box, security=security))
    assert box.taken == [("ann@desk.example", compose(make_alert(), make_delivery(), SENDER))]
    message = message_from_bytes(box.taken[0][1], policy=default)
    assert message["Subject"] == "[The Orla dam] Two valleys below the Orla dam are evacuated"


@pytest.mark.parametrize("mechanism", ["LOGIN", "PLAIN"])
def test_a_password_with_umlauts_logs_in_by_whatever_the_server_offers(mechanism: str, tmp_path: Path) -> None:
    with mail_server(tmp_path, mechanisms=(mechanism,)) as box:
        send(channel_to(box))
    assert box.logins == [mechanism]
    assert len(box.taken) == 1


def test_the_transcript_tells_the_talk_without_the_password(box: Mailbox) -> None:
    """C16"""
    told: list[str] = []
    send(channel_to(box), told)
    assert told[0].startswith("< 220 ")
    for said in (
        "> STARTTLS",
        "> (login)",
        "> mail FROM:<monitor@desk.example> size=",
        "> rcpt TO:<ann@desk.example>",
        "> data",
        "< 354 ",
    ):
        assert any(line.startswith(said) for line in told)
    for hidden in (
        PASSWORD,
        b64encode(PASSWORD.encode()).decode(),
        b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode(),
    ):
        assert not any(hidden in line for line in told)


def test_a_channel_is_opened_from_its_settings(box: Mailbox, alert: Alert, delivery: Delivery) -> None:
    def no_post(*_: object) -> Reply:
        raise AssertionError

    open_channel(channel_to(box)._settings, no_post).send(alert, delivery, lambda _line: None)
    assert len(box.taken) == 1


def test_a_hostile_headline_crosses_the_wire_as_a_headline(box: Mailbox, delivery: Delivery) -> None:
    """D11, T8"""
    hostile = make_alert(
        title="=?utf-8?q?a=0ABcc:_evil=40x.example?=", summary=".\r\n.\r\nMAIL FROM:<x>\r\n" + "long " * 2_000
    )
    channel_to(box).send(hostile, delivery, lambda _line: None)
    assert box.taken == [("ann@desk.example", compose(hostile, delivery, SENDER))]


# --- recipients


def test_one_recipient_who_is_refused_keeps_no_other_from_the_mail(box: Mailbox) -> None:
    """D4, goal 16"""
    names = [f"{name}@desk.example" for name in ("ann", "bob", "cid", "dan", "eve")]
    box.answers["cid@desk.example"] = "550 5.1.1 no such user"
    channel, errors = channel_to(box), []
    for delivery in deliveries_for(make_alert(), "mail", names, NOON):
        try:
            channel.send(make_alert(), delivery, lambda _line: None)
        except DeliveryError as error:
            errors.append((delivery.target, error.verdict))
    assert errors == [("cid@desk.example", "final")]
    assert [recipient for recipient, _ in box.taken] == [name for name in names if not name.startswith("cid")]


def test_a_recipient_may_have_a_name(box: Mailbox) -> None:
    channel_to(box).send(make_alert(), make_delivery(target="Анна <ann@desk.example>"), lambda _line: None)
    assert box.taken[0][0] == "ann@desk.example"


def test_an_address_outside_ascii_is_refused_before_anything_is_sent(box: Mailbox) -> None:
    """D9"""
    assert refusal(channel_to(box), delivery=make_delivery(target="jürgen@desk.example")).verdict == "final"
    assert box.connections == 0


@pytest.mark.parametrize(
    ("verb", "answer", "verdict"),
    [
        ("ann@desk.example", "451 4.7.1 greylisted, come back later", "retry"),
        ("ann@desk.example", "452 too many", "retry"),
        ("ann@desk.example", "550 5.1.1 no such user", "final"),
        ("ann@desk.example", "554 5.7.1 relay denied", "final"),
        ("ann@desk.example", "530 5.7.0 authentication required", "pause"),
        ("MAIL", "451 later", "retry"),
        ("MAIL", "553 5.7.1 this sender is not yours", "pause"),
        ("MAIL", "552 5.3.4 too large", "final"),
        ("DATA", "451 4.3.0 later", "retry"),
        ("DATA", "552 5.3.4 too large", "final"),
        ("DATA", "554 5.6.0 spam", "final"),
    ],
)
def test_what_a_server_says_decides_what_follows(verb: str, answer: str, verdict: str, box: Mailbox) -> None:
    """D2, D3, D9"""
    box.answers[verb] = answer
    error = refusal(channel_to(box))
    assert error.verdict == verdict
    assert answer in str(error)
    assert box.taken == []


# --- encryption and login


def test_a_server_without_starttls_hears_no_password_and_no_mail(tmp_path: Path) -> None:
    """D5"""
    with Scripted() as server:
        error = refusal(channel_to(server, security="starttls", username=USER, password=Secret(env="MAIL_PASSWORD")))
        assert error.verdict == "retry"
        assert "does not offer encryption" in str(error)
    assert [line.split()[0].lower() for line in server.heard] == ["ehlo"]


@pytest.mark.parametrize("answer", ["454 not now", "501 what", "220 go on"])
def test_a_failed_starttls_ends_the_session(answer: str) -> None:
    """D5: also where the server says yes and then speaks no TLS"""
    with Scripted(ehlo="250-localhost\r\n250 STARTTLS", starttls=answer) as server:
        assert refusal(channel_to(server, security="starttls")).verdict == "retry"
    assert not any(line.lower().startswith(("mail", "auth", "rcpt")) for line in server.heard)


@pytest.mark.parametrize("changed", [{"host": "127.0.0.1"}, {"ca_file": ""}])
def test_a_certificate_that_cannot_be_trusted_ends_the_session(changed: dict[str, str], box: Mailbox) -> None:
    """D5, H25"""
    error = refusal(channel_to(box, **changed))
    assert error.verdict == "retry"
    assert "certificate that cannot be trusted" in str(error)
    assert box.logins == []


def test_the_wrong_port_for_tls_is_named(box: Mailbox) -> None:
    error = refusal(channel_to(box, security="tls"))
    assert "587 is for starttls, 465 for tls" in str(error)


def test_a_missing_certificate_file_is_named(box: Mailbox, tmp_path: Path) -> None:
    error = refusal(channel_to(box, ca_file=str(tmp_path / "none.pem")))
    assert error.verdict == "pause"
    assert "none.pem cannot be used: No such file" in str(error)


@pytest.mark.parametrize("mechanism", ["LOGIN", "PLAIN"])
def test_a_refused_login_pauses_the_channel_after_a_single_try(
    mechanism: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D6"""
    monkeypatch.setenv("MAIL_PASSWORD", "wrong-0815-guess")
    with mail_server(tmp_path, mechanisms=(mechanism,)) as box:
        told: list[str] = []
        error = refusal(channel_to(box), told)
    assert error.verdict == "pause"
    assert "refuses the login: 535" in str(error)
    assert box.logins == [mechanism]
    assert not any("wrong-0815-guess" in line for line in [*told, str(error)])


def test_a_login_that_fails_for_the_moment_is_tried_again() -> None:
    with Scripted(ehlo="250-localhost\r\n250 AUTH PLAIN", auth="454 4.7.0 temporary failure") as server:
        session = smtp.Session("127.0.0.1", server.port, lambda _line: None, timeout=1)
        session.ehlo()
        with pytest.raises(DeliveryError) as caught:
            channel_to(server)._expect(session.log_in("a", "b"), "refuses the login", "pause")
        session.close()
    assert caught.value.verdict == "retry"


def test_a_missing_password_pauses_the_channel(box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAIL_PASSWORD")
    error = refusal(channel_to(box))
    assert error.verdict == "pause"
    assert "MAIL_PASSWORD" in str(error)


def test_a_login_is_never_sent_in_the_clear() -> None:
    with Scripted(ehlo="250-localhost\r\n250 AUTH PLAIN") as server:
        assert refusal(channel_to(server, username=USER, password=Secret(env="MAIL_PASSWORD"))).verdict == "pause"
    assert not any(line.lower().startswith("auth") for line in server.heard)


def test_a_server_that_knows_no_login_of_ours_pauses_the_channel(tmp_path: Path) -> None:
    with mail_server(tmp_path, mechanisms=()) as box:
        error = refusal(channel_to(box))
    assert error.verdict == "pause"
    assert "refuses the login: 504" in str(error)


# --- servers that misbehave, verb by verb

FAULTS = {
    "4xx": "451 later",
    "421": "421 shutting down",
    "drop": "drop",
    "hang": "hang",
    "garbage": "\x00\xff what?",
    "endless": "drip",
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("verb", ["hello", "ehlo", "mail", "rcpt", "data", "body"])
def test_a_fault_at_any_verb_is_tried_again_and_leaves_no_half_mail(
    verb: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D2, D7, D8: every verb, every fault; never is a mail finished that was not handed over whole."""
    monkeypatch.setattr(smtp, "LONGEST", 0.5)
    script = {verb: FAULTS[fault]}
    if verb == "ehlo":
        script["helo"] = FAULTS[fault]
    with Scripted(**script) as server:
        error = refusal(channel_to(server))
        assert error.verdict == "retry"
    whole = compose(make_alert(), make_delivery(), SENDER)
    assert server.mails in ([], [whole])
    assert bool(server.mails) is (verb == "body")
    assert "QUIT" not in [line.upper() for line in server.heard[1:]]


def test_a_connection_lost_after_the_mail_says_that_it_may_have_come_through() -> None:
    """D7"""
    with Scripted(body="drop") as server:
        assert "may have come through" in str(refusal(channel_to(server)))


@pytest.mark.parametrize("answer", ["drop", "hang", "500 never"])
def test_a_mail_that_was_taken_is_sent_whatever_becomes_of_the_goodbye(
    answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "_GOODBYE", 0.1)
    with Scripted(quit=answer) as server:
        send(channel_to(server))
    assert len(server.mails) == 1


def test_a_server_that_is_not_there_is_tried_again() -> None:
    with Scripted() as server:
        pass
    error = refusal(channel_to(server))
    assert error.verdict == "retry"
    assert str(error) == "The mail server localhost cannot be spoken with: Connection refused."


def test_a_host_that_nobody_knows_is_tried_again(box: Mailbox) -> None:
    assert refusal(channel_to(box, host="mail.invalid")).verdict == "retry"


def test_a_plain_relay_on_the_own_machine_needs_neither_tls_nor_login() -> None:
    with Scripted() as server:
        send(channel_to(server))
    assert server.mails == [compose(make_alert(), make_delivery(), SENDER)]


def test_no_session_leaves_a_thread_behind(box: Mailbox) -> None:
    """P6, goal 12"""
    before = set(threading.enumerate())
    for _ in range(3):
        send(channel_to(box))
        refusal(channel_to(box, host="mail.invalid"))
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
        assert not thread.is_alive()


def test_a_try_ends_before_its_lease() -> None:
    """D29: or two would send the same mail."""
    assert LEASE.total_seconds() > smtp.LONGEST + smtp._GOODBYE
