"""By what an event is known wherever it is mentioned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from penstock.contracts.ids import digest_of

SOURCE = "penstock/drift-detector"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def event_key(source: str, entity: str | None, event_id: str) -> bytes:
    """The 16 bytes by which event, prediction, label and outcome of one event find each other.

    >>> event_key("a", "bc", "1") == event_key("ab", "c", "1")
    False
    """
    entity = entity or ""
    return digest_of(f"{len(source)} {len(entity)} {source}{entity}{event_id}".encode())


def micros(time: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (time - _EPOCH) // _MICROSECOND


def instant(at: int) -> datetime:
    """The instant `at` microseconds after 1970, in UTC."""
    return _EPOCH + timedelta(microseconds=at)


def length(span: timedelta) -> int:
    """A span of time in microseconds."""
    return span // _MICROSECOND
