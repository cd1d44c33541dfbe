"""Detectors of a rise of the champion's losses, over all answers and over those to positive cases alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from penstock.bus.state.unit_state import State
from penstock.drift_detector.drift.series_detectors import max_values_of
from penstock.drift_detector.stored_series import CHUNK, StoredSeries
from penstock.drift_detector.watched_loss import WatchedLoss
from penstock.ml.drift.rise_detector import Change, RiseDetector

RECALL_PENALTY = log(10)  # the losses of positive cases have a tenth of the false alarms that those of all have
FEWEST_POSITIVES = 30  # that later ones are compared with: 0.5 % of 6,000


@dataclass(frozen=True, slots=True)
class LossRise:
    """A confirmed rise: `mean` is that of the newest losses, which show it, `earlier_mean` that of those before.

    `detector` proposed it; `of_positives`: of the losses of positive cases, which are the misses.
    """

    detector: str
    mean: float
    earlier_mean: float
    of_positives: bool


@dataclass(frozen=True, slots=True)
class LossSettings:
    """The detectors by name, their seed, and the loss that they watch."""

    detectors: tuple[str, ...]
    seed: int
    loss: WatchedLoss


class LossDetectors:
    """Watches the losses since the last change, which are its state; that of a release before is such a state too.

    A change leaves the losses that show it to be compared with later ones. One change is one alarm, whichever series
    shows it first; a fall is none. When too many losses are kept, the older half is deleted. All detectors are then
    built anew from what is kept: those that go on and those that are opened again are always in the same state.
    """

    def __init__(self, state: State) -> None:
        self._losses = StoredSeries(state, b"2l", "d")
        self._positives = StoredSeries(state, b"2t", "q")  # 1 for a positive case
        self._settings: LossSettings | None = None
        self._max_values = 0

    def configure(self, settings: LossSettings) -> None:
        """Use these detectors; if they are others than before, build them from the losses that are kept."""
        if settings != self._settings:
            self._settings = settings
            self._max_values = max_values_of(settings.detectors)
            self._build()

    def restart(self) -> None:
        """Forget all losses, as those of another unit."""
        self._losses.clear()
        self._positives.clear()
        self._settings = None

    def update(self, losses: Sequence[float], positives: Sequence[bool]) -> list[tuple[int, LossRise]]:
        """Observe the newest n losses, all finite, and which are of positive cases; rises, with the index of the loss.

        Without a positive class `positives` are all false.
        """
        rises: list[tuple[int, LossRise]] = []
        start = 0
        while start < len(losses):
            stop = start + max(self._max_values - len(self._losses), 1)
            seen, rise = self._observe(losses[start:stop], positives[start:stop])
            start += seen
            rises += [(start - 1, rise)] if rise else []
        return rises

    def save(self) -> None:
        """Write the losses to the state."""
        self._losses.save()
        self._positives.save()

    def _observe(self, losses: Sequence[float], positives: Sequence[bool]) -> tuple[int, LossRise | None]:
        """Observe losses up to the first change: how many these are, and the rise if it is one."""
        rows = np.flatnonzero(positives).tolist()
        assert self._settings is not None
        loss = self._settings.loss
        of_all = self._of_all.observe(loss.scaled(losses))
        of_positives = self._of_positives.observe(loss.of_positives([losses[row] for row in rows]))
        index = len(losses) if of_all is None else of_all.index
        miss_index = len(losses) if of_positives is None else rows[of_positives.index]
        seen = min(index, miss_index, len(losses) - 1) + 1
        self._losses.extend(losses[:seen])
        self._positives.extend([int(positive) for positive in positives[:seen]])
        if of_all is not None and index <= miss_index:
            return seen, self._cut(of_all, np.arange(len(self._losses)), of_positives=False)
        if of_positives is not None:
            return seen, self._cut(of_positives, np.flatnonzero(self._positives.values), of_positives=True)
        if len(self._losses) >= self._max_values:
            self._keep((self._max_values // 2) // CHUNK * CHUNK)
        return seen, None

    def _cut(self, change: Change, rows: NDArray[np.intp], *, of_positives: bool) -> LossRise | None:
        """Keep what came with the change, whose series are the losses of these rows; the rise if it is one."""
        losses = np.array(self._losses.values)[rows]
        mean, earlier_mean = float(losses[-change.window :].mean()), float(losses[: -change.window].mean())
        self._keep(len(self._losses) - int(rows[-change.window]))
        return None if change.detector is None else LossRise(change.detector, mean, earlier_mean, of_positives)

    def _keep(self, count: int) -> None:
        self._losses.keep(count)
        self._positives.keep(count)
        self._build()

    def _build(self) -> None:
        assert self._settings is not None
        settings, losses = self._settings, self._losses.values
        self._positives.extend([0] * (len(losses) - len(self._positives)))  # a release before did not keep them
        self._of_all = RiseDetector(settings.detectors, settings.seed, settings.loss.law)
        self._of_positives = RiseDetector(
            settings.detectors, settings.seed, settings.loss.law_of_positives, RECALL_PENALTY, FEWEST_POSITIVES
        )
        self._of_all.add(settings.loss.scaled(losses))
        positives = np.array(losses)[np.flatnonzero(self._positives.values)].tolist()
        self._of_positives.add(settings.loss.of_positives(positives))
