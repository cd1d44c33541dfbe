"""Events as `events` holds them: CloudEvents in JSON of about 500 bytes, the same bytes for every cell.

A few thousand different rows are encoded once; the n-th event is the row n modulo their number, under an id of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from bench.workload.stream import Rows
from penstock.contracts.codecs.record_codec import encode
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.partitioner import partition_of
from penstock.contracts.records.events import Event
from penstock.contracts.records.payloads import payload_type

ID_TAIL = "-0001-4a7e-9a3c-0242ac120002"  # makes ids as long as UUIDs
TRACED_EVERY = 100  # one event in so many has a `traceparent` header
_PLACEHOLDER = "\N{WHITE SQUARE}"
_START = datetime(2026, 1, 1, 12, tzinfo=UTC)

EncodedRecord = tuple[bytes, bytes, list[tuple[str, bytes]]]
"""The key, value and headers of a record."""


class RecordId(msgspec.Struct, gc=False):
    """A record of which only the id is read."""

    id: str


def event_id(number: int) -> str:
    """The id of the n-th event."""
    return f"{number:012d}{ID_TAIL}"


def event_number(event_id: str) -> int:
    """The number of the event with this id."""
    return int(event_id[:12])


@dataclass(frozen=True)
class Events:
    """The events of a stream, and the partition of each row's account among `partitions`."""

    declaration: Declaration
    rows: Rows
    partitions: int = 4
    traced: bool = True
    _encoded_rows: list[tuple[bytes, bytes, bytes, int]] = field(default_factory=list, repr=False)

    def encoded(self, count: int, first: int = 0) -> Iterator[tuple[int, EncodedRecord]]:
        """`count` events from number `first` on, each with its partition."""
        rows = self._encoded_rows or self._encode_rows()
        for number in range(first, first + count):
            key, before, after, partition = rows[number % len(rows)]
            traced = self.traced and number % TRACED_EVERY == 0
            yield partition, (key, b"%b%012d%b" % (before, number, after), _header(number) if traced else [])

    def values(self, count: int, first: int = 0) -> list[bytes]:
        """The values of `count` events from number `first` on."""
        return [value for _, (_, value, _) in self.encoded(count, first)]

    def _encode_rows(self) -> list[tuple[bytes, bytes, bytes, int]]:
        data = payload_type(self.declaration)
        attributes = [f"f{index}" for index in range(len(self.declaration.fields))]
        columns = self._columns()
        rows = zip(*(columns[name] for name in self.declaration.fields), strict=True)
        for index, row in enumerate(rows):
            key = self.rows.accounts[index].encode()
            event: Event[Any] = Event(
                source="bench",
                id=_PLACEHOLDER,
                time=_START + timedelta(milliseconds=index * 37),
                data=data(**dict(zip(attributes, row, strict=True))),
            )
            before, after = encode(event).split(_PLACEHOLDER.encode())
            self._encoded_rows.append((key, before, ID_TAIL.encode() + after, partition_of(key, self.partitions)))
        return self._encoded_rows

    def _columns(self) -> dict[str, list[Any]]:
        numbers = {name: self.rows.numbers[:, index].tolist() for index, name in enumerate(self.rows.names)}
        rows = self.rows
        return {**numbers, "segment": rows.segments, "merchant": rows.merchants, "account": rows.accounts}


def _header(number: int) -> list[tuple[str, bytes]]:
    return [("traceparent", b"00-%032x-%016x-01" % (number + 1, number + 1))]
