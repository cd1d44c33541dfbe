"""Imported history among the outcomes: it comes before every event that was predicted, in the order of its labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def offsets_with_history_first(
    offsets: NDArray[np.int64], label_times: NDArray[np.datetime64], imported: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """The offsets of n outcomes, with those of imported history replaced by numbers below 0.

    These are in the order of the labels' times, whenever the history was imported; other outcomes keep their offsets.

    >>> label_times = np.array(["2026-02", "2026-01", "2026-03"], "M8[ms]")
    >>> offsets_with_history_first(np.array([5, 6, 7]), label_times, np.array([True, True, False]))
    array([-1, -2,  7])
    """
    numbers = offsets.copy()
    rows = np.flatnonzero(imported)
    order = rows[np.lexsort((offsets[rows], label_times[rows]))]
    numbers[order] = np.arange(-len(order), 0)
    return numbers
