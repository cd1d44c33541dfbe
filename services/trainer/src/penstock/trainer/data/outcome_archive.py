"""From the log to the store: ranges of `outcomes` as content-addressed Parquet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile

import pyarrow as pa

from penstock.artifacts import ArtifactError, Store
from penstock.bus.errors import TransientError
from penstock.bus.ports import Log, TopicPartition
from penstock.contracts.batch import RawRecord, Unreadable
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.records.training import Segment
from penstock.contracts.topics import OUTCOMES
from penstock.trainer.data.segments import table_of, to_parquet

POLL = 1.0  # seconds to wait for records that are known to be there


class StoreUnavailable(TransientError):
    """The store can be neither read nor written for now."""


class Archive:
    """Archives each stream's outcomes, a segment for every range that is new."""

    def __init__(self, log: Log, namespace: str, store: Store) -> None:
        self._log = log
        self._namespace = namespace
        self._store = store

    async def extend(self, stream: StreamDeclared, known: Sequence[Segment], until: int) -> tuple[Segment, ...]:
        """Segments that cover the outcomes at offsets `[0, until)`: the known ones, and one for what is new.

        What the log no longer holds and nobody archived in time is left out. Known segments from the first on that
        the store has lost are read from the log again.

        Raises:
            TransientError: the log does not answer, or the store cannot be used.
        """
        kept = await asyncio.to_thread(self._still_there, known)
        place = (OUTCOMES.name(self._namespace, stream.name), 0)
        start = kept[-1].stop if kept else 0
        stop = min(until, (await self._log.ends([place])).get(place, 0))
        if start >= stop:
            return kept
        tables = [_table(stream, records) async for records in self._records(place, start, stop)]
        digest = await asyncio.to_thread(self._put, stream, tables)
        return (*kept, Segment(start=start, stop=stop, rows=sum(map(len, tables)), digest=digest))

    async def _records(self, place: TopicPartition, start: int, stop: int) -> AsyncIterator[list[RawRecord]]:
        """The records at offsets `[start, stop)` that the log still holds, in bounded batches."""
        position = max(start, (await self._log.begins([place])).get(place, stop))
        if position >= stop:
            return
        reader = await self._log.reader({place: position})
        try:
            while position < stop:
                for fetched in await reader.poll(POLL):
                    position = fetched.records[-1].offset + 1
                    yield [record for record in fetched.records if record.offset < stop]
        finally:
            await reader.close()

    def _still_there(self, known: Sequence[Segment]) -> tuple[Segment, ...]:
        with _unavailable():
            return tuple(takewhile(lambda segment: self._store.has(segment.digest), known))

    def _put(self, stream: StreamDeclared, tables: Sequence[pa.Table]) -> str:
        content = to_parquet(stream.declaration, tables)
        with _unavailable():
            return self._store.put(content)


def _table(stream: StreamDeclared, records: Sequence[RawRecord]) -> pa.Table:
    """The readable joined outcomes among the records; what no one can read is dead-lettered by who consumes it."""
    decoded = OUTCOMES.decoder(stream)(records)
    readable = [(raw.offset, record) for raw, record in zip(records, decoded, strict=True) if not _lost(record)]
    return table_of(stream.declaration, [offset for offset, _ in readable], [record for _, record in readable])


def _lost(record: object) -> bool:
    return isinstance(record, Unreadable)


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except ArtifactError as error:
        raise StoreUnavailable(str(error)) from error
