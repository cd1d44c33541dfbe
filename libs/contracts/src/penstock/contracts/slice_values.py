"""The value of a field as the name of a slice."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from penstock.contracts.records.monitoring import LONGEST_SLICE_VALUE


def slice_value(value: Any) -> str:
    """The value as text, cut to `LONGEST_SLICE_VALUE` characters; an empty one where it is missing.

    >>> slice_value(True), slice_value("north"), slice_value(None)
    ('true', 'north', '')
    """
    if value is None or value is UNSET:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)[:LONGEST_SLICE_VALUE]
