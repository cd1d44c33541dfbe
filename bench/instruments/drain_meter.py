"""Measures a drain from outside, by the end offsets of the output topics: nothing that a cell reports is used."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.instruments.broker import Broker
from bench.instruments.processes import BenchProcess, MeasurementError, check_alive, cpu_seconds_of

POLL_INTERVAL_S = 0.02
STALLED_AFTER_S = 30.0


@dataclass(frozen=True)
class DrainMeasurement:
    """Events per second, CPU microseconds per event, and the seconds that were measured."""

    rate: float
    cpu: float
    seconds: float


class DrainTooShort(MeasurementError):
    """The cell had no input left before it was measured for long enough; it drained `rate` events per second."""

    def __init__(self, rate: float) -> None:
        super().__init__("the drain was too short")
        self.rate = rate


@dataclass(frozen=True)
class DrainMeter:
    """Counts the records on the output topics of running processes."""

    broker: Broker
    outputs: Sequence[str]
    partitions: int
    processes: Sequence[BenchProcess]

    async def measure(self, count: int, warm_up: float, min_seconds: float) -> DrainMeasurement:
        """Measure from `warm_up` seconds after the first output until there are `count` outputs.

        Raises:
            DrainTooShort: that took less than `min_seconds`.
            MeasurementError: a process ended, or no output came for half a minute.
        """
        first_at, _ = await self.await_count(1)
        start, count_at_start = await self.await_count(count, first_at + warm_up)
        cpu_at_start = cpu_seconds_of(self.processes)
        end, count_at_end = await self.await_count(count)
        cpu = cpu_seconds_of(self.processes) - cpu_at_start
        seconds, events = end - start, count_at_end - count_at_start
        if seconds < min_seconds:
            raise DrainTooShort(count_at_end / max(end - first_at, POLL_INTERVAL_S))
        return DrainMeasurement(events / seconds, cpu / events * 1e6, seconds)

    async def await_count(self, count: int, deadline: float | None = None) -> tuple[float, int]:
        """Wait for so many outputs, or until `deadline` (of `time.perf_counter`) if that comes first.

        Returns:
            The time, and how many outputs there are.

        Raises:
            MeasurementError: a process ended, or no output came for half a minute.
        """
        previous, last_change = -1, time.perf_counter()
        while True:
            now = time.perf_counter()
            outputs = await self.count_outputs()
            if outputs >= count or (deadline is not None and now >= deadline):
                return now, outputs
            if outputs > previous:
                previous, last_change = outputs, now
            check_alive(self.processes)
            if now - last_change > STALLED_AFTER_S:
                log_tail = self.processes[0].log_tail()
                raise MeasurementError(f"no output for {STALLED_AFTER_S:g} s, {outputs} records in all\n{log_tail}")
            await asyncio.sleep(POLL_INTERVAL_S)

    async def count_outputs(self) -> int:
        """How many outputs there are now."""
        return await self.broker.count(self.outputs, self.partitions)
