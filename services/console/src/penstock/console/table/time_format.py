"""How the times of a column are written: ISO, day first, month first, or seconds or milliseconds since 1970."""

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
    rf"(?P<one>\d{{1,2}})(?P<mark>[-/.])(?P<other>\d{{1,2}})(?P=mark)(?P<year>\d{{4}}){_CLOCK}", re.ASCII
)
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
    if time_format == "iso":
        return _year_first(text.strip(), zone)
    if time_format in ("day-first", "month-first"):
        match = _YEAR_LAST.fullmatch(text.strip())
        if match is None:
            return None
        parts = (match["other"], match["one"]) if time_format == "day-first" else (match["one"], match["other"])
        return _time(match, *parts, zone)
    return _epoch_time(text, time_format)


def epoch_format(low: float, high: float) -> TimeFormat | None:
    """Whether numbers from `low` to `high` may be seconds or milliseconds since 1970: those of 1990 to 2100.

    >>> epoch_format(1_600_000_000, 1_700_000_000), epoch_format(1, 2)
    ('epoch-seconds', None)
    """
    if low >= _EPOCH_START and high < _EPOCH_END:
        return "epoch-seconds"
    return "epoch-milliseconds" if low >= _EPOCH_START * 1000 and high < _EPOCH_END * 1000 else None


def epoch_time(number: float, time_format: TimeFormat) -> datetime | None:
    """The time so many seconds or milliseconds after 1970, or None if there is none."""
    unit = timedelta(seconds=1) if time_format == "epoch-seconds" else timedelta(milliseconds=1)
    try:
        return _EPOCH + number * unit
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


def _time(match: re.Match[str], month: str, day: str, zone: tzinfo) -> datetime | None:
    hour = int(match["hour"] or 0)
    if match["half"]:
        if hour > 12:
            return None
        hour = hour % 12 + (12 if match["half"][0] in "pP" else 0)
    fraction = int((match["fraction"] or "0").ljust(6, "0")[:6])
    try:
        return datetime(
            int(match["year"]), int(month), int(day), hour, int(match["minute"] or 0), int(match["second"] or 0),
            fraction, tzinfo=_zone(match["zone"]) or zone,
        )  # fmt: skip
    except ValueError:
        return None


def _zone(text: str | None) -> tzinfo | None:
    if not text:
        return None
    if text in ("Z", "UTC", "GMT"):
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)
