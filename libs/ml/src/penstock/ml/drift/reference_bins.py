"""Reference bins: the bins of a reference sample, into which later values are counted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.category_codes import CategoryCodes
from penstock.ml.features.frame import Kind
from penstock.ml.features.target_statistics import most_frequent

BINS = 10
MAX_CATEGORIES = 50

_LARGEST = np.finfo(np.float64).max


@dataclass(frozen=True)
class ReferenceBins:
    """The bins of one field and how a reference sample fell into them.

    Numbers: bin i holds values from `edges[i-1]` up to, not including, `edges[i]`; the end bins take
    whatever lies outside the sample's range; missing values have the last bin. Up to 10 distinct
    values have a bin each, more are divided by deciles. Categories: one bin for each of the 50 most
    frequent, then "other", then missing. `counts` (k,) are the sample's own.

    >>> reference = ReferenceBins.of(np.array([1.0, 2.0, 2.0, np.nan]), "number")
    >>> reference.counts, reference.count(np.array([0.0, 1.0, 9.0])).tolist()
    ((0, 1, 2, 0, 1), [1, 1, 0, 1, 0])
    """

    kind: Kind
    edges: tuple[float, ...]
    categories: tuple[str, ...]
    counts: tuple[int, ...]

    @classmethod
    def of(cls, sample: NDArray[Any], kind: Kind) -> ReferenceBins:
        """The bins of a sample of n values, by deciles for numbers."""
        edges = _edges(sample) if kind == "number" else ()
        categories = most_frequent(sample, MAX_CATEGORIES) if kind == "category" else ()
        empty = cls(kind, edges, categories, ())
        return cls(kind, edges, categories, tuple(empty.count(sample).tolist()))

    @cached_property
    def bins(self) -> int:
        """Number of bins k, the one for missing values included."""
        return len(self.edges) + 2 if self.kind == "number" else len(self.categories) + 2

    def count(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """How many of n values fall into each bin; int64 of shape (k,)."""
        indices = self._number_bins(values) if self.kind == "number" else self.codes.encode(values)
        return np.bincount(indices, minlength=self.bins)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return {
            "kind": self.kind,
            "edges": list(self.edges),
            "categories": list(self.categories),
            "counts": list(self.counts),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ReferenceBins:
        """The reference that `to_dict` wrote; KeyError or TypeError for anything else."""
        return cls(data["kind"], tuple(data["edges"]), tuple(data["categories"]), tuple(data["counts"]))

    def _number_bins(self, values: NDArray[Any]) -> NDArray[np.int64]:
        numbers = values.astype(np.float64, copy=False)
        return np.where(np.isnan(numbers), self.bins - 1, np.searchsorted(self._cuts, numbers, side="right"))

    @cached_property
    def _cuts(self) -> NDArray[np.float64]:
        return np.array(self.edges, dtype=np.float64)

    @cached_property
    def codes(self) -> CategoryCodes:
        """The bin of each category, of missing values, and of all others."""
        codes: dict[str | None, int] = {text: code for code, text in enumerate(self.categories)}
        return CategoryCodes({**codes, None: self.bins - 1}, other=self.bins - 2)


def _edges(sample: NDArray[Any]) -> tuple[float, ...]:
    finite = sample[np.isfinite(sample)]
    distinct = np.unique(finite)
    if not len(distinct):
        return ()
    above = float(np.nextafter(distinct[-1], np.inf)) if distinct[-1] < _LARGEST else _LARGEST
    if len(distinct) <= BINS:
        return (*distinct.tolist(), above)
    shares = np.linspace(0, 1, BINS + 1)[:-1]
    # sample values themselves, the least of all first, so that ties fall on an edge and merge
    return (*np.unique(np.quantile(finite, shares, method="inverted_cdf")).tolist(), above)
