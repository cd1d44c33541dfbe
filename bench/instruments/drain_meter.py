"""The clock outside: it sees where topics end, and nothing of what a cell says of itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.broker import Broker
from bench.processes import Failed, Running, check_alive, cpu_of

LOOK_EVERY_S = 0.02
STALLED_AFTER_S = 30.0


@dataclass(frozen=True)
class Drained:
    """Events a second, CPU in microseconds per event, and over how many seconds that was seen."""

    rate: float
    cpu: float
    seconds: float


class TooShort(Failed):
    """The cell was done before it had been looked at for long enough; it drained `rate` events a second."""

    def __init__(self, rate: float) -> None:
        super().__init__("it was done too soon")
        self.rate = rate


@dataclass(frozen=True)
class Clock:
    """Watches the outputs of processes at work."""

    broker: Broker
    outputs: Sequence[str]
    partitions: int
    processes: Sequence[Running]

    async def drained(self, count: int, warm_up: float, at_least: float) -> Drained:
        """The rate from `warm_up` seconds after the first output until there are `count`.

        Raises:
            TooShort: that took less than `at_least` seconds.
            Failed: a process ended, or nothing came for half a minute.
        """
        first, _ = await self.until(1)
        began, before = await self.until(count, first + warm_up)
        used = cpu_of(self.processes)
        ended, after = await self.until(count)
        used = cpu_of(self.processes) - used
        seconds, events = ended - began, after - before
        if seconds < at_least:
            raise TooShort(after / max(ended - first, LOOK_EVERY_S))
        return Drained(events / seconds, used / events * 1e6, seconds)

    async def until(self, count: int, moment: float | None = None) -> tuple[float, int]:
        """Wait for so many outputs, or until `moment` where that comes first; the time, and how many there are.

        Raises:
            Failed: a process ended, or nothing came for half a minute.
        """
        seen, moved = -1, time.perf_counter()
        while True:
            now = time.perf_counter()
            held = await self.held()
            if held >= count or (moment is not None and now >= moment):
                return now, held
            if held > seen:
                seen, moved = held, now
            check_alive(self.processes)
            if now - moved > STALLED_AFTER_S:
                raise Failed(f"no output for {STALLED_AFTER_S:g} s, {held} records in all\n{self.processes[0].tail()}")
            await asyncio.sleep(LOOK_EVERY_S)

    async def held(self) -> int:
        """How many outputs there are."""
        return await self.broker.count(self.outputs, self.partitions)
