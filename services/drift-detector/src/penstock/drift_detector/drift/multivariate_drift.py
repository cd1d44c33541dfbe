"""Multivariate drift: has the relation between numeric features changed, which no field shows alone?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from penstock.bus.state.unit_state import State
from penstock.contracts.columns import columns_of
from penstock.contracts.declaration.model_lifecycle import MultivariateTest
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.outcomes import Outcome
from penstock.ml.drift.multivariate import LARGEST, RowDrift, domain_drift, reconstruction_drift

MAX_ROWS = 500  # kept of a window, evenly spaced
ALPHA = 0.001

_KEY = b"2r"
_TESTS: Mapping[MultivariateTest, tuple[Callable[..., RowDrift], float]] = {
    "reconstruction": (reconstruction_drift, 1.1),
    "domain": (domain_drift, 0.6),
}
"""Each test with the threshold that its value must reach; see `penstock.ml.drift.multivariate`."""


class RowWindows(Struct, array_like=True):
    """The rows of the open window and of the reference, as float32 in row order.

    `outcomes` are how many came into the open window, of which every so many-th is a row.
    """

    fields: list[str] = []
    outcomes: int = 0
    window: bytes = b""
    reference: bytes = b""


@dataclass(frozen=True, slots=True)
class MultivariateDrift:
    """A window of rows that differs from the reference by a test."""

    test: MultivariateTest
    value: float
    threshold: float


class MultivariateDriftDetector:
    """Compares each window of outcomes with the first one, or with the last one that differed from its reference."""

    def __init__(self, state: State) -> None:
        self._state = state
        stored = state.get(_KEY)
        self._windows = msgspec.msgpack.decode(stored, type=RowWindows) if stored else RowWindows()

    def update(self, declaration: Declaration, outcomes: Sequence[Outcome[Any]]) -> list[tuple[int, MultivariateDrift]]:
        """Add a batch of outcomes; drifts with the index of the outcome that completed the window."""
        fields = [name for name, field in declaration.features.items() if field.type != "category"]
        if not declaration.drift.rows or not outcomes or not fields:
            return []
        if self._windows.fields != fields:
            self._windows = RowWindows(fields)
        columns = columns_of(declaration, [outcome.data.fields for outcome in outcomes], fields)
        drifts: list[tuple[int, MultivariateDrift]] = []
        size, start = declaration.drift.window, 0
        while start < len(outcomes):
            stop = min(len(outcomes), start + size - self._windows.outcomes)
            self._add_rows({name: values[start:stop] for name, values in columns.items()}, stop - start, size)
            if self._windows.outcomes == size:
                drifts += [(stop - 1, drift) for drift in self._compare(declaration)]
            start = stop
        return drifts

    def save(self) -> None:
        """Write everything to the state."""
        if self._windows.fields:
            self._state.put(_KEY, msgspec.msgpack.encode(self._windows))

    def _add_rows(self, columns: Mapping[str, NDArray[Any]], count: int, size: int) -> None:
        windows = self._windows
        stride = -(-size // MAX_ROWS)
        kept = slice(-windows.outcomes % stride, None, stride)
        rows = np.column_stack([columns[name][kept] for name in windows.fields])
        windows.window += np.clip(rows, -LARGEST, LARGEST).astype(np.float32).tobytes()
        windows.outcomes += count

    def _compare(self, declaration: Declaration) -> list[MultivariateDrift]:
        windows = self._windows
        window, windows.window, windows.outcomes = windows.window, b"", 0
        if not windows.reference:
            windows.reference = window
            return []
        reference_rows, window_rows = (
            np.frombuffer(rows, np.float32).reshape(-1, len(windows.fields)) for rows in (windows.reference, window)
        )
        drifts = [
            drift
            for test in declaration.drift.rows
            if (drift := _compare_rows(test, reference_rows, window_rows)) is not None
        ]
        if drifts:
            windows.reference = window
        return drifts


def _compare_rows(
    test: MultivariateTest, reference: NDArray[np.float32], window: NDArray[np.float32]
) -> MultivariateDrift | None:
    measure, threshold = _TESTS[test]
    result = measure(reference.astype(np.float64), window.astype(np.float64))
    if result.value < threshold or result.p_value >= ALPHA:
        return None
    return MultivariateDrift(test, result.value, threshold)
