"""A memory bus whose writes go wrong when told to: for tests of whoever must survive that."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Sequence
from typing import Literal

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.memory.log import MemoryLog, MemorySink, system_clock
from penstock.bus.ports import Clock, RecordBatch

Fault = Literal["refused", "lost", "doubtful", "silent", "none"]
"""How a write goes wrong: `refused` when it is handed over; `lost`: not written, and said so; `doubtful`: written, but
said not to be; `silent`: written, and never confirmed.
"""


class FaultyLog(MemoryLog):
    """Each write takes the next of `faults`, and is good when there is none. `sinks` counts the sinks in use."""

    def __init__(self, faults: Sequence[Fault] = (), clock: Clock = system_clock) -> None:
        super().__init__(clock)
        self.faults = deque(faults)
        self.sinks = 0

    async def sink(self) -> MemorySink:
        """A writer; a broken one stays broken, as a Kafka producer does."""
        self.sinks += 1
        return _FaultySink(self)


class _FaultySink(MemorySink):
    def __init__(self, log: FaultyLog) -> None:
        super().__init__(log)
        self._faulty = log
        self._broken = False

    async def send(self, records: Sequence[RecordBatch]) -> Awaitable[None]:
        fault: Fault = self._faulty.faults.popleft() if self._faulty.faults else "none"
        if self._broken or fault == "refused":
            self._broken = True
            raise BrokerUnavailable("the sink is broken")
        confirmation: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if fault != "lost":
            await (await super().send(records))
            confirmation.set_result(None)
        return confirmation if fault == "none" else self._unconfirmed(fault)

    async def _unconfirmed(self, fault: Fault) -> None:
        self._broken = True
        if fault == "silent":
            await asyncio.Event().wait()
        raise BrokerUnavailable("no confirmation came")

    async def close(self) -> None:
        self._faulty.sinks -= 1
