"""The detector of a rise of the loss: River's detectors propose, the scan confirms at a known rate of false alarms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from penstock.ml.drift.change_scan import SMALLEST_REFERENCE, ChangeScan, Law, Shift
from penstock.ml.drift.detectors import SequentialDetector
from penstock.ml.drift.sequential_ranks import SequentialRanks

LARGEST_LOG_LOSS = 10.0  # nats: a larger one counts no more
SCAN = "scan"
"""What noticed a rise of log losses, which no other detector proposes."""


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

    `law` is that of the losses: `bernoulli` for those in [0, 1], `log_loss` for log losses in nats; of losses without a
    bound only the ranks count (`exponential`). The more detectors there are, the earlier a change is proposed; the
    false alarms are the scan's, however many propose. Log losses are for the scan alone: what detectors are tuned to
    are errors, and of rare large losses they would propose too late. Without detectors nothing is watched. The same
    values in any batches give the same change.
    """

    def __init__(
        self,
        detectors: Sequence[str],
        seed: int = 0,
        law: Law = "bernoulli",
        penalty: float = 0.0,
        smallest_reference: int = SMALLEST_REFERENCE,
    ) -> None:
        self._scans_alone = law == "log_loss" and bool(detectors)
        proposers = () if law == "log_loss" else detectors
        self._detectors = [SequentialDetector(name, seed, role="proposal") for name in proposers]
        self._proposals: list[list[int]] = [[] for _ in proposers]
        self._law: Law = law
        self._ranks = SequentialRanks()
        self._scan = ChangeScan(law, penalty, smallest_reference)

    def observe(self, values: Sequence[float]) -> Change | None:
        """Observe the newest values; their first change. After one the detector must be built anew."""
        before = len(self._scan)
        self.add(values)
        proposals = np.unique(np.concatenate([[], *self._proposals])).astype(np.int64)
        shift = self._scan.first_shift(before, None if self._scans_alone else proposals)
        if shift is None:
            return None
        return Change(shift.count - before - 1, shift.window, self._proposer(shift) if shift.rises else None)

    def add(self, values: Sequence[float]) -> None:
        """Add values in which no change was seen."""
        before = len(self._scan)
        numbers = self._bounded(values)
        for detector, proposals in zip(self._detectors, self._proposals, strict=True):
            proposals += [before + index + 1 for index in detector.alarms(numbers)]
        self._scan.extend(-np.log1p(-numbers) if self._law == "exponential" else numbers)

    def _bounded(self, values: Sequence[float]) -> NDArray[np.float64]:
        """The losses in [0, 1]: as they are, as shares of the largest, or by their ranks."""
        if self._law == "exponential":
            return self._ranks.add(values)
        numbers = np.asarray(values, dtype=np.float64)
        return np.minimum(numbers / LARGEST_LOG_LOSS, 1.0) if self._law == "log_loss" else numbers

    def _proposer(self, shift: Shift) -> str:
        """The first of the detectors that proposed within the window."""
        if self._scans_alone:
            return SCAN
        return next(
            detector.name
            for detector, proposals in zip(self._detectors, self._proposals, strict=True)
            if any(shift.count - shift.window < count <= shift.count for count in proposals)
        )
