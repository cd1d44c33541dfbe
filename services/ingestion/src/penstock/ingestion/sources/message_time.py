"""Times in messages: texts in ISO 8601, and numbers that count since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from penstock.contracts.declaration.source import NumberTime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PER_SECOND: dict[NumberTime, int] = {
    "epoch-seconds": 1,
    "epoch-milliseconds": 1_000,
    "epoch-microseconds": 1_000_000,
    "epoch-nanoseconds": 1_000_000_000,
}


def time_of(value: Any, numbers: NumberTime, zone: str) -> datetime | None:
    """The time that a value stands for, None if it stands for none; `zone` is that of a text which names none.

    >>> str(time_of("2026-03-01 10:00", "epoch-seconds", "Europe/Paris"))
    '2026-03-01 10:00:00+01:00'
    >>> str(time_of(1_767_225_600, "epoch-seconds", "UTC")), time_of("soon", "epoch-seconds", "UTC")
    ('2026-01-01 00:00:00+00:00', None)
    """
    if isinstance(value, str):
        try:
            time = datetime.fromisoformat(value)
        except ValueError:
            return None
        return time if time.tzinfo is not None else time.replace(tzinfo=ZoneInfo(zone))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return time_of_number(value, numbers)
    return None


def time_of_number(value: int | float, numbers: NumberTime) -> datetime | None:
    """The time that a number stands for; None for one that no calendar has."""
    per_second = _PER_SECOND[numbers]
    try:
        if isinstance(value, float):
            return _EPOCH + timedelta(seconds=value / per_second)
        return _EPOCH + timedelta(microseconds=value * 1_000_000 // per_second)
    except (OverflowError, ValueError):
        return None
