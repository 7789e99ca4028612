"""One delivery: claim, send, record. The second straight line of the program, and the threads that walk it."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from monitor import metrics
from monitor.alerts.channels import Channel, Transcript
from monitor.alerts.digest import THREAD
from monitor.alerts.policy import Policy
from monitor.errors import DeliveryError, StoreError, StoreHeld, is_shortage
from monitor.fold import fold_due
from monitor.model import Alert, Delivery, DeliveryState
from monitor.process import uptime
from monitor.secret import mask
from monitor.store import Connection, Store, outbox
from monitor.store.due import Due

__all__ = ["LEASE", "PAUSE", "RETRIES", "Deliverer", "after_failure", "deliver"]

RETRIES = tuple(
    timedelta(seconds=s) for s in (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
"""Waits between tries: 75 h 35 min in all (Standard Webhooks 1.0.0), then the delivery is dead."""
LEASE = timedelta(minutes=2)
"""A try takes less; if the process dies in it, the delivery is free again after this."""
PAUSE = timedelta(hours=1)
"""How long a channel rests that refused our login, unless the receiver named a time."""
AT_ONCE = Policy()
"""Nothing is held by the clock or by a limit."""
_JITTER = 0.1
_IDLE = 3.0
"""Seconds between two looks for what nobody has told of."""
_STORE_IDLE = 5.0
_SIGN = 30.0
"""Seconds after which a thread that has nothing to do shows that it is there, and looks by itself."""
log = logging.getLogger(__name__)


def deliver(
    store: Store,
    name: str,
    channel: Channel,
    now: Callable[[], datetime],
    transcript: Transcript = lambda _line: None,
    policy: Policy = AT_ONCE,
) -> bool:
    """Send the next due delivery of a channel and remember what came of it; False when nothing is due, or the channel rests."""
    if not store.glance(outbox.ANY_DUE, name, now()):
        return False
    begun = uptime()
    claim = store.write(lambda tx: _claim(tx, name, policy, now()))
    if claim is None:
        return False
    delivery, alert, _ = claim
    if uptime() - begun > _half_a_lease():  # this process stood still
        store.write(lambda tx: outbox.record(tx, replace(delivery, attempts=delivery.attempts - 1), claim))
        log.warning("deliver channel=%s delivery=%s late: its lease may end within a try", name, delivery.id)
        return True
    error = _send(channel, alert, delivery, transcript)
    settled = (
        after_failure(delivery, error, now())
        if error
        else replace(delivery, state=DeliveryState.SENT, sent_at=now(), error="")
    )
    is_ours = _remember(store, lambda tx: _record(tx, claim, settled, error, now()), transcript)
    metrics.tried(alert, settled)
    log.log(
        logging.WARNING if error else logging.INFO, "deliver channel=%s delivery=%s state=%s attempt=%d error=%s",
        name, delivery.id, settled.state, delivery.attempts, settled.error,
    )  # fmt: skip
    if not is_ours:
        log.warning(
            "deliver channel=%s delivery=%s lost: its claim has ended, and what came of this try is not kept",
            name,
            delivery.id,
        )
    return True


def _half_a_lease() -> float:
    """Seconds: within the first half a try begins, within the other it ends, while nobody else takes up the delivery."""
    return LEASE.total_seconds() / 2


def _claim(tx: Connection, name: str, policy: Policy, now: datetime) -> outbox.Claim | None:
    if outbox.paused(tx, name, now):
        return None
    fold_due(tx, name, policy, now)
    return outbox.claim(tx, name, now, LEASE, barrier=THREAD)


def _send(channel: Channel, alert: Alert, delivery: Delivery, transcript: Transcript) -> DeliveryError | None:
    try:
        channel.send(alert, delivery, transcript)
    except DeliveryError as error:
        return error
    except Exception as error:  # D23: a poison alert ends here, and holds up no other
        if is_shortage(error):
            return DeliveryError(f"The machine is out of memory or open files: {error}.")
        log.exception("deliver channel=%s delivery=%s state=poisoned", delivery.channel, delivery.id)
        return DeliveryError(f"The alert could not be sent: {type(error).__name__}: {error}", verdict="final")
    return None


def _remember(store: Store, record: Callable[[Connection], bool], transcript: Transcript) -> bool:
    """Keep what came of a try. A store that refuses is asked again for a while: what is not kept is sent a second time (S14)."""
    end = time.monotonic() + _half_a_lease()
    while True:
        try:
            return store.write(record)
        except StoreError as refused:
            if isinstance(refused, StoreHeld) or time.monotonic() > end:
                raise
            transcript(str(refused))
            time.sleep(_IDLE)


def _record(tx: Connection, claim: outbox.Claim, settled: Delivery, error: DeliveryError | None, now: datetime) -> bool:
    if not outbox.record(tx, settled, claim):
        return False
    if error and error.verdict == "pause":
        outbox.pause(tx, settled.channel, now + (error.after or PAUSE), settled.error)
    if error and error.verdict == "disable":
        outbox.pause(tx, settled.channel, None, settled.error)
    return True


def after_failure(delivery: Delivery, error: DeliveryError, now: datetime) -> Delivery:
    """What becomes of a delivery that was not taken: tried again by the table, refused for good, or dead."""
    delivery = replace(delivery, error=" ".join(mask(str(error)).split()))
    if error.verdict == "final":
        return replace(delivery, state=DeliveryState.FAILED)
    if error.verdict in ("pause", "disable"):  # the channel's fault, not this delivery's: the try does not count
        return replace(delivery, attempts=delivery.attempts - 1, due_at=now)
    if delivery.attempts > len(RETRIES) and now - delivery.created_at >= sum(RETRIES, timedelta()):
        return replace(delivery, state=DeliveryState.DEAD)
    # D20, D29: tries that our own end cut short count too, but the time is the receiver's, whole
    wait = RETRIES[min(delivery.attempts, len(RETRIES)) - 1] * (1 + _JITTER * _share(delivery))
    return replace(delivery, due_at=now + max(wait, error.after or wait))


def _share(delivery: Delivery) -> float:
    """0..1, different for each delivery and try, the same at every run: jitter that tests can foretell."""
    return hashlib.sha256(f"{delivery.id} {delivery.attempts}".encode()).digest()[0] / 255


class Deliverer:
    """One thread a channel, so that a channel that is down or slow delays nobody else (D10, D25).

    There may be others on the same store, in other processes; then all go by the store's time, as they do unless `now` gives
    another. `beat` is called with the thread's name at every look and at every word from a receiver. A thread that meets what
    it does not understand dies, and is to be noticed by its absence from the living.
    """

    def __init__(
        self,
        store: Store,
        channels: Mapping[str, Channel],
        policies: Mapping[str, Policy] | None = None,
        *,
        beat: Callable[[str], None] = lambda _name: None,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._store = store
        self._beat = beat
        self._now = now or store.now
        self._stopping = threading.Event()
        self._policies = policies or {}
        self._look_at = 0.0
        self._due = {name: Due(store, outbox.FIRST_DUE, name) for name in channels}
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

    def look(self) -> None:
        """Have sent what has become due; to be called about once a second, by one thread for all channels, since most looks are in vain.

        That is a try that is due again, what was held until now, or what a command beside us has queued. Raises StoreError.
        """
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + _IDLE
        for name, due in self._due.items():
            if due.is_any(self._now()):
                self._wakers[name].set()

    def stop(self, timeout: float) -> None:
        """Begin nothing new; wait up to `timeout` seconds in all for tries under way. What is cut short is tried again."""
        self._stopping.set()
        self.wake()
        end = time.monotonic() + timeout
        for thread in (thread for thread in self.threads if thread.is_alive()):
            thread.join(max(0.0, end - time.monotonic()))

    def _run(self, name: str, channel: Channel) -> None:
        while not self._stopping.is_set():
            self._beat(f"deliver-{name}")
            self._wakers[name].clear()
            try:
                idle = 0.0 if self._deliver(name, channel) else _SIGN
            except StoreError as error:  # S3: a full disk passes; what is queued stays queued
                log.error("deliver channel=%s error=%s", name, error)  # noqa: TRY400 - the sentence says it all
                idle = _STORE_IDLE
            self._wakers[name].wait(idle)

    def _deliver(self, name: str, channel: Channel) -> bool:
        beat = partial(self._beat, f"deliver-{name}")
        policy = self._policies.get(name, AT_ONCE)
        return deliver(self._store, name, channel, self._now, lambda _line: beat(), policy)
