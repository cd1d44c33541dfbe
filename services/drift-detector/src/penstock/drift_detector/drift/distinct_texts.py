"""Two numbers as texts that show how they differ."""

from __future__ import annotations

from math import floor, log10

MAX_DIGITS = 15


def distinct_texts(first: float, second: float) -> tuple[str, str]:
    """Both with as many digits as show two of their difference; plain where the numbers are of a readable size.

    >>> distinct_texts(0.5516, 0.55), distinct_texts(0.2, 0.3527), distinct_texts(2.9447, 1250.0)
    (('0.5516', '0.5500'), ('0.20', '0.35'), ('3', '1250'))
    """
    largest, difference = max(abs(first), abs(second)), abs(first - second)
    if not difference:
        return f"{first:.4g}", f"{second:.4g}"
    place = floor(log10(difference)) - 1
    if 1e-4 <= largest < 10**MAX_DIGITS:
        return f"{first:.{max(-place, 0)}f}", f"{second:.{max(-place, 0)}f}"
    digits = min(floor(log10(largest)) - place, MAX_DIGITS)
    return f"{first:.{digits}e}", f"{second:.{digits}e}"
