"""Rows that may be refused, looked at as the validator would look at their events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from penstock.console.batch.model_rows import RowReader
from penstock.console.replay.rows.labelled_rows import event_body
from penstock.console.table.sources.parquet_source import cells_of
from penstock.contracts.checks.event_check import check_events
from penstock.contracts.codecs.received_decoder import ReceivedDecoder
from penstock.contracts.ids import derived_id
from penstock.contracts.records.events import Event
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.refusals import Refusal

SOURCE = "batch"


class RowCheck:
    """Checks single rows as events of a stream."""

    def __init__(self, declared: StreamDeclared, reader: RowReader, now: datetime) -> None:
        self._declaration = declared.declaration
        self._decoder = ReceivedDecoder(declared)
        self._reader = reader
        self._now = now

    def refusal(self, arrays: Sequence[pa.Array], row: int, number: int) -> str | None:
        """Why a row of a batch, which is row `number` of the file, is refused; None if it is accepted."""
        time = self._time(arrays, row, number)
        if time is None:
            return f"wrong_type: {self._declaration.time.column}: expected a time"
        data = {
            name: value for name in self._declaration.fields if (value := self._value(arrays, row, name)) is not None
        }
        event = self._decoder.decode(event_body(SOURCE, derived_id(SOURCE, number), time, data))
        if not isinstance(event, Event):
            return _words(event)
        refused = check_events(self._declaration, [event], self._now)
        return _words(refused[0]) if refused else None

    def _value(self, arrays: Sequence[pa.Array], row: int, name: str) -> Any:
        return self._reader.readers[name](self._cell(arrays, row, name))

    def _time(self, arrays: Sequence[pa.Array], row: int, number: int) -> datetime | None:
        time = self._declaration.time
        if time.column is None:
            return time.start + number * time.step
        return self._reader.read_time(self._cell(arrays, row, time.column))

    def _cell(self, arrays: Sequence[pa.Array], row: int, column: str) -> Any:
        return cells_of(arrays[self._reader.table.column_index(column)].slice(row, 1))[0]


def _words(refusal: Any) -> str:
    if not isinstance(refusal, Refusal):
        return str(refusal)
    field = f"{refusal.field}: " if refusal.field else ""
    return f"{refusal.code}: {field}{refusal.detail}"
