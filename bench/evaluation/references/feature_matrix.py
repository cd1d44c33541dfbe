"""A stream's file for the references: the columns that `stream init` declares as features, as one matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.console.init.declaration_text import declaration_text
from penstock.console.init.propose_declaration import propose_declaration
from penstock.console.table.cell_reader import field_reader, label_reader, time_reader
from penstock.console.table.table import Table, open_table
from penstock.contracts.declaration.stream import Declaration, Task
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.ml.features.feature_encoder import time_part
from penstock.ml.features.local_times import local_times

MAX_CODES = 254  # of a category: the limit of histogram boosting

Matrix = NDArray[np.float64]
Labels = NDArray[np.float64]
"""One number per row: the class's code, or the value to predict; NaN where the label is missing."""


@dataclass(frozen=True, eq=False)
class FeatureMatrix:
    """n rows: features of shape (n, d), NaN where missing; which of the d columns hold codes; labels of shape (n,)."""

    task: Task
    features: Matrix
    categorical: NDArray[np.bool_]
    labels: Labels

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.labels)

    def with_columns(self, columns: Matrix) -> FeatureMatrix:
        """The same rows with additional columns of numbers, shape (n, k)."""
        categorical = np.concatenate([self.categorical, np.zeros(columns.shape[1], dtype=bool)])
        return FeatureMatrix(self.task, np.hstack([self.features, columns]), categorical, self.labels)


def read_feature_matrix(path: Path, first: int | None = None) -> FeatureMatrix:
    """Read a file, or its first rows. Texts get codes in the order of appearance, so that none tells of later rows."""
    table = open_table(path)
    declaration = parse_declaration(declaration_text(propose_declaration(table)))
    rows = list(table.first(first).rows())
    features = declaration.features
    columns = [
        _codes(values) if field.type == "category" else _numbers(values)
        for name, field in features.items()
        for values in [_column(table, rows, name, field_reader(declaration, name, table.profiles[name]))]
    ]
    columns += _time_parts(table, rows, declaration)
    categorical = [field.type == "category" for field in features.values()] + [False] * len(declaration.time.parts)
    label = declaration.label.name
    labels = _labels(_column(table, rows, label, label_reader(declaration, table.profiles[label])), declaration.task)
    return FeatureMatrix(declaration.task, np.column_stack(columns), np.array(categorical, dtype=bool), labels)


def _column(table: Table, rows: Sequence[Sequence[Any]], name: str, read: Callable[[Any], Any]) -> list[Any]:
    index = table.column_index(name)
    return [read(row[index]) for row in rows]


def _labels(values: Sequence[Any], task: Task) -> Labels:
    return _numbers(values) if task == "regression" else _codes(values, max_codes=len(values))


def _numbers(values: Iterable[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else float(value) for value in values])


def _codes(texts: Iterable[str | None], max_codes: int = MAX_CODES) -> NDArray[np.float64]:
    """0, 1, ... in the order of appearance; NaN for a missing text, and for texts beyond the maximum."""
    code_of: dict[str, int] = {}
    codes = [np.nan if text is None else code_of.setdefault(text, len(code_of)) for text in texts]
    return np.array([code if code < max_codes else np.nan for code in codes], dtype=np.float64)


def _time_parts(table: Table, rows: Sequence[Sequence[Any]], declaration: Declaration) -> list[NDArray[np.float64]]:
    column = declaration.time.column
    if column is None:
        return []
    values = _column(table, rows, column, time_reader(declaration, table.profiles[column]))
    times = np.array(
        [None if time is None else time.astimezone(UTC).replace(tzinfo=None) for time in values], dtype="datetime64[s]"
    )
    local = local_times(times, declaration.time.zone)
    return [time_part(part, local) for part in declaration.time.parts]
