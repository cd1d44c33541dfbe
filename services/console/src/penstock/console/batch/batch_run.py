"""Predicts the rows of a file: batch by batch, in bounded memory, by one model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from penstock.console.batch.batch_model import BatchModel
from penstock.console.batch.model_rows import ModelRows, RowReader
from penstock.console.batch.output_parts import PART_ROWS, ROW_GROUP, OutputParts, Writer
from penstock.console.batch.row_check import RowCheck
from penstock.console.failure import wrong_input
from penstock.console.table.table import Table
from penstock.ml.models.model import UnusableAnswer

Arrays = Sequence[pa.Array]
UNUSABLE = "the model has no usable answer to this row"


@dataclass
class BatchResult:
    """How many rows there were, and why some were refused, with how often."""

    rows: int = 0
    refusals: Counter[str] = field(default_factory=Counter)


class BatchRun:
    """Predicts the rows of a table with a model; `now` is the time that events are checked against."""

    def __init__(self, table: Table, model: BatchModel, now: datetime) -> None:
        self._table = table
        self._model = model
        learns = model.model.learner is not None
        self._reader = RowReader(table, model.stream.declaration, now, with_entities=learns)
        self._check = RowCheck(model.stream, self._reader, now)
        self._classes = model.model.classes
        clash = [name for name in self._names() if name in table.columns]
        if clash:
            raise wrong_input(f"{table.path}: it has a column {clash[0]!r} already, where the output has its own")

    def write(self, parts: OutputParts, show: Callable[[int], None]) -> BatchResult:
        """Write the parts that are not there yet; `show` is called with how many rows are done."""
        result = BatchResult(parts.done * PART_ROWS)
        pieces = _pieces(_skip(self._batches(), result.rows), result.rows)
        for number, part in groupby(pieces, key=itemgetter(0)):
            arrays_of_part = (arrays for _, arrays in part)
            table = self._predict(next(arrays_of_part), result)
            with parts.part(number, table.schema) as writer:
                self._write_part(writer, table, arrays_of_part, result, show)
        if not result.rows:
            raise wrong_input(f"{self._table.path}: expected rows, there are none")
        return result

    def _write_part(
        self, writer: Writer, table: pa.Table, rest: Iterator[Arrays], result: BatchResult, show: Callable[[int], None]
    ) -> None:
        pending = [table]
        for arrays in rest:
            pending.append(self._predict(arrays, result).cast(table.schema))
            if sum(map(len, pending)) >= ROW_GROUP:
                writer.write_table(pa.concat_tables(pending))
                pending = []
                show(result.rows)
        if pending:
            writer.write_table(pa.concat_tables(pending))
        show(result.rows)

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

    def _predict(self, arrays: Arrays, result: BatchResult) -> pa.Table:
        """The rows of a batch with their predictions."""
        rows = self._reader.read(arrays, result.rows)
        reasons: list[str | None] = [None] * len(rows.frame)
        for row in np.flatnonzero(rows.is_doubtful).tolist():
            reasons[row] = self._check.refusal(arrays, row, result.rows + row)
        values, probabilities = self._answers(rows, reasons)
        result.rows += len(rows.frame)
        result.refusals.update(reason for reason in reasons if reason is not None)
        columns = [*arrays, *self._columns(values, probabilities, reasons)]
        return pa.table(columns, names=[*self._table.columns, *self._names()])

    def _answers(self, rows: ModelRows, reasons: list[str | None]) -> tuple[list[Any], NDArray[np.float64] | None]:
        """The predicted values, None of refused rows, and the probabilities, NaN of these."""
        accepted = [row for row, reason in enumerate(reasons) if reason is None]
        if len(accepted) == len(reasons):
            try:
                output = self._model.model.answer_now(rows.frame, rows.entities).output
            except UnusableAnswer:
                return self._answers_one_by_one(rows, reasons, accepted)
            return list(output.values), output.probabilities
        return self._answers_one_by_one(rows, reasons, accepted, len(accepted))

    def _answers_one_by_one(
        self, rows: ModelRows, reasons: list[str | None], accepted: Sequence[int], at_a_time: int = 1
    ) -> tuple[list[Any], NDArray[np.float64] | None]:
        values: list[Any] = [None] * len(reasons)
        probabilities = np.full((len(reasons), len(self._classes)), np.nan) if self._classes else None
        for chosen in _chunks(accepted, max(1, at_a_time)):
            try:
                entities = [rows.entities[row] for row in chosen]
                output = self._model.model.answer_now(rows.frame.take(chosen), entities).output
            except UnusableAnswer:
                if len(chosen) > 1:
                    return self._answers_one_by_one(rows, reasons, accepted)
                reasons[chosen[0]] = UNUSABLE
                continue
            for row, value in zip(chosen, output.values, strict=True):
                values[row] = value
            if probabilities is not None and output.probabilities is not None:
                probabilities[chosen] = output.probabilities
        return values, probabilities

    def _names(self) -> list[str]:
        """The names of the columns that are added."""
        probabilities = [f"probability.{name}" for name in self._classes]
        return ["prediction", *probabilities, "model.version", "model.epoch", "model.digest", "refused"]

    def _columns(
        self, values: list[Any], probabilities: NDArray[np.float64] | None, reasons: Sequence[str | None]
    ) -> list[pa.Array]:
        count, version = len(values), self._model.version
        of_classes = [] if probabilities is None else list(np.ascontiguousarray(probabilities.T))
        return [
            pa.array(values, pa.string() if self._classes else pa.float64()),
            *(pa.array(column, mask=np.isnan(column)) for column in of_classes),
            pa.repeat(pa.scalar(version.version, pa.int64()), count),
            pa.repeat(pa.scalar(self._model.epoch, pa.int64()), count),
            pa.repeat(pa.scalar(version.digest), count),
            pa.array(reasons, pa.string()) if any(reasons) else pa.nulls(count, pa.string()),
        ]


def _chunks(rows: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _skip(batches: Iterator[Arrays], rows: int) -> Iterator[Arrays]:
    for arrays in batches:
        skipped = min(rows, len(arrays[0]))
        rows -= skipped
        if skipped < len(arrays[0]):
            yield [array.slice(skipped) for array in arrays]


def _pieces(batches: Iterator[Arrays], first: int) -> Iterator[tuple[int, Arrays]]:
    """The batches, the first of which begins with row `first`, cut where a part ends, each with its part's number."""
    for arrays in batches:
        rest = arrays
        while len(rest[0]):
            room = PART_ROWS - first % PART_ROWS
            yield first // PART_ROWS, [array.slice(0, room) for array in rest]
            first += min(room, len(rest[0]))
            rest = [array.slice(room) for array in rest]
