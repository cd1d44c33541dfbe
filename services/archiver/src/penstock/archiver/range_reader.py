"""Reads a range of offsets of one topic partition, as rows, within bounds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pyarrow as pa

from penstock.bus.errors import suppress_transient
from penstock.bus.ports import Log, Reader, TopicPartition
from penstock.bus.topic_presence import expect_topic
from penstock.contracts.batch import RawRecord

MOST_BYTES = 64 << 20  # of records in one range: all of it is in memory
POLL_S = 1.0  # to wait for records that are on the log

log = logging.getLogger(__name__)

RowsOf = Callable[[Sequence[RawRecord]], pa.Table]


class RowRange(NamedTuple):
    """The rows of what the log has at offsets `[start, stop)`."""

    start: int
    stop: int
    tables: Sequence[pa.Table]

    @property
    def rows(self) -> int:
        """How many there are."""
        return sum(map(len, self.tables))


class RangeReader:
    """Reads ranges one after the other, over one connection."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._reader: Reader | None = None

    async def read(self, key: TopicPartition, start: int, end: int, most_rows: int, rows_of: RowsOf) -> RowRange:
        """The rows of the records from `start` on, up to `end` or until they are so many or too large together.

        The range begins at the first record that is there: earlier ones have expired.

        Raises:
            TransientError: the log does not answer, or a batch cannot be read.
        """
        reader = self._reader = self._reader or await self._log.reader({})
        try:
            await reader.add({key: start})
            found = await self._read(reader, key, RowRange(start, end, ()), most_rows, rows_of)
            await reader.remove([key])
        except BaseException:
            await self.close()
            raise
        return found

    async def close(self) -> None:
        """Disconnect; the next range connects anew."""
        reader, self._reader = self._reader, None
        if reader is not None:
            await suppress_transient(reader.close())

    async def _read(
        self, reader: Reader, key: TopicPartition, wanted: RowRange, most_rows: int, rows_of: RowsOf
    ) -> RowRange:
        start, stop, rows, size = wanted.start, wanted.stop, 0, 0
        tables: list[pa.Table] = []
        while await reader.is_behind({key: wanted.stop}):
            batches = await reader.poll(POLL_S)
            if not batches:
                await expect_topic(self._log, key[0])
            for fetched in batches:
                if fetched.gap is not None:
                    log.warning("%s/%d: offsets %d to %d are gone (%s)", *key, fetched.gap.expected, fetched.gap.found,
                                fetched.gap.cause)  # fmt: skip
                    start = start if tables else min(fetched.gap.found, wanted.stop)
                    continue
                records = [record for record in fetched.records if record.offset < wanted.stop]
                if records:
                    tables.append(await asyncio.to_thread(rows_of, records))
                rows, size = rows + len(records), size + sum(len(record.value or b"") for record in records)
                stop = min(fetched.position, wanted.stop)
            if rows >= most_rows or size >= MOST_BYTES:
                return RowRange(start, stop, tables)
        return RowRange(start, wanted.stop, tables)
