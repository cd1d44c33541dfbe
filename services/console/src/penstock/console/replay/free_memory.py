"""Memory that is free returns to the system: a long replay would keep what lies in gaps between what it needs."""

from __future__ import annotations

import ctypes

STEP = 50_000  # records that come between two returns, each of which takes some ten milliseconds


class FreeMemory:
    """Returns free memory of the GNU C library to the system; elsewhere it does nothing."""

    def __init__(self) -> None:
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        self._records = 0

    def apply(self, records: int) -> None:
        """Return what is free, now that so many records were sent."""
        self._records += records
        if self._records >= STEP and self._trim is not None:
            self._records = 0
            self._trim(0)
