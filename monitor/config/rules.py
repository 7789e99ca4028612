"""What single values must be, field by field. A rule notes a problem, with what to write instead, and never raises."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import getaddresses
from pathlib import Path as File
from typing import Any
from urllib.parse import urlsplit

from cronsim import CronSim, CronSimError

from monitor.alerts.channels import AlertmanagerSettings, AppriseSettings, EmailSettings, WebhookSettings
from monitor.alerts.channels.apprise import open_service
from monitor.alerts.channels.reply import reveal
from monitor.alerts.channels.webhook import is_signing_secret
from monitor.alerts.notice import Operator
from monitor.alerts.policy import QUIET, Policy, is_zone
from monitor.alerts.templates import TemplateFiles, syntax_error
from monitor.config import files
from monitor.config.defaults import Defaults, Retention
from monitor.config.reading import Path, Plain, shown
from monitor.errors import SecretError
from monitor.feeds.settings import FetchSettings
from monitor.model import Feed, Storyline
from monitor.secret import Secret
from monitor.serve import WebSettings

Rule = Callable[[Plain, Any, Path], None]

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
_MAIL = re.compile(r"[^@\s<>,;:\"\\]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PASSWORD_HASH = re.compile(r"\$argon2id\$v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+")
_SHORTEST_TOKEN = 24
_SECRET_CAP = 64_000


def identifier(what: str, example: str) -> Rule:
    """Small letters, digits and dashes."""

    def rule(plain: Plain, value: str, path: Path) -> None:
        if not _ID.fullmatch(value):
            said = f"`{shown(value)}` cannot be {what}; use small letters, digits and dashes, such as `{example}`."
            plain.problem(path, said)

    return rule


def within(least: float, most: float, unit: str = "") -> Rule:
    """A number between two bounds, which belong to it."""

    def rule(plain: Plain, value: float, path: Path) -> None:
        if not least <= value <= most:
            plain.problem(path, f"`{path[-1]}` lies between {least:g} and {most:g}{unit}.")

    return rule


def lasting(least: str, most: str) -> Rule:
    """A duration between two others, written as in YAML."""
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    low, high = (timedelta(**{units[bound[-1]]: int(bound[:-1])}) for bound in (least, most))

    def rule(plain: Plain, value: timedelta, path: Path) -> None:
        if not low <= value <= high:
            plain.problem(path, f"`{path[-1]}` is a duration from {least} to {most}.")

    return rule


def threshold(plain: Plain, value: float, path: Path) -> None:
    """A share above nothing: with 0 every entry would match."""
    if not 0 < value <= 1:
        plain.problem(path, "A threshold lies above 0 and is at most 1, such as 0.5.")


def title(plain: Plain, value: str, path: Path) -> None:
    """Something to read."""
    if not re.search(r"\w", value):
        plain.problem(path, "The title is empty; it names the storyline in every alert.")


def term(plain: Plain, value: str, path: Path) -> None:
    """A word at least."""
    if not re.search(r"\w", value):
        plain.problem(path, "A term is empty; write a word, a phrase or an entity's name.")


def aliases(plain: Plain, value: Mapping[str, tuple[str, ...]], path: Path) -> None:
    """Entities, each with names that can be found in a text."""
    for name, names in value.items():
        term(plain, name, (*path, name))
        for number, alias in enumerate(names):
            term(plain, alias, (*path, name, number))


def language(plain: Plain, value: str, path: Path) -> None:
    """A language code."""
    if value and not _LANGUAGE.fullmatch(value):
        plain.problem(path, f"`{shown(value)}` is no code of a language; write two letters, such as en or pl.")


_PLAIN = re.compile(r"https?://(?:[a-z0-9-]{1,63}\.)+[a-z0-9-]{1,63}(?::[1-9][0-9]{0,3})?(?:/[!-\[\]-~]*)?")
"""Most addresses; where there are a hundred thousand, to take each apart would be most of the start."""


def web_address(plain: Plain, value: str | Secret, path: Path) -> None:
    """An http(s) address with a host. What a secret holds is never repeated, nor is a login."""
    url = value.reveal() if isinstance(value, Secret) else value
    if _PLAIN.fullmatch(url):
        return
    if not _is_web_address(url):
        what = f"What the {value} holds" if isinstance(value, Secret) else f"“{shown(url.rpartition('@')[2])}”"
        plain.problem(path, f"{what} is not a web address; write it like https://example.org/feed.")
    elif url is value and "@" in urlsplit(url).netloc:
        said = "The address holds a login, and secrets do not belong in this file; "
        plain.problem(path, f"{said}take it out and write headers: {{Authorization: {{env: NAME}}}}.")


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        host.encode("idna")
        return (
            parts.scheme in ("http", "https") and bool(host) and parts.port != 0
            and url.isprintable() and not re.search(r"[\s\\]", url)
        )  # fmt: skip
    except ValueError:  # a port that is none, brackets around nothing, a host with two dots in a row
        return False


def mail_address(plain: Plain, value: str, path: Path) -> None:
    """One mail address, with or without a name; C12: nothing that could begin another header."""
    found = getaddresses([value])
    if len(found) != 1 or not _MAIL.fullmatch(found[0][1]) or not value.isprintable():
        plain.problem(path, f"“{shown(value)}” is not a mail address; write name@example.org.")


def recipients(plain: Plain, value: tuple[str, ...], path: Path) -> None:
    """Somebody, each by an address of their own."""
    for number, address in enumerate(value):
        mail_address(plain, address, (*path, number))
    if not value:
        plain.problem(path, "Nobody would get the mail; write to: [name@example.org].")


def host(plain: Plain, value: str, path: Path) -> None:
    """The name or number of a machine, without port or scheme."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        if not _HOST.fullmatch(value):
            plain.problem(path, f"`{shown(value)}` is no name of a server; write only the name, like smtp.example.org.")


