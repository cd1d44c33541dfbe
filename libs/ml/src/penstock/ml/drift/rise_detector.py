"""The detector of a rise of the loss: River's detectors propose, the scan confirms at a known rate of false alarms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from penstock.ml.drift.change_scan import SMALLEST_REFERENCE, ChangeScan, Shift
from penstock.ml.drift.detectors import SequentialDetector
from penstock.ml.drift.sequential_ranks import SequentialRanks


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the mean: seen with the value at `index` of those observed last, in the newest `window` values.

    `detector` proposed it; None if the loss fell, which only moves the point of comparison.
    """

    index: int
    window: int
    detector: str | None


class RiseDetector:
    """Observes a series of losses until it changes.

    Losses are in [0, 1] if `bounded`; of others only the ranks count. The more detectors there are, the earlier a
    change is proposed; the false alarms are the scan's, however many propose. The same values in any batches give the
    same change.
    """

    def __init__(
        self,
        detectors: Sequence[str],
        seed: int = 0,
        bounded: bool = True,
        penalty: float = 0.0,
        smallest_reference: int = SMALLEST_REFERENCE,
    ) -> None:
        self._detectors = [SequentialDetector(name, seed, role="proposal") for name in detectors]
        self._proposals: list[list[int]] = [[] for _ in detectors]
        self._ranks = None if bounded else SequentialRanks()
        self._scan = ChangeScan("bernoulli" if bounded else "exponential", penalty, smallest_reference)

    def observe(self, values: Sequence[float]) -> Change | None:
        """Observe the newest values; their first change. After one the detector must be built anew."""
        before = len(self._scan)
        self.add(values)
        shift = self._scan.first_shift(before, np.unique(np.concatenate([[], *self._proposals])).astype(np.int64))
        if shift is None:
            return None
        return Change(shift.count - before - 1, shift.window, self._proposer(shift) if shift.rises else None)

    def add(self, values: Sequence[float]) -> None:
        """Add values in which no change was seen."""
        before = len(self._scan)
        numbers = self._uniform(values)
        for detector, proposals in zip(self._detectors, self._proposals, strict=True):
            proposals += [before + index + 1 for index in detector.alarms(numbers)]
        self._scan.extend(numbers if self._ranks is None else -np.log1p(-numbers))

    def _uniform(self, values: Sequence[float]) -> NDArray[np.float64]:
        return np.asarray(values, dtype=np.float64) if self._ranks is None else self._ranks.add(values)

    def _proposer(self, shift: Shift) -> str:
        """The first of the detectors that proposed within the window."""
        return next(
            detector.name
            for detector, proposals in zip(self._detectors, self._proposals, strict=True)
            if any(shift.count - shift.window < count <= shift.count for count in proposals)
        )
