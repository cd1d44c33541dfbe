"""Whether the truth itself is another: how labels are spread, against how they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from penstock.bus.state.state import State
from penstock.contracts.declaration.stream import Declaration, Task
from penstock.drift_detector.drift.field_drift import drifted_fields
from penstock.ml.drift.reference_bins import ReferenceBins
from penstock.ml.drift.window_tests import FieldDrift
from penstock.ml.features.frame import Kind, column

FIRST = 1000  # labels, at most, from which the bins are made

_KEY = b"2y"


class Spread(Struct, array_like=True):
    """Labels since the last comparison: `gathered` until there is a reference, then their `counts` in its bins."""

    gathered: list[str | float] = []
    reference: dict[str, Any] | None = None
    counts: list[int] = []


class LabelWatch:
    """Compares each window of joined labels with the first, or with the last that differed from what was before it."""

    def __init__(self, state: State) -> None:
        self._state = state
        kept = state.get(_KEY)
        self._spread = msgspec.msgpack.decode(kept, type=Spread) if kept else Spread()

    def take(self, declaration: Declaration, labels: Sequence[str | float]) -> list[FieldDrift]:
        """Take in the labels of a complete block: what their distribution gives away, by the first test that tells."""
        spread = self._spread
        if spread.reference is None:
            spread.gathered += labels
            self._begin(declaration.task, min(declaration.drift.window, FIRST))
            return []
        reference = ReferenceBins.from_dict(spread.reference)
        spread.counts = (reference.count(column(reference.kind, labels)) + np.array(spread.counts or 0)).tolist()
        return self._compare(declaration, reference) if sum(spread.counts) >= declaration.drift.window else []

    def save(self) -> None:
        """Hand everything over to the state."""
        self._state.put(_KEY, msgspec.msgpack.encode(self._spread))

    def _begin(self, task: Task, size: int) -> None:
        kind: Kind = "number" if task == "regression" else "category"
        if len(self._spread.gathered) >= size:
            self._spread = Spread([], ReferenceBins.of(column(kind, self._spread.gathered), kind).to_dict())

    def _compare(self, declaration: Declaration, reference: ReferenceBins) -> list[FieldDrift]:
        name, counts, self._spread.counts = declaration.label.name, self._spread.counts, []
        found = drifted_fields({name: reference}, {name: counts}, declaration.drift.tests)
        if found:
            self._spread.reference = replace(reference, counts=tuple(counts)).to_dict()
        return found
