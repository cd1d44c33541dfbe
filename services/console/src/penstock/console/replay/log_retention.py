"""What the memory log of a long replay keeps in memory: models learn from outcomes, all else is needed once."""

from __future__ import annotations

from penstock.bus.memory.log import MemoryLog
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import DATA_PLANE, OUTCOMES

KEPT = 1000  # newest records of each topic partition, as they are
STEP = 1000  # records that come between two looks


class LogRetention:
    """Drops the handled records of a stream, but for the newest, and packs its outcomes into a file."""

    def __init__(self, log: MemoryLog, namespace: str, stream: StreamDeclared) -> None:
        self._log = log
        self._topics = {topic.name(namespace, stream.name): topic for topic in DATA_PLANE}
        self._records = 0

    def apply(self, records: int) -> None:
        """Make room, now that so many records were sent."""
        self._records += records
        if self._records >= STEP:
            self._records = 0
            self._make_room()

    def _make_room(self) -> None:
        for name, topic in self._topics.items():
            for key in self._log.partitions_of(name):
                partition = self._log.partition(key)
                assert partition is not None
                before = min(self._log.handled(key), partition.end - KEPT)
                if topic is OUTCOMES:
                    self._log.pack(key, before)
                elif before > 0:
                    self._log.expire(key, before)
