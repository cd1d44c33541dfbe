"""Reads columns of a frame for fused models: numbers as rows of a matrix, levels as rows of a table."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.category_codes import CategoryCodes
from penstock.ml.features.feature_encoder import Encoder, column_of
from penstock.ml.features.frame import Frame

_SIZES = {"time.hour": 24, "time.weekday": 7, "time.month": 13}


def number_rows(frame: Frame, encoder: Encoder, columns: tuple[int, ...]) -> NDArray[np.float64]:
    """The d number columns with these indices in the encoder's matrix, as rows: shape (d, n), perhaps a read-only view.

    Raises:
        WrongFields: as the encoder does.
    """
    table = frame.table
    if table is not None:
        positions = _positions(table.names, encoder.names, columns)
        if positions is not None:
            return table.matrix.T[positions]
    rows = np.empty((len(columns), len(frame)))
    for row, column in zip(rows, columns, strict=True):
        row[:] = encoder.column(frame, column)
    return rows


@lru_cache(maxsize=1024)
def _positions(
    table_names: tuple[str, ...], encoder_names: tuple[str, ...], columns: tuple[int, ...]
) -> slice | NDArray[np.intp] | None:
    """Where a table holds these columns of an encoder: all of it in its order, or by position; None if it lacks one."""
    names = tuple(encoder_names[column] for column in columns)
    if names == table_names:
        return slice(None)
    if not set(names) <= set(table_names):
        return None
    return np.array([table_names.index(name) for name in names], dtype=np.intp)


class LevelColumn:
    """A column of levels as rows of a table of `size` rows, the last one for what is missing or unknown.

    The row of a category is its code; the row of an hour, weekday or month is its number.
    """

    def __init__(self, encoder: Encoder, column: int) -> None:
        self._encoder, self._column = encoder, column
        self._field = encoder.fields[column] if column < len(encoder.fields) else None
        texts = encoder.vocabularies.get(encoder.names[column], ())
        levels = len(texts) if self._field else _SIZES[encoder.names[column]]
        self._codes = CategoryCodes({text: code for code, text in enumerate(texts)}, levels)
        self.size = levels + 1

    def row_of(self, code: float) -> int | None:
        """The row of an encoder's code; None when no value has the code (a column without values was fitted as 0)."""
        if np.isnan(code):
            return self.size - 1
        return int(code) if code < self.size - 1 else None

    def rows(self, frame: Frame) -> NDArray[np.intp]:
        """The rows of the table that n events fall into, shape (n,).

        Raises:
            WrongFields: as the encoder does.
        """
        if self._field is None:
            values = self._encoder.column(frame, self._column)
            return np.where(np.isnan(values), self.size - 1, values).astype(np.intp)
        return self._codes.encode(column_of(frame, self._field))
