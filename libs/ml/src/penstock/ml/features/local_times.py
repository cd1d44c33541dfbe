"""Moments as clocks in a time zone show them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

QUARTER = 900_000  # milliseconds: clocks are changed at a full quarter of an hour in UTC
KNOWN_OFFSETS = 100_000  # quarters whose offset is remembered
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def local_times(moments: NDArray[np.datetime64], zone: str) -> NDArray[np.datetime64]:
    """N moments in UTC as the local time of a zone, shape (n,), in milliseconds; NaT stays NaT.

    >>> local_times(np.array(["2024-07-01T22:30"], "datetime64[ms]"), "Europe/Paris").astype("datetime64[m]").tolist()
    [datetime.datetime(2024, 7, 2, 0, 30)]
    """
    if zone == "UTC":
        return moments
    local: NDArray[np.datetime64] = moments.astype("datetime64[ms]")
    known = ~np.isnat(local)
    quarters, positions = np.unique(local[known].astype(np.int64) // QUARTER, return_inverse=True)
    offsets = np.array([_offset(zone, quarter) for quarter in quarters.tolist()], dtype="timedelta64[ms]")
    local[known] += offsets[positions]
    return local


@lru_cache(KNOWN_OFFSETS)
def _offset(zone: str, quarter: int) -> timedelta:
    moment = _EPOCH + timedelta(milliseconds=quarter * QUARTER)
    return moment.astimezone(ZoneInfo(zone)).utcoffset() or timedelta(0)
