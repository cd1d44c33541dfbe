"""How many events come in event time, partition by partition."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from penstock.bus.state.state import State
from penstock.contracts.records.counts import Counts
from penstock.drift_detector.event_key import micros
from penstock.ml.drift.volume import TRAILING, is_unusual_volume

_KEY = b"2v"


class Pace(Struct, array_like=True):
    """What came of a partition: events up to offset `stop`, the newest at `at` microseconds, `events` since then."""

    stop: int
    at: int
    events: int = 0
    rates: list[float] = []


class VolumeWatch:
    """The rate of each block of counts, in events a second of event time, against the rates before it.

    An unusual rate is one of those the next are compared with, so one change is one alarm. Time that passes without an
    event is known when the next block is full.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        kept = state.get(_KEY)
        self._paces = msgspec.msgpack.decode(kept, type=dict[int, Pace]) if kept else {}

    def take(self, counts: Counts) -> tuple[float, float] | None:
        """Take in a block: the rate and the bound that it has left, or None. Repeated work changes nothing."""
        data, at = counts.data, micros(counts.time)
        pace = self._paces.get(data.partition)
        if pace is not None and data.stop <= pace.stop:
            return None
        if pace is None or data.start != pace.stop:  # what lies between was not counted
            self._paces[data.partition] = Pace(data.stop, at, rates=pace.rates if pace else [])
            return None
        pace.stop, pace.events = data.stop, pace.events + data.events
        if at <= pace.at:
            return None
        rate = pace.events / (at - pace.at) * 1e6
        bound = is_unusual_volume(rate, pace.rates)
        pace.at, pace.events, pace.rates = at, 0, [*pace.rates, rate][-TRAILING:]
        return None if bound is None else (rate, bound)

    def save(self) -> None:
        """Hand everything over to the state."""
        self._state.put(_KEY, msgspec.msgpack.encode(self._paces))
