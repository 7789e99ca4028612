"""A story that was told by several outlets, in a store of its own, as the page shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from monitor.alerts.channels import WebhookSettings
from monitor.alerts.channels.console import ConsoleSettings
from monitor.config import Config
from monitor.desk import Desk, decide, save
from monitor.model import DeliveryState, Entry
from monitor.secret import Secret
from monitor.store import Connection, Store, feeds, outbox, stories
from monitor.stories.ledger import Ledger
from tests.web.sites import make_config

BEGIN = datetime(2024, 3, 5, 6, tzinfo=UTC)
NOON = BEGIN + timedelta(hours=6)
TOLD = (
    (0, "Herald", "Union calls strike at Tarn ferry", "Crews walk out over wages on Monday."),
    (20, "Gazette", "Tarn ferry: union calls crews out on strike", "Wages are the reason."),
    (25, "Globe", "Union calls strike at Tarn ferry", "Crews walk out over wages on Monday."),
    (90, "Herald", "Police arrest two over blaze on Tarn ferry", "The harbour was closed."),
    (100, "Kurier", "Policja zatrzymała dwie osoby po pożarze promu Tarn", "Port zamknięto."),
    (200, "Post", "Life on the Tarn ferry: a union man remembers", "Thirty years at sea."),
    (300, "Gazette", "Court orders Tarn ferry union back to work", "The strike ends at midnight."),
)
"""Minutes, outlet, title, summary."""


def entry(minutes: int, outlet: str, title: str, summary: str = "", url: str = "") -> Entry:
    """An entry of an outlet; its id follows from outlet and time."""
    at = BEGIN + timedelta(minutes=minutes)
    identifier = f"{outlet.lower()}-{minutes}"
    return Entry(
        id=identifier, feed="https://herald.example/feed", url=url or f"https://{outlet.lower()}.example/{minutes}", title=title,
        summary=summary, published=at, language="pl" if outlet == "Kurier" else "en", outlet=outlet, keys=(identifier,),
    )  # fmt: skip


def config() -> Config:
    """Two channels, so that one of them can fail."""
    hook = WebhookSettings(type="webhook", url="https://hook.example/in", secret=Secret(env="HOOK_SECRET"))
    return make_config(channels={"console": ConsoleSettings(type="console"), "hook": hook})


def fill(store: Store, told: Sequence[Entry] = (), of: Config | None = None) -> None:
    """Decide on these entries, or on what was TOLD, one by one, as the daemon would, and have their alerts sent; by the hook they are given up."""
    told = told or [entry(*one) for one in TOLD]
    known = of or config()
    followed = tuple(replace(s, channels=tuple(known.channels)) for s in known.storylines)
    rules, ledger = replace(known, storylines=followed).rules(), Ledger(followed)

    def keep(tx: Connection) -> None:
        feeds.sync(tx, known.feeds, BEGIN)
        stories.sync(tx, followed, BEGIN)
        for one in told:
            changes = decide([one], ledger, rules, one.published)
            sent = tuple(
                replace(
                    d, state=DeliveryState.DEAD if d.channel == "hook" else DeliveryState.SENT, sent_at=one.published
                )
                for d in changes.deliveries
            )
            save(tx, replace(changes, deliveries=()), one.published)
            outbox.add(tx, [], sent)

    store.write(keep)
    Desk(store, rules).watch(max(one.published for one in told))
