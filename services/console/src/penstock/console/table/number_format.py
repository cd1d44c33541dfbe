"""How the numbers of a column are written: their decimal sign, thousands separators, and a unit beside them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from typing import Literal

Decimal = Literal[".", ","]
"""A decimal sign."""

CURRENCIES = "€$£¥₹₽₩₺₴₫฿"
_UNIT = rf"[{CURRENCIES}%]|EUR|USD|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK|PLN|CZK|BRL|AUD|CAD"
_SPACES = "\u0020\u00a0\u2009\u202f'\u2019"  # and apostrophes: thousands separators beside either decimal sign
_PARTS = re.compile(
    rf"(?P<sign>[+-]?)\s*(?P<before>(?:{_UNIT})?)\s*(?P<inner>[+-]?)(?P<number>[\d.,{_SPACES}]*\d[.,]?"
    rf"(?:[eE][+-]?\d+)?)\s*(?P<after>(?:{_UNIT})?)"
)
_GROUPS = r"[1-9]\d{0,2}(?:(?P<separator>%s)\d{3})(?:(?P=separator)\d{3})*"
_EXPONENT = r"(?:[eE][+-]?\d+)?"


_MINUS = "\u2212"
_BRACKETED = re.compile(rf"\(((?:{_UNIT})\s*\d[\d.,{_SPACES}]*|\d[\d.,{_SPACES}]*(?:[.,]\d\d|\s*(?:{_UNIT})))\)")
"""A negative amount, as accountants write it; a plain (5) may be a footnote."""


def _pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    groups = _GROUPS % f"[{thousands}{_SPACES}]"
    return re.compile(rf"(?:(?:\d+|{groups})(?:{decimal}\d*)?|{decimal}\d+){_EXPONENT}", re.ASCII)


_PATTERNS = {".": _pattern(r"\.", ","), ",": _pattern(",", r"\.")}


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """The decimal sign of a column's numbers, and the unit (a currency or %) that may stand beside them.

    Thousands may be grouped by spaces, apostrophes, or the other one of point and comma.

    >>> NumberFormat().parse("1,234.50"), NumberFormat(",").parse("1.234,50"), NumberFormat(unit="€").parse("€12.5")
    (1234.5, 1234.5, 12.5)
    >>> NumberFormat().parse("\u22125"), NumberFormat(unit="$").parse("($1,200)"), NumberFormat().parse("(5)")
    (-5.0, -1200.0, None)
    >>> NumberFormat().parse("12,50"), NumberFormat().parse("1_000"), NumberFormat().parse("inf")
    (None, None, None)
    """

    decimal: Decimal = "."
    unit: str = ""

    def parse(self, text: str) -> float | None:
        """The finite number that `text` states, or None."""
        if self.decimal == ".":
            try:
                number = float(text)
            except ValueError:
                pass
            else:
                return number if isfinite(number) and "_" not in text else None
        text = text.strip().replace(_MINUS, "-")
        if bracketed := _BRACKETED.fullmatch(text):
            amount = self.parse(bracketed[1])
            return None if amount is None else -amount
        parts = _PARTS.fullmatch(text)
        if parts is None or unit_of(parts) not in ("", self.unit) or (parts["sign"] and parts["inner"]):
            return None
        match = _PATTERNS[self.decimal].fullmatch(parts["number"])
        if match is None:
            return None
        number = float(_plain(match, self.decimal))
        if not isfinite(number):
            return None
        return -number if "-" in (parts["sign"], parts["inner"]) else number


def unit_of(parts: re.Match[str]) -> str | None:
    """The unit in a matched text, empty without one, None where there are two."""
    before, after = parts["before"], parts["after"]
    return None if before and after else before or after


def unit_in(text: str) -> str:
    """The unit that a number written in `text` has, empty without one or where it is no number.

    >>> unit_in("12 %"), unit_in("-$5"), unit_in("12")
    ('%', '$', '')
    """
    text = text.strip().replace(_MINUS, "-")
    bracketed = _BRACKETED.fullmatch(text)
    parts = _PARTS.fullmatch(bracketed[1] if bracketed else text)
    return (unit_of(parts) or "") if parts else ""


def _plain(match: re.Match[str], decimal: str) -> str:
    text = match[0]
    separator = match["separator"]
    if separator:
        text = text.replace(separator, "")
    return text.replace(decimal, ".")
