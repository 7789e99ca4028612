"""The key `store`: where the database is. An address with a password is a secret, and comes from where secrets come from."""

from __future__ import annotations

import os
import re

from monitor.config.reading import WRONG, Plain
from monitor.config.rules import can_be_revealed
from monitor.config.shape import read_as
from monitor.secret import Secret

ADDRESS = r"(sqlite:///|postgresql://).+"
"""How the store is named, as a regular expression."""
_PATH = ("store",)
_PASSWORDS = {"password", "sslpassword"}


def read(plain: Plain) -> str:
    """As configured, else where systemd keeps the service's data, else beside the user."""
    state = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    default = f"sqlite:///{state}/monitor.db" if state else "sqlite:///var/monitor.db"
    said = read_as(plain, str | Secret, plain.data.get("store", default), _PATH)
    if said is WRONG or (isinstance(said, Secret) and not can_be_revealed(plain, said, _PATH)):
        return default
    url: str = said.reveal() if isinstance(said, Secret) else said
    if not _is_address(url):
        plain.problem(
            _PATH,
            f"{f'What the {said} holds is no address of a store. ' if isinstance(said, Secret) else ''}The store is named like "
            "sqlite:///var/monitor.db (three slashes, then the file) or postgresql://HOST/DATABASE.",
        )
    elif url is said and _holds_password(url):
        plain.problem(
            _PATH,
            "The address holds a password, and secrets do not belong in this file; write store: {env: NAME}, and the whole address "
            "into that variable.",
        )
    return url


def _is_address(url: str) -> bool:
    if not (re.fullmatch(ADDRESS, url) and url.isprintable()):
        return False
    try:
        _holds_password(url)
    except ValueError:
        return False
    return True


def _holds_password(url: str) -> bool:
    """Raises ValueError for what is no address."""
    if url.startswith("sqlite:"):
        return False
    from sqlalchemy.engine import make_url  # noqa: PLC0415 - loaded where it is used
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ValueError(str(error)) from error
    return parsed.password is not None or not _PASSWORDS.isdisjoint(parsed.query)
