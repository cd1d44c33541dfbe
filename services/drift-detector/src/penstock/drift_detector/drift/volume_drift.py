"""Volume drift: is the rate of events, in event time, unusual for its partition?"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from msgspec import Struct

from penstock.bus.state.unit_state import State
from penstock.contracts.records.counts import Counts
from penstock.drift_detector.event_time import to_microseconds
from penstock.ml.drift.volume import TRAILING_RATES, exceeded_volume_bound

_KEY = b"2v"


class PartitionVolume(Struct, array_like=True):
    """The events of a partition up to offset `stop`: the newest time that a rate ends at, the events since, the rates.

    `newest_time` is in microseconds, `rates` in events a second.
    """

    stop: int
    newest_time: int
    events: int = 0
    rates: list[float] = []


@dataclass(frozen=True, slots=True)
class VolumeDrift:
    """A rate of events a second, and the bound that it has passed."""

    rate: float
    bound: float


class VolumeDriftDetector:
    """Compares the rate of each count block, in events a second of event time, with the rates before it.

    An unusual rate is among those that the next ones are compared with, so one change is one alarm. A time without
    events shows when the next block is complete.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        stored = state.get(_KEY)
        self._partitions = msgspec.msgpack.decode(stored, type=dict[int, PartitionVolume]) if stored else {}

    def update(self, counts: Counts) -> VolumeDrift | None:
        """Add a count block; a repeated one changes nothing."""
        data, time = counts.data, to_microseconds(counts.time)
        volume = self._partitions.get(data.partition)
        if volume is not None and data.stop <= volume.stop:
            return None
        if volume is None or data.start != volume.stop:  # the events between were not counted
            rates = volume.rates if volume else []
            self._partitions[data.partition] = PartitionVolume(data.stop, time, rates=rates)
            return None
        volume.stop, volume.events = data.stop, volume.events + data.events
        if time <= volume.newest_time:
            return None
        rate = volume.events / (time - volume.newest_time) * 1e6
        bound = exceeded_volume_bound(rate, volume.rates)
        volume.newest_time, volume.events, volume.rates = time, 0, [*volume.rates, rate][-TRAILING_RATES:]
        return None if bound is None else VolumeDrift(rate, bound)

    def save(self) -> None:
        """Write everything to the state."""
        self._state.put(_KEY, msgspec.msgpack.encode(self._partitions))
