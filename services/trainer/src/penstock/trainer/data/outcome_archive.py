"""The outcome archive: ranges of the topic `outcomes` in the store, as content-addressed Parquet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import groupby, takewhile

import pyarrow as pa

from penstock.artifacts import ArtifactError, Store
from penstock.artifacts.compaction import newest_to_merge
from penstock.bus.errors import TransientError
from penstock.bus.ports import Log, TopicPartition
from penstock.bus.topic_presence import expect_topic
from penstock.contracts.batch import RawRecord, Unreadable
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.records.training import Segment
from penstock.contracts.topics import OUTCOMES
from penstock.trainer.data.parquet_segments import SegmentWriter, StoredSegment, outcome_table, schema_of

POLL_SECONDS = 1.0  # to wait for records that are on the log

log = logging.getLogger(__name__)


class StoreUnavailable(TransientError):
    """The store cannot be read or written for now."""


class OutcomeArchive:
    """Archives each stream's outcomes, a segment for every range that is new."""

    def __init__(self, log: Log, namespace: str, store: Store) -> None:
        self._log = log
        self._namespace = namespace
        self._store = store

    async def extend(self, stream: StreamDeclared, archived: Sequence[Segment], until: int) -> tuple[Segment, ...]:
        """Segments that cover the outcomes at offsets `[0, until)`: those archived, and one for what is new.

        When they are many, the newest are merged.

        Outcomes that the log no longer holds and that were not archived in time are left out. From the first segment
        on that the store has lost, outcomes are read from the log again.

        Raises:
            TransientError: the log does not answer, or the store cannot be used.
        """
        segments = await asyncio.to_thread(self._in_store, archived)
        topic_partition = (OUTCOMES.name(self._namespace, stream.name), 0)
        start = segments[-1].stop if segments else 0
        stop = min(until, (await self._log.end_offsets([topic_partition])).get(topic_partition, 0))
        if start >= stop:
            return segments
        with closing(SegmentWriter(schema_of(stream.declaration))) as writer:
            async for records in self._records(topic_partition, start, stop):
                await asyncio.to_thread(writer.write, _table(stream, records))
            newest = await asyncio.to_thread(self._put, writer, start, stop)
        return await asyncio.to_thread(self._compact, stream.name, (*segments, newest))

    async def _records(self, topic_partition: TopicPartition, start: int, stop: int) -> AsyncIterator[list[RawRecord]]:
        """The records at offsets `[start, stop)` that the log still holds, in bounded batches."""
        position = max(start, (await self._log.beginning_offsets([topic_partition])).get(topic_partition, stop))
        if position >= stop:
            return
        reader = await self._log.reader({topic_partition: position})
        try:
            while position < stop:
                batches = await reader.poll(POLL_SECONDS)
                if not batches:
                    await expect_topic(self._log, topic_partition[0])
                for fetched in batches:
                    if fetched.gap is not None and fetched.gap.cause == "lost":
                        return
                    position = fetched.next_position
                    yield [record for record in fetched.records if record.offset < stop]
        finally:
            await reader.close()

    def _in_store(self, archived: Sequence[Segment]) -> tuple[Segment, ...]:
        with _unavailable():
            return tuple(takewhile(lambda segment: self._store.has(segment.digest), archived))

    def _compact(self, stream: str, segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
        """The same outcomes in fewer segments; those from before and after a change of fields are kept apart."""
        while count := newest_to_merge([segment.stop - segment.start for segment in segments]):
            merged = self._merge_alike(segments[-count:])
            if len(merged) == count:
                break
            log.info("%s: %d segments of the outcome archive were merged into %d", stream, count, len(merged))
            segments = (*segments[:-count], *merged)
        return segments

    def _merge_alike(self, segments: tuple[Segment, ...]) -> list[Segment]:
        with _unavailable(), ExitStack() as stack:
            stored = [(each, stack.enter_context(closing(self._open(each)))) for each in segments]
            groups = [list(group) for _, group in groupby(stored, lambda pair: str(pair[1].schema))]
            return [self._merge(group) for group in groups]

    def _open(self, segment: Segment) -> StoredSegment:
        return StoredSegment(self._store.get(segment.digest))

    def _merge(self, group: Sequence[tuple[Segment, StoredSegment]]) -> Segment:
        (first, content), (last, _) = group[0], group[-1]
        if first is last:
            return first
        with closing(SegmentWriter(content.schema)) as writer:
            for _, stored in group:
                for block in stored.blocks():
                    writer.write(block)
            return self._put(writer, first.start, last.stop)

    def _put(self, writer: SegmentWriter, start: int, stop: int) -> Segment:
        """The segment that was written, in the store."""
        with _unavailable():
            return Segment(start=start, stop=stop, rows=writer.labelled, digest=self._store.put_file(writer.finish()))


def _table(stream: StreamDeclared, records: Sequence[RawRecord]) -> pa.Table:
    """The labelled outcomes among the records; unreadable ones are dead-lettered by the topic's consumers."""
    decoded = OUTCOMES.decoder(stream)(records)
    readable = [(raw.offset, record) for raw, record in zip(records, decoded, strict=True) if _is_readable(record)]
    return outcome_table(stream.declaration, [offset for offset, _ in readable], [record for _, record in readable])


def _is_readable(record: object) -> bool:
    return not isinstance(record, Unreadable)


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except ArtifactError as error:
        raise StoreUnavailable(str(error)) from error