def networks(plain: Plain, value: tuple[str, ...], path: Path) -> None:
    """Ranges of addresses."""
    for number, network in enumerate(value):
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            said = f"`{shown(network)}` is not a network; write it like 192.168.1.0/24."
            plain.problem((*path, number), said)


def contact(plain: Plain, value: str, path: Path) -> None:
    """Where the owner of a polled server can ask, as it is told in a header."""
    if value and not _is_web_address(value) and not (value.isascii() and _MAIL.fullmatch(value)):
        said = f"“{shown(value)}” is neither a mail nor a web address; write name@example.org or https://example.org."
        plain.problem(path, said)


def headers(plain: Plain, value: Mapping[str, str | Secret], path: Path) -> None:
    """Headers that can be sent; C12: nothing that could begin another one."""
    for name, content in value.items():
        text = content.reveal() if isinstance(content, Secret) else content
        if not _HEADER.fullmatch(name):
            plain.problem((*path, name), f"`{shown(name)}` is no name of a header; write it like X-Key.")
        if not (text.isascii() and text.isprintable() and text == text.strip()):
            said = "A header's value is a line of plain letters, digits and signs, without spaces at its ends."
            plain.problem((*path, name), said)


def signing_secret(plain: Plain, value: Secret | tuple[Secret, ...], path: Path) -> None:
    """What signs a webhook; two while one replaces the other."""
    given = value if isinstance(value, tuple) else (value,)
    for secret in given:
        if not is_signing_secret(secret.reveal()):
            said = f"What the {secret} holds is not a signing secret: whsec_ and 24 to 64 bytes in base64."
            plain.problem(path, said)
    if not given:
        plain.problem(path, "No secret is named; write secret: {env: NAME}.")


