"""How the times of a column are written: by which part comes first, or as a number since 1970."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from penstock.contracts.declaration.stream import TimeFormat

_EPOCH_START, _EPOCH_END = 631_152_000, 4_102_444_800  # 1990 and 2100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCK = (
    r"(?:[T,\s]\s*(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?)?"
)
_YEAR_FIRST = re.compile(rf"(?P<year>\d{{4}})[-/.](?P<one>\d{{1,2}})[-/.](?P<other>\d{{1,2}}){_CLOCK}", re.ASCII)
_YEAR_LAST = re.compile(
    rf"(?P<one>\d{{1,2}})(?P<mark>[-/.])(?P<other>\d{{1,2}})(?P=mark)(?P<year>\d{{4}}|\d{{2}}){_CLOCK}", re.ASCII
)
_SHORT_YEAR_FIRST = re.compile(
    rf"(?P<year>\d{{2}})(?P<mark>[-/.])(?P<one>\d{{2}})(?P=mark)(?P<other>\d{{2}}){_CLOCK}", re.ASCII
)
_VERSION = re.compile(r"\d\.\d{1,2}\.\d{2}|\d{2}\.\d\.\d{2}", re.ASCII)  # 1.10.12, where 01.10.12 is a day
_COMPACT = re.compile(
    r"(?P<year>\d{4})(?P<one>\d{2})(?P<other>\d{2})(?:[T\s]?(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})?"
    r"(?P<zone>Z)?)?",
    re.ASCII,
)
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*[,.]?\s+)?"
_NAME = r"(?P<name>[a-z]{3,9})\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{4}|\d{2})"
_MONTH_NAMES = [
    re.compile(rf"{_WEEKDAY}{_DAY}[-/.\s]+{_NAME}[-/.,\s]+{_YEAR}{_CLOCK}", re.ASCII | re.IGNORECASE),
    re.compile(rf"{_WEEKDAY}{_NAME}[-/.\s]+{_DAY}[-/.,\s]+{_YEAR}{_CLOCK}", re.ASCII | re.IGNORECASE),
]
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_PER_SECOND: dict[TimeFormat, int] = {
    "epoch-seconds": 1,
    "epoch-milliseconds": 10**3,
    "epoch-microseconds": 10**6,
    "epoch-nanoseconds": 10**9,
}
_SIMPLE_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}.*)?", re.ASCII)


def parse_time(text: str, time_format: TimeFormat, zone: tzinfo) -> datetime | None:
    """The time that `text` states, or None if it states none; without a zone it is taken to be in `zone`.

    >>> parse_time("2012/10/02 09:00", "iso", UTC).isoformat()
    '2012-10-02T09:00:00+00:00'
    >>> parse_time("31.12.2020", "day-first", UTC) == parse_time("12/31/2020 0:00 AM", "month-first", UTC)
    True
    >>> parse_time("1600000000", "epoch-seconds", UTC).isoformat()
    '2020-09-13T12:26:40+00:00'
    """
    text = text.strip()
    match time_format:
        case "iso":
            return _year_first(text, zone)
        case "day-first" | "month-first":
            return _year_last(text, time_format, zone)
        case "month-name":
            return _month_name(text, zone)
        case "year-first" | "yyyymmdd":
            pattern = _COMPACT if time_format == "yyyymmdd" else _SHORT_YEAR_FIRST
            found = None if _VERSION.match(text) else pattern.fullmatch(text)
            return None if found is None else _time(found, found["one"], found["other"], zone)
        case _:
            return _epoch_time(text, time_format)


def epoch_format(low: float, high: float) -> TimeFormat | None:
    """Whether numbers from `low` to `high` may be seconds, or parts of one, since 1970: those of 1990 to 2100.

    >>> epoch_format(1_600_000_000, 1_700_000_000), epoch_format(1, 2)
    ('epoch-seconds', None)
    """
    formats = (name for name, unit in _PER_SECOND.items() if low >= _EPOCH_START * unit and high < _EPOCH_END * unit)
    return next(formats, None)


def per_second(time_format: TimeFormat | None) -> int:
    """How many units of a number since 1970 make a second; 1 for other formats."""
    return _PER_SECOND.get(time_format, 1) if time_format else 1


def epoch_time(number: float, time_format: TimeFormat) -> datetime | None:
    """The time that a number states, or None if it states none: so many units after 1970, or the digits of a date.

    >>> epoch_time(20240131, "yyyymmdd") == parse_time("2024-01-31", "iso", UTC)
    True
    """
    if time_format == "yyyymmdd":
        return parse_time(f"{number:.0f}", time_format, UTC)
    if time_format == "epoch-nanoseconds":
        number, time_format = number // 1000, "epoch-microseconds"
    try:
        return _EPOCH + number * timedelta(microseconds=10**6 // per_second(time_format))
    except (OverflowError, ValueError):
        return None


def _epoch_time(text: str, time_format: TimeFormat) -> datetime | None:
    try:
        number = int(text) if text.isdecimal() else float(text)
    except ValueError:
        return None
    return epoch_time(number, time_format)


def _year_first(text: str, zone: tzinfo) -> datetime | None:
    if _SIMPLE_ISO.fullmatch(text):
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            return time if time.tzinfo else time.replace(tzinfo=zone)
    match = _YEAR_FIRST.fullmatch(text)
    return None if match is None else _time(match, match["one"], match["other"], zone)


def _year_last(text: str, time_format: TimeFormat, zone: tzinfo) -> datetime | None:
    match = _YEAR_LAST.fullmatch(text)
    if match is None or _VERSION.fullmatch(text):
        return None
    parts = (match["other"], match["one"]) if time_format == "day-first" else (match["one"], match["other"])
    return _time(match, *parts, zone)


def _month_name(text: str, zone: tzinfo) -> datetime | None:
    for pattern in _MONTH_NAMES:
        if match := pattern.fullmatch(text):
            name = match["name"].lower()
            month = next((number for number, full in enumerate(_MONTHS, 1) if full.startswith(name)), 0)
            return _time(match, str(month), match["day"], zone)
    return None


def _time(match: re.Match[str], month: str, day: str, zone: tzinfo) -> datetime | None:
    part = match.groupdict()
    hour = int(part["hour"] or 0)
    if half := part.get("half"):
        if hour > 12:
            return None
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    fraction = int((part.get("fraction") or "0").ljust(6, "0")[:6])
    try:
        return datetime(
            _year(part["year"]), int(month), int(day), hour, int(part["minute"] or 0), int(part["second"] or 0),
            fraction, tzinfo=_zone(part["zone"]) or zone,
        )  # fmt: skip
    except ValueError:
        return None


def _year(text: str) -> int:
    """The year; of two digits that of 1969 to 2068, as POSIX has it."""
    year = int(text)
    return year if len(text) == 4 else year + (1900 if year > 68 else 2000)


def _zone(text: str | None) -> tzinfo | None:
    if not text:
        return None
    if text in ("Z", "UTC", "GMT"):
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)
