"""Which column is taken for the time of events."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from penstock.console.failure import wrong_input
from penstock.console.table.column_kind import LARGEST_SHARE
from penstock.console.table.column_profile import ColumnProfile
from penstock.console.table.table import Table
from penstock.console.table.time_format import epoch_format, parse_time
from penstock.contracts.declaration.stream import TimeFormat

CLOCK_ROWS = 1000  # in which the hour is looked for
HORIZON_ROWS = 5000
SHORTEST_HORIZON = timedelta(days=30)
LONGEST_HORIZON = timedelta(days=36_500)


def choose_time(table: Table, named: str | None, taken: Collection[str]) -> str | None:
    """The column of the time: the one `named`, else the first whose times rise and are whole, else None.

    Columns in `taken` have another role.

    Raises:
        ConsoleFailure: there is no such column, or its values are no times.
    """
    if named is None:
        return next((name for name in table.columns if name not in taken and _is_time(table.profiles[name])), None)
    table.column_index(named)
    profile = table.profiles[named]
    where = f"{table.path}: column {named!r} cannot be the time"
    if time_format(profile) is None:
        shown = next(iter(profile.counts), "") or f"{profile.minimum} to {profile.maximum}"
        raise wrong_input(f"{where}: expected times, found {_KINDS[profile.kind]} such as {shown[:40]!r}")
    return named


def time_format(profile: ColumnProfile) -> TimeFormat | None:
    """How the times of a column are written; None where it holds no times."""
    if profile.time_format is not None or profile.kind not in ("number", "integer"):
        return profile.time_format
    low, high = profile.minimum, profile.maximum
    if not isinstance(low, float) or not isinstance(high, float):
        return None
    return epoch_format(low, high)


def propose_time(table: Table, column: str) -> dict[str, Any]:
    """The declaration of the time in a column."""
    written = time_format(table.profiles[column]) or "iso"
    index = table.column_index(column)
    cells = [row[index] for row in islice(table.rows(), CLOCK_ROWS)]
    times = [cell if isinstance(cell, datetime) else parse_time(str(cell), written, UTC) for cell in cells]
    clocks = {(time.hour, time.minute) for time in times if time is not None}
    parts = ["hour", "weekday", "yearday"] if len(clocks) > 1 else ["weekday", "yearday"]
    return {"column": column, **({} if written == "iso" else {"format": written}), "zone": "UTC", "parts": parts}


def propose_horizon(profile: ColumnProfile | None) -> timedelta:
    """Long enough for labels that come thousands of rows late, by the times of a column; None: there is none."""
    low, high = (None, None) if profile is None else (profile.minimum, profile.maximum)
    if profile is None or not isinstance(low, datetime) or not isinstance(high, datetime) or profile.values < 2:
        return SHORTEST_HORIZON
    step = min(LONGEST_HORIZON / HORIZON_ROWS, (high - low) / (profile.values - 1))
    return max(SHORTEST_HORIZON, HORIZON_ROWS * step)


def _is_time(profile: ColumnProfile) -> bool:
    odd = profile.exception_count + rows_without_time(profile)
    return profile.kind == "time" and profile.rising and odd <= max(1, profile.rows * LARGEST_SHARE)


def rows_without_time(profile: ColumnProfile) -> int:
    """How many rows of a column of times hold none, or a text that may stand for a missing one."""
    return profile.missing + sum(profile.disguised.values())


_KINDS = {
    "number": "numbers",
    "integer": "whole numbers",
    "boolean": "booleans",
    "text": "text",
    "empty": "nothing",
    "time": "times",
}
