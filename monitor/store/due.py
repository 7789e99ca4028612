"""When something is due next: what is asked all day long, and nearly always in vain."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from monitor.store import Prepared, Store
from monitor.store.schema import time_in


class Due:
    """Whether anything is due of what `first` finds: a row of times, each the earliest of some kind, or nothing.

    The store is asked only when it was written to since, by whichever process, or to tell that is not cheap. A look a second later
    finds nothing of the store in the processor's cache, and takes a fifth of the time where it need not ask.
    """

    def __init__(self, store: Store, first: Prepared, *values: object) -> None:
        self._store, self._first, self._values = store, first, values
        self._known: tuple[object, datetime | None] = None, None
        """By which stamp, and when."""

    def is_any(self, now: datetime) -> bool:
        """Whether it is, at this time. Raises StoreError."""
        stamp = self._store.stamp()  # before the look: what is written meanwhile shows at the next
        known, at = self._known
        if stamp is None or stamp != known:
            (row,) = self._store.glance(self._first, *self._values)
            at = min(map(_time, filter(None, row)), default=None)
            self._known = stamp, at
        return at is not None and at <= now


def _time(told: Any) -> datetime:
    """As Python has it; the engines give text, or a time."""
    return told if isinstance(told, datetime) else time_in(told)
