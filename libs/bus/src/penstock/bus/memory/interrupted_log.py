"""A memory log whose reading is cut off once, for tests of what must survive that."""

from __future__ import annotations

from collections.abc import Mapping

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.memory.log import MemoryLog
from penstock.bus.memory.source import MemoryReader
from penstock.bus.ports import FetchedBatch, TopicPartition


class InterruptedLog(MemoryLog):
    """Readers fetch so many records a poll. After so many polls of all of them, one is cut off; later ones are not."""

    def __init__(self, polls: int, records: int) -> None:
        super().__init__()
        self.polls = polls
        self.records = records

    async def reader(self, starts: Mapping[TopicPartition, int | None]) -> MemoryReader:
        """Read topic partitions from an offset on."""
        return _InterruptedReader(self, {key: start or 0 for key, start in starts.items()})


class _InterruptedReader(MemoryReader):
    def __init__(self, log: InterruptedLog, starts: Mapping[TopicPartition, int]) -> None:
        super().__init__(log, starts)
        self._interrupted_log = log

    async def poll(self, wait: float) -> list[FetchedBatch]:
        self._interrupted_log.polls -= 1
        if self._interrupted_log.polls == -1:
            raise BrokerUnavailable("the broker is away")
        return await self._positions.poll(self._interrupted_log.records, wait)
