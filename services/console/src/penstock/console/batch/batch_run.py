"""Predicts rows batch by batch, in bounded memory, by one model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from penstock.console.batch.batch_model import BatchModel
from penstock.console.batch.batch_rows import BatchRows, RowSource
from penstock.console.batch.model_rows import ModelRows
from penstock.console.batch.output_parts import PART_ROWS, ROW_GROUP, OutputParts, Writer
from penstock.console.failure import wrong_input
from penstock.ml.models.model import UnusableAnswer

UNUSABLE = "the model has no usable answer to this row"


@dataclass
class BatchResult:
    """How many rows there were, and why some were refused, with how often."""

    rows: int = 0
    refusals: Counter[str] = field(default_factory=Counter)


class BatchRun:
    """Predicts rows with a model."""

    def __init__(self, source: RowSource, model: BatchModel) -> None:
        self._source = source
        self._model = model
        self._classes = model.model.classes
        clash = [name for name in self._names() if name in source.columns]
        if clash:
            raise wrong_input(f"{source.name}: it has a column {clash[0]!r} already, where the output has its own")

    def write(self, parts: OutputParts, show: Callable[[int], None]) -> BatchResult:
        """Write the parts that are not there yet; `show` is called with how many rows are done."""
        result = BatchResult(parts.done * PART_ROWS)
        for number, of_part in groupby(self._numbered(result.rows), key=itemgetter(0)):
            rows_of_part = (rows for _, rows in of_part)
            table = self._predict(next(rows_of_part), result)
            with parts.part(number, table.schema) as writer:
                self._write_part(writer, table, rows_of_part, result, show)
        if not parts.done:
            raise wrong_input(f"{self._source.name}: expected rows, there are none")
        return result

    def _numbered(self, first: int) -> Iterator[tuple[int, BatchRows]]:
        """The rows from row `first` on, each with the number of its part."""
        for rows in self._source.read(first):
            yield first // PART_ROWS, rows
            first += len(rows.reasons)

    def _write_part(
        self,
        writer: Writer,
        table: pa.Table,
        rest: Iterator[BatchRows],
        result: BatchResult,
        show: Callable[[int], None],
    ) -> None:
        pending = [table]
        for rows in rest:
            pending.append(self._predict(rows, result).cast(table.schema))
            if sum(map(len, pending)) >= ROW_GROUP:
                writer.write_table(pa.concat_tables(pending))
                pending = []
                show(result.rows)
        if pending:
            writer.write_table(pa.concat_tables(pending))
        show(result.rows)

    def _predict(self, rows: BatchRows, result: BatchResult) -> pa.Table:
        """The rows with their predictions."""
        reasons = list(rows.reasons)
        values, probabilities = self._answers(rows.inputs, reasons)
        result.rows += len(reasons)
        result.refusals.update(reason for reason in reasons if reason is not None)
        columns = [*rows.arrays, *self._columns(values, probabilities, reasons)]
        return pa.table(columns, names=[*self._source.columns, *self._names()])

    def _answers(self, rows: ModelRows, reasons: list[str | None]) -> tuple[list[Any], NDArray[np.float64] | None]:
        """The predicted values, None of refused rows, and the probabilities, NaN of these."""
        accepted = [row for row, reason in enumerate(reasons) if reason is None]
        if accepted and len(accepted) == len(reasons):
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