def cron(plain: Plain, value: str, path: Path) -> None:
    """When something happens again and again."""
    try:
        CronSim(value, datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError:
        said = f"`{shown(value)}` says no times; write minute, hour, day, month and day of the week, like `0 7 * * mon-fri`."
        plain.problem(path, said)


def time_zone(plain: Plain, value: str, path: Path) -> None:
    """A zone that this machine knows."""
    if not is_zone(value):
        said = f"`{shown(value)}` is no time zone that is known here; write it like Europe/Warsaw."
        plain.problem(path, said)


def hours(plain: Plain, value: str, path: Path) -> None:
    """Hours of the day."""
    parts = QUIET.fullmatch(value)
    if value and (parts is None or parts.group(1, 2) == parts.group(3, 4)):
        plain.problem(path, f'`{shown(value)}` says no hours of the day; write them like "22:00-07:00".')


def limit(plain: Plain, value: int | None, path: Path) -> None:
    """How many messages an hour."""
    if value is not None and not 0 <= value <= 10_000:  # noqa: PLR2004
        plain.problem(path, "`limit` is a number of messages an hour, from 1 to 10000, or 0 for no limit.")


def base_url(plain: Plain, value: str, path: Path) -> None:
    """Where readers come in; nothing after the path."""
    if value:
        web_address(plain, value, path)
        if _is_web_address(value) and (urlsplit(value).query or urlsplit(value).fragment):
            plain.problem(
                path, "The base of addresses has nothing after its path; write it like https://news.example.org."
            )


def address(plain: Plain, value: str, path: Path) -> None:
    """Where to listen: an address of this machine and a port."""
    name, _, port = value.rpartition(":")
    if not (name and port.isascii() and port.isdigit() and 0 < int(port) <= 65_535):  # noqa: PLR2004
        plain.problem(path, f"`{shown(value)}` is no address to listen at; write it like 127.0.0.1:8765.")


def password_hash(plain: Plain, value: str | Secret, path: Path) -> None:
    """What is kept of a password, from which nobody reads it back."""
    text = value.reveal() if isinstance(value, Secret) else value
    if text and not _PASSWORD_HASH.fullmatch(text):
        plain.problem(path, "Here stands what `monitor password` prints, never the password itself.")


def token(plain: Plain, value: Secret | None, path: Path) -> None:
    """Long enough that nobody guesses it."""
    if value is not None and len(value.reveal()) < _SHORTEST_TOKEN:
        said = f"What the {value} holds is too short for a token; `openssl rand -hex 32` makes a good one."
        plain.problem(path, said)


def services(plain: Plain, value: Mapping[str, str | Secret], path: Path) -> None:
    """Addresses that Apprise understands. They may hold passwords, and are not repeated."""
    if not value:
        plain.problem(path, "Nobody would get the alerts; write urls: {phone: {env: PHONE_URL}}.")
    for name, url in value.items():
        identifier("the name of a receiver", "phone")(plain, name, (*path, name))
        try:
            known = open_service(reveal(url)) is not None
        except SecretError:
            continue  # told where it is read
        if not known:
            said = f"Apprise does not understand the address of `{shown(name)}`; it is written like ntfy://topic or slack://..., see Apprise's list."
            plain.problem((*path, name), said)


def existing_file(plain: Plain, value: str, path: Path) -> None:
    """A file that is there and can be read."""
    try:
        files.read(File(value), 1) if value else None
    except files.UnreadableError as error:
        plain.problem(path, f"The file {shown(value)} cannot be read: {error}.")


def template(plain: Plain, value: str, path: Path) -> None:
    """A file that Jinja understands."""
    try:
        wrong = syntax_error(files.read(File(value), _SECRET_CAP).decode("utf-8", "replace")) if value else ""
    except files.UnreadableError as error:
        plain.problem(path, f"The template {shown(value)} cannot be read: {error}.")
        return
    if wrong:
        plain.problem(path, f"The template {shown(value)} is wrong in {wrong.rstrip('.')}.")


def can_be_revealed(plain: Plain, secret: Secret, path: Path) -> bool:
    """Whether a secret has a text now (C7); that others can read it too is a warning (C8)."""
    try:
        if secret.file:
            files.read(File(secret.file), _SECRET_CAP)
        secret.reveal()
    except (SecretError, files.UnreadableError) as error:
        said = str(error) if isinstance(error, SecretError) else f"{secret} cannot be read: {error}."
        plain.problem(path, f"The {said}")
        return False
    if secret.file and File(secret.file).stat().st_mode & 0o004:
        plain.warn(path, f"Everybody on this machine can read {secret}; run chmod 600 on it.")
    return True


EVERY = lasting("1m", "7d")
STEP = lasting("1s", "5m")

RULES: Mapping[type, Mapping[str, Rule]] = {
    Defaults: {"every": EVERY, "slowest": EVERY, "threshold": threshold},
    Retention: {"entries": lasting("1d", "3650d"), "seen": lasting("1d", "3650d")},
    FetchSettings: {
        "contact": contact,
        "timeout": STEP,
        "max_bytes": within(10_000, 200_000_000),
        "allow_networks": networks,
        "max_redirects": within(0, 20),
        "workers": within(1, 200),
        "per_host": within(1, 20),
        "spacing": lasting("0s", "1m"),
        "proxy": web_address,
        "ca_file": existing_file,
    },
    Feed: {"url": web_address, "every": EVERY, "slowest": EVERY, "language": language, "headers": headers},
    Storyline: {"id": identifier("an id", "ferry-strike"), "title": title, "threshold": threshold, "entities": aliases},
    EmailSettings: {
        "host": host,
        "sender": mail_address,
        "to": recipients,
        "port": within(1, 65_535, "; mail servers use 587 or 465"),
        "timeout": STEP,
        "ca_file": existing_file,
    },
    AppriseSettings: {"urls": services},
    AlertmanagerSettings: {"url": web_address, "headers": headers, "resolve_after": lasting("1m", "30d")},
    Policy: {
        "digest": cron,
        "timezone": time_zone,
        "quiet": hours,
        "limit": limit,
        "group_wait": lasting("0s", "1h"),
    },
    TemplateFiles: {"text": template, "html": template, "digest_text": template, "digest_html": template},
    WebSettings: {"base_url": base_url, "listen": address, "password": password_hash, "token": token},
    Operator: {"feed_silent": lasting("1h", "90d"), "channel_failing": lasting("1m", "7d")},
    WebhookSettings: {"url": web_address, "secret": signing_secret, "headers": headers},
}
"""Class -> field -> what it must be. Fields without a rule may be anything of their type."""
