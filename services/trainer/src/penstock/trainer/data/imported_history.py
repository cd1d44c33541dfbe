"""Imported history among the outcomes: it comes before whatever was asked, and what was known of it is worked out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.lag_features import LabelHistory, Lags


def history_first(
    offsets: NDArray[np.int64], label_times: NDArray[np.datetime64], imported: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """The places of n outcomes in the order in which their labels became known, as offsets.

    What is imported, whenever that was, has places below 0, by the times of its labels; the others keep their offsets.

    >>> history_first(np.array([5, 6, 7]), np.array(["2026-02", "2026-01", "2026-03"], "M8[ms]"), np.array([1, 1, 0]) > 0)
    array([-1, -2,  7])
    """
    found = offsets.copy()
    places = np.flatnonzero(imported)
    order = places[np.lexsort((offsets[places], label_times[places]))]
    found[order] = np.arange(-len(order), 0)
    return found


def known_then(
    lags: Lags,
    entities: Sequence[str | None],
    times: NDArray[np.datetime64],
    label_times: NDArray[np.datetime64],
    numbers: NDArray[np.float64],
    inputs: NDArray[np.float64],
) -> NDArray[np.float64]:
    """What was known of its entity at each of n events in the order of time: what the `lags` name, shape (n, d).

    `numbers` are the labels, shape (n,), and `inputs` what the lags watch, shape (n, w).

    A label is known to what happens after it was told. Nothing later leaks: the answer to a row depends on those alone.
    """
    known, told, following = LabelHistory(lags), np.argsort(label_times, kind="stable"), 0
    found = np.full((len(times), len(lags.fields)), np.nan)
    for place, now in enumerate(times):
        while following < len(told) and label_times[told[following]] < now:
            at = told[following]
            known.take(entities[at], float(numbers[at]), inputs[at].tolist())
            following += 1
        found[place] = known.features([entities[place]])[0]
    return found
