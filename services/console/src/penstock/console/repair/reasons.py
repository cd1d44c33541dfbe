"""Reasons by which defects are counted: a code and a field, of which there are not too many."""

from __future__ import annotations

from collections.abc import Container, Sized
from typing import Protocol

Reason = tuple[str, str]
"""A code and the field that it is about ("": the whole record)."""

MOST_REASONS = 1000
OTHERS = "(other fields)"


class _Reasons(Container[Reason], Sized, Protocol):
    """What is counted so far."""


def bounded_reason(counted: _Reasons, code: str, field: str) -> Reason:
    """The reason under which to count: beyond a thousand, fields are counted together (producers can invent names)."""
    return (code, field) if (code, field) in counted or len(counted) < MOST_REASONS else (code, OTHERS)
