"""Labelled rows of a stream: those of a file, and the events and labels that a producer would send of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import msgspec

from penstock.console.cell_values import MISSING, parse_class, parse_number, parse_time
from penstock.console.failure import wrong_input
from penstock.console.table_file import Table
from penstock.contracts.declaration.stream import Declaration, FieldDeclaration
from penstock.contracts.ids import derived_id, label_id
from penstock.contracts.records.events import EVENT_TYPE, LABEL_TYPE


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number from 0, its event as it is sent, and its label (None: the label is missing)."""

    number: int
    id: str
    time: datetime
    entity: str | None
    event: bytes
    label: str | float | None


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
            ConsoleFailure: a row is damaged, its time cannot be read, or its label is not a finite number where the
                task is regression.
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

    def _row_reader(self) -> Callable[[int, list[str]], Row]:
        columns = [
            (name, self.table.column_index(name), _cell_parser(field))
            for name, field in self.declaration.fields.items()
        ]
        label_index = self.table.column_index(self.declaration.label.name)
        parse_label = self._numeric_label if self.declaration.task == "regression" else _class_label
        time_of = self._time_reader()
        entity_field = self.declaration.entity

        def read_row(number: int, cells: list[str]) -> Row:
            time = time_of(number, cells)
            data = {name: parse(cells[index]) for name, index, parse in columns if cells[index] not in MISSING}
            record_id = self.id_of(number)
            label = None if cells[label_index] in MISSING else parse_label(number, cells[label_index])
            entity = None if entity_field is None or entity_field not in data else parse_class(str(data[entity_field]))
            return Row(number, record_id, time, entity, event_body(self.source, record_id, time, data), label)

        return read_row

    def _numeric_label(self, number: int, text: str) -> float:
        value = parse_number(text)
        if value is None:
            name = self.declaration.label.name
            raise wrong_input(f"{self.table.path}: row {number}, column {name!r}: expected a finite number")
        return value

    def _time_reader(self) -> Callable[[int, list[str]], datetime]:
        time = self.declaration.time
        if time.column is None:
            return lambda number, _: time.start + number * time.step
        index, zone = self.table.column_index(time.column), ZoneInfo(time.zone)

        def time_of(number: int, cells: list[str]) -> datetime:
            value = parse_time(cells[index], zone)
            if value is None:
                raise wrong_input(
                    f"{self.table.path}: row {number}, column {time.column!r}: expected a time, year first"
                )
            return value

        return time_of


def event_body(source: str, record_id: str, time: datetime, data: dict[str, Any]) -> bytes:
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


def _cell_parser(field: FieldDeclaration) -> Callable[[str], Any]:
    match field.type:
        case "category":
            return str
        case "boolean":
            return _boolean_or_text
        case _:
            return _number_or_text


def _class_label(_number: int, text: str) -> str:
    return parse_class(text)


def _boolean_or_text(text: str) -> bool | str:
    return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(text.lower(), text)


def _number_or_text(text: str) -> float | str:
    """The number; other text is sent as it is, for the validator to refuse."""
    number = parse_number(text)
    return text if number is None else number
