"""Alerts by e-mail: one message a recipient, over SMTP inside TLS."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, parseaddr
from typing import Any, Literal, TypeVar

from monitor.alerts import render
from monitor.alerts.channels.smtp import Session, TlsSession
from monitor.alerts.links import Deed, Links, Offer
from monitor.alerts.policy import Policy
from monitor.alerts.templates import Own, TemplateFiles
from monitor.errors import DeliveryError, SecretError, Verdict, is_shortage, plainly
from monitor.model import Alert, Delivery
from monitor.secret import Secret, mask

T = TypeVar("T")
_PHRASE_CAP = 60
_PLAIN = re.compile(r"[A-Za-z0-9]+( [A-Za-z0-9]+)*")
_LOGIN_CODES = (530, 534, 535, 538)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailSettings:
    """Sends alerts as mail through your mail server."""

    type: Literal["email"]
    host: str
    """Name of the mail server."""
    sender: str
    """The From address, such as `Story monitor <monitor@example.org>`; in YAML the key is `from`."""
    to: tuple[str, ...]
    """Who gets the alerts; each address gets mail of its own."""
    port: int = 587
    """587 for starttls, 465 for tls."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is encrypted; with `none` no login is possible."""
    username: str = ""
    """The name to log in with, if the server wants a login."""
    password: Secret | None = None
    """Where the password for it is kept."""
    timeout: timedelta = timedelta(seconds=30)
    """How long the server may take for one step."""
    ca_file: str = ""
    """Certificate of your own authority, where the server's is not from a public one."""
    templates: TemplateFiles = field(default_factory=TemplateFiles)
    """Templates of your own for the body of its mails."""
    policy: Policy = field(default_factory=Policy)
    """When its readers want to hear of alerts."""


class EmailChannel:
    """Hands each delivery to the mail server in a session of its own."""

    def __init__(
        self, settings: EmailSettings, links: Links | None = None, complain: Callable[[str], None] = lambda _said: None
    ) -> None:
        self._settings = settings
        self._links = links
        self._own = Own(settings.templates, complain)

    def send(self, alert: Alert, delivery: Delivery, transcript: Callable[[str], None]) -> None:
        """Send one mail to one recipient; what the server says decides what follows (D2-D8)."""
        recipient = parseaddr(delivery.target)[1]
        if not recipient.isascii():
            raise DeliveryError(
                f"The address {recipient} has letters outside ASCII, which mail servers refuse.", verdict="final"
            )
        message = compose(alert, delivery, self._settings.sender, self._links, self._own)
        self._in_session(lambda session: self._hand_over(session, recipient, message), transcript)

    def knock(self, transcript: Callable[[str], None] = lambda _line: None) -> Mapping[str, Any] | None:
        """Connect and log in, once, and send nothing: the server's certificate, as `ssl` tells it; None without encryption.

        Raises DeliveryError, as `send` would.
        """
        return self._in_session(_certificate, transcript)

    def _in_session(self, work: Callable[[Session], T], transcript: Callable[[str], None]) -> T:
        """Do `work` in a session that is logged in, and leave it. Raises DeliveryError for all that can go wrong."""
        session: Session | None = None
        try:
            session = self._connect(transcript)
            self._log_in(session)
            done = work(session)
            session.leave()
        except SecretError as error:
            raise DeliveryError(str(error), verdict="pause") from None
        except smtplib.SMTPResponseException as error:
            raise self._refusal("refuses", error.smtp_code, error.smtp_error, "retry") from None
        except ssl.SSLCertVerificationError as error:
            raise self._error(f"has a certificate that cannot be trusted: {plainly(error)}") from None
        except ssl.SSLError as error:
            said = (
                f"does not speak TLS on port {self._settings.port} (587 is for starttls, 465 for tls): {plainly(error)}"
            )
            raise self._error(said) from None
        except (smtplib.SMTPException, OSError) as error:
            raise self._error(f"cannot be spoken with: {plainly(error) or type(error).__name__}") from None
        finally:
            if session is not None:
                session.close()  # after a fault without a word, so that no server takes half a mail for a whole one
        return done

    def _connect(self, transcript: Callable[[str], None]) -> Session:
        """A session inside TLS, unless the settings say `none`; never a word in the clear because a server would not (D5)."""
        settings = self._settings
        timeout = settings.timeout.total_seconds()
        if settings.security == "tls":
            return TlsSession(settings.host, settings.port, transcript, timeout=timeout, context=self._trust())
        session = Session(settings.host, settings.port, transcript, timeout=timeout)
        if settings.security == "starttls":
            try:
                self._encrypt(session)
            except BaseException:
                session.close()
                raise
        return session

    def _encrypt(self, session: Session) -> None:
        session.ehlo_or_helo_if_needed()
        if not session.has_extn("starttls"):
            raise self._error("does not offer encryption (STARTTLS); nothing was sent")
        session.starttls(context=self._trust())

    def _trust(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._settings.ca_file or None)
        except OSError as error:
            if is_shortage(error) and not isinstance(error, ssl.SSLError):
                raise
            said = f"The certificate in {self._settings.ca_file} cannot be used: {plainly(error)}."
            raise DeliveryError(said, verdict="pause") from None

    def _log_in(self, session: Session) -> None:
        session.ehlo_or_helo_if_needed()
        settings = self._settings
        if not settings.username or settings.password is None:
            return
        if settings.security == "none":
            raise self._error("would get the password in the clear; set security to starttls or tls", "pause")
        if not session.has_extn("auth"):
            raise self._error("offers no login; leave username and password out, or ask for the right port", "pause")
        self._expect(session.log_in(settings.username, settings.password.reveal()), "refuses the login", "pause")

    def _hand_over(self, session: Session, recipient: str, message: bytes) -> None:
        sender = parseaddr(self._settings.sender)[1]
        options = [f"size={len(message)}"] if session.has_extn("size") else []
        self._expect(session.mail(sender, options), f"takes no mail from {sender}", "pause")
        self._expect(session.rcpt(recipient), f"takes no mail for {recipient}", "final")
        try:
            self._expect(session.data(message), "does not take the mail", "final")
        except smtplib.SMTPServerDisconnected:
            raise self._error(
                "hung up during the mail; it may have come through, and is sent again under the same Message-ID"
            ) from None
        except smtplib.SMTPDataError as error:
            self._expect((error.smtp_code, error.smtp_error), "does not take the mail", "final")

    def _expect(self, answer: tuple[int, bytes | str], what: str, refused: Verdict) -> None:
        code, said = answer
        if not 200 <= code < 300:  # noqa: PLR2004
            raise self._refusal(what, code, said, refused)

    def _refusal(self, what: str, code: int, said: bytes | str, refused: Verdict) -> DeliveryError:
        """4xx passes, a wanted or refused login concerns the whole channel, any other 5xx is as final as `refused` says."""
        words = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        verdict: Verdict = "pause" if code in _LOGIN_CODES else refused if code >= 500 else "retry"  # noqa: PLR2004
        if code == 552:  # noqa: PLR2004 - D9: too large, wherever it is said
            verdict = "final"
        return self._error(f"{what}: {code} {words}", verdict)

    def _error(self, what: str, verdict: Verdict = "retry") -> DeliveryError:
        told = render.line(mask(f"The mail server {self._settings.host} {what}")).rstrip(".")
        return DeliveryError(f"{told}.", verdict=verdict)


