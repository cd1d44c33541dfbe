"""Volume drift: the rate of events in event time, against the rates before it."""

from __future__ import annotations

from collections.abc import Sequence

TRAILING_RATES = 50
"""Rates that one is compared with."""

MIN_RATES = 20
"""Rates that are needed for a comparison."""

FACTOR = 3.0


def exceeded_volume_bound(rate: float, trailing: Sequence[float]) -> float | None:
    """The bound that a rate exceeds: `FACTOR` times the highest of the trailing ones, or so much below the lowest.

    None while it is between the bounds, or while there are too few rates. The comparison is with the range instead of
    the mean, so that a stream's usual bursts and nights are no drift; a rate over some hundred events is so far off by
    chance only rarely.

    >>> exceeded_volume_bound(31.0, [8.0, 10.0] * 10), exceeded_volume_bound(29.0, [8.0, 10.0] * 10)
    (30.0, None)
    """
    if len(trailing) < MIN_RATES:
        return None
    most, least = FACTOR * max(trailing), min(trailing) / FACTOR
    return most if rate > most else least if rate < least else None
