"""Bin counts of many fields at once: a batch is counted in one pass over its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.drift.reference_bins import ReferenceBins

Columns = Mapping[str, NDArray[Any]]

_CACHED = 256 * 1024
"""Comparisons, of a byte each, made at once: about what fits into a processor's second cache."""


class FieldBins:
    """The bins of d fields, numbered one after the other, field by field.

    Counts equal those of `ReferenceBins.count`, at a fraction of the cost: a few comparisons of whole columns in place
    of a search per value. Memory depends on the references only.

    >>> references = {name: ReferenceBins.of(np.arange(size), "number") for name, size in (("a", 3.0), ("b", 2.0))}
    >>> bins = FieldBins(references)
    >>> bins.by_field(bins.count(bins.bin_indices({"a": np.array([1.0, np.nan]), "b": np.array([5.0, 0.0])})))
    {'a': [0, 0, 1, 0, 0, 1], 'b': [0, 1, 0, 1, 0]}
    """

    def __init__(self, references: Mapping[str, ReferenceBins]) -> None:
        self.names = tuple(references)
        self._borders = np.cumsum([0, *(reference.bins for reference in references.values())]).tolist()
        starts = dict(zip(references, self._borders, strict=False))
        numbers = {name: reference for name, reference in references.items() if reference.kind == "number"}
        self._numbers = list(numbers)
        self._edges = _padded([reference.edges for reference in numbers.values()])
        self._small = np.min_scalar_type(len(self._edges))
        self._starts = np.array([[starts[name]] for name in numbers], dtype=np.intp)
        self._missing = np.array([[starts[name] + bins.bins - 1] for name, bins in numbers.items()], dtype=np.intp)
        self._codes = [
            (name, starts[name], reference.codes)
            for name, reference in references.items()
            if reference.kind == "category"
        ]

    def __len__(self) -> int:
        """Number of fields d."""
        return len(self.names)

    def bin_indices(self, columns: Columns) -> NDArray[np.intp]:
        """The number of the bin that each value falls into; shape (d, n) for columns of n values.

        Raises:
            KeyError: a column is absent.
            ValueError: a column holds another kind of value.
        """
        n = max((len(columns[name]) for name in self.names), default=0)
        indices = np.empty((len(self.names), n), dtype=np.intp)
        if self._numbers:
            self._fill_number_bins([columns[name] for name in self._numbers], indices[: len(self._numbers)])
        for row, (name, start, codes) in zip(indices[len(self._numbers) :], self._codes, strict=True):
            np.add(codes.encode(columns[name]), start, out=row)
        return indices

    def count(self, indices: NDArray[np.intp]) -> NDArray[np.int64]:
        """How many of the values fall into each bin; shape (bins of all fields,)."""
        return np.bincount(indices.ravel(), minlength=self._borders[-1])

    def by_field(self, counts: NDArray[np.int64]) -> dict[str, list[int]]:
        """The counts of each field, as its reference alone would give them."""
        plain = counts.tolist()
        spans = zip(self.names, self._borders, self._borders[1:], strict=False)
        return {name: plain[start:stop] for name, start, stop in spans}

    def _fill_number_bins(self, columns: list[NDArray[Any]], indices: NDArray[np.intp]) -> None:
        rows = np.array(columns, dtype=np.float64)
        step = max(1, _CACHED // self._edges.size if self._edges.size else len(rows[0]))
        for start in range(0, rows.shape[1], step):
            chunk = slice(start, start + step)
            bins = np.add.reduce((rows[:, chunk] >= self._edges).view(np.uint8), axis=0, dtype=self._small)
            np.add(bins, self._starts, out=indices[:, chunk])
        missing = np.isnan(rows)
        if missing.any():
            np.copyto(indices, self._missing, where=missing)


def _padded(edges: Sequence[tuple[float, ...]]) -> NDArray[np.float64]:
    """The edges of d fields, shape (edges, d, 1), padded with NaN, which no value exceeds."""
    padded = np.full((max(map(len, edges), default=0), len(edges), 1), np.nan)
    for field, field_edges in enumerate(edges):
        padded[: len(field_edges), field, 0] = field_edges
    return padded
