"""How much the loss has risen lately: what a drift, of whatever kind, seems to cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from penstock.bus.state.unit_state import State
from penstock.drift_detector.stored_series import CHUNK, StoredSeries

RECENT = 100  # newest losses
EARLIER = 900  # losses before those, at most; a ninth of them at least
MAX_LOSSES = 20 * CHUNK  # kept


class LossTrend:
    """The newest losses of the champion's answers."""

    def __init__(self, state: State) -> None:
        self._losses = StoredSeries(state, b"2h", "d")

    def extend(self, losses: Sequence[float]) -> None:
        """Add the newest losses."""
        self._losses.extend(losses)

    def restart(self) -> None:
        """Forget all losses, as those of another unit."""
        self._losses.clear()

    def rise(self, ago: int = 0) -> float | None:
        """The mean of the newest 100 minus that of the 900 before, as it was `ago` losses ago; None with too few."""
        stop = len(self._losses) - ago
        if stop < RECENT + EARLIER // 9:
            return None
        values = np.array(self._losses.values[max(stop - RECENT - EARLIER, 0) : stop])
        return float(values[-RECENT:].mean() - values[:-RECENT].mean())

    def save(self) -> None:
        """Write the losses to the state, and delete those that are not needed again."""
        if len(self._losses) >= MAX_LOSSES:
            self._losses.drop((len(self._losses) - MAX_LOSSES // 2) // CHUNK * CHUNK)
        self._losses.save()
