"""How much the loss has risen lately: what a drift, of whatever kind, seems to cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from penstock.bus.state.state import State
from penstock.drift_detector.stored_series import CHUNK, Series

RECENT = 100  # losses whose mean says how it is now
BEFORE = 900  # losses before those, at most; a tenth of them at least
KEPT = 20 * CHUNK


class LossTrend:
    """The newest losses of the answers that are watched."""

    def __init__(self, state: State) -> None:
        self._losses = Series(state, b"2h", "d")

    def extend(self, losses: Sequence[float]) -> None:
        """Add the newest losses."""
        self._losses.extend(losses)

    def rise(self, ago: int = 0) -> float | None:
        """The mean of the newest 100 minus that of the 900 before, as it was `ago` losses ago; None without enough."""
        stop = len(self._losses) - ago
        if stop < RECENT + BEFORE // 9:
            return None
        values = np.array(self._losses.values[max(stop - RECENT - BEFORE, 0) : stop])
        return float(values[-RECENT:].mean() - values[:-RECENT].mean())

    def save(self) -> None:
        """Hand the losses over to the state, and forget those that are not needed again."""
        if len(self._losses) >= KEPT:
            self._losses.drop((len(self._losses) - KEPT // 2) // CHUNK * CHUNK)
        self._losses.save()