def _certificate(session: Session) -> Mapping[str, Any] | None:
    return session.sock.getpeercert() if isinstance(session.sock, ssl.SSLSocket) else None


def compose(alert: Alert, delivery: Delivery, sender: str, links: Links | None = None, own: Own | None = None) -> bytes:
    """The mail for one delivery: the same bytes at every try, so that a repeat can be told (D7).

    With `links` its reader can silence or leave the storyline, also by the button of their mail program (RFC 8058).

    The headers are written here, not by EmailMessage, which on some Pythons turns an encoded word in a headline into a
    header of its own (CVE-2024-6923).
    """
    domain = parseaddr(sender)[1].rpartition("@")[2]
    thread = delivery.thread or "alerts"
    headers = {
        "Date": format_datetime(alert.created_at),
        "From": _mailbox(sender),
        "To": _mailbox(delivery.target),
        "Subject": _encoded("Subject", render.subject(alert)),
        "Message-ID": f"<{delivery.id}@{domain}>",
        **_threading(alert, delivery, domain),
        "List-Id": f"{_phrase(alert.storylines[0][1])}\r\n <{thread}.{domain}>"
        if alert.storylines
        else f"<{thread}.{domain}>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }
    offers = links.offers(delivery) if links and alert.storylines else ()
    if links and offers:
        headers["List-Unsubscribe"] = f"\r\n <{links.to(Deed.UNFOLLOW, delivery)}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return head.encode("ascii") + _body(alert, f"=_{delivery.id}", offers, own)


def _threading(alert: Alert, delivery: Delivery, domain: str) -> dict[str, str]:
    """What the mail answers: an update its development's first mail, any other the first mail of its storyline, which answers none."""
    root = f"<{delivery.root}@{domain}>" if delivery.root else ""
    first = f"<{first_delivery(alert, delivery)}@{domain}>" if alert.follows else ""
    answered = [name for name in dict.fromkeys((root, first)) if name]
    return {"In-Reply-To": answered[-1], "References": "\r\n ".join(answered)} if answered else {}


def first_delivery(alert: Alert, delivery: Delivery) -> str:
    """Id of the delivery that brought the same target the alert which `alert` follows: ids are an alert's and a target's part."""
    return alert.follows + delivery.id.removeprefix(alert.id)


def _body(alert: Alert, boundary: str, offers: Sequence[Offer], own: Own | None) -> bytes:
    """The MIME part: text, and HTML where there is some, in 7 bits and short lines (D9, D11)."""
    body = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    body.set_content(render.text(alert, offers, own))
    if written := render.html(alert, offers, own):
        body.add_alternative(written, subtype="html")
        body.set_boundary(boundary)
    return body.as_bytes()


def _mailbox(address: str) -> str:
    """A mailbox for a header: `Name <user@host>` on one line, the name encoded."""
    name, bare = map(render.line, parseaddr(address))
    return formataddr((name, bare)) if _is_harmless(name) else f"{_encoded('From', name)} <{bare}>"


def _phrase(name: str) -> str:
    """Words before an id in angle brackets: plain ones as they are, others encoded whole."""
    name = render.line(name, _PHRASE_CAP)
    return (
        name
        if _PLAIN.fullmatch(name)
        else Header(name, "utf-8", maxlinelen=76, header_name="List-Id").encode(linesep="\r\n")
    )


def _encoded(name: str, value: str) -> str:
    """`value` for the header `name`, folded: as it is if it is harmless ASCII, else whole in encoded words of our making (T8, T14)."""
    charset = "us-ascii" if _is_harmless(value) else "utf-8"
    return Header(value, charset, maxlinelen=76, header_name=name).encode(linesep="\r\n")


def _is_harmless(value: str) -> bool:
    return value.isascii() and "=?" not in value
