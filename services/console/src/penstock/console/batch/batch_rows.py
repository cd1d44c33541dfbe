"""The rows of a batch run, some thousand at a time, whether they come from a file or from the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from penstock.console.batch.model_rows import ModelRows

Arrays = Sequence[pa.Array]


@dataclass(frozen=True, slots=True, eq=False)
class BatchRows:
    """n rows: the columns that are kept beside the answers, the rows as a model sees them, and why some are refused."""

    arrays: Arrays
    inputs: ModelRows
    reasons: list[str | None]


class RowSource(Protocol):
    """Rows in an order that stays the same, however often they are read."""

    @property
    def name(self) -> str:
        """Where they come from, for people."""

    @property
    def columns(self) -> Sequence[str]:
        """The names of the columns."""

    def read(self, first: int) -> Iterator[BatchRows]:
        """The rows from row number `first` on."""


def pieces(batches: Iterator[Arrays], first: int, size: int) -> Iterator[Arrays]:
    """The batches from row number `first` on, cut where a multiple of `size` rows is reached."""
    number = 0
    for arrays in batches:
        start, stop = number, number + len(arrays[0])
        number = max(start, first)
        while number < stop:
            end = min(stop, (number // size + 1) * size)
            yield [array.slice(number - start, end - number) for array in arrays]
            number = end
        number = stop
