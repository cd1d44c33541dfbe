"""How many events each stream answers a second: the growth of its predictions, looked at once a second."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise

from penstock.bus.errors import TransientError
from penstock.bus.ports import Log
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import PREDICTIONS

LOOK_S = 1.0
SHOWN_S = 120  # of which rates are shown, each second
AVERAGED_S = 10


@dataclass
class AnswerCounts:
    """How many predictions a stream had at each look: (seconds, predictions), the newest last."""

    looks: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=SHOWN_S + 1))

    @property
    def total(self) -> int:
        """The predictions so far, repeated work and what retention deleted among them."""
        return self.looks[-1][1] if self.looks else 0

    @property
    def rate(self) -> float:
        """Predictions a second over the last ten seconds."""
        recent = list(self.looks)[-AVERAGED_S - 1 :]
        if len(recent) < 2:
            return 0.0
        (began, before), (ended, after) = recent[0], recent[-1]
        return max(0.0, (after - before) / (ended - began))

    @property
    def rates(self) -> list[float]:
        """Predictions a second, look by look."""
        looks = list(self.looks)
        return [max(0.0, (after - before) / (ended - began)) for (began, before), (ended, after) in pairwise(looks)]


class AnswerRates:
    """The counts of every declared stream; they stand still while the broker does not answer."""

    def __init__(self, log: Log, namespace: str, streams: Streams, now: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._namespace = namespace
        self._streams = streams
        self._now = now
        self.counts: dict[str, AnswerCounts] = {}

    def of(self, stream: str) -> AnswerCounts:
        """The counts of a stream."""
        return self.counts.get(stream) or AnswerCounts()

    async def run(self) -> None:
        """Look once a second."""
        while True:
            with suppress(TransientError):  # the next look comes
                await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Ask the log once for all streams.

        Raises:
            TransientError: the log does not answer.
        """
        names = {PREDICTIONS.name(self._namespace, name): name for name in self._streams.names()}
        keys = [
            (topic, number)
            for topic, name in names.items()
            for number in range(PREDICTIONS.partitions(self._streams.get(name)))
        ]
        self._add(names, await self._log.end_offsets(keys) if keys else {})

    def _add(self, names: Mapping[str, str], ends: Mapping[tuple[str, int], int]) -> None:
        totals: dict[str, int] = dict.fromkeys(names.values(), 0)
        for (topic, _), end in ends.items():
            totals[names[topic]] += end
        at = self._now()
        for stream, total in totals.items():
            self.counts.setdefault(stream, AnswerCounts()).looks.append((at, total))
