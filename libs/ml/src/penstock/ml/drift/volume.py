"""How many events come in event time, against how many came before."""

from __future__ import annotations

from collections.abc import Sequence

TRAILING = 50
"""Rates that are remembered."""

LEAST = 20
"""Rates that must be known before one is judged."""

FACTOR = 3.0


def is_unusual_volume(rate: float, trailing: Sequence[float]) -> float | None:
    """The bound that a rate has left: `FACTOR` times the highest of the trailing ones, or so much below the lowest.

    None while it is between, or while too few are known. Against the range instead of the mean, so that the bursts and
    nights that a stream has had before are no news; a rate over some hundred events is off by so much by no accident.

    >>> is_unusual_volume(31.0, [8.0, 10.0] * 10), is_unusual_volume(29.0, [8.0, 10.0] * 10)
    (30.0, None)
    """
    if len(trailing) < LEAST:
        return None
    most, least = FACTOR * max(trailing), min(trailing) / FACTOR
    return most if rate > most else least if rate < least else None
