"""Parquet: columns of the file's own types, a bounded number of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from penstock.console.failure import ConsoleFailure, wrong_input
from penstock.console.table.sources.header import check_columns
from penstock.console.table.sources.plain_bytes import is_gzipped

BATCH_ROWS = 10_000
LONGEST_TEXT = 1_000_000  # bytes
MAGIC = b"PAR1"


@dataclass(frozen=True)
class ParquetSource:
    """A Parquet file; cells are numbers, booleans, texts, times, or None."""

    path: Path
    columns: tuple[str, ...]
    delimiter: ClassVar[str] = ""

    @property
    def untyped(self) -> frozenset[str]:
        """The columns whose cells are text in want of a type: none."""
        return frozenset()

    def numbered_rows(self) -> Iterator[tuple[int, list[Any]]]:
        """The rows in order, each with its number from 1, which stands for a line.

        Raises:
            ConsoleFailure: the file is damaged, or a text is too long.
        """
        number = 0
        for batch in self.batches():
            for row in zip(*map(cells_of, batch), strict=True):
                number += 1
                yield number, list(row)

    def batches(self) -> Iterator[list[pa.Array]]:
        """The rows in order, some thousand at a time, as one array per column.

        Raises:
            ConsoleFailure: as for `numbered_rows`.
        """
        try:
            with _open(self.path) as file:
                for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
                    yield [
                        _plain(self.path, name, column)
                        for name, column in zip(self.columns, batch.columns, strict=True)
                    ]
        except (pa.ArrowException, OSError) as error:
            raise _damaged(self.path, error) from error


def open_parquet(path: Path) -> ParquetSource:
    """Read the names and types of a file's columns.

    Raises:
        ConsoleFailure: it is damaged, empty, or has a column that is no column of simple values.
    """
    if is_gzipped(path):
        raise wrong_input(f"{path}: Parquet is compressed in itself, expected none that is gzipped: gunzip FILE")
    try:
        with _open(path) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    columns = tuple(schema.names)
    check_columns(str(path), columns)
    for field in schema:
        if not _is_simple(field.type):
            expected = "expected numbers, texts, booleans or times"
            raise wrong_input(f"{path}: column {field.name!r} holds {str(field.type)[:80]}; {expected}")
    if len(columns) == 1:
        raise wrong_input(f"{path}: expected several columns, found one, {columns[0]!r}")
    if not rows:
        raise wrong_input(f"{path}: expected rows, there are none")
    return ParquetSource(path, columns)


def _open(path: Path) -> pq.ParquetFile:
    """The file, its texts kept as a dictionary where it has one: decoded they could be any length."""
    names = pq.read_schema(path)
    texts = [field.name for field in names if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)]
    return pq.ParquetFile(path, read_dictionary=texts)


def _is_simple(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_simple(kind.value_type)
    tests = (
        "is_integer is_floating is_boolean is_string is_large_string is_string_view is_timestamp is_date is_decimal"
        " is_null"
    )
    return any(getattr(pa.types, test)(kind) for test in tests.split())


def _plain(path: Path, name: str, column: pa.Array) -> pa.Array:
    """The column as int64, float64, bool, string, timestamp in microseconds, or null."""
    if pa.types.is_dictionary(column.type):
        longest = pc.max(pc.binary_length(column.dictionary)).as_py() if _is_text(column.type.value_type) else 0
        if (longest or 0) > LONGEST_TEXT:
            raise wrong_input(f"{path}: column {name!r}: a text of more than {LONGEST_TEXT:,} bytes")
        column = column.cast(column.type.value_type)
    if _is_text(column.type):
        return column.cast(pa.string())
    if pa.types.is_timestamp(column.type):
        return pc.cast(column, pa.timestamp("us", column.type.tz), safe=False)
    if pa.types.is_date(column.type):
        return column.cast(pa.timestamp("us"))
    if pa.types.is_decimal(column.type):
        return _decimals(column)
    if pa.types.is_floating(column.type):
        return _without_nan(column.cast(pa.float64()))
    if pa.types.is_uint64(column.type):
        return column if (pc.max(column).as_py() or 0) > 2**63 - 1 else column.cast(pa.int64())
    return column.cast(pa.int64()) if pa.types.is_integer(column.type) else column


def _without_nan(numbers: pa.Array) -> pa.Array:
    """The floats, NaN as null: pandas writes a missing value so."""
    return pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _decimals(column: pa.Array) -> pa.Array:
    """Numbers, or texts where one of them has more digits than a number keeps."""
    values: list[Decimal | None] = column.to_pylist()
    exact = all(value is None or len(value.as_tuple().digits) <= 15 for value in values)
    if exact:
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def cells_of(column: pa.Array) -> list[Any]:
    """The values of a column as cells, times with a zone in UTC."""
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        return [time and time.astimezone(UTC) for time in column.to_pylist()]
    return column.to_pylist()  # type: ignore[no-any-return]


def _damaged(path: Path, error: Exception) -> ConsoleFailure:
    reason = " ".join(str(error).split())[:200]
    return wrong_input(f"{path}: not valid Parquet: {reason}")
