"""How often each value of a column occurs, counted a batch at a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MOST_DISTINCT = 10_000  # values that are counted
PENDING = 3  # times as many, with counts, may wait to be merged: one merge for several batches


@dataclass
class ValueCounts:
    """Counts of at most `most` different values, in the order in which they first occurred.

    `repeats` says whether a value occurred twice, in the batches until there were more than `most`.
    """

    most: int = MOST_DISTINCT
    repeats: bool = False
    _parts: list[pa.StructArray] | None = field(default_factory=list)

    def add(self, values: pa.Array) -> None:
        """Count the values of a batch, none of which is null."""
        if self._parts is None or not len(values):
            return
        part = pc.value_counts(values)
        self.repeats = self.repeats or len(part) < len(values)
        self._parts.append(part)
        if not self.repeats or len(part) > self.most or sum(map(len, self._parts)) > PENDING * self.most:
            self._merge(self._parts)

    @cached_property
    def by_text(self) -> Counter[str] | None:
        """The counts by the text of each value, once all are added; None if there are more than `most`."""
        if self._parts:
            self._merge(self._parts)
        if self._parts is None:
            return None
        pairs = (
            pair for part in self._parts for pair in zip(_texts(part.field(0)), part.field(1).to_pylist(), strict=True)
        )
        return Counter(dict(pairs))

    def _merge(self, parts: list[pa.StructArray]) -> None:
        values = [part.field(0) for part in parts]
        if len({value.type for value in values}) > 1:  # where a batch has larger numbers than the others
            values = [pa.array(_texts(value), pa.string()) for value in values]
        encoded = pa.concat_arrays(values).dictionary_encode()
        counts = np.concatenate([part.field(1).to_numpy() for part in parts])
        totals = np.bincount(encoded.indices.to_numpy(), weights=counts).astype(np.int64)
        self.repeats = self.repeats or len(totals) < len(counts)
        merged = pa.StructArray.from_arrays([encoded.dictionary, pa.array(totals)], ["values", "counts"])
        self._parts = [merged] if len(merged) <= self.most else None


def _texts(values: pa.Array) -> list[str]:
    return [str(value) for value in values.to_pylist()]
