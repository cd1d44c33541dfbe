"""A line without axes, small enough to stand in a table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite

WIDTH, HEIGHT, MARGIN = 120, 28, 2


def sparkline_path(values: Sequence[float | None], width: int = WIDTH, height: int = HEIGHT) -> str:
    """The path of an SVG line through the values, with gaps where there is none.

    >>> sparkline_path([0.0, 1.0], 10, 10)
    'M0 8L10 2'
    """
    known = [value for value in values if value is not None and isfinite(value)]
    if len(values) < 2 or not known:
        return ""
    low, high = min(known), max(known)
    points = [_point(n / (len(values) - 1), value, low, high, width, height) for n, value in enumerate(values)]
    moves = (f"L{point}" if before else f"M{point}" for before, point in pairwise(["", *points]) if point)
    return "".join(moves)


def _point(across: float, value: float | None, low: float, high: float, width: int, height: int) -> str:
    if value is None or not isfinite(value):
        return ""
    share = (value - low) / (high - low) if high > low else 0.5
    return f"{across * width:.4g} {height - MARGIN - share * (height - 2 * MARGIN):.4g}"
