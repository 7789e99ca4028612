"""Remembering what was found out: a news stream says the same words over and over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memo(dict[K, V], ABC):
    """Key -> what was found out of it when it was first asked for.

    Bounded by two generations: when one is full, it becomes the one before, from which what is asked for again is taken over. So what is
    said every day is found out once, and what is said once is forgotten.
    """

    def __init__(self, most: int) -> None:
        """Of `most`: how many are remembered, both generations together."""
        super().__init__()
        self._full = most // 2
        self._before: dict[K, V] = {}

    def __missing__(self, key: K) -> V:
        known = self._before.pop(key, None)
        if known is None:
            known = self.found(key)
        if len(self) >= self._full:
            self._before = self.copy()
            self.clear()
        self[key] = known
        return known

    @abstractmethod
    def found(self, key: K) -> V:
        """Find it out; never None."""
