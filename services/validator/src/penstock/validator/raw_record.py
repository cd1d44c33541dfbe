"""A record as the log holds it: its log-append time, and its bytes as one CloudEvent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from penstock.contracts.batch import RawRecord
from penstock.contracts.codecs.binary_mode import is_binary_mode, to_structured_mode

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def log_append_time(raw: RawRecord) -> datetime:
    """When the log took the record in, in UTC."""
    return from_milliseconds(raw.timestamp)


def from_milliseconds(milliseconds: int) -> datetime:
    """The time `milliseconds` after 1970-01-01T00:00Z.

    >>> from_milliseconds(1500).isoformat()
    '1970-01-01T00:00:01.500000+00:00'
    """
    return _EPOCH + timedelta(milliseconds=milliseconds)


def cloudevent_json(raw: RawRecord) -> bytes:
    """The record as one CloudEvent in JSON: its value as it is, or in binary mode built from headers and value."""
    return to_structured_mode(raw) if raw.headers and is_binary_mode(raw) else raw.value or b""
