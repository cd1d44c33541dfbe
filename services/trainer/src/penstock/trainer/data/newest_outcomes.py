"""The newest outcomes of segments: what a training reads is bounded, however long the stream is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from penstock.trainer.data.parquet_segments import StoredSegment

_KINDS = ("offset", "label", "served")  # columns that tell what kind of outcome a row is

NONE = np.iinfo(np.int64).max  # an offset before which all outcomes lie

Offsets = NDArray[np.int64]


class FirstOffsets(NamedTuple):
    """Of which offset on outcomes are read: those of predictions and expired ones, and imported history."""

    predicted: int
    imported: int


class NewestOutcomes:
    """Finds the `most` newest labelled outcomes, given blocks of outcomes from the newest to the oldest.

    Imported history is older than every event that was predicted, whenever it was imported; within it, what was
    imported last is the newest. So the choice does not depend on how outcomes are spread over blocks.

    >>> newest = NewestOutcomes(3)
    >>> newest.add([(np.array([7]), np.array([8, 9])), (np.array([4]), np.array([5, 6]))])
    >>> newest.is_complete, newest.first_offsets()
    (False, FirstOffsets(predicted=0, imported=9))
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._predicted: Offsets = np.empty(0, np.int64)
        self._imported: Offsets = np.empty(0, np.int64)

    @property
    def is_complete(self) -> bool:
        """Whether no older outcome can be among them."""
        return len(self._predicted) == self._most

    def add(self, blocks: Iterable[tuple[Offsets, Offsets]]) -> None:
        """Add the next blocks until it is complete: of each the offsets, ascending, of labelled outcomes with a
        prediction, and of imported history.
        """
        for predicted, imported in blocks:
            self._predicted = np.concatenate([predicted, self._predicted])[-self._most :]
            self._imported = np.concatenate([imported, self._imported])[-self._most :]
            if self.is_complete:
                return

    def first_offsets(self) -> FirstOffsets:
        """The first offsets of what is read; 0 for all there is."""
        room = self._most - len(self._predicted)
        if not room:
            return FirstOffsets(int(self._predicted[0]), NONE)
        return FirstOffsets(0, int(self._imported[-room]) if len(self._imported) >= room else 0)


class NewestRows:
    """The outcomes of a segment from the first offsets on, read a group at a time: what is left out takes no memory."""

    def __init__(self, segment: StoredSegment, first: FirstOffsets) -> None:
        self._segment = segment
        blocks = ((number, _is_newer(segment.block(number, _KINDS), first)) for number in range(segment.block_count))
        self._rows = {number: rows for number, rows in blocks if rows.any()}

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        return self._segment.schema

    def select(self, columns: Sequence[str]) -> pa.Table:
        """These columns."""
        tables = [self._segment.block(number, columns).filter(pa.array(rows)) for number, rows in self._rows.items()]
        schema = pa.schema([self.schema.field(name) for name in columns])
        return pa.concat_tables([schema.empty_table(), *tables])


def labelled_offsets(segment: StoredSegment) -> Iterator[tuple[Offsets, Offsets]]:
    """Of each block of a segment, from the newest to the oldest, the offsets that `NewestOutcomes` is given."""
    return (_labelled_offsets(segment.block(number, _KINDS)) for number in reversed(range(segment.block_count)))


def _labelled_offsets(block: pa.Table) -> tuple[Offsets, Offsets]:
    labelled, imported = pc.is_valid(block["label"]).to_numpy(), _is_imported(block)
    offsets = block["offset"].to_numpy()
    return offsets[labelled & ~imported], offsets[imported]


def _is_newer(block: pa.Table, first: FirstOffsets) -> NDArray[np.bool_]:
    firsts = np.where(_is_imported(block), first.imported, first.predicted)
    return np.asarray(block["offset"].to_numpy() >= firsts)


def _is_imported(block: pa.Table) -> NDArray[np.bool_]:
    return np.asarray(pc.is_valid(block["label"]).to_numpy() & pc.is_null(block["served"]).to_numpy())
