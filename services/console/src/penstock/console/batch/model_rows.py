"""Rows of a file as a model sees them: the frame that their events would become, a column at a time.

Most rows need no more than this. Those that may be refused are marked, to be looked at one by one (`RowCheck`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from penstock.console.failure import wrong_input
from penstock.console.table.cell_reader import ReadCell, category_reader, field_reader, time_reader
from penstock.console.table.column_profile import ColumnProfile
from penstock.console.table.missing_values import field_missing_texts
from penstock.console.table.number_format import NumberFormat
from penstock.console.table.sources.parquet_source import cells_of
from penstock.console.table.table import Table
from penstock.contracts.checks.envelope_check import LARGEST_CLOCK_SKEW
from penstock.contracts.checks.field_check import field_violations
from penstock.contracts.columns import Table as FieldTable
from penstock.contracts.declaration.stream import Declaration, FieldDeclaration
from penstock.contracts.entities import entity_text
from penstock.contracts.input_bounds import EARLIEST_TIME, END_OF_TIME, LARGEST_NUMBER, LONGEST_ENTITY
from penstock.ml.features.frame import Frame

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MOST_TEXTS = 100_000  # kept of a category
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ModelRows:
    """n rows: the frame that a model is asked with, their entities, and which of them may have to be refused.

    Entities are None where no model looks at them.
    """

    frame: Frame
    entities: Sequence[str | None]
    is_doubtful: Mask


class RowReader:
    """Reads the rows of a file as the declaration has them.

    Raises:
        ConsoleFailure: the file lacks a column that the declaration names.
    """

    def __init__(self, table: Table, declaration: Declaration, now: datetime, *, with_entities: bool = True) -> None:
        self.table = table
        self.declaration = declaration
        self._with_entities = with_entities
        self._texts: dict[str, dict[Any, str | None]] = {name: {} for name in declaration.fields}
        self._latest = min(now + LARGEST_CLOCK_SKEW, END_OF_TIME - MICROSECOND)
        named = [*declaration.fields, *filter(None, [declaration.time.column])]
        absent = [name for name in named if name not in table.columns]
        if absent:
            raise wrong_input(f"{table.path}: the stream has fields that it lacks: {', '.join(absent)}")
        self._indices = {name: table.column_index(name) for name in named}
        self._missing = {name: _missing_numbers(declaration, name) for name in declaration.fields}

    @cached_property
    def readers(self) -> dict[str, ReadCell]:
        """What reads a cell of each field; how numbers are written is seen in the whole column where it is text."""
        profiles = {name: self._profile(name) for name in self.declaration.fields}
        return {name: field_reader(self.declaration, name, profile) for name, profile in profiles.items()}

    @cached_property
    def read_time(self) -> Callable[[Any], datetime | None]:
        """What reads a cell of the column of times."""
        column = self.declaration.time.column
        assert column is not None
        return time_reader(self.declaration, self._profile(column))

    def read(self, arrays: Sequence[pa.Array], first: int) -> ModelRows:
        """The rows of a batch, an array for each column of the file; the first of them is row `first`."""
        count, fields = len(arrays[0]), self.declaration.fields
        doubtful = np.zeros(count, bool)
        categories: dict[str, NDArray[Any]] = {}
        names = tuple(name for name, field in fields.items() if field.type != "category")
        matrix = np.empty((len(names), count))
        rows = dict(zip(names, matrix, strict=True))
        for name, field in fields.items():
            array = arrays[self._indices[name]]
            if name in rows:
                self._read_numbers(name, field, array, rows[name], doubtful)
            else:
                categories[name] = self._read_categories(name, field, array, doubtful)
        times = self._read_times(arrays, first, count, doubtful)
        frame = Frame.of_table(FieldTable(names, matrix.T, categories), times)
        return ModelRows(frame, self._entities(frame), doubtful)

    def _profile(self, name: str) -> ColumnProfile:
        return self.table.profiles[name]

    def _read_numbers(
        self, name: str, field: FieldDeclaration, array: pa.Array, row: NDArray[np.float64], doubtful: Mask
    ) -> None:
        is_number = pa.types.is_integer(array.type) or pa.types.is_floating(array.type)
        if pa.types.is_boolean(array.type) if field.type == "boolean" else is_number:
            row[:] = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
            missing = self._missing[name]
            if missing and field.type != "boolean":
                row[np.isin(row, missing)] = np.nan
        elif pa.types.is_null(array.type):
            row[:] = np.nan
        else:
            kinds: tuple[type, ...] = (bool,) if field.type == "boolean" else (int, float)
            values = [self.readers[name](cell) for cell in cells_of(array)]
            fits = [value is None or type(value) in kinds for value in values]
            row[:] = [np.nan if value is None or not fit else value for value, fit in zip(values, fits, strict=True)]
            doubtful |= ~np.array(fits)
        if field.type != "boolean":
            doubtful |= np.abs(row) > LARGEST_NUMBER
            for mask, _, _ in field_violations(field, row):
                doubtful |= mask
        if field.missing == "refuse" or name == self.declaration.entity:
            doubtful |= np.isnan(row)

    def _read_categories(self, name: str, field: FieldDeclaration, array: pa.Array, doubtful: Mask) -> NDArray[Any]:
        encoded = array.dictionary_encode()
        values = np.empty(len(encoded.dictionary) + 1, dtype=object)
        values[:-1] = self._texts_of(name, field, cells_of(encoded.dictionary))
        values[-1] = None
        codes = pc.fill_null(encoded.indices, len(values) - 1).to_numpy(zero_copy_only=False)
        is_doubtful = np.zeros(len(values), bool)
        if field.missing == "refuse":
            is_doubtful |= np.array([value is None for value in values])
        if field.categories and field.outside == "refuse":
            listed = {*field.categories, None}
            is_doubtful |= np.array([value not in listed for value in values])
        if name == self.declaration.entity:
            is_doubtful |= np.array([not value or len(value) > LONGEST_ENTITY for value in values])
        if is_doubtful.any():
            doubtful |= is_doubtful[codes]
        column: NDArray[Any] = values[codes]
        return column

    def _texts_of(self, name: str, field: FieldDeclaration, cells: Sequence[Any]) -> list[str | None]:
        """What cells of a category stand for; batches repeat most of them."""
        found = self._texts[name]
        if len(found) > MOST_TEXTS:
            found.clear()
        if new := [cell for cell in cells if cell not in found]:
            read = category_reader(field.categories, field_missing_texts(self.declaration, name))
            found.update((cell, read(cell)) for cell in new)
        return [found[cell] for cell in cells]

    def _read_times(self, arrays: Sequence[pa.Array], first: int, count: int, doubtful: Mask) -> NDArray[np.datetime64]:
        """The times of the rows, as those of events are: to the millisecond."""
        microseconds = self._microseconds(arrays, first, count)
        earliest, latest = ((time - EPOCH) // MICROSECOND for time in (EARLIEST_TIME, self._latest))
        doubtful |= np.isnan(microseconds) | (microseconds < earliest) | (microseconds > latest)
        times = np.full(count, "NaT", "datetime64[ms]")
        known = ~np.isnan(microseconds)
        milliseconds = (microseconds[known] / 1e6 * 1000.0).round()
        times[known] = milliseconds.astype(np.int64).astype("datetime64[ms]")
        return times

    def _microseconds(self, arrays: Sequence[pa.Array], first: int, count: int) -> NDArray[np.float64]:
        """Since 1970, NaN where a time cannot be read."""
        time = self.declaration.time
        if time.column is None:
            start, step = (time.start - EPOCH) // MICROSECOND, time.step // MICROSECOND
            return (start + step * np.arange(first, first + count)).astype(np.float64)
        array = arrays[self._indices[time.column]]
        if pa.types.is_timestamp(array.type) and (array.type.tz is not None or time.zone == "UTC"):
            numbers: NDArray[np.float64] = (
                array.cast(pa.timestamp("us", array.type.tz)).cast(pa.int64()).cast(pa.float64())
            ).to_numpy(zero_copy_only=False)
            return numbers
        found = [self.read_time(cell) for cell in cells_of(array)]
        return np.array([np.nan if one is None else (one - EPOCH) // MICROSECOND for one in found], np.float64)

    def _entities(self, frame: Frame) -> list[str | None]:
        entity = self.declaration.entity
        if entity is None or not self._with_entities:
            return [None] * len(frame)
        is_boolean = self.declaration.fields[entity].type == "boolean"
        return [_entity(value, is_boolean) for value in frame.columns[entity].tolist()]


def _missing_numbers(declaration: Declaration, name: str) -> list[float]:
    """The numbers with which a file says that a value of the field is missing."""
    texts = field_missing_texts(declaration, name)
    return [float(number) for text in texts if (number := NumberFormat().parse(text)) is not None]


def _entity(value: Any, is_boolean: bool) -> str | None:
    if isinstance(value, float):
        if np.isnan(value):
            return None
        return entity_text(bool(value) if is_boolean else value)
    return entity_text(value)
