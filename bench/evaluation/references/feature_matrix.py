"""A stream's file as the references see it: the columns that `stream init` declares as features, as one matrix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from penstock.console.cell_values import MISSING, parse_class, parse_time
from penstock.console.init.propose_declaration import propose_declaration
from penstock.console.table_file import Table, open_table
from penstock.contracts.declaration.stream import Declaration, Task
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.ml.features.encoding import time_part

MOST_CODES = 254  # of a category: histogram boosting takes no more

Matrix = NDArray[np.float64]
Truths = NDArray[np.float64]
"""One number a row, NaN where the file does not say: the class's code, or the number to foretell."""


@dataclass(frozen=True, eq=False)
class Rows:
    """n rows: features of shape (n, d) with NaN where missing, which of the d columns hold codes, and the truths."""

    task: Task
    matrix: Matrix
    categorical: NDArray[np.bool_]
    truths: Truths

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.truths)

    def with_more(self, columns: Matrix) -> Rows:
        """The same rows with further number columns, shape (n, k)."""
        mask = np.concatenate([self.categorical, np.zeros(columns.shape[1], dtype=bool)])
        return Rows(self.task, np.hstack([self.matrix, columns]), mask, self.truths)


def read_rows(path: Path, first: int | None = None) -> Rows:
    """Read a file, or its first rows. Codes are given in the order in which texts appear, so none tells of later rows."""
    table = open_table(path)
    declaration = parse_declaration(propose_declaration(table, None, None))
    values = list(table.first(first).rows())
    features = declaration.features
    columns = [
        _codes(_column(table, values, name)) if field.type == "category" else _numbers(_column(table, values, name))
        for name, field in features.items()
    ]
    columns += _time_parts(table, values, declaration)
    kinds = [field.type == "category" for field in features.values()] + [False] * len(declaration.time.parts)
    truths = _truths(_column(table, values, declaration.label.name), declaration.task)
    return Rows(declaration.task, np.column_stack(columns), np.array(kinds, dtype=bool), truths)


def _column(table: Table, values: Sequence[Sequence[str]], name: str) -> list[str | None]:
    place = table.column_index(name)
    return [None if row[place] in MISSING else row[place] for row in values]


def _truths(texts: Sequence[str | None], task: Task) -> Truths:
    if task == "regression":
        return _numbers(texts)
    return _codes([None if text is None else parse_class(text) for text in texts], most=len(texts))


def _numbers(texts: Iterable[str | None]) -> NDArray[np.float64]:
    return np.array([np.nan if text is None else float(text) for text in texts])


def _codes(texts: Iterable[str | None], most: int = MOST_CODES) -> NDArray[np.float64]:
    """0, 1, ... as the texts appear; NaN for a missing one, and for those that come when there are too many."""
    known: dict[str, int] = {}
    codes = [np.nan if text is None else known.setdefault(text, len(known)) for text in texts]
    return np.array([code if code < most else np.nan for code in codes], dtype=np.float64)


def _time_parts(table: Table, values: Sequence[Sequence[str]], declaration: Declaration) -> list[NDArray[np.float64]]:
    if declaration.time.column is None:
        return []
    texts = _column(table, values, declaration.time.column)
    moments = np.array([_moment(text) for text in texts], dtype="datetime64[s]")
    return [time_part(part, moments) for part in declaration.time.parts]


def _moment(text: str | None) -> datetime | None:
    time = None if text is None else parse_time(text, UTC)
    return None if time is None else time.replace(tzinfo=None)
