"""Which traces begin: by chance, decided from the event's id, or by rule, within a bound of traces a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import blake2b
from zlib import crc32

RULE_TRACES_PER_SECOND = 20.0  # of a stream, in each service

_WHOLE = 1 << 32


def event_trace_id(stream: str, event_id: str) -> int:
    """The id of an event's trace, which whoever knows the event can work out; 16 bytes of BLAKE2b (RFC 7693).

    >>> f"{event_trace_id('loans', 'e1'):032x}"
    '4e5472f48eb789ea77019ecd426fdcdb'
    """
    return int.from_bytes(blake2b(f"{stream}\x1f{event_id}".encode(), digest_size=16).digest()) or 1


class RateBound:
    """At most so many a second of each key, in bursts of one second's worth.

    >>> bound = RateBound(2, clock=lambda: 0.0)
    >>> [bound.take("loans") for _ in range(3)], bound.take("power")
    ([True, True, False], True)
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> bool:
        """Whether one more may begin now; it then counts."""
        now = self._clock()
        left, since = self._left.get(key, (self._per_second, now))
        left = min(self._per_second, left + (now - since) * self._per_second)
        self._left[key] = (left - 1 if left >= 1 else left, now)
        return left >= 1


class TraceChoice:
    """Chooses the share `ratio` of events by their ids: the label of an event is chosen with it, wherever it comes in.

    Of what is chosen at most `per_second` traces begin a second.
    """

    def __init__(self, ratio: float, per_second: float | None = None) -> None:
        self.takes_all = ratio >= 1
        self._below = int(ratio * _WHOLE)
        self._bound = None if per_second is None else RateBound(per_second)

    def chooses(self, event_id: str) -> bool:
        """Whether a trace of this event begins here."""
        return crc32(event_id.encode()) < self._below and (self._bound is None or self._bound.take(""))
