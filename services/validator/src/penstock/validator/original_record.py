"""A record as it came: when the log took it in, and its bytes as one CloudEvent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from penstock.contracts.batch import RawRecord
from penstock.contracts.received_decoder import is_binary_mode, to_structured_mode

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def logged_at(raw: RawRecord) -> datetime:
    """The record's log-append time."""
    return moment(raw.timestamp)


def moment(milliseconds: int) -> datetime:
    """The instant so many milliseconds after 1970."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def whole(raw: RawRecord) -> bytes:
    """The record as one CloudEvent in JSON format: its value, or put together from headers and value."""
    return to_structured_mode(raw) if raw.headers and is_binary_mode(raw) else raw.value or b""
