"""The stream time after some rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from penstock.console.replay.rows.labelled_rows import Row
from penstock.contracts.checks.envelope_check import LARGEST_CLOCK_SKEW


def newest_time(rows: Iterable[Row], now: datetime, present: datetime) -> datetime:
    """The newest time of the rows that is not refused for lying in the future.

    It never goes back behind `now`, the stream time before the rows, even where the rows' times do.
    """
    latest = present + LARGEST_CLOCK_SKEW
    return max([now, *(row.time for row in rows if row.time is not None and row.time <= latest)])
