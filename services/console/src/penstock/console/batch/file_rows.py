"""The rows of a file, checked as their events would be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np

from penstock.console.batch.batch_rows import Arrays, BatchRows, pieces
from penstock.console.batch.model_rows import RowReader
from penstock.console.batch.output_parts import PART_ROWS
from penstock.console.batch.row_check import RowCheck
from penstock.console.table.table import Table
from penstock.contracts.records.streams import StreamDeclared


class FileRows:
    """The rows of a table; `now` is the time that events are checked against.

    Raises:
        ConsoleFailure: the file lacks a column that the declaration names.
    """

    def __init__(self, table: Table, stream: StreamDeclared, now: datetime, *, with_entities: bool) -> None:
        self._table = table
        self._reader = RowReader(table, stream.declaration, now, with_entities=with_entities)
        self._check = RowCheck(stream, self._reader, now)

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self._table.path)

    @property
    def columns(self) -> Sequence[str]:
        """The file's columns."""
        return self._table.columns

    def read(self, first: int) -> Iterator[BatchRows]:
        """The rows from row number `first` on."""
        for arrays in pieces(self._batches(), first, PART_ROWS):
            inputs = self._reader.read(arrays, first)
            reasons: list[str | None] = [None] * len(inputs.frame)
            for row in np.flatnonzero(inputs.is_doubtful).tolist():
                reasons[row] = self._check.refusal(arrays, row, first + row)
            yield BatchRows(arrays, inputs, reasons)
            first += len(reasons)

    def _batches(self) -> Iterator[Arrays]:
        remaining = self._table.limit
        for arrays in self._table.source.batches():
            if remaining is None:
                yield arrays
                continue
            yield [array.slice(0, remaining) for array in arrays]
            remaining -= min(remaining, len(arrays[0]))
            if not remaining:
                return
