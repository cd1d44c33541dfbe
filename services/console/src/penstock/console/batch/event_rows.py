"""The events of a stream that the log took in a span of time, as rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from penstock.bus.ports import Log
from penstock.console.batch.batch_rows import Arrays, BatchRows, pieces
from penstock.console.batch.model_rows import ModelRows
from penstock.console.batch.output_parts import PART_ROWS
from penstock.console.lineage.places import TopicReader
from penstock.contracts.columns import columns_of
from penstock.contracts.records.events import Event
from penstock.contracts.records.payloads import payload_type
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import EVENTS
from penstock.server.scoring.model_inputs import ModelInputs

READ_ROWS = 10_000
OTHER_DECLARATION = "wrong_type: the event does not fit the stream as it is declared now"
HISTORY = "history: the event carries its label"
COPY_SCHEMA = pa.schema([("partition", pa.int32()), ("offset", pa.int64()), ("value", pa.binary())])
_TYPES = {"number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_(), "category": pa.string()}


@dataclass(frozen=True)
class TimeSpan:
    """From one time to before another, by when the log took an event."""

    start: datetime
    stop: datetime

    def __str__(self) -> str:
        return f"events from {self.start:%Y-%m-%d %H:%M:%S} to {self.stop:%Y-%m-%d %H:%M:%S}"


async def copy_events(log: Log, namespace: str, stream: StreamDeclared, span: TimeSpan, file: Path) -> int:
    """Copy the events of a span to a file, a partition after the other, in bounded memory; how many they are.

    A run that goes on reads the copy: the log may have let go of some meanwhile.

    Raises:
        TransientError: the log does not answer.
    """
    reader = TopicReader(log, namespace, EVENTS, stream)
    starts, stops = [await reader.offsets_after(_milliseconds(time) - 1) for time in (span.start, span.stop)]
    bounds = await reader.bounds()
    count, unfinished = 0, file.with_suffix(".unfinished")
    with pq.ParquetWriter(unfinished, COPY_SCHEMA) as writer:
        for number, (begin, end) in bounds.items():
            wanted = {number: (max(begin, starts.get(number, end)), min(end, stops.get(number, end)))}
            async for partition, records in reader.read_raw(wanted):
                count += len(records)
                columns: list[list[Any]] = [
                    [partition] * len(records),
                    [record.offset for record in records],
                    [record.value for record in records],
                ]
                writer.write_table(pa.table(columns, schema=COPY_SCHEMA))
    unfinished.replace(file)
    return count


class EventRows:
    """The events of a file that `copy_events` has written; they were checked when they were taken in."""

    def __init__(self, file: Path, stream: StreamDeclared, span: TimeSpan) -> None:
        self._file = file
        self._stream = stream
        self._decoder: Any = msgspec.json.Decoder(Event[payload_type(stream.declaration)])  # type: ignore[misc]
        self.name = str(span)

    @property
    def columns(self) -> Sequence[str]:
        """Place, identity and time of the event, and its declared fields."""
        return [
            *("event.partition", "event.offset", "event.source", "event.id", "event.time"),
            *self._stream.declaration.fields,
        ]

    def count(self) -> int:
        """How many events there are."""
        rows: int = pq.read_metadata(self._file).num_rows
        return rows

    def read(self, first: int) -> Iterator[BatchRows]:
        """The rows from row number `first` on; where there are none, one batch without a row."""
        with pq.ParquetFile(self._file) as file:
            if not file.metadata.num_rows:
                yield self._rows(*(pa.array([], column.type) for column in COPY_SCHEMA))
            batches = (batch.columns for batch in file.iter_batches(READ_ROWS, use_threads=False))
            for partitions, offsets, values in pieces(batches, first, PART_ROWS):
                yield self._rows(partitions, offsets, values)

    def _rows(self, partitions: pa.Array, offsets: pa.Array, values: pa.Array) -> BatchRows:
        found = [self._event(value) for value in values.to_pylist()]
        reasons = [_refusal(event) for event in found]
        readable = [event for event in found if event is not None]
        inputs, columns = ModelInputs.of(self._stream.declaration, readable), self._columns(readable)
        if len(readable) < len(found):
            numbers = iter(range(len(readable)))
            places = pa.array([None if event is None else next(numbers) for event in found], pa.int64())
            columns = [column.take(places) for column in columns]
            if readable:
                inputs = inputs.take(pc.fill_null(places, 0).to_numpy())
        rows = ModelRows(inputs.frame, inputs.entities, np.array([reason is not None for reason in reasons]))
        return BatchRows([partitions, offsets, *columns], rows, reasons)

    def _event(self, value: bytes) -> Event[Any] | None:
        try:
            event: Event[Any] = self._decoder.decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        return event

    def _columns(self, events: Sequence[Event[Any]]) -> Arrays:
        declaration = self._stream.declaration
        fields = columns_of(declaration, [event.data for event in events])
        return [
            pa.array([event.source for event in events], pa.string()),
            pa.array([event.id for event in events], pa.string()),
            pa.array([event.time for event in events], pa.timestamp("us", "UTC")),
            *(
                pa.array(values, from_pandas=True).cast(_TYPES[declaration.fields[name].type], safe=False)
                for name, values in fields.items()
            ),
        ]


def _refusal(event: Event[Any] | None) -> str | None:
    if event is None:
        return OTHER_DECLARATION
    return HISTORY if event.is_history else None


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)
