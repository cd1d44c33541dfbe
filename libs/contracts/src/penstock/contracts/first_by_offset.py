"""The first record by offset wins: work that is repeated writes a record again, and every reader keeps the first."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class FirstByOffset(Mapping[K, V], Generic[K, V]):
    """Values by key, added in the order of their offsets; the first under a key stays.

    With a `limit` only the newest `limit` keys are remembered: repeated work follows soon or not at all.

    >>> answers = FirstByOffset[str, str]()
    >>> answers.add("event-1", "yes"), answers.add("event-1", "no"), answers["event-1"]
    (True, False, 'yes')
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._values: dict[K, V] = {}

    def add(self, key: K, value: V) -> bool:
        """Add `value` unless the key has one already; True if it was added."""
        if key in self._values:
            return False
        self._values[key] = value
        if self._limit is not None and len(self._values) > self._limit:
            del self._values[next(iter(self._values))]
        return True

    def __getitem__(self, key: K) -> V:
        """The first value under the key."""
        return self._values[key]

    def __iter__(self) -> Iterator[K]:
        """The keys, in the order of their first records."""
        return iter(self._values)

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._values)
