"""A file of golden rows: rows of a stream's features with the answers that a model gave to them where it was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.console.failure import wrong_input
from penstock.console.table.cell_reader import field_reader
from penstock.console.table.table import Table, open_table
from penstock.contracts.declaration.stream import Declaration
from penstock.ml.features.frame import Field, Frame, column, times
from penstock.ml.models.model import Model

MOST_ROWS = 1000
TOLERANCE = 1e-4  # of the number and of the largest: floats of 32 bits, perhaps written with few digits
PREDICTION, PROBABILITY = "prediction", "probability."


@dataclass(frozen=True)
class GoldenFile:
    """The rows of a file: the frame that a model is asked with, and the answers beside them."""

    table: Table
    frame: Frame

    def prove(self, model: Model) -> None:
        """Check that a model answers the rows as the file says.

        Raises:
            ConsoleFailure: it answers one otherwise, or the file has no answers.
        """
        output, path = model.predict(self.frame), self.table.path
        probabilities = [f"{PROBABILITY}{name}" for name in model.classes]
        named = [name for name in (PREDICTION, *probabilities) if name in self.table.columns]
        if not named:
            raise wrong_input(
                f"{path}: no answers: expected a column {PREDICTION!r}, or {PROBABILITY + 'CLASS'!r} of each"
            )
        for index, name in enumerate(probabilities):
            if name in named and output.probabilities is not None:
                self._compare(name, output.probabilities[:, index])
        if PREDICTION in named and model.classes:
            self._compare_classes(output.values)
        elif PREDICTION in named:
            self._compare(PREDICTION, np.array(output.values, dtype=np.float64))

    def _compare(self, name: str, numbers: NDArray[np.float64]) -> None:
        cells = _cells(self.table, name)
        try:
            expected = np.array([np.nan if cell is None else float(cell) for cell in cells], dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise wrong_input(f"{self.table.path}: {name}: expected numbers: {error}") from error
        close = np.isclose(
            numbers, expected, rtol=TOLERANCE, atol=TOLERANCE * float(np.nanmax(np.abs(expected), initial=0))
        )
        if not close.all():
            row = int(np.argmin(close))
            raise wrong_input(
                f"{self.table.path}: row {row + 1}: {name} is {expected[row]:.6g} there, and {numbers[row]:.6g} as the "
                "model is asked here: its inputs or classes are not in the order, or of the kind, that it was made with"
            )

    def _compare_classes(self, values: Sequence[Any]) -> None:
        for row, (found, cell) in enumerate(zip(values, _cells(self.table, PREDICTION), strict=True)):
            if found != str(cell):
                raise wrong_input(f"{self.table.path}: row {row + 1}: the answer is {cell!r} there, and {found!r} here")


def read_golden_file(path: Path, declaration: Declaration, fields: Sequence[Field]) -> GoldenFile:
    """The rows of a file, as far as these fields go.

    Raises:
        ConsoleFailure: the file lacks a field, has no rows or too many, or holds a value that is none of its field's.
    """
    table = open_table(path)
    if absent := [field.name for field in fields if field.name not in table.columns]:
        raise wrong_input(f"{path}: the model takes fields that it lacks: {', '.join(absent)}")
    if not 0 < table.count() <= MOST_ROWS:
        raise wrong_input(f"{path}: expected 1 to {MOST_ROWS:,} golden rows, it has {table.count():,}")
    columns = {field.name: _column(table, declaration, field) for field in fields}
    return GoldenFile(table, Frame(columns, times([None] * table.count())))


def _column(table: Table, declaration: Declaration, field: Field) -> NDArray[Any]:
    read = field_reader(declaration, field.name, table.profiles[field.name])
    values = [read(cell) for cell in _cells(table, field.name)]
    wanted = str if field.kind == "category" else (int, float, bool)
    for row, value in enumerate(values):
        if value is not None and not isinstance(value, wanted):
            raise wrong_input(f"{table.path}: row {row + 1}: {field.name}: {value!r} is no {field.kind}")
    return column(field.kind, values)


def _cells(table: Table, name: str) -> list[Any]:
    index = table.column_index(name)
    return [row[index] for row in table.rows()]
