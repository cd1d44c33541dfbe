"""Label shift: has the distribution of labels changed against the reference?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from penstock.bus.state.unit_state import State
from penstock.contracts.declaration.stream import Declaration, Task
from penstock.drift_detector.drift.field_drift import drifted_fields
from penstock.ml.drift.reference_bins import ReferenceBins
from penstock.ml.drift.window_tests import FieldDrift
from penstock.ml.features.frame import Kind, column

MAX_REFERENCE = 1000  # labels that the bins are made of

_KEY = b"2y"


class LabelWindow(Struct, array_like=True):
    """Labels since the last comparison: `first_labels` until there is a reference, then `counts` in its bins."""

    first_labels: list[str | float] = []
    reference: dict[str, Any] | None = None
    counts: list[int] = []


class LabelShiftDetector:
    """Compares each window of labels with the first one, or with the last one that differed from its reference."""

    def __init__(self, state: State) -> None:
        self._state = state
        stored = state.get(_KEY)
        self._window = msgspec.msgpack.decode(stored, type=LabelWindow) if stored else LabelWindow()

    def update(self, declaration: Declaration, labels: Sequence[str | float]) -> list[FieldDrift]:
        """Add the labels of a complete block; the shift of a complete window, by the first test that finds one."""
        window = self._window
        if window.reference is None:
            window.first_labels += labels
            self._make_reference(declaration.task, min(declaration.drift.window, MAX_REFERENCE))
            return []
        reference = ReferenceBins.from_dict(window.reference)
        window.counts = (reference.count(column(reference.kind, labels)) + np.array(window.counts or 0)).tolist()
        return self._compare(declaration, reference) if sum(window.counts) >= declaration.drift.window else []

    def save(self) -> None:
        """Write everything to the state."""
        self._state.put(_KEY, msgspec.msgpack.encode(self._window))

    def _make_reference(self, task: Task, size: int) -> None:
        kind: Kind = "number" if task == "regression" else "category"
        labels = self._window.first_labels
        if len(labels) >= size:
            self._window = LabelWindow(reference=ReferenceBins.of(column(kind, labels), kind).to_dict())

    def _compare(self, declaration: Declaration, reference: ReferenceBins) -> list[FieldDrift]:
        name, counts, self._window.counts = declaration.label.name, self._window.counts, []
        drifts = drifted_fields({name: reference}, {name: counts}, declaration.drift.tests)
        if drifts:
            self._window.reference = replace(reference, counts=tuple(counts)).to_dict()
        return drifts
