"""The payloads of a batch as columns: float64 with NaN for numbers, objects (text or None) for categories."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, repeat
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from penstock.contracts.declaration.stream import Declaration

Columns = dict[str, NDArray[Any]]

SHORT_COLUMN = 100  # values


@dataclass(frozen=True, slots=True)
class Table:
    """n payloads: d numeric fields as a matrix of shape (n, d) with contiguous columns, categories of shape (n,)."""

    names: tuple[str, ...]
    matrix: NDArray[np.float64]
    categories: Columns


def table_of(declaration: Declaration, payloads: Sequence[msgspec.Struct]) -> Table:
    """The declared fields of n payloads, numbers and categories apart, each in declared order.

    Numbers, integers and booleans are float64, NaN where missing; categories are objects, None where missing.
    """
    values = _by_field(declaration, payloads)
    categories = {
        name: _objects(values[name]) for name, field in declaration.fields.items() if field.type == "category"
    }
    names = tuple(name for name in declaration.fields if name not in categories)
    return Table(names, _matrix([values[name] for name in names], len(payloads)).T, categories)


def columns_of(
    declaration: Declaration, payloads: Sequence[msgspec.Struct], names: Collection[str] | None = None
) -> Columns:
    """The declared fields of n payloads, each an array of shape (n,) as in `table_of`, in declared order.

    With `names` only the fields of these names.
    """
    values = _by_field(declaration, payloads)
    return {
        name: _objects(values[name]) if field.type == "category" else _numbers(values[name])
        for name, field in declaration.fields.items()
        if names is None or name in names
    }


def _by_field(declaration: Declaration, payloads: Sequence[msgspec.Struct]) -> dict[str, Sequence[Any]]:
    rows: Iterator[Sequence[Any]] = (
        zip(*map(msgspec.structs.astuple, payloads), strict=True) if payloads else repeat(())
    )
    return dict(zip(declaration.fields, rows, strict=False))


def _matrix(columns: Sequence[Sequence[Any]], count: int) -> NDArray[np.float64]:
    """The columns as rows of a matrix, each contiguous; short columns are packed with one call, which is faster."""
    matrix = np.empty((len(columns), count))
    if count > SHORT_COLUMN or not _try_pack(matrix, list(chain.from_iterable(columns))):
        for row, values in zip(matrix, columns, strict=True):
            _fill(row, values)
    return matrix


def _objects(values: Sequence[Any]) -> NDArray[Any]:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _numbers(values: Sequence[Any]) -> NDArray[np.float64]:
    column = np.empty(len(values))
    _fill(column, values)
    return column


def _fill(column: NDArray[np.float64], values: Sequence[Any]) -> None:
    if not _try_pack(column, values):
        column[:] = np.array(values, dtype=np.float64)


def _try_pack(array: NDArray[np.float64], values: Sequence[Any]) -> bool:
    """Write numbers into contiguous memory in a fifth of numpy's time; False if a value is None."""
    try:
        struct.pack_into(f"{len(values)}d", array.data, 0, *values)
    except struct.error:
        return False
    return True


def times_of(times: Sequence[datetime]) -> NDArray[np.datetime64]:
    """N times as an array of datetime64[ms] in UTC, shape (n,)."""
    stamps = np.array([time.timestamp() for time in times], dtype=np.float64)
    return (stamps * 1000.0).round().astype("int64").astype("datetime64[ms]")
