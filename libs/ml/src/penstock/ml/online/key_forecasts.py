"""What the history of a key says by itself: its means are forecasts, without any model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.frame import Frame
from penstock.ml.features.key_history import HistoryKeys

SMALLEST = 5e-5  # probability: of a class that never came there is no more to say


def forecast_features(history: HistoryKeys, classes: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The means of each key at each pace; none where they do not tell all the `classes`, which are () for numbers.

    >>> forecast_features(HistoryKeys((("shop",),), ("yes",)), ("no", "yes"))
    (('history.shop.mean',), ('history.shop.long',), ('history.shop.recent',))
    """
    tells_all = history.shares is None if not classes else history.shares == tuple(classes[1:])
    return history.means if tells_all else ()


def key_forecasts(history: HistoryKeys, classes: Sequence[str], frame: Frame) -> NDArray[np.float64]:
    """What each key says of n rows at each pace: class probabilities, or numbers, shape (n, h, k); NaN if unknown."""
    features = forecast_features(history, classes)
    forecasts = np.empty((len(frame), len(features), len(classes) or 1))
    first = 1 if classes else 0  # the first class has what the others leave
    for index, names in enumerate(features):
        for place, name in enumerate(names, start=first):
            forecasts[:, index, place] = frame.columns[name]
    if not classes:
        return forecasts
    forecasts[..., 0] = 1 - forecasts[..., 1:].sum(axis=2)
    return np.maximum(forecasts, SMALLEST)
