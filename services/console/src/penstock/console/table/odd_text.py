"""What a text that is not plainly a number may be: a number with separators or a unit, a time, or only text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from math import isnan, nan

from penstock.console.table.missing_values import is_disguised
from penstock.console.table.number_format import NumberFormat, unit_in
from penstock.console.table.time_format import parse_time
from penstock.contracts.declaration.stream import MISSING_TEXTS, TimeFormat

_DATE = re.compile(r"\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")
_TIME_FORMATS: tuple[TimeFormat, ...] = ("iso", "day-first", "month-first", "year-first")
_NAMED = re.compile(r"jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec", re.IGNORECASE)
_COMPACT = re.compile(r"\s*\d{8}[T\s]", re.ASCII)
_EXPONENT_CODE = re.compile(r"\d+[eE]\d+", re.ASCII)
_PLUS = re.compile(r"\+\d+", re.ASCII)
_LARGEST = 2**53


@dataclass(frozen=True, slots=True)
class OddText:
    """A text, and what each format reads in it: NaN where nothing.

    `missing` is "blank", "text" (one of the usual texts), "disguised", or empty.
    """

    text: str
    missing: str = ""
    unit: str = ""
    code: str = ""
    point: float = nan
    comma: float = nan
    iso: float = nan
    day_first: float = nan
    month_first: float = nan
    year_first: float = nan
    month_name: float = nan
    compact: float = nan


def odd_text(text: str) -> OddText:
    """What a text may be.

    >>> odd_text("1,234.50").point, odd_text("12E5").code, odd_text("NA").missing
    (1234.5, 'exponents', 'text')
    """
    stripped = text.strip()
    if not stripped:
        return OddText(text, "blank")
    if stripped in MISSING_TEXTS:
        return OddText(text, "text")
    if is_disguised(stripped):
        return OddText(text, "disguised")
    if not stripped[-1].isdigit() and not any(map(str.isdigit, stripped)):
        return OddText(text)
    if _DATE.match(text):
        return OddText(text, "", "", "", nan, nan, *(_seconds(text, time_format) for time_format in _TIME_FORMATS))
    if _NAMED.search(text) and not isnan(seconds := _seconds(text, "month-name")):
        return OddText(text, month_name=seconds)
    if _COMPACT.match(text) and not isnan(seconds := _seconds(text, "yyyymmdd")):
        return OddText(text, compact=seconds)
    unit = unit_in(stripped)
    point, comma = _numbers(stripped, unit)
    return OddText(text, "", unit, "" if isnan(point) else number_code(stripped), point, comma)


def number_code(text: str) -> str:
    """Why a number written in `text` would lose something, or empty.

    >>> number_code("007"), number_code("9007199254740993"), number_code("1e-05")
    ('leading zeros', 'integers beyond 2^53', '')
    """
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        if digits[0] == "0" and len(digits) > 1:
            return "leading zeros"
        return "integers beyond 2^53" if len(digits) > 400 or int(digits) > _LARGEST else ""
    if _EXPONENT_CODE.fullmatch(digits):
        return "exponents"
    return "a plus before digits" if _PLUS.fullmatch(text) else ""


def _seconds(text: str, time_format: TimeFormat) -> float:
    """The seconds since 1970, NaN where the text is no such time."""
    time = parse_time(text, time_format, UTC)
    return nan if time is None else time.timestamp()


def _numbers(text: str, unit: str = "") -> tuple[float, float]:
    point, comma = NumberFormat(".", unit).parse(text), NumberFormat(",", unit).parse(text)
    return nan if point is None else point, nan if comma is None else comma
