"""The rows of a batch run, some thousand at a time, whether they come from a file or from the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from penstock.console.batch.model_rows import ModelRows

Arrays = Sequence[pa.Array]


@dataclass(frozen=True, slots=True, eq=False)
class BatchRows:
    """n rows: the columns that are kept beside the answers, the rows as a model sees them, and why some are refused."""

    arrays: Arrays
    inputs: ModelRows
    reasons: list[str | None]


class RowSource(Protocol):
    """Rows in an order that stays the same, however often they are read."""

    @property
    def name(self) -> str:
        """Where they come from, for people."""

    @property
    def columns(self) -> Sequence[str]:
        """The names of the columns."""

    def read(self, first: int) -> Iterator[BatchRows]:
        """The rows from row number `first` on."""


def skip(batches: Iterator[Arrays], rows: int) -> Iterator[Arrays]:
    """The batches without their first rows."""
    for arrays in batches:
        skipped = min(rows, len(arrays[0]))
        rows -= skipped
        if skipped < len(arrays[0]):
            yield [array.slice(skipped) for array in arrays]


def cut(batches: Iterator[Arrays], first: int, size: int) -> Iterator[Arrays]:
    """The batches, the first of which begins with row `first`, cut where a multiple of `size` rows is reached."""
    for arrays in batches:
        rest = arrays
        while len(rest[0]):
            room = size - first % size
            yield [array.slice(0, room) for array in rest]
            first += min(room, len(rest[0]))
            rest = [array.slice(room) for array in rest]
