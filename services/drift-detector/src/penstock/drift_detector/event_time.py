"""Event time as whole microseconds since 1970-01-01T00:00Z, as the state holds it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

LONG_AGO = -(2**62)  # microseconds: before any event

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_microseconds(time: datetime) -> int:
    """Microseconds from 1970 to `time`, exactly.

    >>> to_microseconds(from_microseconds(1_500_000))
    1500000
    """
    return (time - _EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """The time `microseconds` after 1970, in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def duration_microseconds(duration: timedelta) -> int:
    """A duration in microseconds."""
    return duration // _MICROSECOND
