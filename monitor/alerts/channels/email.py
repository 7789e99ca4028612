"""Alerts by e-mail: one message a recipient, over SMTP with TLS."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Literal

from monitor.alerts import render
from monitor.errors import DeliveryError, Verdict
from monitor.model import Alert, Delivery
from monitor.secret import Secret, mask

_PERMANENT = 500
_LOGIN_PAUSE = timedelta(hours=1)


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
    security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is encrypted; with `none` no login is possible."""
    username: str = ""
    password: Secret | None = None
    timeout: timedelta = timedelta(seconds=30)
    """How long the server may take for one step."""
    ca_file: str = ""
    """Certificate of your own authority, where the server's is not from a public one."""


class EmailChannel:
    """Hands each delivery to the mail server in a session of its own."""

    def __init__(self, settings: EmailSettings) -> None:
        self._settings = settings

    def send(self, alert: Alert, delivery: Delivery, transcript: Callable[[str], None]) -> None:
        """Send one mail to one recipient; what the server says decides what follows (D2-D8)."""
        message = compose(alert, delivery, self._settings.sender)
        _, sender = parseaddr(self._settings.sender)
        session: smtplib.SMTP | None = None
        try:
            session = self._connect(transcript)
            self._log_in(session)
            session.sendmail(sender, [delivery.target], message.as_bytes(policy=SMTP))
        except smtplib.SMTPAuthenticationError as error:
            raise self._error("refused the login", error, "pause", after=_LOGIN_PAUSE) from None
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            raise self._refusal(f"does not take mail for {delivery.target}", code, said) from None
        except smtplib.SMTPResponseException as error:
            raise self._refusal("refused the mail", error.smtp_code, error.smtp_error) from None
        except ssl.SSLError as error:
            raise self._error("has no certificate that can be trusted", error, "retry") from None
        except (smtplib.SMTPException, OSError) as error:
            raise self._error("did not take the mail", error, "retry") from None
        finally:
            if session is not None:
                _leave(session)

    def _connect(self, transcript: Callable[[str], None]) -> smtplib.SMTP:
        settings = self._settings
        context = ssl.create_default_context(cafile=settings.ca_file or None)
        timeout = settings.timeout.total_seconds()
        if settings.security == "tls":
            return _Secure(settings.host, settings.port, timeout=timeout, context=context, transcript=transcript)
        session = _Plain(settings.host, settings.port, timeout=timeout, transcript=transcript)
        if settings.security == "starttls":
            try:
                session.ehlo()
                session.starttls(context=context)  # raises where the server does not offer it: never a word in the clear (D5)
            except BaseException:
                session.close()
                raise
        return session

    def _log_in(self, session: smtplib.SMTP) -> None:
        if self._settings.username and self._settings.password:
            session.login(self._settings.username, self._settings.password.reveal())

    def _refusal(self, what: str, code: int, said: bytes | str) -> DeliveryError:
        words = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        return self._error(what, f"{code} {words}", "final" if code >= _PERMANENT else "retry")

    def _error(self, what: str, why: object, verdict: Verdict, after: timedelta | None = None) -> DeliveryError:
        said = render.line(mask(str(why) or type(why).__name__), 200)
        return DeliveryError(f"The mail server {self._settings.host} {what}: {said}", verdict=verdict, after=after)


def compose(alert: Alert, delivery: Delivery, sender: str) -> EmailMessage:
    """The mail for one delivery: the same bytes at every try, so that a repeat can be told (wire rules, faults D7)."""
    name, address = parseaddr(sender)
    domain = address.rpartition("@")[2]
    message = EmailMessage(policy=SMTP.clone(max_line_length=78, refold_source="all"))
    user, _, at = address.rpartition("@")
    message["From"] = Address(_header(name), user, at)
    message["To"] = delivery.target
    message["Subject"] = _header(render.subject(alert))
    message["Date"] = format_datetime(alert.created_at)
    message["Message-ID"] = f"<{delivery.id}@{domain}>"
    root = f"<{delivery.thread or 'alerts'}.{delivery.channel}@{domain}>"
    message["In-Reply-To"] = root
    message["References"] = root
    message["List-Id"] = f"{_header(alert.storylines[0][1] if alert.storylines else 'alerts')} <{delivery.thread or 'alerts'}.{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(_body(render.text, alert), cte="quoted-printable")
    with suppress(Exception):  # D23: the text says it all
        message.add_alternative(render.html(alert), subtype="html", cte="quoted-printable")
    return message


def _body(renderer: Callable[[Alert], str], alert: Alert) -> str:
    try:
        return renderer(alert)
    except Exception:  # noqa: BLE001 - D23: a poison alert is still told
        return render.plain(alert)


def _header(value: str) -> str:
    """A value that cannot start a header: one line, and no encoded word of a feed's making (CVE-2024-6923)."""
    return render.line(value, render.SUBJECT_CAP).replace("=?", "= ?")


class _Transcribing(smtplib.SMTP):
    """An SMTP session that tells what was said, without passwords."""

    def __init__(self, host: str, port: int, *, transcript: Callable[[str], None], timeout: float) -> None:
        self._transcript = transcript
        self._hidden = False
        super().__init__(host, port, timeout=timeout)

    def putcmd(self, cmd: str, args: str = "") -> None:
        """Tell the command, then send it."""
        secret = self._hidden or cmd.upper() == "AUTH"
        self._transcript(f"> {cmd.split()[0] if secret else mask(f'{cmd} {args}'.strip())}{' ***' if secret else ''}")
        super().putcmd(cmd, args)

    def getreply(self) -> tuple[int, bytes]:
        """Read the answer, then tell it."""
        code, said = super().getreply()
        self._hidden = code == 334  # noqa: PLR2004 - the server asks for the next part of a login
        self._transcript(f"< {code} {mask(said.decode('utf-8', 'replace'))}")
        return code, said


class _Plain(_Transcribing):
    """A session that begins in the clear."""


class _Secure(_Transcribing, smtplib.SMTP_SSL):
    """A session inside TLS from its first byte."""

    def __init__(self, host: str, port: int, *, transcript: Callable[[str], None], timeout: float, context: ssl.SSLContext) -> None:
        self.context = context
        self.keyfile = self.certfile = None
        super().__init__(host, port, transcript=transcript, timeout=timeout)


def _leave(session: smtplib.SMTP) -> None:
    """Say goodbye, where there is somebody left to say it to; the mail's fate is settled before (anchors: #4006)."""
    with suppress(smtplib.SMTPException, OSError):
        session.quit()
    with suppress(OSError):
        session.close()
