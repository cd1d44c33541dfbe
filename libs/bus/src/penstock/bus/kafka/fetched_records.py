"""Reading what the client fetched, whoever wrote it.

The client ends with an error where a header's name is not UTF-8, as clients in C and Go may write it, and where a batch
is corrupt or compressed in a way that it does not know. Here such a header's name is escaped, and such a batch is
reported for its topic partition, so that the others are read on.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaTopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError, TopicAuthorizationFailedError
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.legacy_records import LegacyRecordBatch
from aiokafka.record.memory_records import MemoryRecords

from penstock.bus.ports import FetchedBatch

LENGTH = slice(8, 12)  # of a batch: how many bytes follow after these
MAGIC = 16  # the index of the byte that is 2 or more where records may have headers

OnFailure = Callable[[KafkaTopicPartition, int, Exception], None]
"""Is called with a topic partition, the offset at which it cannot be read, and why."""


class _FetchedBytes(MemoryRecords):  # type: ignore[misc]
    """What the client fetched of a topic partition, with its bytes: a batch may have to be read another way."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.content = content


fetcher.MemoryRecords = _FetchedBytes  # the client has no setting for it


class FetchedResults(OrderedDict[KafkaTopicPartition, Any]):
    """The client's store of what it fetched: reads each result in a way that no batch ends the consumer."""

    def __init__(self, on_failure: OnFailure) -> None:
        super().__init__()
        self._positions: dict[KafkaTopicPartition, int] = {}
        self._on_failure = on_failure

    @classmethod
    def replace_in(cls, consumer: AIOKafkaConsumer, on_failure: OnFailure) -> Self:
        """Put a store into a consumer that was started and has not fetched yet."""
        consumer._fetcher._records = results = cls(on_failure)
        return results

    def __setitem__(self, partition: KafkaTopicPartition, result: Any) -> None:
        if isinstance(result, fetcher.FetchResult):
            result._partition_records = _ReadableRecords(result._partition_records, self._finished, self._on_failure)
        elif isinstance(result._error, (TopicAuthorizationFailedError, OffsetOutOfRangeError)):
            self._on_failure(partition, -1, result._error)
            return
        elif isinstance(result._error, NoOffsetForPartitionError):
            return  # its position is on its way: the listener seeks
        super().__setitem__(partition, result)

    def take_positions(self) -> dict[KafkaTopicPartition, int]:
        """Where results ended that were read whole since the last call: beyond the last record if it was followed by
        what is no record, as the marker that ends a transaction.
        """
        positions, self._positions = self._positions, {}
        return positions

    def _finished(self, partition: KafkaTopicPartition, position: int) -> None:
        self._positions[partition] = position


class _ReadableRecords:
    """The records of a fetched result as its decoder made them: the client would copy each, which takes as long as all
    else it does for a record.
    """

    def __init__(
        self, records: fetcher.PartitionRecords, on_end: Callable[[KafkaTopicPartition, int], None], fail: OnFailure
    ) -> None:
        records._consumer_record = _unchanged
        self._records = records
        self._on_end = on_end
        self._fail = fail
        self._iterator = self._read()

    @property
    def next_fetch_offset(self) -> int:
        """The offset to fetch from next, which the client sets its position to."""
        return int(self._records.next_fetch_offset)

    def __iter__(self) -> Iterator[Any]:
        return self._iterator

    def _read(self) -> Iterator[Any]:
        """All records; at a batch that cannot be read, those before it."""
        records, start = self._records, self.next_fetch_offset
        try:
            try:
                yield from records._records_iterator  # not `records`, whose own step for each record is slow
            except UnicodeDecodeError:
                records._records = _LenientBatches(records._records.content, records.next_fetch_offset)
                yield from records._unpack_records()
        except Exception as error:  # of the client, a codec, or whatever else corrupt bytes bring about
            if records.next_fetch_offset == start:  # else the next fetch begins there, and fails at once
                self._fail(records._tp, start, error)
        else:
            self._on_end(records._tp, records.next_fetch_offset)


def _unchanged(_: KafkaTopicPartition, record: Any) -> Any:
    return record


class _LenientBatches:
    """Fetched batches from the one with the record at `offset` on, with header names that need not be UTF-8."""

    def __init__(self, content: bytes, offset: int) -> None:
        self._batches = deque(batch for batch in _split(content) if batch.next_offset > offset)

    def has_next(self) -> bool:
        return bool(self._batches)

    def next_batch(self) -> Any:
        return self._batches.popleft()


def _split(content: bytes) -> Iterator[Any]:
    """The batches in fetched bytes; the last one may be cut off, and is left out then."""
    start = 0
    while len(content) >= start + LENGTH.stop:
        end = start + LENGTH.stop + int.from_bytes(content[start + LENGTH.start : start + LENGTH.stop], "big")
        if end > len(content):
            return
        magic = content[start + MAGIC]
        batch = content[start:end]
        yield _LenientBatch(batch) if magic >= 2 else LegacyRecordBatch(batch, magic)
        start = end


class _LenientBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    """A batch whose header names are escaped where they are not UTF-8."""

    _buffer: bytearray

    def __iter__(self) -> Self:
        super().__iter__()
        self._buffer = _LenientText(self._buffer)
        return self


class _LenientText(bytearray):
    """Bytes that can always be decoded, as can every part of them."""

    def __getitem__(self, index: Any) -> Any:
        part = super().__getitem__(index)
        return _LenientText(part) if isinstance(part, bytearray) else part

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return super().decode(encoding, errors)


def fetched_batches(
    fetched: Mapping[KafkaTopicPartition, Sequence[Any]], results: FetchedResults
) -> list[FetchedBatch]:
    """What a poll of the client returned, and where its positions moved without a record."""
    positions = results.take_positions()
    batches = [
        FetchedBatch(key.topic, key.partition, records, positions.pop(key, records[-1].offset + 1))
        for key, records in fetched.items()
        if records
    ]
    return batches + [FetchedBatch(key.topic, key.partition, (), position) for key, position in positions.items()]
