"""The first tenth of a file's rows: all that a proposal knows of labels, since the rest is scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from penstock.console.table.cell_reader import class_namer
from penstock.console.table.column_profile import ColumnProfile
from penstock.console.table.missing_values import missing_test
from penstock.console.table.table import Cell, Table

SHARE = 10  # a tenth
MOST_ROWS = 20_000
MOST_CELLS = 4_000_000


@dataclass(frozen=True)
class Sample:
    """The labelled rows among the first of a file.

    Attributes:
        cells: of each column, one per labelled row.
        labels: the classes, or the numbers as text.
    """

    cells: dict[str, list[Cell]]
    labels: list[str]

    def texts(self, column: str) -> list[str | None]:
        """The cells of a column as keys; None where there is nothing."""
        return [None if cell is None or cell == "" else str(cell) for cell in self.cells[column]]

    def numbers(self, profile: ColumnProfile) -> NDArray[np.float64]:
        """The cells of a column of numbers, shape (rows,); NaN where one is missing or no number."""
        parse = profile.number_format.parse if profile.number_format else None
        cells = (parse(cell) if parse and isinstance(cell, str) else cell for cell in self.cells[profile.name])
        return np.array([_number(cell) for cell in cells], dtype=np.float64)

    def label_numbers(self) -> NDArray[np.float64]:
        """The labels of a regression, shape (rows,)."""
        return np.array(self.labels, dtype=np.float64)


def read_sample(table: Table, label: ColumnProfile) -> Sample:
    """The first tenth of the rows, at most 20,000, as far as they have a label; `label` is read as its column is."""
    limit = max(1, min(table.count() // SHARE, MOST_ROWS, MOST_CELLS // len(table.columns)))
    index, read = table.column_index(label.name), _LabelReader(label)
    rows, labels = [], []
    for row in table.first(limit).rows():
        if (value := read(row[index])) is not None:
            rows.append(row)
            labels.append(value)
    columns: Sequence[Sequence[Cell]] = list(zip(*rows, strict=True)) or [()] * len(table.columns)
    return Sample({name: list(cells) for name, cells in zip(table.columns, columns, strict=True)}, labels)


class _LabelReader:
    """Reads a label's cell as a class or a number's text; None where it is missing, or no number among numbers."""

    def __init__(self, label: ColumnProfile) -> None:
        self._is_missing = missing_test([*label.missing_texts, *unreadable_texts(label)])
        self._name, self._format = class_namer((), label), label.number_format

    def __call__(self, cell: Cell) -> str | None:
        if cell is None or (isinstance(cell, str) and self._is_missing(cell)):
            return None
        if self._format and isinstance(cell, str) and self._format.parse(cell) is None:
            return None
        return self._name(cell)


def unreadable_texts(profile: ColumnProfile) -> list[str]:
    """Texts in a column of numbers or booleans that may stand for missing values, and can stand for nothing else."""
    if profile.number_format is not None:
        return [text for text in profile.disguised if profile.number_format.parse(text) is None]
    return list(profile.disguised) if profile.kind == "boolean" else []


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
