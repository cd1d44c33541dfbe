"""The newest events by their keys, kept in the state, so that repeated work is recognised."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.bus.state.unit_state import State
from penstock.drift_detector.event_key import short_key, short_keys
from penstock.drift_detector.stored_series import StoredSeries


class RecentEvents:
    """The short keys of at most `limit` newest events, in memory and in the state; the older half goes when it is full.

    It serves as `penstock.contracts.first_by_offset` does, but is in the state and holds no values.
    """

    def __init__(self, state: State, prefix: bytes, limit: int) -> None:
        self._limit = limit
        self._series = StoredSeries(state, prefix, "q")
        self._short_keys = set(self._series.values)

    def __contains__(self, key: bytes) -> bool:
        return short_key(key) in self._short_keys

    def add(self, keys: Sequence[bytes]) -> list[int]:
        """Add events in this order; the indices of those that were not there before."""
        present, order = self._short_keys, self._series.values
        new = []
        for index, short in enumerate(short_keys(keys)):
            if short not in present:
                present.add(short)
                order.append(short)
                new.append(index)
                if len(order) >= self._limit:
                    self._drop_older_half()
        return new

    def save(self) -> None:
        """Write what was added to the state."""
        self._series.save()

    def _drop_older_half(self) -> None:
        half = self._limit // 2
        self._short_keys.difference_update(self._series.values[:half])
        self._series.drop(half)
