"""Numbers whose digits are those of a date, 20240131, or of a date and a clock, 20240131235959."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.console.table.cell_texts import Numbers

_FIRST, _END = 1900_01_01, 2200_01_01
_CLOCKS = (1, 10**4, 10**6)  # no clock, hours and minutes, and seconds
_GLANCE = 100  # numbers


def compact_times(numbers: Numbers) -> Numbers | None:
    """The seconds since 1970 of n such numbers, NaN where one is no date; None where all of the first are too small.

    >>> compact_times(np.array([19700102, 197001020001, 20240230, 7.0]))
    array([86400., 86460.,    nan,    nan])
    """
    if np.fmax.reduce(numbers[:_GLANCE], initial=0) < _FIRST:
        return None
    times = np.full(len(numbers), np.nan)
    for clock in _CLOCKS:
        fits = (numbers >= _FIRST * clock) & (numbers < _END * clock) & (numbers == np.floor(numbers))
        times[fits] = _seconds(numbers[fits].astype(np.int64) * (10**6 // clock))
    return times


def _seconds(digits: NDArray[Any]) -> Numbers:
    """The seconds since 1970 of numbers of 14 digits, NaN where one is no time."""
    date, clock = np.divmod(digits, 10**6)
    month, day = date // 100 % 100, date % 100
    hour, minute, second = clock // 10_000, clock // 100 % 100, clock % 100
    months = ((date // 10_000 - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1)
    sound = (month >= 1) & (month <= 12) & (day >= 1) & (days.astype("datetime64[M]") == months)
    sound &= (hour < 24) & (minute < 60) & (second < 60)
    return np.where(sound, days.astype(np.int64) * 86_400 + hour * 3600 + minute * 60 + second, np.nan)
