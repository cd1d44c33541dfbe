"""Columns of a frame as a fused model wants them: numbers as rows of a matrix, levels as places in a table."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.category_codes import Codes
from penstock.ml.features.encoding import Encoder, column_of
from penstock.ml.features.frame import Frame

_SIZES = {"time.hour": 24, "time.weekday": 7, "time.month": 13}


def numbers(frame: Frame, encoder: Encoder, places: tuple[int, ...]) -> NDArray[np.float64]:
    """The d columns at `places` of the encoder's matrix, as rows of shape (d, n); perhaps a view, only to be read.

    Raises WrongFields as the encoder does.
    """
    block = frame.block
    if block is not None:
        held = _held(block.names, encoder.names, places)
        if held is not None:
            return block.matrix.T[held]
    rows = np.empty((len(places), len(frame)))
    for row, place in zip(rows, places, strict=True):
        row[:] = encoder.column(frame, place)
    return rows


@lru_cache(maxsize=1024)
def _held(held: tuple[str, ...], names: tuple[str, ...], places: tuple[int, ...]) -> slice | NDArray[np.intp] | None:
    """Where a block holds the wanted columns: all of it as it stands, or by position; None when it lacks one."""
    wanted = tuple(names[place] for place in places)
    if wanted == held:
        return slice(None)
    if not set(wanted) <= set(held):
        return None
    return np.array([held.index(name) for name in wanted], dtype=np.intp)


class Levels:
    """Places of a level column's values in a table of `size` entries, the last for what is missing or unknown.

    A category's place is its code; that of an hour, weekday or month is its number.
    """

    def __init__(self, encoder: Encoder, place: int) -> None:
        self._encoder, self._place = encoder, place
        self._field = encoder.fields[place] if place < len(encoder.fields) else None
        texts = encoder.vocabularies.get(encoder.names[place], ())
        known = len(texts) if self._field else _SIZES[encoder.names[place]]
        self._codes = Codes({text: code for code, text in enumerate(texts)}, known)
        self.size = known + 1

    def place(self, code: float) -> int | None:
        """The place of a code of the encoder's; None when no value has it (a column without values was fitted as 0)."""
        if np.isnan(code):
            return self.size - 1
        return int(code) if code < self.size - 1 else None

    def of(self, frame: Frame) -> NDArray[np.intp]:
        """The places of n rows, shape (n,).

        Raises WrongFields as the encoder does.
        """
        if self._field is None:
            found = self._encoder.column(frame, self._place)
            return np.where(np.isnan(found), self.size - 1, found).astype(np.intp)
        return self._codes.of(column_of(frame, self._field))
