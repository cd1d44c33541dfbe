"""Reading the defects of a stream that are left, in pages of bounded size."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Self

from penstock.bus.ports import Log, TopicPartition
from penstock.console.repair.defects import TOPICS, Defect, Place, defects_of
from penstock.console.repair.journal import Journal, read_journal
from penstock.console.repair.partition_scan import OnRead, ignore, scan
from penstock.console.repair.rules import is_selected
from penstock.console.repair.site import RepairSite
from penstock.contracts.records.repairs import DefectTopic, Selection
from penstock.contracts.records.streams import StreamDeclared

PAGE_RECORDS, PAGE_BYTES = 10_000, 32 << 20


@dataclass(frozen=True)
class DefectLog:
    """The rejected records, or the dead letters, of one stream: of each partition at most so many, the newest."""

    log: Log
    namespace: str
    stream: StreamDeclared
    topic: DefectTopic
    most: int | None = None

    @classmethod
    def of(cls, site: RepairSite, topic: DefectTopic) -> Self:
        """Those of the stream that is repaired."""
        return cls(site.log, site.namespace, site.stream, topic)

    async def journal(self) -> Journal:
        """What was done to them, as the audit log has it now."""
        return await read_journal(self.log, self.namespace, self.stream.name, self.topic)

    @property
    def partitions(self) -> list[TopicPartition]:
        """The topic's partitions."""
        topic = TOPICS[self.topic]
        name = topic.name(self.namespace, self.stream.name)
        return [(name, number) for number in range(topic.partitions(self.stream))]

    async def count(self) -> int:
        """How many records the topic holds at most, those that are done included."""
        starts, ends = await self._starts(), await self.log.end_offsets(self.partitions)
        return sum(ends[key] - start for key, start in starts.items())

    async def left(self, journal: Journal, where: Selection, on_read: OnRead = ignore) -> AsyncGenerator[Defect]:
        """The selected records that are neither released nor dropped, by partition and offset."""
        async with aclosing(scan(self.log, await self._starts(), on_read)) as batches:
            async for batch in batches:
                for defect in defects_of(self.topic, batch.partition, batch.records):
                    if is_selected(defect, where) and not journal.is_done(defect):
                        yield defect

    async def find(self, place: Place) -> Defect | None:
        """The record at a place, done or not; None if there is none."""
        starts = {
            key: max(start, place.offset) for key, start in (await self._starts()).items() if key[1] == place.partition
        }
        async with aclosing(scan(self.log, starts)) as batches:
            async for batch in batches:
                for defect in defects_of(self.topic, batch.partition, batch.records):
                    return defect if defect.place == place else None
        return None

    async def _starts(self) -> dict[TopicPartition, int]:
        starts = await self.log.beginning_offsets(self.partitions)
        if self.most is None:
            return starts
        ends = await self.log.end_offsets(list(starts))
        return {key: max(start, ends[key] - self.most) for key, start in starts.items()}


async def pages(defects: AsyncGenerator[Defect]) -> AsyncGenerator[list[Defect]]:
    """The defects in pages."""
    page: list[Defect] = []
    size = 0
    async with aclosing(defects):
        async for defect in defects:
            page.append(defect)
            size += len(defect.original or b"")
            if len(page) == PAGE_RECORDS or size >= PAGE_BYTES:
                yield page
                page, size = [], 0
    if page:
        yield page


def chunks(defects: list[Defect], most: int) -> Iterator[list[Defect]]:
    """The defects, at most so many at a time."""
    for start in range(0, len(defects), most):
        yield defects[start : start + most]
