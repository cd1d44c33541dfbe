"""Whether numbers hang together otherwise than they did, which no field shows alone; asked only where it is declared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from penstock.bus.state.state import State
from penstock.contracts.columns import columns_of
from penstock.contracts.declaration.model_lifecycle import RowTest
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.outcomes import Outcome
from penstock.ml.drift.multivariate import RowDrift, domain_drift, reconstruction_drift

MOST_ROWS = 500  # of a window that are kept: every so many-th
ALPHA = 0.001

_KEY = b"2r"
_TESTS: Mapping[RowTest, tuple[Callable[..., RowDrift], float]] = {
    "reconstruction": (reconstruction_drift, 1.1),
    "domain": (domain_drift, 0.6),
}
"""What is asked, and from which value on it counts as a change; see `penstock.ml.drift.multivariate`."""


class Gathered(Struct, array_like=True):
    """The rows of the reference and of the open window, float32 in row order; `seen` outcomes are in the open one."""

    fields: list[str] = []
    seen: int = 0
    window: bytes = b""
    reference: bytes = b""


@dataclass(frozen=True, slots=True)
class RowsMoved:
    """A window of rows that a test tells from the reference."""

    test: RowTest
    value: float
    threshold: float


class RowWatch:
    """Compares each window of outcomes with the first, or with the last that differed from what was before it."""

    def __init__(self, state: State) -> None:
        self._state = state
        kept = state.get(_KEY)
        self._gathered = msgspec.msgpack.decode(kept, type=Gathered) if kept else Gathered()

    def take(self, declaration: Declaration, outcomes: Sequence[Outcome[Any]]) -> list[tuple[RowsMoved, int]]:
        """Take in the next outcomes of asked events: what a complete window gives away, with the place that fills it."""
        fields = [name for name, field in declaration.features.items() if field.type != "category"]
        if not declaration.drift.rows or not outcomes or not fields:
            return []
        if self._gathered.fields != fields:
            self._gathered = Gathered(fields)
        found: list[tuple[RowsMoved, int]] = []
        columns = columns_of(declaration, [outcome.data.fields for outcome in outcomes], fields)
        window, first = declaration.drift.window, 0
        while first < len(outcomes):
            last = min(len(outcomes), first + window - self._gathered.seen)
            self._gather({name: values[first:last] for name, values in columns.items()}, last - first, window)
            if self._gathered.seen == window:
                found += [(moved, last - 1) for moved in self._compare(declaration)]
            first = last
        return found

    def save(self) -> None:
        """Hand everything over to the state."""
        if self._gathered.fields:
            self._state.put(_KEY, msgspec.msgpack.encode(self._gathered))

    def _gather(self, columns: Mapping[str, NDArray[Any]], count: int, window: int) -> None:
        known = self._gathered
        stride = -(-window // MOST_ROWS)
        chosen = slice(-known.seen % stride, None, stride)
        known.window += np.column_stack([columns[name][chosen] for name in known.fields]).astype(np.float32).tobytes()
        known.seen += count

    def _compare(self, declaration: Declaration) -> list[RowsMoved]:
        known = self._gathered
        window, known.window, known.seen = known.window, b"", 0
        if not known.reference:
            known.reference = window
            return []
        now, before = (
            np.frombuffer(part, np.float32).reshape(-1, len(known.fields)) for part in (window, known.reference)
        )
        found = [moved for test in declaration.drift.rows if (moved := _asked(test, before, now)) is not None]
        if found:
            known.reference = window
        return found


def _asked(test: RowTest, before: NDArray[np.float32], now: NDArray[np.float32]) -> RowsMoved | None:
    measure, threshold = _TESTS[test]
    drift = measure(before.astype(np.float64), now.astype(np.float64))
    return RowsMoved(test, drift.value, threshold) if drift.value >= threshold and drift.p_value < ALPHA else None
