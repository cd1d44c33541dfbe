"""Numbers and shares as a reader wants them; what is undefined is `-`."""

from __future__ import annotations

from math import isfinite

UNDEFINED = "-"


def number_text(value: float | None) -> str:
    """A number to four digits, with thousands separated.

    >>> number_text(45312), number_text(0.81394), number_text(12345.6), number_text(None)
    ('45,312', '0.8139', '12,346', '-')
    """
    if value is None or not isfinite(value):
        return UNDEFINED
    if isinstance(value, int) or 1000 <= abs(value) < 1e12:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def share_text(value: float | None) -> str:
    """A share as a percentage.

    >>> share_text(0.0712), share_text(None)
    ('7.1 %', '-')
    """
    return UNDEFINED if value is None or not isfinite(value) else f"{value * 100:.1f} %"


def value_text(value: str | float | None) -> str:
    """A class as it is, a number in digits."""
    return value if isinstance(value, str) else number_text(value)
