"""Labelled rows of a stream: those of a file, and the events and labels that a producer would send of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isnan
from typing import Any, Protocol

import msgspec

from penstock.console.failure import wrong_input
from penstock.console.record_refusal import RefusalReason
from penstock.console.table.cell_reader import field_reader, label_reader, time_reader
from penstock.console.table.sources.json_source import text_of
from penstock.console.table.table import Table
from penstock.contracts.declaration.stream import Declaration, TimeFormat
from penstock.contracts.entities import entity_text
from penstock.contracts.ids import derived_id, label_id
from penstock.contracts.records.events import EVENT_TYPE, LABEL_TYPE


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file.

    Attributes:
        number: from 0.
        id: of its event.
        time: of its event; None where it cannot be read.
        entity: which its event is about.
        event: as it is sent.
        label: None where it is missing, or cannot be read.
        event_refusal: why its event is not sent.
        label_refusal: why its label is not sent.
    """

    number: int
    id: str
    time: datetime | None
    entity: str | None
    event: bytes
    label: str | float | None
    event_refusal: RefusalReason | None = None
    label_refusal: RefusalReason | None = None


class LabelledRows(Protocol):
    """Rows whose events and labels can be sent to a stream."""

    def rows(self) -> Iterator[Row]:
        """All rows in order."""

    def label_of(self, row: Row, known_at: datetime) -> bytes:
        """The label record of a row that has a label, as it becomes known at `known_at`."""


@dataclass(frozen=True)
class FileRows:
    """The rows of a file as events of a declared stream.

    `source` is the source of their events and labels. A row's id is derived from the file's digest and the row's
    number, so that a row sent again is the same event.

    Raises:
        ConsoleFailure: the file lacks a column that the declaration names.
    """

    table: Table
    declaration: Declaration
    source: str

    def __post_init__(self) -> None:
        columns = [*self.declaration.fields, self.declaration.label.name]
        if self.declaration.time.column:
            columns.append(self.declaration.time.column)
        absent = [name for name in columns if name not in self.table.columns]
        if absent:
            raise wrong_input(f"{self.table.path}: the declaration names columns that it lacks: {', '.join(absent)}")

    def rows(self) -> Iterator[Row]:
        """All rows in order.

        Raises:
            ConsoleFailure: a row is damaged.
        """
        read_row = self._row_reader()
        for number, cells in enumerate(self.table.rows()):
            yield read_row(number, cells)

    def id_of(self, number: int) -> str:
        """The id of the event of a row."""
        return derived_id("row", self.table.digest, number)

    def label_of(self, row: Row, known_at: datetime) -> bytes:
        """The label record of a row that has a label, as it becomes known at `known_at`."""
        return label_body(self.source, row, known_at)

    def _row_reader(self) -> Callable[[int, list[Any]], Row]:
        profiles, declaration = self.table.profiles, self.declaration
        columns = [
            (name, self.table.column_index(name), field_reader(declaration, name, profiles[name]))
            for name in declaration.fields
        ]
        label_of = self._label_reader()
        time_of = self._time_reader()
        entity_field = declaration.entity

        def read_row(number: int, cells: list[Any]) -> Row:
            time, event_refusal = time_of(number, cells)
            label, label_refusal = label_of(cells)
            data = {name: value for name, index, read in columns if (value := read(cells[index])) is not None}
            record_id = self.id_of(number)
            entity = None if entity_field is None else entity_text(data.get(entity_field))
            event = event_body(self.source, record_id, time, data)
            return Row(number, record_id, time, entity, event, label, event_refusal, label_refusal)

        return read_row

    def _label_reader(self) -> Callable[[list[Any]], tuple[str | float | None, RefusalReason | None]]:
        name = self.declaration.label.name
        index = self.table.column_index(name)
        read = label_reader(self.declaration, self.table.profiles[name])

        def label_of(cells: list[Any]) -> tuple[str | float | None, RefusalReason | None]:
            value: str | float | None = read(cells[index])
            if isinstance(value, float) and isnan(value):
                return None, _unreadable(name, "a finite number", cells[index])
            return value, None

        return label_of

    def _time_reader(self) -> Callable[[int, list[Any]], tuple[datetime | None, RefusalReason | None]]:
        time, column = self.declaration.time, self.declaration.time.column
        if column is None:
            return lambda number, _: (time.start + number * time.step, None)
        index, profile = self.table.column_index(column), self.table.profiles[column]
        read = time_reader(self.declaration, profile)
        expected = _EXPECTED_TIMES[time.format or profile.time_format or "iso"]

        def time_of(_: int, cells: list[Any]) -> tuple[datetime | None, RefusalReason | None]:
            value = read(cells[index])
            return value, None if value is not None else _unreadable(column, expected, cells[index])

        return time_of


def _unreadable(column: str, expected: str, cell: Any) -> RefusalReason:
    text = (text_of(cell) or "").strip()
    return RefusalReason("wrong_type", column, f"expected {expected}, found {repr(text[:40]) if text else 'nothing'}")


_EXPECTED_TIMES: dict[TimeFormat, str] = {
    "iso": "a time, year first",
    "day-first": "a time, day first",
    "month-first": "a time, month first",
    "year-first": "a time, year of two digits first",
    "month-name": "a time with the name of its month",
    "yyyymmdd": "a date of eight digits",
    "epoch-seconds": "seconds since 1970",
    "epoch-milliseconds": "milliseconds since 1970",
    "epoch-microseconds": "microseconds since 1970",
    "epoch-nanoseconds": "nanoseconds since 1970",
}


def event_body(source: str, record_id: str, time: datetime | None, data: dict[str, Any]) -> bytes:
    """An event as its producer sends it: a CloudEvent in JSON format."""
    event = {"type": EVENT_TYPE, "specversion": "1.0", "source": source, "id": record_id, "time": time, "data": data}
    return msgspec.json.encode(event)


def label_body(source: str, row: Row, known_at: datetime) -> bytes:
    """The label of a row as its producer sends it: a CloudEvent in JSON format."""
    label = {
        "type": LABEL_TYPE,
        "specversion": "1.0",
        "source": source,
        "id": label_id(source, row.id, 0),
        "time": known_at,
        "data": {"event_id": row.id, "event_source": source, "value": row.label, "entity": row.entity},
    }
    return msgspec.json.encode(label)


def chunk_size(delay: int) -> int:
    """The usual number of rows sent at a time: 1 at delay 0, else an eighth of the delay, from 1 to 100."""
    return 1 if delay == 0 else max(1, min(100, delay // 8))


def chunks(rows: Iterator[Row], size: int) -> Iterator[Sequence[Row]]:
    """The rows, `size` at a time."""
    chunk: list[Row] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
