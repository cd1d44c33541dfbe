"""A file as a producer would send it: each row an event, its label another record, ids that a second run repeats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import msgspec

from penstock.console.failure import wrong_input
from penstock.console.init.propose_declaration import class_of
from penstock.console.table_file import MISSING, Table
from penstock.console.time_text import read_time
from penstock.contracts.declaration.stream import Declaration, FieldDeclaration
from penstock.contracts.ids import derived_id, label_id
from penstock.contracts.records.events import EVENT_TYPE, LABEL_TYPE


@dataclass(frozen=True, slots=True)
class Row:
    """One row: what is sent of it, and its truth (None: the file does not say)."""

    number: int
    id: str
    time: datetime
    entity: str | None
    event: bytes
    truth: str | float | None


class Feed(Protocol):
    """Rows to send, and their labels."""

    def rows(self) -> Iterator[Row]:
        """Every row in order, the first is number 0."""

    def label_of(self, row: Row, known_at: datetime) -> bytes:
        """The label of a row that has one, as it becomes known at `known_at`."""


@dataclass(frozen=True)
class FileFeed:
    """The rows of a table as events of a declared stream, from `source`."""

    table: Table
    declaration: Declaration
    source: str

    def __post_init__(self) -> None:
        needed = [*self.declaration.fields, self.declaration.label.name]
        if self.declaration.time.column:
            needed.append(self.declaration.time.column)
        absent = [name for name in needed if name not in self.table.columns]
        if absent:
            raise wrong_input(f"{self.table.path}: the declaration names columns that it lacks: {', '.join(absent)}")

    def id_of(self, number: int) -> str:
        """The id of a row: it follows from the file's digest, so a row sent again is the same event."""
        return derived_id("row", self.table.digest, number)

    def rows(self) -> Iterator[Row]:
        """Every row in order, the first is number 0.

        Raises:
            ConsoleFailure: a row is damaged, or its time or its number to foretell cannot be read.
        """
        read_row = self._reader()
        for number, values in enumerate(self.table.rows()):
            yield read_row(number, values)

    def _reader(self) -> Callable[[int, list[str]], Row]:
        columns = [
            (name, self.table.place_of(name), _converter(field)) for name, field in self.declaration.fields.items()
        ]
        label_place = self.table.place_of(self.declaration.label.name)
        read_truth = self._truth_of if self.declaration.task == "regression" else lambda _, text: class_of(text)
        time_of = self._clock()
        entity = self.declaration.entity

        def read_row(number: int, values: list[str]) -> Row:
            time = time_of(number, values)
            data = {name: convert(values[place]) for name, place, convert in columns if values[place] not in MISSING}
            record_id = self.id_of(number)
            truth = None if values[label_place] in MISSING else read_truth(number, values[label_place])
            named = None if entity is None or entity not in data else str(class_of(str(data[entity])))
            return Row(number, record_id, time, named, event_body(self.source, record_id, time, data), truth)

        return read_row

    def _truth_of(self, number: int, text: str) -> float:
        found = _number(text)
        if isinstance(found, str):
            name = self.declaration.label.name
            raise wrong_input(f"{self.table.path}: row {number}, column {name!r}: expected a finite number")
        return found

    def _clock(self) -> Callable[[int, list[str]], datetime]:
        declared = self.declaration.time
        if declared.column is None:
            return lambda number, _: declared.start + number * declared.step
        place, zone = self.table.place_of(declared.column), ZoneInfo(declared.zone)

        def time_of(number: int, values: list[str]) -> datetime:
            time = read_time(values[place], zone)
            if time is None:
                raise wrong_input(
                    f"{self.table.path}: row {number}, column {declared.column!r}: expected a time, year first"
                )
            return time

        return time_of

    def label_of(self, row: Row, known_at: datetime) -> bytes:
        """The label of a row that has one, as it becomes known at `known_at`."""
        return label_body(self.source, row, known_at)


def event_body(source: str, record_id: str, time: datetime, data: dict[str, Any]) -> bytes:
    """An event as its producer sends it: a CloudEvent in JSON format."""
    event = {"type": EVENT_TYPE, "specversion": "1.0", "source": source, "id": record_id, "time": time, "data": data}
    return msgspec.json.encode(event)


def label_body(source: str, row: Row, known_at: datetime) -> bytes:
    """The label of a row as it is sent."""
    label = {
        "type": LABEL_TYPE,
        "specversion": "1.0",
        "source": source,
        "id": label_id(source, row.id, 0),
        "time": known_at,
        "data": {"event_id": row.id, "event_source": source, "value": row.truth, "entity": row.entity},
    }
    return msgspec.json.encode(label)


def _converter(field: FieldDeclaration) -> Callable[[str], Any]:
    match field.type:
        case "category":
            return str
        case "boolean":
            return _boolean
        case _:
            return _number


def _boolean(text: str) -> bool | str:
    return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(text.lower(), text)


def _number(text: str) -> float | str:
    """The number; text that is none is sent as it stands, for the validator to refuse."""
    try:
        number = float(text)
    except ValueError:
        return text
    return number if isfinite(number) else text


def chunk_size(delay: int) -> int:
    """Rows sent at a time when none was asked for: 1 at delay 0, else an eighth of the delay, 1 to 100."""
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
