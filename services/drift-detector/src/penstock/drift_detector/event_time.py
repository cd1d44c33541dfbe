"""Event time as whole microseconds since 1970-01-01T00:00Z, as the state holds it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from penstock.contracts.input_bounds import EARLIEST_TIME, END_OF_TIME, to_utc

LONG_AGO = -(2**62)  # microseconds: before any event

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_EARLIEST = (EARLIEST_TIME - _EPOCH) // _MICROSECOND
_LATEST = (END_OF_TIME - _EPOCH) // _MICROSECOND - 1


def to_microseconds(time: datetime) -> int:
    """Microseconds from 1970 to `time`, exactly; to the nearest time in bounds for one beyond them.

    >>> to_microseconds(from_microseconds(1_500_000))
    1500000
    """
    return (to_utc(time) - _EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """The time `microseconds` after 1970, in UTC; the nearest in bounds for one that an older release stored."""
    return _EPOCH + timedelta(microseconds=min(max(microseconds, _EARLIEST), _LATEST))


def duration_microseconds(duration: timedelta) -> int:
    """A duration in microseconds."""
    return duration // _MICROSECOND
