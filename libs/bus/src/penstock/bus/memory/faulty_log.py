"""A memory log whose writes can be made to fail, for tests of what must survive that."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Sequence
from typing import Literal

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.memory.log import MemoryLog, system_clock
from penstock.bus.memory.sink import MemorySink
from penstock.bus.ports import Clock, RecordBatch

Fault = Literal["refused", "lost", "doubtful", "silent", "held", "none"]
"""How a write fails. `refused`: `send` raises. `lost`: not written, and the confirmation fails. `doubtful`: written,
and the confirmation fails. `silent`: written, and never confirmed. `held`: written, and confirmed once `release` is
set.
"""


class FaultyLog(MemoryLog):
    """Each write fails by the next of `faults`, and succeeds when there is none. `sinks` counts the open sinks."""

    def __init__(self, faults: Sequence[Fault] = (), clock: Clock = system_clock) -> None:
        super().__init__(clock)
        self.faults = deque(faults)
        self.sinks = 0
        self.release = asyncio.Event()

    async def sink(self) -> MemorySink:
        """A new producer; one that has failed once stays broken, as a Kafka producer does."""
        self.sinks += 1
        return _FaultySink(self)


class _FaultySink(MemorySink):
    def __init__(self, log: FaultyLog) -> None:
        super().__init__(log)
        self._faulty_log = log
        self._broken = False

    async def send(self, batches: Sequence[RecordBatch]) -> Awaitable[None]:
        fault: Fault = self._faulty_log.faults.popleft() if self._faulty_log.faults else "none"
        if self._broken or fault == "refused":
            self._broken = True
            raise BrokerUnavailable("the sink is broken")
        if fault != "lost":
            await (await super().send(batches))
        return self._confirm(fault)

    async def _confirm(self, fault: Fault) -> None:
        match fault:
            case "none":
                return
            case "held":
                await self._faulty_log.release.wait()
                return
            case "silent":
                self._broken = True
                await asyncio.Event().wait()
        self._broken = True
        raise BrokerUnavailable("no confirmation came")

    async def close(self) -> None:
        self._faulty_log.sinks -= 1
