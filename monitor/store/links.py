"""The key that signs the addresses in mails, and which of them were used."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import Connection, select

from monitor.store import upsert
from monitor.store.schema import links, meta

_KEY = "link_key"


def key(tx: Connection) -> bytes:
    """The key of this store; made when it is first asked for, in a transaction that writes."""
    upsert(tx, meta, [{"name": _KEY, "value": secrets.token_hex(32)}], keep=True)
    return bytes.fromhex(tx.execute(select(meta.c.value).where(meta.c.name == _KEY)).scalar_one())


def use(tx: Connection, token: str, now: datetime) -> None:
    """Note that an address was used."""
    upsert(tx, links, [{"token": token, "used_at": now}], keep=True)


def used(tx: Connection, token: str) -> datetime | None:
    """When an address was used, if it was."""
    return tx.execute(select(links.c.used_at).where(links.c.token == token)).scalar_one_or_none()
