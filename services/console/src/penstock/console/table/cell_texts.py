"""The texts of one column of a batch, and which of them are plainly numbers: digits, a point, a minus before them."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]

_DASH = ord("-")
_POINT = ord(".")
_ZERO = ord("0")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?", re.ASCII)
_PLAIN = np.zeros(256, dtype=bool)
_PLAIN[[*range(ord("0"), ord("9") + 1), _DASH, _POINT]] = True


class PlainTexts:
    """n texts, seen as bytes.

    Attributes:
        blank: which are empty, shape (n,).
        odd: which are neither empty nor plainly a number, shape (n,).
        numbers: the plain ones as numbers, shape (n,), NaN for the others.
    """

    def __init__(self, column: pa.StringArray) -> None:
        _, offsets, data = column.buffers()
        count = len(column)
        self._offsets: NDArray[np.int32] = np.frombuffer(offsets, dtype=np.int32)[column.offset :][: count + 1]
        start, end = int(self._offsets[0]), int(self._offsets[-1])
        self._bytes = np.frombuffer(data, dtype=np.uint8)[start:end] if data is not None else np.empty(0, np.uint8)
        self._starts = self._offsets[:-1] - start
        self._lengths = np.diff(self._offsets)
        self.blank: Mask = self._lengths == 0
        self.odd: Mask = self._odd_cells(count)
        self.numbers: Numbers = self._plain_numbers(column, count)

    @cached_property
    def has_point(self) -> Mask:
        """Which texts have a point, shape (n,)."""
        mask = np.zeros(len(self.blank), dtype=bool)
        mask[self._owners[self._points]] = True
        return mask

    def grouped(self) -> Mask:
        """Which plain texts are one to three digits, a point, and three digits: maybe thousands, shape (n,)."""
        mask = np.zeros(len(self.blank), dtype=bool)
        points = self._points
        cells = self._owners[points]
        after = self._starts[cells] + self._lengths[cells] - points - 1
        first = self._first_digit()[cells]
        before = points - first
        sound = (after == 3) & (before >= 1) & (before <= 3)
        sound[sound] &= self._bytes[first[sound]] != _ZERO
        mask[cells[sound]] = True
        return mask & ~self.odd

    def padded(self) -> Mask:
        """Which plain texts are whole numbers with a leading zero, such as 007, shape (n,)."""
        first = self._first_digit()
        digits = self._starts + self._lengths - first
        mask = (digits >= 2) & ~self.odd
        mask[mask] &= self._bytes[first[mask]] == _ZERO
        return np.asarray(mask & ~self.has_point) if mask.any() else mask

    def long(self) -> Mask:
        """Which texts have 16 characters or more, shape (n,): only these can be integers beyond 2^53."""
        return self._lengths >= 16

    def _first_digit(self) -> NDArray[Any]:
        first = self._starts.copy()
        filled = ~self.blank
        first[filled] += self._bytes[first[filled]] == _DASH
        return first

    @cached_property
    def _points(self) -> NDArray[Any]:
        return np.flatnonzero(self._bytes == _POINT)

    @cached_property
    def _owners(self) -> NDArray[np.int32]:
        """The cell of each byte."""
        return np.repeat(np.arange(len(self._lengths), dtype=np.int32), self._lengths)

    def _odd_cells(self, count: int) -> Mask:
        filled = ~self.blank
        if not _PLAIN[self._bytes[self._starts[filled]]].any():
            return filled  # as words are, from their first letter on
        odd = np.zeros(count, dtype=bool)
        strange = np.flatnonzero(~_PLAIN[self._bytes])
        if len(strange):
            odd[self._owners[strange]] = True
        dashes = np.flatnonzero(self._bytes == _DASH)
        leading = np.zeros(count, dtype=bool)
        leading[filled] = self._bytes[self._starts[filled]] == _DASH
        if len(dashes) > leading.sum():
            cells = self._owners[dashes]
            odd[cells[dashes != self._starts[cells]]] = True
        odd |= leading & (self._lengths == 1)
        return odd

    def _plain_numbers(self, column: pa.StringArray, count: int) -> Numbers:
        numbers = np.full(count, np.nan)
        plain = ~self.odd & ~self.blank
        if plain.any():
            try:
                texts = column if plain.all() else column.filter(pa.array(plain))
                numbers[plain] = pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False)
            except pa.ArrowInvalid:  # a text such as 1.2.3
                self.odd = ~self.blank
        return numbers


def iso_times(column: pa.StringArray) -> Numbers | None:
    """The seconds since 1970 of n texts that all are ISO times of one length, None where one is not."""
    lengths = pc.min_max(pc.binary_length(column)).as_py()
    if lengths["min"] != lengths["max"] or not _ISO.fullmatch(column[0].as_py()):
        return None
    try:
        times = pc.cast(column, pa.timestamp("us")).cast(pa.int64())
    except pa.ArrowInvalid:
        return None
    return np.asarray(times.to_numpy(zero_copy_only=False) / 1e6)
