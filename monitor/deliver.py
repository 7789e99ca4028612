"""One delivery: claim, send, record. The second straight line of the program, and the threads that walk it."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from monitor.alerts.channels import Channel
from monitor.errors import DeliveryError, MonitorError, StoreError
from monitor.model import Delivery, DeliveryState
from monitor.secret import mask
from monitor.store import Connection, Store, outbox

log = logging.getLogger(__name__)

RETRIES = tuple(
    timedelta(seconds=s) for s in (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
"""Waits between tries: 75 h 35 min in all (Standard Webhooks 1.0.0), then the delivery is dead."""
LEASE = timedelta(minutes=5)
"""A try takes less; if the process dies in it, the delivery is free again after this."""
_JITTER = 0.1
_IDLE = 1.0


def deliver(store: Store, name: str, channel: Channel, now: Callable[[], datetime]) -> bool:
    """Send the next due delivery of a channel and remember what came of it; False when nothing is due."""
    claimed = store.write(lambda tx: None if outbox.paused(tx, name, now()) else outbox.claim(tx, name, now(), LEASE))
    if claimed is None:
        return False
    delivery, alert = claimed
    try:
        channel.send(alert, delivery, lambda _line: None)
    except DeliveryError as error:
        _failed(store, delivery, error, now())
    except Exception as error:  # noqa: BLE001 - D23: one poison alert must not stop the others
        kind = f"{type(error).__name__}: {error}" if not isinstance(error, MonitorError) else str(error)
        _failed(store, delivery, DeliveryError(mask(f"The alert could not be sent: {kind}")), now())
    else:
        sent = replace(delivery, state=DeliveryState.SENT, sent_at=now(), error="")
        store.write(lambda tx: outbox.record(tx, sent))
        log.info("deliver channel=%s delivery=%s state=sent attempts=%d", name, delivery.id, delivery.attempts)
    return True


def _failed(store: Store, delivery: Delivery, error: DeliveryError, now: datetime) -> None:
    settled = after_failure(delivery, error, now)

    def record(tx: Connection) -> None:
        outbox.record(tx, settled)
        if error.verdict in ("pause", "disable"):
            until = now + (error.after or timedelta(hours=1)) if error.verdict == "pause" else None
            outbox.pause(tx, delivery.channel, until, str(error))

    store.write(record)
    log.warning(
        "deliver channel=%s delivery=%s state=%s attempts=%d error=%s",
        delivery.channel, delivery.id, settled.state, delivery.attempts, error,
    )  # fmt: skip


def after_failure(delivery: Delivery, error: DeliveryError, now: datetime) -> Delivery:
    """What becomes of a delivery that was not taken: tried again by the table, refused for good, or dead."""
    said = str(error)
    if error.verdict == "final":
        return replace(delivery, state=DeliveryState.FAILED, error=said)
    if error.verdict in ("pause", "disable"):  # the channel's fault: this try does not count
        return replace(delivery, state=DeliveryState.PENDING, attempts=delivery.attempts - 1, due_at=now, error=said)
    if delivery.attempts > len(RETRIES):
        return replace(delivery, state=DeliveryState.DEAD, error=said)
    wait = RETRIES[delivery.attempts - 1]
    wait = max(wait + wait * _JITTER * _share(delivery), error.after or timedelta(0))
    return replace(delivery, state=DeliveryState.PENDING, due_at=now + wait, error=said)


def _share(delivery: Delivery) -> float:
    """0..1, different for each delivery and try, the same at every run: jitter that tests can foretell."""
    return hashlib.sha256(f"{delivery.id} {delivery.attempts}".encode()).digest()[0] / 255


class Deliverer:
    """One thread a channel, so that a channel that is down or slow delays nobody else (D10, D25)."""

    def __init__(
        self,
        store: Store,
        channels: Mapping[str, Channel],
        *,
        beat: Callable[[str], None] = lambda name: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._beat = beat
        self._now = now
        self._stopping = threading.Event()
        self._wakers = {name: threading.Event() for name in channels}
        self.threads = [
            threading.Thread(target=self._run, args=(name, channel), name=f"deliver-{name}", daemon=True)
            for name, channel in channels.items()
        ]

    def start(self) -> None:
        """Begin to deliver."""
        for thread in self.threads:
            thread.start()

    def wake(self) -> None:
        """Something was queued: look now."""
        for waker in self._wakers.values():
            waker.set()

    def stop(self, timeout: float) -> None:
        """Begin nothing new; wait up to `timeout` seconds in all for tries under way. What is cut short is tried again."""
        self._stopping.set()
        self.wake()
        deadline = datetime.now(UTC) + timedelta(seconds=timeout)
        for thread in self.threads:
            thread.join(max(0.0, (deadline - datetime.now(UTC)).total_seconds()))

    def _run(self, name: str, channel: Channel) -> None:
        while not self._stopping.is_set():
            self._beat(f"deliver-{name}")
            self._wakers[name].clear()
            try:
                busy = deliver(self._store, name, channel, self._now)
            except StoreError as error:  # S3: a full disk passes; what is queued stays queued
                log.error("deliver channel=%s error=%s", name, error)  # noqa: TRY400 - the sentence says it all
                busy = False
            if not busy:
                self._wakers[name].wait(_IDLE)


__all__ = ["LEASE", "RETRIES", "Deliverer", "after_failure", "deliver"]
